"""Which ready node goes next: by rank, among those whose demand fits what is free."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

Rank = tuple[int, int]


class Slots:
    """Free slots, and the nodes that wait for some.

    Nodes are kept by demand, each demand in a heap by rank, so that a node that does not fit is passed by others that do
    without being looked at again and again.

    Args:
        free: calls of one CPU that may run at the same time.
        queue: further calls of at most one CPU that may wait in the backend.
    """

    __slots__ = ("_heaps", "free", "queue")

    def __init__(self, free: float, queue: int) -> None:
        self.free = free
        self.queue = queue
        self._heaps: dict[float, list[tuple[Rank, int]]] = {}

    def push(self, cpu: float, rank: Rank, number: int) -> None:
        """A node has calls to start."""
        heap = self._heaps.get(cpu)
        if heap is None:
            heap = self._heaps[cpu] = []
        heappush(heap, (rank, number))

    def pop(self, cpu: float) -> None:
        """The first node of a demand has no more calls to start."""
        heappop(self._heaps[cpu])

    def first(self, may_start: Callable[[int], bool]) -> tuple[float, int] | None:
        """The node that goes next, with its demand; None when nothing fits.

        Args:
            may_start: whether a node still has calls to start; others are dropped.
        """
        best: tuple[Rank, int] | None = None
        demand = 0.0
        for cpu, heap in self._heaps.items():
            while heap and not may_start(heap[0][1]):
                heappop(heap)
            if heap and (best is None or heap[0] < best) and self.fits(cpu):
                best, demand = heap[0], cpu
        return None if best is None else (demand, best[1])

    def fits(self, cpu: float) -> bool:
        """Whether a call with this demand may start now."""
        return self.free >= cpu or (cpu <= 1 and self.free + self.queue >= cpu)
