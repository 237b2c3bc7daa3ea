"""The views of a ledger for people, and the versions of its tables, with SQLite and with PostgreSQL."""

import contextlib
import json
import sqlite3
import threading

import pytest

from weftline.app.ledgers import open_journals
from weftline.errors import LedgerTooNewError
from weftline.model.event import Event, Kind
from weftline.model.grouped import group_run
from weftline.model.ids import WHOLE
from weftline.model.restored import packed
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.store.database import connect, statements
from weftline.testing.journals import RECIPE, ending, finished, kinds, opening, started, took

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
def journals(ledger_url, tmp_path):
    with contextlib.closing(open_journals(ledger_url, tmp_path / "unused")) as opened:
        yield opened


def rows(journals, columns, view, where="run <> ''"):
    found = journals._db.query(f"SELECT {columns} FROM {view} WHERE {where} ORDER BY {columns}")
    return [tuple(row) for row in found]


def failed(node, item=WHOLE, attempt=1, at=116.0, message="it broke"):
    return Event(Kind.CALL_FAILED, at, node, item, attempt, {"error": "ValueError", "message": message})


def done(node, item=WHOLE, attempt=1, at=117.0):
    return Event(Kind.CALL_SUCCEEDED, at, node, item, attempt, {"key": "ab" * 32, "took_s": 1.5})


# --- groups ---


def group_opening(run, steps, name="sales.nightly", at=100.0, **fields):
    told = {"name": name, "of": "pipeline", "domain": "sales", "version": 3, "batch_id": f"group_{run}", "trigger": "cli"}
    return opening(at, name, group={**told, "steps": steps}, **fields)


def begun(node, at):
    return Event(Kind.NODE_STARTED, at, node, body={"total": 1})


def ended(node, at, state, **fields):
    return Event(Kind.NODE_FINISHED, at, node, body={"state": state, **fields})


STEPS = [
    {"step": "pull", "runs": "p", "nodes": ["pull/rows", "pull/upper"]},
    {"step": "clean", "runs": "c", "depends_on": ["pull"]},
    {"step": "share", "runs": "s", "nodes": ["share/a", "share/b"]},
    {"step": "off", "runs": "c", "nodes": [], "left_out": "its condition is not met"},
    {"step": "none", "runs": "n", "nodes": []},
    {"step": "inner", "runs": "g", "nodes": ["inner/x"]},
    {"step": "inner/x", "runs": "p"},
]
LIVES = [
    [begun("pull/rows", 101.0), ended("pull/rows", 102.0, "succeeded", took_s=1.0), begun("pull/upper", 102.0)],
    [failed("pull/upper", at=103.0), ended("pull/upper", 103.0, "failed", took_s=1.0)],
    [ended("clean", 103.0, "skipped", why="pull/upper failed"), ended("share/a", 103.5, "cached")],
    [ended("share/b", 104.0, "skipped", why="the run was stopped"), ended("inner/x", 104.0, "blocked", gate="g")],
    [ending(105.0, RunStatus.FAILED)],
    [Event(Kind.RUN_RESUMED, 200.0, body={"again": ["pull/rows"]}), begun("pull/rows", 201.0)],
    [ended("pull/rows", 202.0, "succeeded", took_s=1.0), begun("pull/upper", 202.0), ended("pull/upper", 203.0, "succeeded")],
    [Event(Kind.OUTPUT_LOST, 203.5, "pull/rows"), ended("pull/rows", 204.0, "cancelled"), ended("clean", 204.0, "cached")],
    [ended("share/b", 205.0, "succeeded"), ended("inner/x", 205.0, "succeeded"), ending(206.0, RunStatus.CANCELLED)],
]


def test_the_steps_of_a_group_are_in_the_ledger_what_the_journal_amounts_to(journals):
    """Whatever was told so far: the view and the fold of the journal are one decision, written twice."""
    journals.append("r1", [group_opening("r1", STEPS, params={"x": float("nan")})])
    for events in [[], *LIVES]:
        journals.append("r1", events)
        found = group_run(RunRecord.fold("r1", journals.events("r1")))
        told = rows(journals, "sequence_order, step, pipeline, status", "group_run_steps", "run = 'r1'")
        assert told == [(step.number, step.step, step.runs, str(step.status)) for step in found.steps]
        counts = rows(journals, "total_steps, completed_steps, failed_steps, skipped_steps", "group_runs")
        assert counts == [(6, *(found.counts.get(word, 0) for word in ("completed", "failed", "skipped")))]
    columns = "group_name, steps_are, domain, version, batch_id, trigger_source, status, error"
    assert rows(journals, columns, "group_runs") == [
        ("sales.nightly", "pipeline", "sales", 3, "group_r1", "cli", "cancelled", None)
    ]
    ((params, began),) = rows(journals, "params, started", "group_runs")
    assert json.loads(params) == {"x": None}
    assert str(began)[:19] == "1970-01-01 00:01:40"


