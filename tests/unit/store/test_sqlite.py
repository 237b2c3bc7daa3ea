"""What the SQLite ledger and its files do besides their contract."""

import contextlib
import json
import sqlite3
import time

import pytest

from weftline.errors import LedgerTooNewError, LedgerUnusableError
from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.store.database import connect, migrate
from weftline.store.sqlite import SqliteLedger
from weftline.testing.ledgers import RECIPE, ending, finished, opening, started


def test_a_ledger_of_a_newer_program_is_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    SqliteLedger(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(LedgerTooNewError) as caught:
        SqliteLedger(path)
    assert "schema 99" in caught.value.message
    assert "upgrade" in caught.value.fix


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\x00" + bytes(200)])
def test_a_file_that_is_no_ledger_is_told(tmp_path, content):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LedgerUnusableError) as caught:
        SqliteLedger(path)
    assert str(path) in caught.value.message
    assert path.read_bytes() == content


def test_a_place_where_no_file_can_be_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnusableError):
        SqliteLedger(tmp_path / "file" / "ledger.db")


def test_commits_are_flushed_and_readers_do_not_block(tmp_path):
    database = connect(tmp_path / "x.db")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (3,)
    database.close()


def test_an_old_ledger_is_brought_to_the_latest_schema_and_loses_nothing(tmp_path):
    path = tmp_path / "ledger.db"
    old = connect(path)
    migrate(old, "ledger", 1)
    body = json.dumps(RECIPE.as_dict())
    old.execute("INSERT INTO events VALUES ('r1', 0, 'RunStarted', 1.0, '', -1, 0, 0, '{\"pipeline\": \"churn\"}')")
    old.execute("INSERT INTO recipes VALUES (?, ?)", (RECIPE.digest.hex(), body))
    old.execute("INSERT INTO last_times VALUES ('churn', 'load', ?, '{}', 1.5, 1)", (RECIPE.digest.hex(),))
    old.close()
    ledger = SqliteLedger(path)
    assert [run.run for run in ledger.runs()] == ["r1"]
    last = ledger.last_times("churn", ["load"])["load"]
    assert (last.recipe, last.took_s) == (RECIPE, 1.5)
    assert last.recipe.source(RECIPE.symbols[0]) == "", "nobody kept it"
    ledger.append("r1", [started("load", recipe=Recipe(code="new"))], [Recipe(code="new")])
    ledger.close()


def test_a_schema_is_made_once(tmp_path):
    database = connect(tmp_path / "x.db")
    assert migrate(database, "ledger", 1) == 0
    assert migrate(database, "ledger", 1) == 1
    database.close()


@pytest.mark.parametrize("act", ["claim", "release", "append", "runs", "events", "last_times", "durations"])
def test_whatever_goes_wrong_with_the_file_is_an_error_of_the_ledger(tmp_path, act):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.append("r1", [opening()])
    ledger.close()  # stands for a disk that is gone
    acts = {
        "claim": lambda: ledger.claim("r1", "one"),
        "release": lambda: ledger.release("r1", "one"),
        "append": lambda: ledger.append("r1", [opening()]),
        "runs": ledger.runs,
        "events": lambda: list(ledger.events("r1")),
        "last_times": lambda: ledger.last_times("churn", ["a"]),
        "durations": lambda: ledger.durations("churn", ["a"]),
    }
    with pytest.raises(LedgerUnusableError):
        acts[act]()


# --- notes of the last time, which are taken of several transactions in a short time at once ---


def took(node, at):
    """A call succeeded."""
    return Event(Kind.CALL_SUCCEEDED, at, node, attempt=1, body={"took_s": 0.5})


def noted(path):
    """Nodes of which another process is told."""
    with contextlib.closing(SqliteLedger(path)) as other:
        return set(other.last_times("churn", ["a", "b", "c", "d"])), set(other.durations("churn", ["a", "b", "c", "d"]))


