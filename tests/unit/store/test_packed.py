"""How the SQLite ledger lays its journals down: what happens often shares rows, and nobody who reads notices."""

import contextlib
import json
import sqlite3

import pytest

from weftline.errors import LedgerUnusableError
from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE
from weftline.store.database import connect, migrate
from weftline.store.packed import _MOST
from weftline.store.sqlite import SqliteLedger
from weftline.testing.journals import ending, finished, opening, started


def begun(item=WHOLE, attempt=1, node="load"):
    return Event(Kind.ATTEMPT_STARTED, 111.25, node, item, attempt)


def done(item=WHOLE, attempt=1, node="load", **fields):
    return Event(Kind.CALL_SUCCEEDED, 112.5, node, item, attempt, {"key": "ab" * 32, "took_s": 0.25} | fields)


def failed(item=WHOLE, attempt=1, node="load"):
    return Event(Kind.CALL_FAILED, 113.0, node, item, attempt, {"error": "ValueError", "message": "it broke"})


RESUMED = Event(Kind.RUN_RESUMED, 200.0, body={"pipeline": "churn"})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    with contextlib.closing(SqliteLedger(path)) as opened:
        yield opened


def rows(path, columns, table):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT {columns} FROM {table} ORDER BY run, seq").fetchall()


# --- rows ---


def test_a_step_of_a_chain_is_one_row(path, ledger):
    step = [done(), finished("load", 1.0), started("fit"), begun(node="fit")]
    ledger.append("r1", [opening()])
    ledger.append("r1", step)
    assert rows(path, "seq, kind", "journal") == [(0, "RunStarted"), (1, "Several")]
    assert list(ledger.events("r1")) == [opening(), *step]


def test_the_view_has_a_row_for_each_event_with_all_its_fields(path, ledger):
    events = [opening(), begun(3), done(3), failed(4), begun(5, 2), done(5, 2, peak_memory_bytes=7), ending(300.5)]
    ledger.append("r1", events[:1])
    ledger.append("r1", events[1:])
    assert len(rows(path, "seq", "journal")) < len(events)
    found = rows(path, "seq, kind, at, node, item, attempt, epoch, body", "events")
    assert [(row[0], row[6]) for row in found] == [(seq, 0) for seq in range(len(events))]
    assert [Event(Kind(row[1]), *row[2:6], json.loads(row[7]) if row[7] else None) for row in found] == events


def test_what_is_rare_has_a_row_of_its_own_and_keeps_its_place(path, ledger):
    events = [opening(), begun(1), begun(2), failed(1), done(2), begun(3), begun(4)]
    ledger.append("r1", events)
    assert [kind for (kind,) in rows(path, "kind", "journal")] == ["RunStarted", "Several", "CallFailed", "Several"]
    assert list(ledger.events("r1")) == events
    assert list(ledger.events("r1", [Kind.CALL_SUCCEEDED, Kind.CALL_FAILED])) == [failed(1), done(2)]
    assert list(ledger.events("r1", [Kind.CALL_FAILED])) == [failed(1)]


def test_many_events_of_one_transaction_lie_in_several_rows(path, ledger):
    """Since a journal is removed some rows at a time."""
    events = [begun(item) for item in range(2 * _MOST + 1)]
    ledger.append("r1", [opening()])
    ledger.append("r1", events)
    assert [seq for (seq,) in rows(path, "seq", "journal")] == [0, 1, 1 + _MOST, 1 + 2 * _MOST]
    ledger.append("r1", [ending()])
    assert list(ledger.events("r1")) == [opening(), *events, ending()]


def test_what_sqlite_cannot_read_hides_nothing_else(ledger):
    ledger.append("r1", [opening(), begun(1), done(1)])
    ledger.append("r1", [begun(2), done(2, odd=float("nan"))])
    assert ledger._db.query("SELECT item FROM events WHERE kind = 'CallSucceeded' ORDER BY seq") == [(1,), (2,)]
    assert len(list(ledger.events("r1"))) == 5


def test_a_journal_of_packed_rows_is_removed_whole(path, ledger):
    ledger.append("r0", [opening()])
    for first in range(0, 3000, 600):
        ledger.append("r0", [begun(item) for item in range(first, first + 600)])
    ledger.append("r1", [opening(), begun(), done()])
    ledger.remove("r0")
    assert {run for (run,) in rows(path, "run", "journal")} == {"r1"}


