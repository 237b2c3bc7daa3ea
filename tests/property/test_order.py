"""Orders of execution, against a plain reference; circles, against the definition of a knot."""

from graphlib import CycleError, TopologicalSorter

from hypothesis import given, settings
from hypothesis import strategies as st

from weftline.model.order import circles, topological

QUICK = settings(max_examples=200, deadline=None)
SIZES = st.integers(0, 7)


@st.composite
def graphs(draw, acyclic=False):
    """For each number the numbers it reads from, and a priority for each."""
    count = draw(SIZES)
    upstream = []
    for number in range(count):
        sources = st.integers(0, number - 1) if acyclic else st.integers(0, count - 1)
        upstream.append(sorted(draw(st.sets(sources, max_size=3))) if number or not acyclic else [])
    renamed = draw(st.permutations(range(count)))
    shuffled: list[list[int]] = [[] for _ in range(count)]
    for number, sources in enumerate(upstream):
        shuffled[renamed[number]] = sorted(renamed[source] for source in sources)
    return shuffled, draw(st.lists(st.integers(-1, 1), min_size=count, max_size=count))


def downstream(upstream):
    return [[after for after, sources in enumerate(upstream) if number in sources] for number in range(len(upstream))]


def reference(upstream, priorities):
    """What the documents say, word by word: among what is ready, the highest priority, then the first defined."""
    found: list[int] = []
    while True:
        ready = [number for number in range(len(upstream)) if number not in found and set(upstream[number]) <= set(found)]
        if not ready:
            return found
        found.append(min(ready, key=lambda number: (-priorities[number], number)))


def knots(upstream):
    """The sets of numbers that wait for each other, from reachability alone."""
    count = len(upstream)
    reached = [set(sources) for sources in upstream]
    for _ in range(count):
        for number in range(count):
            for source in list(reached[number]):
                reached[number] |= reached[source]
    on_circle = [number for number in range(count) if number in reached[number]]
    return {
        frozenset(other for other in on_circle if other in reached[number] and number in reached[other]) for number in on_circle
    }


@QUICK
@given(graphs())
def test_the_order_is_the_one_that_is_described(graph):
    upstream, priorities = graph
    assert topological(upstream, downstream(upstream), priorities) == reference(upstream, priorities)


@QUICK
@given(graphs(acyclic=True))
def test_a_graph_without_circles_is_ordered_completely(graph):
    upstream, priorities = graph
    order = topological(upstream, downstream(upstream), priorities)
    sorter = TopologicalSorter(dict(enumerate(upstream)))
    sorter.prepare()
    ready = set(sorter.get_ready())
    for number in order:
        assert number in ready
        sorter.done(number)
        ready.update(sorter.get_ready())
    assert not sorter.is_active()
    assert circles(upstream, []) == []


@QUICK
@given(graphs())
def test_a_number_is_left_out_exactly_if_it_waits_for_a_circle(graph):
    upstream, priorities = graph
    left_out = set(range(len(upstream))) - set(topological(upstream, downstream(upstream), priorities))
    try:
        TopologicalSorter(dict(enumerate(upstream))).prepare()
    except CycleError:
        assert left_out
    else:
        assert not left_out
    assert set().union(*knots(upstream)) <= left_out


@QUICK
@given(graphs())
def test_each_knot_is_told_by_one_circle_in_it(graph):
    upstream, priorities = graph
    order = topological(upstream, downstream(upstream), priorities)
    found = circles(upstream, [number for number in range(len(upstream)) if number not in order])
    for circle in found:
        assert len(set(circle)) == len(circle)
        assert circle[0] == min(circle)
        following = [*circle[1:], circle[0]]
        assert all(number in upstream[after] for number, after in zip(circle, following, strict=True))
    by_circle = [next(knot for knot in knots(upstream) if set(circle) <= knot) for circle in found]
    assert sorted(map(sorted, by_circle)) == sorted(map(sorted, knots(upstream)))
