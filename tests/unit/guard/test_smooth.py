"""Rates: CPU is averaged, memory is not, and the next sample comes sooner the nearer the limit is."""

import pytest

from weftline.guard.smooth import CpuRate, Growth, pause_s

GB = 1e9
PACE = {"fastest_bytes_per_s": 2 * GB, "shortest_s": 0.005, "longest_s": 1.0}


def test_cpu_is_the_difference_over_time():
    rate = CpuRate(5.0)
    assert rate.take(10.0, 100.0) == 0.0
    assert rate.take(11.0, 102.0) == pytest.approx(2.0)


def test_a_burst_is_smoothed():
    rate = CpuRate(5.0)
    rate.take(0.0, 0.0)
    rate.take(1.0, 1.0)
    assert 1.0 < rate.take(2.0, 9.0) < 3.0


def test_samples_close_together_are_put_together():
    """CPU time comes in ticks of 10 ms: over 5 ms it would read as 0 or as 2 processors."""
    rate = CpuRate(5.0)
    rate.take(0.0, 0.0)
    seen = [rate.take(number * 0.005, (number * 5 // 10) * 0.01) for number in range(1, 400)]
    assert all(cpus == pytest.approx(1.0, abs=0.05) for cpus in seen if cpus)
    assert seen[-1] > 0


def test_growth_is_that_of_the_last_two_samples():
    growth = Growth()
    growth.take(0.0, 1000)
    assert growth.bytes_per_s == 0.0
    growth.take(0.5, 2000)
    assert growth.bytes_per_s == 2000.0
    growth.take(1.0, 1500)
    assert growth.bytes_per_s == 0.0


def test_a_limit_is_approached_in_quarters():
    assert pause_s(4 * GB, 1.25 * GB, **PACE) == pytest.approx(0.8)


def test_memory_that_rests_may_begin_to_grow_at_any_moment():
    assert pause_s(0.5 * GB, 0.0, **PACE) == pytest.approx(0.25)


@pytest.mark.parametrize(("left", "expected"), [(100 * GB, 1.0), (1e6, 0.005), (0.0, 0.005), (-GB, 0.005)])
def test_a_pause_has_bounds(left, expected):
    assert pause_s(left, 0.0, **PACE) == expected


@pytest.mark.parametrize("rate", [0.2 * GB, GB, 2 * GB])
@pytest.mark.parametrize("rests_s", [0.0, 0.37, 3.0])
@pytest.mark.parametrize("limit", [0.25 * GB, GB, 8 * GB])
def test_no_growth_up_to_the_fastest_overshoots_by_more_than_a_tenth(rate, rests_s, limit):
    """The whole course of samples of memory that rests and then grows: the first over the limit is hardly over it."""
    growth, at, base = Growth(), 0.0, 0.02 * GB
    while True:
        memory = base + rate * max(0.0, at - rests_s)
        growth.take(at, int(memory))
        if memory >= limit:
            break
        at += pause_s(limit - memory, growth.bytes_per_s, **PACE)
    assert memory <= 1.1 * limit
