"""Orders of execution and circles."""

import pytest

from weftline.model.order import circles, topological


def downstream(upstream):
    found = [[] for _ in upstream]
    for number, sources in enumerate(upstream):
        for source in sources:
            found[source].append(number)
    return found


def order(upstream, priorities=None):
    return topological(upstream, downstream(upstream), priorities or [0] * len(upstream))


def left_out(upstream):
    return sorted(set(range(len(upstream))) - set(order(upstream)))


ORDERS = {
    "nothing": ([], None, []),
    "one": ([[]], None, [0]),
    "as defined": ([[], [], []], None, [0, 1, 2]),
    "chain": ([[], [0], [1]], None, [0, 1, 2]),
    "chain defined backwards": ([[1], [2], []], None, [2, 1, 0]),
    "diamond": ([[], [0], [0], [1, 2]], None, [0, 1, 2, 3]),
    "higher priority first": ([[], [], []], [0, 5, 1], [1, 2, 0]),
    "negative priority last": ([[], [], []], [-1, 0, 0], [1, 2, 0]),
    "priority yields to what is needed": ([[1], [], []], [9, 0, 1], [2, 1, 0]),
    "what gets ready comes before what was": ([[], [], [0]], [1, 0, 5], [0, 2, 1]),
    "definition decides among equals": ([[2], [], []], [1, 1, 1], [1, 2, 0]),
    "circle left out": ([[], [2], [1], [0]], None, [0, 3]),
    "what is behind a circle left out": ([[0], [0], []], None, [2]),
}


@pytest.mark.parametrize(("upstream", "priorities", "expected"), ORDERS.values(), ids=ORDERS)
def test_orders(upstream, priorities, expected):
    assert order(upstream, priorities) == expected


CIRCLES = {
    "none": ([[], [0]], []),
    "itself": ([[0]], [[0]]),
    "two": ([[1], [0]], [[0, 1]]),
    "three, in the direction of the data": ([[2], [0], [1]], [[0, 1, 2]]),
    "three, the other way round": ([[1], [2], [0]], [[0, 2, 1]]),
    "what is behind is not in it": ([[1], [0], [1], [2]], [[0, 1]]),
    "what is before is not in it": ([[], [0, 2], [1]], [[1, 2]]),
    "two knots": ([[1], [0], [3], [2]], [[0, 1], [2, 3]]),
    "a knot behind a knot": ([[1], [0], [1, 3], [2]], [[0, 1], [2, 3]]),
    "a knot that hangs on another by all its members": ([[1], [0], [0, 3], [0, 2]], [[0, 1], [2, 3]]),
    "a node that waits for itself behind a circle": ([[1], [0], [0, 2]], [[0, 1], [2]]),
}


@pytest.mark.parametrize(("upstream", "expected"), CIRCLES.values(), ids=CIRCLES)
def test_circles(upstream, expected):
    assert sorted(circles(upstream, left_out(upstream))) == expected


def test_a_knot_of_several_circles_is_told_by_one_of_them():
    (found,) = circles([[1, 2], [0], [0]], [0, 1, 2])
    assert found in ([0, 1], [0, 2])


def test_a_chain_of_any_length_works():
    count = 20_000
    upstream = [[number - 1] if number else [] for number in range(count)]
    assert order(upstream) == list(range(count))
    ring = [[(number - 1) % count] for number in range(count)]
    assert order(ring) == []
    assert circles(ring, range(count)) == [list(range(count))]
