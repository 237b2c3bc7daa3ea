"""What a call occupies, and how much there is, in a form that is compared quickly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from weftline.model.resources import DEFAULT, Device, Resources
from weftline.ports.backend import Capabilities


class Further(NamedTuple):
    """What a call occupies besides processors.

    Attributes:
        memory_gb: main memory in GiB.
        gpu: devices; a fraction below 1 shares one.
        gpu_memory_gb: memory in GiB on each.
        named: names and amounts.
    """

    memory_gb: float = 0.0
    gpu: float = 0.0
    gpu_memory_gb: float = 0.0
    named: tuple[tuple[str, float], ...] = ()


class Demand(NamedTuple):
    """What a call occupies.

    Attributes:
        cpu: processor slots.
        further: what else; None for most.
    """

    cpu: float = 1.0
    further: Further | None = None


class Capacity(NamedTuple):
    """How much there is.

    Attributes:
        cpu: calls of one CPU that may run at the same time.
        queue: further calls of at most one CPU, and of nothing else, that may wait in the backend.
        memory_gb: main memory in GiB.
        devices: GPUs.
        named: amounts by name.
    """

    cpu: float
    queue: int = 0
    memory_gb: float = math.inf
    devices: Sequence[Device] = ()
    named: Mapping[str, float] = {}

    @classmethod
    def of(cls, capabilities: Capabilities) -> Capacity:
        """What calls may occupy together on a backend."""
        return cls(
            cpu=capabilities.slots,
            queue=min(capabilities.queue, capabilities.slots),
            memory_gb=capabilities.memory_gb,
            devices=capabilities.devices,
            named=capabilities.named,
        )


ONE = Demand()
_ONE_CPU = (ONE,)  # what most nodes ask for
#: What a lock's name begins with among named amounts; of each lock there is one.
_LOCK = "lock "


def is_lock(name: str) -> bool:
    """Whether a named amount is a lock."""
    return name.startswith(_LOCK)


def demands_of(resources: Resources, attempts: int) -> tuple[Demand, ...]:
    """What a call occupies in its first attempt, its second and so on; one demand if that never changes."""
    if resources is DEFAULT:
        return _ONE_CPU
    steps = range(1, attempts + 1) if resources.memory_step_gb else (1,)
    return tuple(_demand(resources, resources.memory_of(attempt)) for attempt in steps)


def _demand(asked: Resources, memory_gb: float | None) -> Demand:
    named = (*sorted(asked.tags.items()), *((_LOCK + name, 1.0) for name in sorted(set(asked.locks))))
    further = Further(memory_gb or 0.0, asked.gpu, asked.gpu_memory_gb, named)
    return Demand(asked.cpu, None if further == Further() else further)
