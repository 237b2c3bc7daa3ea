"""Daemons that go on with runs at gates: exactly those whose gates open, once, whoever is killed meanwhile."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest

from weftline import Pipeline
from weftline.app.gates import decide, waiting
from weftline.app.home import Home

FLOW = """
import os
import time
from weftline import Clause, Gate, Pipeline, node

ready = Gate("ready", (Clause("read", "equals", True),), timeout_s=float(os.environ.get("LIMIT_S", "3600")))


@node(provides="text")
def get(doc: int = 0) -> str:
    return f"document {doc}"


@node(requires={"text": "text"}, gate=ready, cache=False)
def cut(text: str) -> list[str]:
    with open("cuts", "a") as cuts:
        cuts.write(text + "\\n")
    time.sleep(float(os.environ.get("TAKES_S", "0")))
    return text.split()


pipeline = Pipeline([get, cut], fields={"read": bool})
"""
PATIENCE_S = 60.0


class Place:
    """A folder with a flow, its home, and the daemons that serve it."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "flow.py").write_text(FLOW)
        self.home = Home(folder / ".weftline")
        self.daemons = []

    def runs(self, count):
        """So many runs that wait."""
        pipeline = Pipeline.load("flow.py")
        return [pipeline.run(params={"doc": number}, home=self.home.path).run for number in range(count)]

    def serve(self, **environment):
        log = (self.folder / f"daemon{len(self.daemons)}.log").open("wb")
        command = [sys.executable, "-m", "weftline", "serve"]
        daemon = subprocess.Popen(
            command, cwd=self.folder, stderr=log, env={**os.environ, **environment}, start_new_session=True
        )
        log.close()
        self.daemons.append(daemon)
        said = self.folder / f"daemon{len(self.daemons) - 1}.log"
        self.until(lambda: b"serving" in said.read_bytes(), "the daemon serves")
        return daemon

    def until(self, happens, what):
        until = time.monotonic() + PATIENCE_S
        while not happens():
            assert time.monotonic() < until, f"never: {what}; {[each.read_text() for each in self.folder.glob('daemon*.log')]}"
            time.sleep(0.02)

    def set(self, run, **values):
        self.home.fields.set_fields(run, values, at=time.time(), by="test")

    def statuses(self):
        return {line.run: str(line.status) for line in self.home.ledger.runs(1000)}

    def resumed(self):
        """How often each run was gone on with."""
        with contextlib.closing(sqlite3.connect(self.home.path / "ledger.db")) as db:
            return dict(db.execute("SELECT run, count(*) FROM events WHERE kind = 'RunResumed' GROUP BY run"))

    def cuts(self):
        path = self.folder / "cuts"
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()

    def close(self):
        for daemon in self.daemons:
            if daemon.poll() is None:
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()
        self.home.close()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEFTLINE_HOME", raising=False)
    found = Place(tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize("kills", ["nobody", "one of them", "its whole group"])
def test_of_many_that_wait_exactly_those_go_on_whose_gates_open(place, kills):
    runs = place.runs(40)
    first, _ = place.serve(), place.serve()
    ready = runs[7:17]
    for number, run in enumerate(ready):
        place.set(run, read=True)
        if number == 4 and kills == "one of them":
            first.kill()
        if number == 4 and kills == "its whole group":
            os.killpg(first.pid, signal.SIGKILL)
    place.until(lambda: all(place.statuses()[run] == "completed" for run in ready), "ten are completed")
    time.sleep(0.5)  # for those that must not go on
    assert {run for run, status in place.statuses().items() if status == "completed"} == set(ready)
    assert set(place.resumed()) == set(ready)
    if kills == "nobody":
        assert set(place.resumed().values()) == {1}
        assert place.cuts() == {f"document {runs.index(run)}": 1 for run in ready}
    assert {each.run for each in waiting(place.home)} == set(runs) - set(ready)


def test_after_a_restart_of_everything_the_rest_still_wait(place):
    runs = place.runs(5)
    daemon = place.serve()
    os.killpg(daemon.pid, signal.SIGKILL)
    place.set(runs[1], read=True)  # while nobody serves
    place.serve()
    place.until(lambda: place.statuses()[runs[1]] == "completed", "what opened while nobody served goes on")
    assert {each.run for each in waiting(place.home)} == {*runs[:1], *runs[2:]}
    assert place.resumed() == {runs[1]: 1}


def test_runs_go_on_when_their_daemon_is_killed(place):
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="1.5")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    daemon.kill()
    place.serve()
    place.until(lambda: place.statuses()[run] == "completed", "it ends")
    assert place.resumed() == {run: 1}
    assert place.cuts() == {"document 0": 1}


def test_a_run_that_dies_behind_its_gate_is_gone_on_with(place):
    """Its process and all daemons are killed at once, as when the machine loses power."""
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="30")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    os.killpg(daemon.pid, signal.SIGKILL)
    holder = place.home.ledger.holder(run)
    os.kill(int(holder.rsplit(":", 2)[1]), signal.SIGKILL)
    assert place.statuses()[run] == "running"
    place.serve()
    place.until(lambda: place.statuses()[run] == "completed", "it ends")
    assert place.cuts() == {"document 0": 2}, "what had not succeeded is made again"


def test_a_daemon_ends_when_its_runs_have_ended(place):
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="1.0")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0
    assert place.statuses()[run] == "completed"


def test_told_twice_it_cancels_its_runs(place):
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="5.0")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    for _ in range(2):
        daemon.send_signal(signal.SIGINT)
        time.sleep(0.3)
    assert daemon.wait(PATIENCE_S) == 0
    assert place.statuses()[run] in {"cancelled", "completed"}


def test_a_gate_that_nobody_opens_in_time_fails_its_run(place, monkeypatch):
    monkeypatch.setenv("LIMIT_S", "1.0")
    (run,) = place.runs(1)
    place.serve()
    place.until(lambda: place.statuses()[run] == "failed", "its time is over")
    assert waiting(place.home) == []
    assert place.cuts() == {}


def test_an_approval_opens_a_gate_as_well(place):
    first, second = place.runs(2)
    place.serve()
    decide(place.home, first, "ready", approved=True, why="I have read it")
    assert decide(place.home, second, "ready", approved=False).status == "failed"
    place.until(lambda: place.statuses()[first] == "completed", "the approved one goes on")
    assert place.statuses()[second] == "failed"


def test_a_run_that_cannot_be_gone_on_with_is_told_once(place):
    """Its file is gone: it fails to load, again only when something changes."""
    (run,) = place.runs(1)
    place.serve()
    (place.folder / "flow.py").unlink()
    place.set(run, read=True)
    log = place.home.path / "logs" / "serve" / f"{run}.log"
    place.until(log.exists, "it was tried")
    time.sleep(1.0)
    assert log.read_text().count("[T9") <= 5
    assert place.statuses()[run] == "blocked"
