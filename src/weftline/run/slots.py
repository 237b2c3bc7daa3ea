"""Which ready node goes next: by rank, among those whose demand fits what is free."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from weftline.run.demand import Capacity, Demand, Further, is_lock
from weftline.run.devices import Devices

#: Calls that may pass a node that ranks before them but does not fit; after these, what it waits for is kept for it.
_PATIENCE = 64
#: Sums of fractions such as 0.1 have no exact form.
_TINY = 1e-9
_NOTHING: tuple[str, ...] = ()


class Slots:
    """What is free, and the nodes that wait for some of it.

    Nodes are known by their rank, a number of their own; lower goes first. They are kept by demand, each demand in a heap, so
    that a node that does not fit is passed by others that do without being looked at again and again.

    Args:
        capacity: how much there is.

    Attributes:
        free: processor slots.
        queue: further calls of at most one CPU that may wait in the backend.
        waiting: nodes that have calls to start, each once, with what the next one occupies.
    """

    __slots__ = (
        "_devices",
        "_first",
        "_first_demand",
        "_heaps",
        "_large",
        "_memory",
        "_memory_gb",
        "_named",
        "_passed",
        "free",
        "queue",
        "waiting",
    )

    def __init__(self, capacity: Capacity) -> None:
        self.free = capacity.cpu
        self.queue = capacity.queue
        self.waiting: dict[int, Demand] = {}
        self._heaps: dict[Demand, list[int]] = {}
        self._first = -1  # the rank that comes before all others, whether it fits or not
        self._first_demand: Demand | None = None
        self._passed = 0  # how many calls have gone before it that take what it waits for
        self._large = 0  # running calls of more than one CPU
        self._memory = self._memory_gb = capacity.memory_gb
        self._named = dict(capacity.named)
        self._devices = Devices(capacity.devices)

    def push(self, demand: Demand, rank: int) -> None:
        """A node has calls to start; nothing new if it waits already."""
        if rank in self.waiting:
            return
        self.waiting[rank] = demand
        heap = self._heaps.get(demand)
        if heap is None:
            heap = self._heaps[demand] = []
        heappush(heap, rank)

    def pop(self, demand: Demand) -> None:
        """The first node of a demand has no more calls to start, or may not start them now."""
        del self.waiting[heappop(self._heaps[demand])]

    def forget(self, rank: int) -> None:
        """A node starts nothing more: nothing is kept for it."""
        demand = self.waiting.pop(rank, None)
        if demand is not None:
            self._heaps[demand].remove(rank)
            heapify(self._heaps[demand])

    def first(self) -> tuple[Demand, int] | None:
        """The demand and the rank of the node that goes next; None when nothing fits."""
        best: tuple[Demand, int] | None = None
        first: int | None = None
        first_demand: Demand | None = None
        is_impatient = self._passed >= _PATIENCE
        for demand, heap in self._heaps.items():
            if heap:
                rank = heap[0]
                if first is None or rank < first:
                    first, first_demand = rank, demand
                if (best is None or rank < best[1]) and self._has_room(demand):
                    if is_impatient and rank != self._first and self._competes(demand):
                        continue
                    best = (demand, rank)
        if first is not None and first != self._first:
            self._first, self._first_demand, self._passed = first, first_demand, 0
            if is_impatient:
                return self.first()
        self._first_demand = first_demand or self._first_demand
        return best

    def fits(self, demand: Demand, rank: int = -1) -> bool:
        """Whether a call of a node may start now."""
        if not self._has_room(demand):
            return False
        return rank == self._first or self._passed < _PATIENCE or not self._competes(demand)

    def _has_room(self, demand: Demand) -> bool:
        cpu, further = demand
        if further is None:
            # a backend counts calls, not CPUs: what waits there would start beside a large call
            return self.free >= cpu - _TINY or (cpu <= 1 and not self._large and self.free + self.queue >= cpu)
        return self.free >= cpu - _TINY and self._has_further(further)

    def _has_further(self, further: Further) -> bool:
        if min(further.memory_gb, self._memory_gb) > self._memory + _TINY:
            return False
        if any(amount > self._amount(name) + _TINY for name, amount in further.named):
            return False
        return not further.gpu or self._devices.choose(further.gpu, further.gpu_memory_gb) is not None

    def _amount(self, name: str) -> float:
        """How much of something named is free; a lock that nobody has taken yet is."""
        return self._named.get(name, 1.0 if is_lock(name) else 0.0)

    def _competes(self, demand: Demand) -> bool:
        """Whether a call takes something that the first node waits for."""
        assert self._first_demand is not None
        cpu, wanted = self._first_demand
        if self.free < cpu - _TINY and demand.cpu:
            return True
        taken = demand.further
        if wanted is None or taken is None:
            return False
        if taken.memory_gb and wanted.memory_gb > self._memory + _TINY:
            return True
        if taken.gpu and wanted.gpu and self._devices.choose(wanted.gpu, wanted.gpu_memory_gb) is None:
            return True
        lacking = {name for name, amount in wanted.named if amount > self._amount(name) + _TINY}
        return any(name in lacking for name, _ in taken.named)

    def take(self, demand: Demand, rank: int) -> tuple[str, ...]:
        """A call starts; gives the ids of its devices."""
        cpu, further = demand
        if rank != self._first and self._competes(demand):
            self._passed += 1
        self.free -= cpu
        self._large += cpu > 1
        if further is None:
            return _NOTHING
        self._memory -= min(further.memory_gb, self._memory_gb)
        for name, amount in further.named:
            self._named[name] = self._amount(name) - amount
        if not further.gpu:
            return _NOTHING
        devices = self._devices.choose(further.gpu, further.gpu_memory_gb)
        assert devices is not None, "`first` has seen to it"
        self._devices.take(devices, further.gpu, further.gpu_memory_gb)
        return devices

    def give(self, demand: Demand, devices: tuple[str, ...] = _NOTHING) -> None:
        """A call has ended."""
        cpu, further = demand
        self.free += cpu
        self._large -= cpu > 1
        if further is not None:
            self._memory += min(further.memory_gb, self._memory_gb)
            for name, amount in further.named:
                self._named[name] += amount
            if devices:
                self._devices.give(devices, further.gpu, further.gpu_memory_gb)
