"""What a call needs while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resources:
    """What one call occupies.

    Attributes:
        cpu: processor slots.
        gpu: devices; a fraction shares one.
        memory_gb: main memory in GiB, or None for whatever it takes.
        tags: further named resources and how much of each, such as `{"licence": 1}`.
    """

    cpu: float = 1
    gpu: float = 0
    memory_gb: float | None = None
    tags: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cpu < 0 or self.gpu < 0 or (self.memory_gb is not None and self.memory_gb <= 0):
            raise ValueError(f"resources must not be negative: {self}")


DEFAULT = Resources()
