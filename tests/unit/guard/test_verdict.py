"""What a use means: levels that are reached at once, left with a margin, and told once."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.guard.verdict import Ending, GuardPolicy, Level, Machine, Thresholds, allowed_gb, may_grow
from weftline.model.resources import Resources

MEMORY = GuardPolicy().memory


def told(shares, thresholds=MEMORY):
    machine = Machine(thresholds)
    return [level for share in shares if (level := machine.take(share)) is not None], machine.level


def test_each_level_begins_at_its_threshold():
    assert told([0.699]) == ([], Level.OK)
    assert told([0.70]) == ([Level.WARN], Level.WARN)
    assert told([0.85]) == ([Level.THROTTLE], Level.THROTTLE)
    assert told([1.0]) == ([Level.KILL], Level.KILL)


def test_a_rise_is_told_step_by_step():
    assert told([0.5, 0.72, 0.9, 1.01]) == ([Level.WARN, Level.THROTTLE, Level.KILL], Level.KILL)


def test_one_sample_over_the_limit_is_enough():
    """Memory decides as it is sampled: no average lets a call live for longer."""
    assert told([0.1, 0.1, 0.1, 1.0]) == ([Level.KILL], Level.KILL)


def test_killed_stays_killed_and_is_told_once():
    assert told([1.2, 0.1, 1.2, 0.1]) == ([Level.KILL], Level.KILL)


def test_a_use_that_wavers_about_a_threshold_changes_nothing():
    machine = Machine(MEMORY)
    machine.take(0.86)
    numbers = random.Random(3)
    levels = set()
    for _ in range(10_000):
        assert machine.take(0.85 + numbers.uniform(-0.049, 0.05)) is None
        levels.add(machine.level)
    assert levels == {Level.THROTTLE}


def test_a_level_ends_clearly_below_its_threshold():
    machine = Machine(MEMORY)
    machine.take(0.86)
    machine.take(0.79)
    assert machine.level is Level.WARN
    machine.take(0.64)
    assert machine.level is Level.OK


def test_a_level_that_comes_again_is_not_told_again():
    assert told([0.75, 0.1, 0.75, 0.1, 0.9]) == ([Level.WARN, Level.THROTTLE], Level.THROTTLE)


@given(st.lists(st.floats(0.0, 2.0), max_size=60))
def test_whatever_happens_levels_are_told_once_and_upwards(shares):
    levels, last = told(shares)
    assert levels == sorted(set(levels))
    assert (Level.KILL in levels) == any(share >= 1.0 for share in shares)
    assert last is Level.KILL if Level.KILL in levels else last < Level.KILL


def test_nobody_is_killed_for_cpu():
    levels, _ = told([100.0], GuardPolicy().cpu)
    assert levels == [Level.THROTTLE]


def test_there_is_grace_while_memory_stays():
    ending = Ending(GuardPolicy(grace_s=5.0, at_once=1.1), at=100.0)
    assert not ending.is_over(104.9, 1.05)
    assert ending.is_over(105.0, 1.05)


def test_there_is_none_when_it_goes_on_growing():
    assert Ending(GuardPolicy(at_once=1.1), at=100.0).is_over(100.001, 1.1)


@pytest.mark.parametrize("wrong", [(0.9, 0.8, 1.0), (0.7, 0.85, 0.8), (0.04, 0.85, 1.0)])
def test_thresholds_rise(wrong):
    with pytest.raises(ValueError, match="thresholds rise"):
        Thresholds(*wrong)


@pytest.mark.parametrize(
    ("asked", "attempt", "allowed", "grows"),
    [
        (Resources(), 1, None, False),
        (Resources(memory_gb=4), 3, 4, False),
        (Resources(memory_gb=4, memory_step_gb=2), 1, 4, True),
        (Resources(memory_gb=4, memory_step_gb=2), 3, 8, True),
        (Resources(memory_gb=4, memory_step_gb=2), 4, 10, False),
        (Resources(memory_gb=4, memory_step_gb=5), 3, 10, False),
    ],
)
def test_what_an_attempt_may_have_and_whether_the_next_may_have_more(asked, attempt, allowed, grows):
    assert allowed_gb(asked, attempt, machine_gb=10) == allowed
    assert may_grow(asked, attempt, machine_gb=10) is grows
