"""Which journals may go."""

import contextlib

from weftline.app.home import Home
from weftline.app.retention import expendable, remove_runs
from weftline.model.event import Event, Kind
from weftline.model.schedule import FireState
from weftline.model.transitions import RunStatus
from weftline.ports.ledger import RunSummary
from weftline.ports.schedules import Fire
from weftline.settings import Settings
from weftline.store.holder import this_process
from weftline.testing import ManualClock
from weftline.testing.journals import ending, opening


def run(name, ended_at=100.0, status=RunStatus.COMPLETED, pipeline="churn"):
    return RunSummary(name, pipeline, status, 50.0, ended_at, {})


def names(runs, **options):
    return [found.run for found in expendable(runs, **{"before": 1e9, "keep_runs": 0, "needed": (), **options})]


def test_only_what_has_ended_goes_and_never_the_newest_of_a_pipeline():
    runs = [
        run("r5"),
        run("r4", None, RunStatus.RUNNING),
        run("r3"),
        run("r2", pipeline="other"),
        run("r1", status=RunStatus.FAILED),
        run("r0", status=RunStatus.BLOCKED),  # it waits at a gate
    ]
    assert names(runs) == ["r3", "r1"]


def test_what_any_wish_keeps_stays():
    runs = [run("r5"), run("r4", 90.0), run("r3", 80.0), run("r2", 70.0), run("r1", 60.0)]
    assert names(runs, before=75.0) == ["r2", "r1"]
    assert names(runs, keep_runs=4) == ["r1"]
    assert names(runs, keep_runs=2, before=65.0) == ["r1"]
    assert names(runs, needed={"r1", "r3"}) == ["r4", "r2"]


def test_a_run_that_somebody_works_on_is_left(tmp_path):
    """Although its journal has an end: it is being resumed."""
    with contextlib.closing(Home(tmp_path / "home", Settings(), ManualClock())) as home:
        for number in range(4):
            home.ledger.append(f"r{number}", [opening(number), ending(number + 0.5)])
        assert home.ledger.claim("r1", "another machine:1:2") is None
        done = remove_runs(home)
        assert [found.run for found in done.removed] == ["r2", "r0"]
        assert done.kept == 2
        assert [found.run for found in home.ledger.runs()] == ["r3", "r1"]
        assert home.ledger.holder("r0") is None


def test_the_run_of_a_moment_stays_until_somebody_has_seen_its_end(tmp_path):
    """A daemon that finds no journal of it would start it once more."""
    with contextlib.closing(Home(tmp_path / "home", Settings(), ManualClock())) as home:
        for number in range(3):
            home.ledger.append(f"r{number}", [opening(number), ending(number + 0.5)])
        fire = Fire("nightly", 1.0, FireState.RUNNING, "due", "r0")
        home.journals.schedules.start(fire)
        assert [found.run for found in remove_runs(home).removed] == ["r1"]
        home.journals.schedules.follow(None, [fire._replace(state=FireState.COMPLETED)])
        assert [found.run for found in remove_runs(home).removed] == ["r0"]


def test_a_removal_that_was_cut_off_is_ended_by_the_next(tmp_path):
    with contextlib.closing(Home(tmp_path / "home", Settings(), ManualClock())) as home:
        ledger = home.ledger
        ledger.append("r0", [opening(0.0), *(Event(Kind.ATTEMPT_STARTED, 1.0, "each", item, 1) for item in range(9)), ending()])
        ledger.append("r1", [opening(1.0), ending()])
        ledger.append("r2", [opening(2.0), ending()])
        ledger._db.query("INSERT INTO removals VALUES ('r0')")  # as the first step leaves it
        ledger._db.query("DELETE FROM events WHERE run = 'r0' AND kind = 'RunStarted'")
        assert [found.run for found in ledger.runs()] == ["r2", "r1"]
        assert [found.run for found in remove_runs(home).removed] == ["r1"]
        assert ledger._db.query("SELECT DISTINCT run FROM events") == [("r2",)]
        assert ledger._db.query("SELECT * FROM removals UNION SELECT run FROM fences") == []


def test_a_file_gives_room_back(tmp_path):
    """Without a rewrite of all of it, which would stop others."""
    with contextlib.closing(Home(tmp_path / "home", Settings(), ManualClock())) as home:
        ledger = home.ledger
        body = {"message": "x" * 1000}
        ledger.append(
            "r0", [opening(0.0), *(Event(Kind.ATTEMPT_FAILED, 1.0, "a", i, 1, body) for i in range(20_000)), ending()]
        )
        ledger.append("r1", [opening(1.0), ending()])
        before = ledger._db.query("PRAGMA page_count")[0][0]
        remove_runs(home)
        after = ledger._db.query("PRAGMA page_count")[0][0]
        assert before > 5_000
        assert after < before / 3
        assert ledger._db.query("PRAGMA integrity_check") == [("ok",)]
        assert this_process() not in {ledger.holder("r0"), ledger.holder("r1")}
