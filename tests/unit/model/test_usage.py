"""What to ask for instead: told only where it helps."""

import pytest

from weftline import Resources
from weftline.model.usage import NodeUsage, asked_fields, suggestions

GIB = 2**30


def told(asked, *fields, took_s=10.0):
    usage = NodeUsage()
    for one in fields:
        usage.add(one, took_s)
    return list(suggestions("train", usage, asked_fields(asked)))


def test_far_more_was_asked_for_than_used():
    peaks = [{"peak_memory_bytes": int(gib * GIB)} for gib in (1.0, 2.1, 0.5)]
    expected = "train: asked for 16 GiB of memory, used 2.1 GiB at most (3 calls)"
    assert told(Resources(memory_gb=16), *peaks) == [expected]


def test_hardly_enough_was_asked_for():
    expected = "train: asked for 2 GiB of memory, used 1.9 GiB at most (1 call): nearly all, or more"
    assert told(Resources(memory_gb=2), {"peak_memory_bytes": int(1.9 * GIB)}) == [expected]


@pytest.mark.parametrize("gib", [1.01, 1.5, 1.79])
def test_what_fits_is_not_told(gib):
    assert told(Resources(memory_gb=2), {"peak_memory_bytes": int(gib * GIB)}) == []


def test_who_asked_for_nothing_is_told_nothing_of_memory():
    assert told(Resources(), {"peak_memory_bytes": 100 * GIB}) == []


def test_processors_that_were_not_asked_for():
    assert told(Resources(), {"cpu_s": 38.0}) == ["train: asked for 1 CPU, kept 3.8 busy (1 call)"]


def test_processors_that_lay_idle():
    assert told(Resources(cpu=8), {"cpu_s": 11.0}) == ["train: asked for 8 CPU, kept 1.1 busy (1 call)"]


@pytest.mark.parametrize(("cpu", "cpu_s"), [(1, 10.0), (1, 0.1), (4, 21.0), (0, 50.0)])
def test_processors_that_fit_are_not_told(cpu, cpu_s):
    assert told(Resources(cpu=cpu), {"cpu_s": cpu_s}) == []


def test_short_calls_say_nothing_of_processors():
    assert told(Resources(), {"cpu_s": 2.0}, took_s=0.5) == []


def test_a_call_that_nobody_looked_at_is_not_counted():
    usage = NodeUsage()
    usage.add({"took_s": 1.0}, 1.0)
    assert (usage.calls, usage.peak_memory_bytes) == (0, None)
