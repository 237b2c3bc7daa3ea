"""Which ready node goes next: by rank, among those whose demand fits what is free."""

from __future__ import annotations

from heapq import heappop, heappush


class Slots:
    """Free slots, and the nodes that wait for some.

    Nodes are known by their rank, a number of their own; lower goes first. They are kept by demand, each demand in a heap, so
    that a node that does not fit is passed by others that do without being looked at again and again.

    Args:
        free: calls of one CPU that may run at the same time.
        queue: further calls of at most one CPU that may wait in the backend.
    """

    __slots__ = ("_heaps", "free", "queue")

    def __init__(self, free: float, queue: int) -> None:
        self.free = free
        self.queue = queue
        self._heaps: dict[float, list[int]] = {}

    def push(self, cpu: float, rank: int) -> None:
        """A node has calls to start."""
        heap = self._heaps.get(cpu)
        if heap is None:
            heap = self._heaps[cpu] = []
        heappush(heap, rank)

    def pop(self, cpu: float) -> None:
        """The first node of a demand has no more calls to start."""
        heappop(self._heaps[cpu])

    def first(self) -> tuple[float, int] | None:
        """The demand and the rank of the node that goes next; None when nothing fits."""
        best: tuple[float, int] | None = None
        for cpu, heap in self._heaps.items():
            if heap and (best is None or heap[0] < best[1]) and self.fits(cpu):
                best = (cpu, heap[0])
        return best

    def fits(self, cpu: float) -> bool:
        """Whether a call with this demand may start now."""
        return self.free >= cpu or (cpu <= 1 and self.free + self.queue >= cpu)