def test_a_step_that_failed_says_why(journals):
    journals.append("r1", [group_opening("r1", STEPS), *(event for events in LIVES[:5] for event in events)])
    assert rows(journals, "step, error", "group_run_steps", "error IS NOT NULL") == [
        ("off", "its condition is not met"),
        ("pull", "it broke"),
    ]
    assert rows(journals, "error", "group_runs") == [("pull: it broke",)]
    ((started_at, ended_at),) = rows(journals, "started, ended", "group_run_steps", "step = 'pull'")
    assert [str(started_at)[:19], str(ended_at)[:19]] == ["1970-01-01 00:01:41", "1970-01-01 00:01:43"]


def test_the_newest_run_of_each_group(journals):
    for run, name, at in (("r1", "a", 10.0), ("r2", "a", 20.0), ("r3", "b", 15.0)):
        journals.append(run, [group_opening(run, [], name, at)])
    journals.append("r4", [opening(30.0)])
    assert rows(journals, "run, group_name, status, total_steps", "latest_group_runs") == [
        ("r2", "a", "running", 0),
        ("r3", "b", "running", 0),
    ]


# --- runs, attempts, calls ---


def test_runs_say_what_they_are_in_plain_columns(journals):
    journals.append("r1", [opening(0.25), ending(86_400.5, RunStatus.PARTIAL)])
    journals.append("r2", [opening(100.0, "odd", params={"x": float("nan"), "y": [float("-inf")], "z": "\x00\ud800"})])
    assert rows(journals, "run, pipeline, status", "runs") == [("r1", "churn", "partial"), ("r2", "odd", "running")]
    ((run, began, ended),) = rows(journals, "run, started, ended", "runs", "ended_at IS NOT NULL")
    assert [str(began)[:21], str(ended)[:21]] == ["1970-01-01 00:00:00.2", "1970-01-02 00:00:00.5"], run


def test_attempts_and_calls_say_how_they_ended(journals):
    begun = [Event(Kind.ATTEMPT_STARTED, 111.0, "load", WHOLE, attempt) for attempt in (1, 2)]
    again = Event(Kind.ATTEMPT_FAILED, 112.0, "load", WHOLE, 1, {"error": "OSError", "message": "busy ✂ \x00 \ud800"})
    items = [Event(Kind.ATTEMPT_STARTED, 113.0, "each", item, 1) for item in range(5)]
    ends = [
        Event(Kind.ATTEMPT_STOPPED, 114.0, "each", 0, 1),
        Event(Kind.ATTEMPT_DEFERRED, 114.0, "each", 1, 1, {"holder": "x"}),
        failed("each", 2),
        Event(Kind.CALL_RESTORED, 114.0, "each", 5, 0, {"key": "cd" * 32}),
        Event(Kind.CALLS_RESTORED, 114.0, "each", body=packed({7: bytes(32)})),
        Event(Kind.ATTEMPT_FAILED, 114.0, "each", 3, 1, {"error": "OSError", "message": "busy"}),
    ]
    journals.append("r1", [opening(), begun[0], again, begun[1], done("load", attempt=2), *items, *ends])
    assert rows(journals, "node, item, attempt, outcome", "attempts") == [
        ("each", 0, 1, "stopped"),
        ("each", 1, 1, "elsewhere"),
        ("each", 2, 1, "failed"),
        ("each", 3, 1, "failed"),
        ("each", 4, 1, "started"),
        ("load", WHOLE, 1, "failed"),
        ("load", WHOLE, 2, "succeeded"),
    ]
    assert rows(journals, "took_s, error", "attempts", "node = 'load' AND attempt = 2") == [(1.5, None)]
    ((error, message),) = journals._db.query("SELECT error, message FROM attempts WHERE node = 'load' AND attempt = 1")
    assert error == "OSError"
    assert message.startswith("busy ✂")
    assert rows(journals, "node, item, attempt, outcome", "calls") == [
        ("each", 0, 1, "stopped"),
        ("each", 1, 1, "elsewhere"),
        ("each", 2, 1, "failed"),
        ("each", 3, 1, "tried again"),
        ("each", 4, 1, "started"),
        ("each", 5, 0, "restored"),
        ("load", WHOLE, 2, "succeeded"),
    ]
    assert rows(journals, "key, took_s", "calls", "node = 'load'") == [("ab" * 32, 1.5)]