def test_in_a_short_time_notes_are_taken_once(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path)
    ledger.append("r1", [opening(100.0), started("a", 100.0)], [RECIPE])
    ledger.append("r1", [took("a", 100.1), finished("a", 1.0, 100.1), started("b", 100.1)])
    assert noted(path) == ({"a"}, set())
    assert set(ledger.last_times("churn", ["a", "b"])) == {"a", "b"}
    assert noted(path) == ({"a", "b"}, {"a"})
    ledger.append("r1", [took("b", 100.15), started("c", 100.15)])
    assert set(ledger.durations("churn", ["b"])) == {"b"}
    ledger.append("r1", [took("c", 100.19), started("d", 100.19)])
    assert noted(path) == ({"a", "b", "c"}, {"a", "b"})
    ledger.append("r1", [finished("d", 1.0, 100.5)])
    assert noted(path) == ({"a", "b", "c", "d"}, {"a", "b", "c"})
    ledger.close()


@pytest.mark.parametrize("last", [ending(100.1), started("b", 99.0)])
def test_notes_are_taken_at_the_end_of_a_run_and_when_a_clock_goes_back(tmp_path, last):
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path)
    ledger.append("r1", [opening(100.0)])
    ledger.append("r1", [started("a", 100.1)], [RECIPE])
    ledger.append("r1", [last])
    assert "a" in noted(path)[0]
    ledger.close()


def test_who_closes_a_ledger_leaves_all_notes(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path)
    ledger.append("r1", [opening(100.0)])
    ledger.append("r1", [started("a", 100.1)], [RECIPE])
    assert noted(path) == (set(), set())
    ledger.close()
    assert noted(path) == ({"a"}, set())


class Heard:
    """A connection whose commits take so long that whoever watches has heard of all that is written, and looked in vain."""

    def __init__(self, db, watch):
        self._db, self._watch = db, watch

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, sql, *values):
        found = self._db.execute(sql, *values)
        if sql == "COMMIT":
            while self._watch.wait(0.0):
                pass
        return found


def test_who_watches_is_told_when_a_change_can_be_seen(tmp_path):
    """Else it would be told only that something is being written, and sleep on when it has looked too soon."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    watch = ledger.watch()
    ledger._file._db = Heard(ledger._file._db, watch)
    ledger.append("r1", [opening(100.0)])
    assert not watch.wait(0.0), "nobody waits for that"
    ledger.set_fields("r1", {"read": True}, at=100.0, by="test")
    assert watch.wait(0.0)
    ledger.append("r1", [ending(101.0)])
    assert not watch.wait(0.0)
    watch.close()
    ledger.close()


def test_what_was_claimed_in_ones_name_is_taken_without_waiting_for_who_writes(tmp_path):
    daemon, process = SqliteLedger(tmp_path / "ledger.db"), SqliteLedger(tmp_path / "ledger.db")
    daemon.claim("r1", "process")
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert process.claim("r1", "process", instead_of="process") is None
    process.close()
    daemon.close()


def test_who_lost_a_run_leaves_its_notes_to_who_has_it(tmp_path):
    path = tmp_path / "ledger.db"
    ledger, other = SqliteLedger(path), SqliteLedger(path)
    assert ledger.claim("r1", "one") is None
    ledger.append("r1", [opening(100.0)])
    ledger.append("r1", [started("a", 100.1)], [RECIPE])
    assert other.claim("r1", "two", instead_of="one") is None
    ledger.close()
    assert noted(path) == (set(), set())
    other.close()


def test_notes_of_two_runs_are_kept_apart(tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.append("r1", [opening(100.0)])
    ledger.append("r2", [opening(100.0, "other")])
    ledger.append("r1", [started("a", 100.1)], [RECIPE])
    ledger.append("r2", [started("a", 100.1)], [RECIPE])
    assert set(ledger.last_times("churn", ["a"])) == set(ledger.last_times("other", ["a"])) == {"a"}
    ledger.close()


def test_a_claim_looks_for_a_gap_more_often_than_who_flushes(tmp_path, monkeypatch):
    """Who writes one thing after the other leaves gaps of a tenth of a millisecond; a claim would miss them for long."""
    path, slept = tmp_path / "ledger.db", []
    with (
        contextlib.closing(SqliteLedger(path)) as ledger,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):

        def sleep(seconds):
            slept.append(seconds)
            if len(slept) % 5 == 0:
                other.execute("COMMIT")

        monkeypatch.setattr(time, "sleep", sleep)
        other.execute("BEGIN IMMEDIATE")
        assert ledger.claim("r1", "me") is None
        other.execute("BEGIN IMMEDIATE")
        ledger.append("r1", [opening(1.0, "p")])
    assert len(slept) == 10
    assert max(slept[:5]) <= 0.0001 < min(slept[5:])
