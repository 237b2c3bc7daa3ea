"""What calls occupy of a machine, and whether there is room for another: counted a second time, and more simply."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from weftline.model.call import Handle
from weftline.model.node import NodeSpec
from weftline.ports.backend import Capabilities

#: Sums of fractions have no exact form.
TINY = 1e-6
CPU, MEMORY, GPU = "CPUs", "GiB of memory", "devices"


class Use(NamedTuple):
    """What one attempt occupies.

    Attributes:
        amounts: by what it is of; devices aside.
        gpu: devices, or a share of one.
        gpu_memory_gb: on each of them.
    """

    amounts: Mapping[str, float]
    gpu: float = 0.0
    gpu_memory_gb: float = 0.0

    @property
    def cpu(self) -> float:
        """Processor slots."""
        return self.amounts[CPU]

    @property
    def is_plain(self) -> bool:
        """Whether it is of processors alone."""
        return len(self.amounts) == 1 and not self.gpu


def uses_of(spec: NodeSpec, capabilities: Capabilities) -> list[Use]:
    """What the first attempt of a call occupies, the second and so on: with each it has more memory, up to what there is."""
    asked = spec.resources
    amounts = {CPU: asked.cpu, **asked.tags, **{f"lock {name}": 1.0 for name in asked.locks}}
    attempts = range(1, spec.policy.max_attempts + 1) if asked.memory_step_gb else (1,)
    found = []
    for attempt in attempts:
        memory_gb = asked.memory_of(attempt)
        memory = {} if memory_gb is None else {MEMORY: min(memory_gb, capabilities.memory_gb)}
        found.append(Use({**amounts, **memory}, asked.gpu, asked.gpu_memory_gb))
    return found


class Room:
    """What there is, and what calls have of it.

    Args:
        capabilities: of the backend.

    Attributes:
        used: by what it is of.
        large: how many calls have more than one CPU.
    """

    def __init__(self, capabilities: Capabilities) -> None:
        self.used: Counter[str] = Counter()
        self.large = 0
        self._there_is = {CPU: float(capabilities.slots), MEMORY: capabilities.memory_gb, **capabilities.named}
        self._sizes = {device.id: device.memory_gb or math.inf for device in capabilities.devices}
        self._held: dict[Handle, tuple[Use, tuple[str, ...]]] = {}

    def there_is(self, name: str) -> float:
        """How much there is of something; of each lock there is one."""
        return self._there_is.get(name, 1.0)

    def take(self, handle: Handle, use: Use, devices: tuple[str, ...]) -> None:
        """An attempt has something from now on."""
        self._held[handle] = use, devices
        self._count(use, 1)

    def give(self, handle: Handle) -> None:
        """An attempt has nothing any more."""
        self._count(self._held.pop(handle)[0], -1)

    def _count(self, use: Use, calls: int) -> None:
        self.large += calls * (use.cpu > 1)
        for name, amount in use.amounts.items():
            self.used[name] += calls * amount  # type: ignore[assignment]  # it counts shares, too

    def lacks(self, use: Use) -> set[str]:
        """What there is too little of for one more attempt."""
        found = {name for name, amount in use.amounts.items() if self.used[name] + amount > self.there_is(name) + TINY}
        if use.gpu and not self._has_devices(use):
            found.add(GPU)
        return found

    def fits(self, use: Use) -> bool:
        """Whether there is room for one more attempt, without its waiting in the backend."""
        return not self.lacks(use)

    def competes(self, use: Use, first: Use) -> bool:
        """Whether an attempt takes something that another one waits for."""
        lacking = self.lacks(first)
        taken = {name for name, amount in use.amounts.items() if amount}
        return bool(lacking & taken) or (GPU in lacking and bool(use.gpu))

    # --- devices ---

    def shares(self, device: str) -> tuple[float, float]:
        """What attempts have of a device: of it, and of its memory in GiB."""
        found = [use for use, devices in self._held.values() if device in devices]
        return sum(min(use.gpu, 1.0) for use in found), sum(use.gpu_memory_gb for use in found)

    def _has_devices(self, use: Use) -> bool:
        able = 0
        for device, size in self._sizes.items():
            share, memory_gb = self.shares(device)
            able += share + min(use.gpu, 1.0) <= 1 + TINY and memory_gb + use.gpu_memory_gb <= size + TINY
        return able >= use.gpu

    def misfit(self, use: Use, devices: tuple[str, ...]) -> str | None:
        """What is wrong with giving an attempt these devices."""
        if len(devices) != math.ceil(use.gpu) or len(set(devices)) != len(devices):
            return f"it is told {devices} and asked for {use.gpu:g}"
        for device in devices:
            share, memory_gb = self.shares(device)
            if device not in self._sizes:
                return f"there is no {device}"
            if share + min(use.gpu, 1.0) > 1 + TINY or memory_gb + use.gpu_memory_gb > self._sizes[device] + TINY:
                return f"of {device}, {share:g} are taken, and {memory_gb:g} GiB of it"
        return None
