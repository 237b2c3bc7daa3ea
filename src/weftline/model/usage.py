"""What a node's calls took of the machine beside what it asked for, and what to ask for instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weftline.model.quantity import shown_memory
from weftline.model.resources import DEFAULT, Resources

#: Of what was asked for, this much used is little, and this much is nearly all.
_LITTLE, _NEARLY_ALL = 0.5, 0.9
#: Of the processors asked for, this many in use are more than was agreed.
_MORE = 1.5
#: Calls that were shorter in all say nothing of processors.
_TELLING_S = 5.0
#: Fields of an event that tell of usage.
FIELDS = ("peak_memory_bytes", "cpu_s")
#: Fields of the event of a node's start that tell what it asks for.
ASKED = ("cpu", "memory_gb")


@dataclass(slots=True)
class NodeUsage:
    """What the calls of one node took, as far as anybody looked.

    Attributes:
        calls: how many were looked at.
        peak_memory_bytes: the most that one of them held; None if that is not known of any.
        cpu_s: CPU seconds of those of which they are known.
        cpu_took_s: how long those ran.
    """

    calls: int = 0
    peak_memory_bytes: int | None = None
    cpu_s: float = 0.0
    cpu_took_s: float = 0.0

    def add(self, fields: Mapping[str, Any], took_s: float | None) -> None:
        """One attempt more.

        Args:
            fields: those of its event.
            took_s: how long it ran, where that is known.
        """
        peak, cpu_s = fields.get("peak_memory_bytes"), fields.get("cpu_s")
        if peak is None and cpu_s is None:
            return
        self.calls += 1
        if peak is not None:
            self.peak_memory_bytes = max(peak, self.peak_memory_bytes or 0)
        if cpu_s is not None and took_s:
            self.cpu_s += cpu_s
            self.cpu_took_s += took_s

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        return {"calls": self.calls, "peak_memory_bytes": self.peak_memory_bytes, "cpu_s": round(self.cpu_s, 3)}


def asked_fields(resources: Resources) -> dict[str, Any]:
    """What the event of a node's start tells of what it asks for: only what is not the default."""
    return {name: found for name in ASKED if (found := getattr(resources, name)) != getattr(DEFAULT, name)}


def suggestions(node: str, used: NodeUsage, asked: Mapping[str, Any]) -> Iterable[str]:
    """Where a node asked for far more than it used, or for hardly enough; nothing where it fits.

    Args:
        node: its name.
        used: by its calls.
        asked: the fields of `asked_fields`.
    """
    calls = f"{used.calls:,} call{'s' if used.calls != 1 else ''}"
    memory_gb, peak = asked.get("memory_gb"), used.peak_memory_bytes
    if memory_gb is not None and peak is not None:
        share = peak / (memory_gb * 2**30)
        told = f"{node}: asked for {shown_memory(memory_gb * 2**30)} of memory, used {shown_memory(peak)} at most ({calls})"
        if share <= _LITTLE:
            yield told
        elif share >= _NEARLY_ALL:
            yield f"{told}: nearly all, or more"
    cpu = asked.get("cpu", 1)
    if used.cpu_took_s >= _TELLING_S and cpu:
        mean = used.cpu_s / used.cpu_took_s
        if mean >= _MORE * cpu or (cpu > 1 and mean <= _LITTLE * cpu):
            yield f"{node}: asked for {cpu:g} CPU, kept {mean:.1f} busy ({calls})"
