import pytest

from weftline.run.demand import Capacity, Demand
from weftline.run.slots import Slots


def order(slots):
    """Ranks in the order in which they would go, each taking its slots and none giving them back."""
    found = []
    while (first := slots.first()) is not None:
        demand, rank = first
        slots.pop(demand)
        slots.take(demand, rank)
        found.append(rank)
    return found


def test_lower_ranks_go_first():
    slots = Slots(Capacity(10))
    for rank in (5, 1, 3):
        slots.push(Demand(1), rank)
    assert order(slots) == [1, 3, 5]


def test_ranks_count_over_all_demands():
    slots = Slots(Capacity(10))
    for cpu, rank in ((1, 4), (2, 1), (1, 2), (2, 3)):
        slots.push(Demand(cpu), rank)
    assert order(slots) == [1, 2, 3, 4]


def test_who_does_not_fit_is_passed():
    slots = Slots(Capacity(1))
    slots.push(Demand(4), 0)
    slots.push(Demand(1), 7)
    assert slots.first() == (Demand(1), 7)


def test_nobody_goes_when_nothing_fits():
    slots = Slots(Capacity(1))
    slots.push(Demand(2), 0)
    assert slots.first() is None


def test_an_empty_demand_is_no_candidate():
    slots = Slots(Capacity(4))
    slots.push(Demand(1), 0)
    slots.pop(Demand(1))
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
    assert Slots(Capacity(free, queue)).fits(Demand(cpu)) is fits