# --- an attempt ends once: what an index saw to, this sees to ---


def refused(ledger, *events):
    before = list(ledger.events("r1"))
    with pytest.raises(LedgerUnusableError, match="has ended before"):
        ledger.append("r1", [begun(9), *events])
    return list(ledger.events("r1")) == before


@pytest.mark.parametrize("second", [done(3), failed(3), done(3)._replace(kind=Kind.CALL_RESTORED)])
def test_a_second_outcome_is_refused_by_who_wrote_the_first_and_by_who_comes_later(path, ledger, second):
    ledger.append("r1", [opening(), begun(3), done(3)])
    assert refused(ledger, second)
    with contextlib.closing(SqliteLedger(path)) as later:
        assert refused(later, second)
        later.append("r1", [done(4), done(3, 2)])
    assert [seq for (seq,) in rows(path, "seq", "events")] == list(range(5))


def test_two_outcomes_in_one_transaction_are_refused(ledger):
    ledger.append("r1", [opening()])
    assert refused(ledger, done(3), failed(3))
    ledger.append("r1", [done(3)])  # what was refused was not taken


def test_a_resumed_run_may_restore_a_result_again(path, ledger):
    again = done()._replace(kind=Kind.CALL_RESTORED, attempt=0)
    ledger.append("r1", [opening(), again])
    ledger.append("r1", [RESUMED, again])
    assert refused(ledger, again)
    with contextlib.closing(SqliteLedger(path)) as later:
        later.append("r1", [RESUMED, again])
        assert refused(later, again)


def test_who_writes_without_knowing_of_others_is_refused(path, ledger):
    """Nobody has claimed the run: the numbers of the events tell."""
    ledger.append("r1", [opening()])
    with contextlib.closing(SqliteLedger(path)) as other:
        other.append("r1", [begun(3), done(3)])
        with pytest.raises(LedgerUnusableError):
            ledger.append("r1", [begun(3)])
        assert refused(ledger, done(3))


# --- the program before ---


@pytest.fixture
def old(path):
    """A ledger as the program before made it, with one run, and its connection."""
    database = connect(path)
    migrate(database, "ledger", 6)
    database.execute("INSERT INTO events VALUES ('r1', 0, 'RunStarted', 1.0, '', -1, 0, 0, '{\"pipeline\": \"churn\"}')")
    body = json.dumps({"key": "ab", "took_s": 1.5})
    database.execute("INSERT INTO events VALUES ('r1', 1, 'CallSucceeded', 2.0, 'load', 3, 1, 0, ?)", (body,))
    yield database
    database.close()


def test_an_old_journal_goes_on(old, path):
    with contextlib.closing(SqliteLedger(path)) as ledger:
        assert [event.kind for event in ledger.events("r1")] == [Kind.RUN_STARTED, Kind.CALL_SUCCEEDED]
        assert refused(ledger, done(3))
        ledger.append("r1", [begun(4), done(4)])
        assert [use.key for use in ledger.uses()] == ["ab", "ab" * 32]
        assert rows(path, "seq, kind", "events")[2:] == [(2, "AttemptStarted"), (3, "CallSucceeded")]


def test_the_program_before_writes_and_removes_while_this_one_works(old, path):
    with contextlib.closing(SqliteLedger(path)) as ledger:
        ledger.append("r2", [opening()])
        ledger.append("r2", [begun(1), done(1), begun(2)])
        old.execute("INSERT INTO events VALUES ('r1', 2, 'CallSucceeded', 3.0, 'load', 4, 1, 0, NULL)")
        assert len(list(ledger.events("r1"))) == 3
        with pytest.raises(sqlite3.IntegrityError):
            old.execute("INSERT INTO events VALUES ('r1', 2, 'RunFinished', 3.0, '', -1, 0, 0, NULL)")
        assert old.execute("SELECT max(seq) FROM events WHERE run = 'r2'").fetchone() == (3,)
        old.execute("DELETE FROM events WHERE run = 'r2' AND kind = 'RunStarted'")
        assert len(list(ledger.events("r2"))) == 3
        old.execute("DELETE FROM events WHERE run = 'r2' AND seq < 1000")
        assert list(ledger.events("r2")) == []
