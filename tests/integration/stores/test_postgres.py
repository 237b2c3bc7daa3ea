"""A ledger in a real PostgreSQL server: its promises, and what happens when the server dies, or refuses."""

import contextlib
import random
import threading

import pytest

from weftline.errors import LedgerRefusedError, LedgerUnreachableError, RunTakenOverError
from weftline.model.event import Kind
from weftline.model.fingerprint import Part, Recipe
from weftline.testing import LedgerContract
from weftline.testing.journals import RECIPE, ending, finished, kinds, opening, started, took

ext = pytest.importorskip("weftline.ext.postgres")
SECRET = "hush-hush"
pytestmark = pytest.mark.xdist_group("postgres")


class TestLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    def _in_postgres(self, postgres_server, name_of):
        self._url = lambda place: postgres_server.url(name_of(place))

    def ledger(self, place):
        return ext.opened(self._url(place))

    def reopened(self, place):
        return self.ledger(place)


@pytest.fixture
def journals(postgres_server, unique):
    """A ledger, and the address that it has."""
    with contextlib.closing(ext.opened(postgres_server.url(unique))) as opened:
        yield opened


def rows(server, sql, *values):
    with server.client() as client:
        return client.execute(sql, values).fetchall()


# --- the server goes away ---


def test_a_server_that_was_restarted_is_found_again(postgres_with):
    server = postgres_with()
    with contextlib.closing(ext.opened(server.url("x"))) as journals:
        journals.claim("r1", "one")
        journals.append("r1", [opening(), started("load")], [RECIPE])
        server.kill()
        server.start()
        journals.append("r1", [took("load", 1.5), finished("load", 1.5)])
        server.kill()
        server.start()
        assert [found.run for found in journals.runs()] == ["r1"]
        assert len(kinds(journals, "r1")) == 4
        assert journals.last_times("churn", ["load"])["load"].took_s == 1.5
        journals.append("r1", [ending()])
        journals.release("r1", "one")


def test_a_server_that_is_gone_for_good_is_told(postgres_with, monkeypatch):
    server = postgres_with()
    monkeypatch.setattr(ext, "_PATIENCE_S", 0.5)
    with contextlib.closing(ext.opened(server.url("x"))) as journals:
        journals.append("r1", [opening()])
        server.kill()
        with pytest.raises(LedgerUnreachableError) as caught:
            journals.append("r1", [ending()])
        assert caught.value.transient
        assert SECRET not in f"{caught.value} {caught.value.__cause__}"
        server.start()
        journals.append("r1", [ending()])
        assert len(kinds(journals, "r1")) == 2


@pytest.mark.parametrize("answers", range(1, 24))
def test_an_answer_that_is_lost_loses_nothing_and_records_nothing_twice(postgres_server, proxied, unique, answers):
    """Whichever of the answers it is, the one to the commit among them."""
    proxy = proxied(postgres_server)
    with contextlib.closing(ext.opened(postgres_server.url(unique, proxy.port))) as journals:
        journals.claim("r1", "one")
        journals.append("r1", [opening(), started("load")], [RECIPE])
        proxy.loses_after(answers)
        events = [took("load", 1.5), took("each", 0.5, 0), finished("load", 1.5)]
        journals.append("r1", events[:2])
        journals.append("r1", events[2:])
        proxy.loses_after(0)
        assert list(journals.events("r1"))[2:] == events
        assert list(journals.durations("churn", ["load"])["load"]) == [1.5]
        journals.append("r1", [ending()])
        assert kinds(journals, "r1")[-1] is Kind.RUN_FINISHED
    if answers < 4:
        assert proxy.lost == 1


def test_a_process_that_sleeps_in_the_middle_of_a_transaction_does_not_hold_up_others(postgres_server, unique, monkeypatch):
    """The server ends its transaction; when it wakes, it finds that it has lost the run."""
    monkeypatch.setattr(ext, "_ASLEEP_S", 1)
    url = postgres_server.url(unique)
    with contextlib.closing(ext.opened(url)) as zombie, contextlib.closing(ext.opened(url)) as other:
        zombie.claim("r1", "zombie")
        zombie.append("r1", [opening()])

        def sleep(_):
            zombie._claims.check("r1")
            assert other.claim("r1", "other", instead_of="zombie") is None
            zombie._rows.write("r1", [ending()], 1, 0)

        with pytest.raises(RunTakenOverError):
            zombie._db.transact(sleep, "r1")
        with pytest.raises(RunTakenOverError):
            zombie.append("r1", [ending()])
        assert kinds(other, "r1") == [Kind.RUN_STARTED]


# --- many writers ---


def test_many_who_write_to_one_pipeline_do_not_stand_in_each_others_way(postgres_server, unique):
    """Their transactions touch the same rows in any order."""
    url, failed = postgres_server.url(unique), []
    names = [f"n{number}" for number in range(30)]

    def write(number):
        rng = random.Random(number)
        try:
            with contextlib.closing(ext.opened(url)) as journals:
                run = f"r{number}"
                journals.claim(run, run)
                journals.append(run, [opening()])
                for turn in range(20):
                    chosen = rng.sample(names, 10)
                    recipes = [Recipe(code=f"{name} {turn}") for name in chosen]
                    events = [started(name, recipe=recipe) for name, recipe in zip(chosen, recipes, strict=True)]
                    events += [took(name, 1.0, turn) for name in chosen] + [finished(name, 1.0) for name in reversed(chosen)]
                    journals.append(run, events, recipes)
                journals.append(run, [ending()])
                journals.release(run, run)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with contextlib.closing(ext.opened(url)) as journals:
        assert [len(kinds(journals, f"r{number}")) for number in range(6)] == [602] * 6
        assert set(journals.durations("churn", names)) == set(names)


# --- what is refused ---


def test_what_a_server_refuses_is_told_with_what_to_do(postgres_server, unique):
    with postgres_server.client() as client:
        client.execute(f"CREATE ROLE reader{unique} LOGIN")
        client.execute(f"CREATE DATABASE d{unique}")
    url = postgres_server.url(unique)
    with pytest.raises(LedgerRefusedError, match="createdb"):
        ext.opened(url.replace("/postgres", "/nowhere"))
    with pytest.raises(LedgerRefusedError, match="let the user create a schema"):
        ext.opened(url.replace("one:", f"reader{unique}:"))
    with pytest.raises(LedgerRefusedError, match="user and password"):
        ext.opened(url.replace("one:", "nobody:"))
    ext.opened(url).close()
    with pytest.raises(LedgerRefusedError, match="let the user"):
        ext.opened(url.replace("one:", f"reader{unique}:"))


def test_text_that_no_column_may_hold_is_kept_in_a_readable_form(journals):
    recipe = Recipe(code="c", symbols=(Part("odd()", "11", "", "flow.py:9"),), source=lambda _: "a\0b")
    journals.append("r1", [opening(), started("load", recipe=recipe)], [recipe])
    found = journals.last_times("churn", ["load"])["load"].recipe
    assert found.source(found.symbols[0]) == "a\\x00b"
