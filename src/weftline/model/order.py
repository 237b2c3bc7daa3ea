"""Order of execution, and circles; without recursion, so that a chain of any length works.

Source: A. B. Kahn, Topological sorting of large networks, CACM 5 (1962); the ready set is a heap, which makes the order a
function of the graph alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

Edges = Sequence[Sequence[int]]


def topological(upstream: Edges, downstream: Edges, priorities: Sequence[int]) -> list[int]:
    """Numbers in an order of execution: after what they need; then higher priority; then as defined.

    Args:
        upstream: for each number, those that come before it; each once.
        downstream: the same edges from the other side.
        priorities: higher is earlier among those that are ready.

    Returns:
        All numbers; without those that are on a circle or behind one.
    """
    if is_ordered(upstream) and len(set(priorities)) < 2:
        return list(range(len(upstream)))  # whatever is ready, the smallest number always is
    waiting = [len(sources) for sources in upstream]
    ready = [(-priorities[number], number) for number, count in enumerate(waiting) if count == 0]
    heapify(ready)
    found = []
    while ready:
        _, number = heappop(ready)
        found.append(number)
        for after in downstream[number]:
            waiting[after] -= 1
            if waiting[after] == 0:
                heappush(ready, (-priorities[after], after))
    return found


def is_ordered(upstream: Edges) -> bool:
    """Whether each number comes after all that it needs, as most people write things down."""
    return all(not sources or max(sources) < number for number, sources in enumerate(upstream))


def circles(upstream: Edges, among: Sequence[int]) -> list[list[int]]:
    """One circle for each knot of numbers that wait for each other.

    Args:
        upstream: for each number, those that come before it.
        among: the numbers to look at, as those that `topological` left out.

    Returns:
        Circles in the direction of the data: each number is read by the next, and the last by the first.
    """
    found = []
    for knot in _knots(upstream, among):
        inside = set(knot)
        number = knot[0]
        walk: dict[int, int] = {}
        while number not in walk:
            walk[number] = len(walk)
            number = next(source for source in upstream[number] if source in inside)
        circle = list(walk)[walk[number] :]
        circle.reverse()
        smallest = circle.index(min(circle))
        found.append(circle[smallest:] + circle[:smallest])
    return found


def _knots(upstream: Edges, among: Sequence[int]) -> Iterator[list[int]]:
    """The strongly connected sets that have an edge in them.

    Source: H. N. Gabow, Path-based depth-first search for strong and biconnected components, IPL 74 (2000).
    """
    outside = set(range(len(upstream))).difference(among)
    position: dict[int, int] = {}
    stack: list[int] = []
    bounds: list[int] = []
    for start in among:
        path: list[tuple[int, Iterator[int]]] = []
        entered: int | None = None if start in position else start
        while entered is not None or path:
            if entered is not None:
                position[entered] = len(stack)
                bounds.append(len(stack))
                stack.append(entered)
                path.append((entered, iter(upstream[entered])))
                entered = None
            number, sources = path[-1]
            for source in sources:
                if source in outside:
                    continue
                if source not in position:
                    entered = source
                    break
                while bounds[-1] > position[source]:
                    bounds.pop()
            else:
                path.pop()
                if bounds[-1] == position[number]:
                    knot = stack[bounds.pop() :]
                    del stack[position[number] :]
                    outside.update(knot)
                    if len(knot) > 1 or number in upstream[number]:
                        yield knot
