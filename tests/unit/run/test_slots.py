import pytest

from weftline.run.slots import Slots


def order(slots):
    """Ranks in the order in which they would go, each taking its slots and none giving them back."""
    found = []
    while (first := slots.first()) is not None:
        cpu, rank = first
        slots.pop(cpu)
        slots.free -= cpu
        found.append(rank)
    return found


def test_lower_ranks_go_first():
    slots = Slots(10, 0)
    for rank in (5, 1, 3):
        slots.push(1, rank)
    assert order(slots) == [1, 3, 5]


def test_ranks_count_over_all_demands():
    slots = Slots(10, 0)
    for cpu, rank in ((1, 4), (2, 1), (1, 2), (2, 3)):
        slots.push(cpu, rank)
    assert order(slots) == [1, 2, 3, 4]


def test_who_does_not_fit_is_passed():
    slots = Slots(1, 0)
    slots.push(4, 0)
    slots.push(1, 7)
    assert slots.first() == (1, 7)


def test_nobody_goes_when_nothing_fits():
    slots = Slots(1, 0)
    slots.push(2, 0)
    assert slots.first() is None


def test_an_empty_demand_is_no_candidate():
    slots = Slots(4, 0)
    slots.push(1, 0)
    slots.pop(1)
    assert slots.first() is None


@pytest.mark.parametrize(
    ("free", "queue", "cpu", "fits"),
    [
        (1, 0, 1, True),
        (0, 0, 1, False),
        (0.5, 0, 0.5, True),
        (0.5, 0, 0.75, False),
        (0, 0, 0, True),
        (0, 1, 1, True),  # it waits in the backend
        (-1, 1, 1, False),
        (-0.5, 1, 0.5, True),
        (1, 8, 2, False),  # a large call never waits in the backend
        (2, 0, 2, True),
    ],
)
def test_what_fits(free, queue, cpu, fits):
    assert Slots(free, queue).fits(cpu) is fits
