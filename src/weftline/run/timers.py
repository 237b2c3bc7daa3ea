"""What is due when. Nothing is ever taken off: whoever set a timer looks, when it fires, whether it still matters."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Literal, NamedTuple

from weftline.model.ids import WHOLE


class Due(NamedTuple):
    """What is to be looked at.

    Attributes:
        what: an attempt is to be made `again` or is `overdue`; a breaker or a limiter `opens` for a node; the `deadline` of a
            node, or the `end` of the run; the `gate` at which a node waits shuts for good.
        node, item, attempt: of which.
    """

    what: Literal["again", "overdue", "opens", "deadline", "end", "gate"]
    node: int = -1
    item: int = WHOLE
    attempt: int = 0


class Timers:
    """Things by the time at which they are due; of one time, in the order in which they were set."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Due]] = []
        self._count = 0

    @property
    def next_at(self) -> float | None:
        """When the first is due; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def set(self, at: float, what: Due) -> None:
        """Something is due at a time."""
        self._count += 1
        heappush(self._heap, (at, self._count, what))

    def forget_starts(self) -> None:
        """Nothing starts any more; what runs still has its deadlines."""
        self._heap = [found for found in self._heap if found[2].what not in {"again", "opens", "gate"}]
        heapify(self._heap)

    def due(self, at: float) -> list[Due]:
        """What is due by now; it is handed out once."""
        found: list[Due] = []
        while self._heap and self._heap[0][0] <= at:
            found.append(heappop(self._heap)[2])
        return found
