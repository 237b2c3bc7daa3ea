"""What a call needs while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Device(NamedTuple):
    """A GPU.

    Attributes:
        id: as `CUDA_VISIBLE_DEVICES` names it.
        memory_gb: its memory in GiB; 0 where nobody knows.
    """

    id: str
    memory_gb: float = 0.0


@dataclass(frozen=True, slots=True)
class Resources:
    """What one call occupies.

    Attributes:
        cpu: processor slots.
        gpu: devices, which the call alone has and finds in `CUDA_VISIBLE_DEVICES`; a fraction below 1 shares one.
        gpu_memory_gb: memory in GiB on each of these devices; of a shared one, what the call takes.
        memory_gb: main memory in GiB, or None for whatever it takes.
        memory_step_gb: how much more each further attempt gets, in GiB, up to what the machine has.
        tags: further named resources and how much of each, such as `{"licence": 1}`; a run is told how much there is.
        locks: names that one call at a time may have.
    """

    cpu: float = 1
    gpu: float = 0
    gpu_memory_gb: float = 0.0
    memory_gb: float | None = None
    memory_step_gb: float = 0.0
    tags: Mapping[str, float] = field(default_factory=dict)
    locks: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.locks, str):
            object.__setattr__(self, "locks", (self.locks,))
        amounts = (self.cpu, self.gpu, self.gpu_memory_gb, self.memory_step_gb, *self.tags.values())
        if min(amounts) < 0 or (self.memory_gb is not None and self.memory_gb <= 0):
            raise ValueError(f"resources must not be negative: {self}")
        if self.gpu > 1 and self.gpu != int(self.gpu):
            raise ValueError(f"gpu is a number of devices, or a fraction of one: not {self.gpu}")
        if self.gpu_memory_gb and not self.gpu:
            raise ValueError("gpu_memory_gb needs gpu")
        if self.memory_step_gb and self.memory_gb is None:
            raise ValueError("memory_step_gb needs memory_gb")

    def memory_of(self, attempt: int) -> float | None:
        """Main memory of an attempt in GiB, counted from 1."""
        return None if self.memory_gb is None else self.memory_gb + (attempt - 1) * self.memory_step_gb


DEFAULT = Resources()
