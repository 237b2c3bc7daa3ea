"""Which ready node goes next: by rank, among those whose demand fits what is free."""

from __future__ import annotations

from heapq import heappop, heappush

#: Calls that may pass a node that ranks before them but does not fit; after these, what gets free is kept for it.
_PATIENCE = 64


class Slots:
    """Free slots, and the nodes that wait for some.

    Nodes are known by their rank, a number of their own; lower goes first. They are kept by demand, each demand in a heap, so
    that a node that does not fit is passed by others that do without being looked at again and again.

    Args:
        free: calls of one CPU that may run at the same time.
        queue: further calls of at most one CPU that may wait in the backend.
    """

    __slots__ = ("_first", "_heaps", "_large", "_passed", "free", "queue", "waiting")

    def __init__(self, free: float, queue: int) -> None:
        self.free = free
        self.queue = queue
        self.waiting = 0  # nodes that have calls to start
        self._heaps: dict[float, list[int]] = {}
        self._first = -1  # the rank that comes before all others, whether it fits or not
        self._passed = 0  # how many calls have gone before it
        self._large = 0  # running calls of more than one CPU

    def push(self, cpu: float, rank: int) -> None:
        """A node has calls to start."""
        heap = self._heaps.get(cpu)
        if heap is None:
            heap = self._heaps[cpu] = []
        heappush(heap, rank)
        self.waiting += 1

    def pop(self, cpu: float) -> None:
        """The first node of a demand has no more calls to start."""
        heappop(self._heaps[cpu])
        self.waiting -= 1

    def first(self) -> tuple[float, int] | None:
        """The demand and the rank of the node that goes next; None when nothing fits."""
        best: tuple[float, int] | None = None
        first: int | None = None
        for cpu, heap in self._heaps.items():
            if heap:
                rank = heap[0]
                if first is None or rank < first:
                    first = rank
                if (best is None or rank < best[1]) and self._has_room(cpu):
                    best = (cpu, rank)
        if first is not None and first != self._first:
            self._first, self._passed = first, 0
        if best is None or (best[1] != self._first and self._passed >= _PATIENCE):
            return None
        return best

    def fits(self, cpu: float, rank: int = -1) -> bool:
        """Whether a call of a node may start now."""
        return self._has_room(cpu) and (rank == self._first or self._passed < _PATIENCE)

    def _has_room(self, cpu: float) -> bool:
        # a backend counts calls, not CPUs: what waits there would start beside a large call
        return self.free >= cpu or (cpu <= 1 and not self._large and self.free + self.queue >= cpu)

    def take(self, cpu: float, rank: int) -> None:
        """A call starts."""
        self.free -= cpu
        self._large += cpu > 1
        self._passed += rank != self._first

    def give(self, cpu: float) -> None:
        """A call has ended."""
        self.free += cpu
        self._large -= cpu > 1
