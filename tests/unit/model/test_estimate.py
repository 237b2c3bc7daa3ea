"""Durations to come, judged by those of the past."""

import math
import random

import pytest

from weftline.model.estimate import Effort, Estimate, effort, outlook, quantile


def sure(seconds, cpu=1.0, calls=1):
    """The effort of calls that always take the same."""
    wall, work = seconds, seconds * cpu * calls
    return Effort(Estimate(wall, wall), Estimate(work, work))


def test_without_a_past_nothing_is_said():
    assert effort([], 3, 1, 2) is None
    assert effort([1.0], 0, 1, 2) is None


def test_one_call_takes_what_the_middle_one_took():
    found = effort([9.0, 1.0, 3.0], 1, 1, 4)
    assert found.wall.p50_s == 3.0
    assert found.wall.p95_s == pytest.approx(8.4)
    assert found.work == found.wall


@pytest.mark.parametrize(
    ("calls", "cpu", "slots", "seconds"),
    [
        (1, 1, 4, 2.0),
        (4, 1, 4, 2.0),
        (5, 1, 4, 4.0),
        (8, 1, 4, 4.0),
        (4, 2, 4, 4.0),
        (3, 4, 4, 6.0),
        (9, 0, 4, 2.0),
        (3, 0.5, 1, 4.0),
    ],
)
def test_equal_calls_take_their_rounds(calls, cpu, slots, seconds):
    found = effort([2.0] * 5, calls, cpu, slots)
    assert found.wall == (seconds, seconds)
    assert found.work == (2.0 * calls * cpu, 2.0 * calls * cpu)


def test_calls_take_no_less_than_the_longest_of_them():
    durations = [1.0] * 9 + [60.0]
    found = effort(durations, 100, 1, 100)
    assert found.wall.p50_s > 50


def test_half_of_all_draws_take_less_and_one_in_twenty_more():
    """Against drawn durations on slots that take the next call as soon as they are free."""
    dice = random.Random(7)
    past = [dice.lognormvariate(0.0, 0.5) for _ in range(50)]
    for calls, slots in ((1, 1), (40, 4), (200, 3)):
        found = effort(past, calls, 1, slots)
        ends = []
        for _ in range(2000):
            free = [0.0] * slots
            for _ in range(calls):
                at = free.index(min(free))
                free[at] += dice.choice(past)
            ends.append(max(free))
        ends.sort()
        assert found.wall.p50_s == pytest.approx(quantile(ends, 0.5), rel=0.08)
        assert found.wall.p95_s == pytest.approx(quantile(ends, 0.95), rel=0.08)


@pytest.mark.parametrize(("share", "value"), [(0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.6, 3.4), (1, 5.0)])
def test_quantiles_lie_on_lines_between_the_values(share, value):
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], share) == pytest.approx(value)
    assert quantile([7.0], share) == 7.0


# --- several nodes ---

UPSTREAM = [[], [0], [0], [1, 2], []]


def test_the_longest_path_is_the_one_that_takes_longest():
    efforts = {0: sure(1.0), 1: sure(5.0), 2: sure(2.0), 3: sure(1.0), 4: sure(3.0)}
    found = outlook(efforts, range(5), UPSTREAM, 8)
    assert found.path == (0, 1, 3)
    assert found.wall == (7.0, 7.0)
    assert found.work == (12.0, 12.0)


def test_nodes_of_which_nothing_is_known_take_no_time():
    assert outlook({0: sure(1.0), 3: sure(1.0)}, range(5), UPSTREAM, 8).path == (0, 3)
    empty = outlook({}, range(5), UPSTREAM, 8)
    assert (empty.path, empty.wall) == ((), (0.0, 0.0))


def test_all_work_has_to_fit_on_the_slots():
    efforts = {number: sure(1.0) for number in range(10)}
    upstream = [[] for _ in range(10)]
    assert outlook(efforts, range(10), upstream, 2).wall.p50_s == 5.0
    assert outlook(efforts, range(10), upstream, 100).wall.p50_s == 1.0


def test_independent_spreads_add_up_by_their_squares():
    one = Effort(Estimate(1.0, 4.0), Estimate(1.0, 4.0))
    other = Effort(Estimate(1.0, 5.0), Estimate(1.0, 5.0))
    assert outlook({0: one, 1: other}, range(2), [[], [0]], 1).wall == (2.0, pytest.approx(2.0 + math.hypot(3.0, 4.0)))


def test_a_long_chain_is_walked_without_recursion():
    count = 50_000
    upstream = [[number - 1] if number else [] for number in range(count)]
    assert len(outlook({number: sure(1.0) for number in range(count)}, range(count), upstream, 1).path) == count
