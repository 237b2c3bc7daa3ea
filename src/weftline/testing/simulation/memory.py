"""What outlives a process, as the account knows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from weftline.testing.simulation.gating import GateMemory


@dataclass(slots=True)
class Memory:
    """What outlives a process.

    Attributes:
        numbers: the last attempt that was submitted, by node and item.
        known: the last attempt that is in the journal, by node and item.
        ended: how nodes have ended last, in words, by name.
        made: results that a backend has returned.
        acknowledged: those that a journal calls done.
        succeeded: keys of the outcomes in the journal, by node and item.
        keys: of what is acknowledged, in the store.
        gates: what is known of gates and fields.
    """

    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    known: dict[tuple[str, int], int] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    made: set[tuple[str, int]] = field(default_factory=set)
    acknowledged: set[tuple[str, int]] = field(default_factory=set)
    succeeded: set[tuple[str, int, str]] = field(default_factory=set)
    keys: dict[str, tuple[str, int]] = field(default_factory=dict)
    gates: GateMemory = field(default_factory=GateMemory)

    def lose(self, keys: Iterable[bytes]) -> None:
        """Results are gone from the store: they may be made again, and told again."""
        gone = {key.hex() for key in keys}
        for key in gone & self.keys.keys():
            self.acknowledged.discard(self.keys[key])
        self.succeeded = {found for found in self.succeeded if found[2] not in gone}
