"""Daemons whose ledger is a PostgreSQL server."""

import os
import signal

import pytest
from tests.integration.served import Place

from weftline.app.gates import waiting

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
def place(postgres_server, unique, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEFTLINE_HOME", raising=False)
    monkeypatch.setenv("WEFTLINE_LEDGER", postgres_server.url(unique))
    found = Place(tmp_path, postgres_server.url(unique))
    yield found
    found.close()


def test_of_many_that_wait_exactly_those_go_on_whose_gates_open(place):
    runs = place.runs(20)
    first, _ = place.serve(), place.serve()
    ready = runs[3:9]
    for number, run in enumerate(ready):
        place.set(run, read=True)
        if number == 3:
            os.killpg(first.pid, signal.SIGKILL)
    place.until(lambda: all(place.statuses()[run] == "completed" for run in ready), "six are completed")
    assert set(place.resumed()) == set(ready)
    assert {each.run for each in waiting(place.home)} == set(runs) - set(ready)


def test_the_server_is_restarted_while_runs_wait(postgres_with, tmp_path, monkeypatch):
    server = postgres_with()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEFTLINE_LEDGER", server.url("x"))
    place = Place(tmp_path, server.url("x"))
    try:
        first, second = place.runs(2)
        place.serve()
        server.kill()
        server.start()
        place.set(first, read=True)
        place.until(lambda: place.statuses()[first] == "completed", "it goes on")
        assert [each.run for each in waiting(place.home)] == [second]
    finally:
        place.close()
