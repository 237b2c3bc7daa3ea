"""Order of execution, and circles; without recursion, so that a chain of any length works.

Source: A. B. Kahn, Topological sorting of large networks, CACM 5 (1962); the ready set is a heap, which makes the order a
function of the graph alone.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def circles(upstream: Edges, among: Sequence[int]) -> list[list[int]]:
    """One circle for each knot of numbers that wait for each other.

    Args:
        upstream: for each number, those that come before it.
        among: the numbers to look at, as those that `topological` left out.

    Returns:
        Circles in the direction of the data: each number is read by the next, and the last by the first.
    """
    inside = set(among)
    seen: set[int] = set()
    found: list[list[int]] = []
    for start in among:
        walk: list[int] = []
        position: dict[int, int] = {}
        number: int | None = start
        while number is not None and number not in seen and number not in position:
            position[number] = len(walk)
            walk.append(number)
            number = next((source for source in upstream[number] if source in inside), None)
        if number is not None and number in position:
            circle = walk[position[number] :]
            circle.reverse()
            smallest = circle.index(min(circle))
            found.append(circle[smallest:] + circle[:smallest])
        seen.update(walk)
    return found