# --- dead letters ---


def letters(journals):
    return rows(journals, "run, node, item, resolved_by", "dead_letters")


def test_a_call_that_failed_for_good_is_a_dead_letter_with_what_is_known_of_it(journals):
    journals.append("r1", [opening(), started("load", rows="aa"), failed("load", attempt=3), ending()], [RECIPE])
    columns = "pipeline, run, node, item, attempt, error, message, key, resolved_by"
    assert rows(journals, columns, "dead_letters") == [("churn", "r1", "load", WHOLE, 3, "ValueError", "it broke", None, None)]
    ((inputs, at),) = journals._db.query("SELECT inputs, failed FROM dead_letters")
    assert json.loads(inputs) == {"rows": "aa"}
    assert str(at)[:19] == "1970-01-01 00:01:56"


def test_a_dead_letter_is_resolved_by_the_run_that_did_it(journals):
    """The same one when it is resumed, or a later one of that pipeline; not an earlier one, and no other pipeline's."""
    resumed = Event(Kind.RUN_RESUMED, 200.0, body={"pipeline": "churn"})
    journals.append("r0", [opening(50.0), done("load", at=60.0), finished("load", 1.0, at=61.0), ending(70.0)])
    journals.append("r1", [opening(), failed("load"), failed("each", 0), failed("each", 1), ending()])
    journals.append("r2", [opening(300.0, "other"), done("load", at=310.0), finished("load", 1.0, at=311.0)])
    assert {resolved for *_, resolved in letters(journals)} == {None}
    journals.append("r1", [resumed, done("each", 1, 2, at=210.0), failed("each", 0, 2, at=211.0)])
    assert letters(journals) == [("r1", "each", 0, None), ("r1", "each", 1, "r1"), ("r1", "load", WHOLE, None)]
    journals.append("r3", [opening(400.0), done("load", at=410.0)])
    assert letters(journals) == [("r1", "each", 0, None), ("r1", "each", 1, "r1"), ("r1", "load", WHOLE, "r3")]
    journals.append("r4", [opening(500.0), failed("load", at=510.0)])
    assert ("r4", "load", WHOLE, None) in letters(journals)
    assert ("r1", "load", WHOLE, "r3") in letters(journals)


def test_a_node_that_has_a_result_did_all_but_what_failed_in_it(journals):
    """Restored items are one event for many; and a list may have become shorter."""
    ended = Event(Kind.NODE_FINISHED, 120.0, "each", body={"state": "succeeded", "total": 4, "ran": 1, "took_s": 1.0})
    journals.append("r1", [opening(), failed("each", 0), failed("each", 1), failed("each", 3), ended, ending()])
    assert {resolved for *_, resolved in letters(journals)} == {None}, "it was tolerated, and is not done"
    restored = Event(Kind.CALLS_RESTORED, 310.0, "each", body=packed({0: bytes(32), 2: bytes(32)}))
    shorter = ended._replace(at=320.0, body={**ended.body, "total": 3})
    journals.append("r2", [opening(300.0), restored, failed("each", 1, at=311.0), shorter, ending(330.0)])
    assert letters(journals) == [
        ("r1", "each", 0, "r2"),
        ("r1", "each", 1, None),
        ("r1", "each", 3, None),
        ("r2", "each", 1, None),
    ]


# --- versions of the tables ---

