"""The table of docs/explain/schedules.md, row by row: what becomes of moments that have come."""

import math
from itertools import islice

import pytest

from weftline.model.schedule import MOST_AT_ONCE, Decision, Due, FireState, Schedule, Standing, Why, decide

P, S, M = FireState.PENDING, FireState.SKIPPED, FireState.MISSED


def every(seconds=10, **fields):
    return Schedule("s", "flow.py", every_s=seconds, **fields)


def met(schedule, since, now, **standing):
    """What is done about each moment, in short."""
    decision = decide(schedule, Standing(since, **standing), now)
    return [(due.at, due.state, due.why.name) for due in decision.dues], decision.since


TABLE = [
    # --- nothing has come
    ("before the next moment", every(), 100, 109.9, {}, [], 100),
    ("the clock was put back", every(), 100, 40, {}, [], 100),
    # --- in time
    ("on the second", every(), 100, 110, {}, [(110, P, "DUE")], 110),
    ("late within the grace", every(misfire_grace_s=5), 100, 115, {}, [(110, P, "DUE")], 110),
    ("several, as many as may run", every(1, max_instances=2, misfire_grace_s=9), 100, 103, {},
     [(101, P, "DUE"), (102, P, "DUE"), (103, S, "MAX_INSTANCES")], 103),
    ("one is running", every(), 100, 110, {"running": 1}, [(110, S, "MAX_INSTANCES")], 110),
    ("more are running than may", every(), 100, 110, {"running": 7}, [(110, S, "MAX_INSTANCES")], 110),
    # --- too late
    ("later than the grace", every(misfire_grace_s=5), 100, 115.1, {}, [(110, M, "MISFIRED")], 110),
    ("no grace at all", every(misfire_grace_s=0), 100, 110, {}, [(110, P, "DUE")], 110),
    ("some too late, one in time", every(misfire_grace_s=5), 100, 141, {}, [(130, M, "MISFIRED"), (140, P, "DUE")], 140),
    # --- latest
    ("the latest for all", every(catch_up="latest", misfire_grace_s=5), 100, 139, {},
     [(120, S, "COALESCED"), (130, P, "CAUGHT_UP")], 130),
    ("the latest alone", every(catch_up="latest"), 100, 112, {}, [(110, P, "DUE")], 110),
    ("the latest waits for room", every(catch_up="latest"), 100, 112, {"running": 1}, [], 100),
    ("of those that wait, the latest", every(catch_up="latest"), 100, 135, {"running": 1}, [(120, S, "COALESCED")], 120),
    # --- all
    ("all, the oldest first", every(catch_up="all", max_instances=9, misfire_grace_s=15), 100, 130, {},
     [(110, P, "CAUGHT_UP"), (120, P, "DUE"), (130, P, "DUE")], 130),
    ("all, one after the other", every(catch_up="all"), 100, 130, {}, [(110, P, "DUE")], 110),
    ("all wait for room", every(catch_up="all"), 100, 130, {"running": 1}, [], 100),
    ("all up to the limit", every(catch_up="all", catch_up_limit=2, max_instances=9), 100, 140, {},
     [(120, M, "TOO_MANY"), (130, P, "DUE"), (140, P, "DUE")], 140),
    # --- paused, disabled
    ("paused", every(), 100, 135, {"is_paused": True}, [(130, S, "PAUSED")], 130),
    ("paused while it would catch up", every(catch_up="all"), 100, 135, {"is_paused": True}, [(130, S, "PAUSED")], 130),
    ("disabled", every(enabled=False), 100, 135, {}, [], 100),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "since", "now", "standing", "expected", "after"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_the_table(schedule, since, now, standing, expected, after):
    assert met(schedule, since, now, **standing) == (expected, after)


def test_one_entry_stands_for_all_that_were_missed_together():
    schedule = every(1, misfire_grace_s=2)
    (missed, *fires) = decide(schedule, Standing(1000), 10_000).dues
    assert missed == Due(9997, M, Why.MISFIRED, since=1000)
    assert [due.state for due in fires] == [P, S, S]


def test_a_long_pause_costs_no_more_than_a_short_one():
    """Ten years of seconds are neither looked at one by one, nor kept one by one."""
    for catch_up in ("none", "latest", "all"):
        schedule = every(1, catch_up=catch_up, misfire_grace_s=math.inf, max_instances=5000, catch_up_limit=MOST_AT_ONCE)
        decision = decide(schedule, Standing(0), 315_360_000)
        assert len(decision.dues) <= MOST_AT_ONCE + 1
        assert decision.dues[0].since == 0, "it stands for everything before"
        assert decision.dues[0].why is {"latest": Why.COALESCED}.get(catch_up, Why.TOO_MANY)


def test_deciding_at_any_moments_loses_nothing_and_does_nothing_twice():
    """However often it is asked: together the answers speak of each moment once."""
    for catch_up in ("none", "latest", "all"):
        schedule = every(7, catch_up=catch_up, max_instances=3, misfire_grace_s=20)
        since, spoken = 0, []
        for now in (3, 7, 8, 29, 29, 90, 91, 97, 98.5, 300, 301, 302, 303, 304, 305, 306, 400):
            decision = decide(schedule, Standing(since), now)
            for due in decision.dues:
                spoken += [moment for moment in range(7, 401, 7) if (due.since or due.at - 1) < moment <= due.at]
            since = decision.since
        assert sorted(spoken) == list(range(7, since + 1, 7)), catch_up
        assert len(spoken) == len(set(spoken))


def test_intervals_are_counted_from_the_epoch():
    assert list(islice(every(3600).after(5000.5), 2)) == [7200, 10_800]
    assert list(islice(every(3600).until(7200), 2)) == [7200, 3600]
    assert next(every(3600).after(7200)) == 10_800


def test_a_date_comes_once():
    schedule = Schedule("s", "flow.py", at=500)
    assert decide(schedule, Standing(schedule.begin(100)), 499.9) == Decision((), 100, 500)
    assert decide(schedule, Standing(100), 510) == Decision((Due(500, P, Why.DUE),), 500, None)
    assert decide(schedule, Standing(schedule.begin(9000)), 9000).dues == (Due(500, M, Why.MISFIRED),), "it is told, not lost"


def test_cron_in_a_time_zone():
    schedule = Schedule("s", "flow.py", cron="30 2 * * *", timezone="Europe/Berlin")
    assert next(schedule.after(1_774_700_000)) == 1_774_746_000, "2026-03-29T03:00 there, since 2:30 is left out"
    assert next(schedule.until(1_774_746_000)) == 1_774_746_000


def test_the_next_moment_is_told():
    assert decide(every(), Standing(100), 105).next_at == 110
    assert decide(every(), Standing(100), 110).next_at == 120
    assert decide(every(enabled=False), Standing(100), 110).next_at is None


WRONG = [
    {},
    {"cron": "* * * * *", "every_s": 5},
    {"every_s": -5},
    {"every_s": 5, "max_instances": 0},
    {"every_s": 5, "catch_up_limit": 0},
    {"cron": "no"},
]


@pytest.mark.parametrize("fields", WRONG)
def test_what_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError):
        Schedule("s", "flow.py", **fields)
