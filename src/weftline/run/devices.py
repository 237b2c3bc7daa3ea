"""Which GPUs a call gets: whole ones for itself alone, or a share of one."""

from __future__ import annotations

from collections.abc import Sequence

from weftline.model.resources import Device

#: Shares are sums of fractions such as 0.1, which have no exact form.
_TINY = 1e-9


class Devices:
    """Free shares of devices.

    Args:
        devices: what there is.
    """

    __slots__ = ("_memory", "_shares", "_size")

    def __init__(self, devices: Sequence[Device]) -> None:
        self._size = {device.id: device.memory_gb for device in devices}
        self._shares = dict.fromkeys(self._size, 1.0)
        self._memory = dict(self._size)

    def choose(self, gpu: float, memory_gb: float) -> tuple[str, ...] | None:
        """Devices for a call, by their order; None if there are not enough.

        A share goes to the fullest device that has room for it, so that whole ones stay free.
        """
        able = [name for name, size in self._size.items() if not size or self._memory[name] >= memory_gb - _TINY]
        if gpu >= 1:
            free = [name for name in able if self._shares[name] >= 1 - _TINY]
            return tuple(free[: int(gpu)]) if len(free) >= gpu else None
        room = [name for name in able if self._shares[name] >= gpu - _TINY]
        return (min(room, key=lambda name: self._shares[name]),) if room else None

    def take(self, names: Sequence[str], gpu: float, memory_gb: float) -> None:
        """A call gets these."""
        for name in names:
            self._shares[name] -= min(gpu, 1.0)
            self._memory[name] -= memory_gb

    def give(self, names: Sequence[str], gpu: float, memory_gb: float) -> None:
        """A call gives these back."""
        for name in names:
            self._shares[name] = min(1.0, self._shares[name] + min(gpu, 1.0))
            self._memory[name] += memory_gb