#: What the program before wrote and read: of SQLite, version 4; of PostgreSQL, version 1.
OLD_WRITES = [
    """
    INSERT INTO events (run, seq, kind, at, node, item, attempt, epoch, body) VALUES
    ('r9', 0, 'RunStarted', 1.0, '', -1, 0, 0, '{"pipeline": "churn"}'),
    ('r9', 1, 'CallSucceeded', 2.0, 'load', -1, 1, 0, '{"key": "ab", "took_s": 1.5}'),
    ('r9', 2, 'RunFinished', 3.0, '', -1, 0, 0, '{"status": "completed", "counts": {}}')
    """,
    "INSERT INTO last_times (pipeline, node, recipe, inputs, took_s, finished) VALUES ('churn', 'load', 'c0', '{}', NULL, 1)",
    "UPDATE last_times SET finished = 1, took_s = coalesce(1.5, took_s) WHERE pipeline = 'churn' AND node = 'load'",
    "DELETE FROM claims WHERE run = 'r9' AND holder = 'old'",
    "INSERT INTO claims VALUES ('r9', 'old')",
]
OLD_READS = [
    "SELECT run, opening, started_at, ended_at, ending FROM runs ORDER BY started_at DESC, run DESC LIMIT 20",
    "SELECT kind, at, node, item, attempt, body FROM events WHERE run = 'r9' ORDER BY seq",
    "SELECT holder FROM claims WHERE run = 'r9'",
    "SELECT keys FROM last_keys WHERE pipeline = 'churn'",
    "SELECT node, newest FROM durations WHERE pipeline = 'churn' AND node IN ('load')",
]


def test_the_program_before_goes_on_with_the_tables_of_this_one(journals):
    """It was running when somebody upgraded. What it writes is there for this one."""
    for statement in OLD_WRITES + OLD_READS:
        journals._db.query(statement)
    (found,) = journals.runs()
    assert (found.run, found.status) == ("r9", "completed")
    assert [use.key for use in journals.uses()] == ["ab"]
    assert journals.holder("r9") == "old"
    assert journals.claim("r9", "new") == "old"
    assert journals.claim("r9", "new", instead_of="old") is None
    journals.append("r9", [took("each", 1.0), ending()])


class _Old:
    """The tables as the program before made them."""

    def __init__(self, request, url, tmp_path):
        self.url = url
        if url.startswith("sqlite:"):
            self._file = tmp_path / "ledger.db"
            with contextlib.closing(connect(self._file)) as database:
                for number in range(1, 5):
                    database.executescript(statements(f"ledger_{number:03d}.sql"))
                database.execute("PRAGMA user_version = 4")
            self._client = None
        else:
            ext = pytest.importorskip("weftline.ext.postgres")
            latest, ext._LATEST = ext._LATEST, 1
            try:
                ext.opened(url).close()
            finally:
                ext._LATEST = latest
            self._client = request.getfixturevalue("postgres_server").client
            self._schema = url.rpartition("=")[2]

    def write(self, *texts):
        if self._client is None:
            with contextlib.closing(sqlite3.connect(self._file, isolation_level=None)) as database:
                for text in texts:
                    database.execute(text)
        else:
            with self._client() as client:
                client.execute(f"SET search_path = {self._schema}")
                for text in texts:
                    client.execute(text)

    @property
    def newer(self):
        """What a program after this one does to the version."""
        return "PRAGMA user_version = 99" if self._client is None else "INSERT INTO versions (number) VALUES (99)"


@pytest.fixture
def old(request, ledger_url, tmp_path):
    return _Old(request, ledger_url, tmp_path)


def test_the_tables_of_the_program_before_are_brought_up_and_lose_nothing(old, tmp_path):
    old.write(*OLD_WRITES)
    for _ in range(2):
        with contextlib.closing(open_journals(old.url, tmp_path / "unused")) as journals:
            assert [(found.run, found.status) for found in journals.runs()] == [("r9", "completed")]
            assert len(kinds(journals, "r9")) == 3
            assert [use.key for use in journals.uses()] == ["ab"]
            assert rows(journals, "run, status", "runs") == [("r9", "completed")]
            assert rows(journals, "node, outcome, took_s", "calls") == [("load", "succeeded", 1.5)]
            assert journals.holder("r9") == "old"


def test_processes_that_bring_the_tables_up_at_the_same_moment(old, tmp_path):
    old.write(*OLD_WRITES)
    wrong, begin = [], threading.Barrier(5)

    def open_it():
        begin.wait()
        try:
            with contextlib.closing(open_journals(old.url, tmp_path / "unused")) as journals:
                if [found.run for found in journals.runs()] != ["r9"]:
                    wrong.append("it was lost")
                journals.uses()
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_tables_of_a_newer_program_are_left_alone(old, tmp_path):
    open_journals(old.url, tmp_path / "unused").close()
    old.write(old.newer)
    with pytest.raises(LedgerTooNewError, match="schema 99"):
        open_journals(old.url, tmp_path / "unused")
