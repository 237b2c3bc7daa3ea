"""What new events say of the last time of nodes: decided here, without a database, and written beside the journal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weftline.digest import DIGEST_BYTES
from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE

#: Calls whose durations are kept for each node, and how one is written.
NEWEST = 50
_DURATION = "{:.5e} ".format
#: Characters that the durations of a node take at most.
DURATIONS_WIDTH = NEWEST * len(_DURATION(0.0))


@dataclass(slots=True)
class Notes:
    """What some events of one run say.

    Attributes:
        pipeline: the name of the run's pipeline; None if they do not tell.
        seen: nodes that began, or ended at once: node, recipe, inputs, whether it has a result.
        done: nodes that ended with a result: how long each call took on average, if any did; and the node.
        took_s: durations of calls that succeeded, by node.
        keys: in hex, of results of whole nodes.
        is_end: whether the run has ended.
    """

    pipeline: str | None = None
    seen: list[tuple[str, str, Mapping[str, str], bool]] = field(default_factory=list)
    done: list[tuple[float | None, str]] = field(default_factory=list)
    took_s: dict[str, list[float]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    is_end: bool = False

    @classmethod
    def of(cls, events: Iterable[Event]) -> Notes:
        """What these events say."""
        notes = cls()
        for event in events:
            body = event.body
            if body is None:
                continue
            if event.kind is Kind.CALL_SUCCEEDED or event.kind is Kind.CALL_RESTORED:
                notes._take_call(event, body)
            elif event.kind is Kind.RUN_FINISHED:
                notes.is_end = True
            elif event.kind is Kind.RUN_STARTED:
                notes.pipeline = body["pipeline"]
            elif event.kind is Kind.NODE_STARTED or event.kind is Kind.NODE_FINISHED:
                notes._take_node(event, body)
        return notes

    def _take_call(self, event: Event, body: Mapping[str, Any]) -> None:
        if "took_s" in body:
            self.took_s.setdefault(event.node, []).append(body["took_s"])
        if event.item == WHOLE and len(body.get("key", "")) == 2 * DIGEST_BYTES:
            self.keys.append(body["key"])

    def _take_node(self, event: Event, body: Mapping[str, Any]) -> None:
        is_end = event.kind is Kind.NODE_FINISHED
        if "recipe" in body:
            self.seen.append((event.node, body["recipe"], body.get("inputs", {}), is_end))
            if is_end and not body.get("ran"):
                return  # that says all of it
        if is_end and body.get("state") in {"succeeded", "cached"}:
            self.done.append((body["took_s"] / body["ran"] if body.get("ran") else None, event.node))

    @property
    def are_written(self) -> bool:
        """Whether there is something to write beside the journal."""
        return bool(self.seen or self.done or self.took_s or self.is_end)

    def durations(self) -> dict[str, str]:
        """The newest durations of each node, as they are written."""
        return {node: "".join(map(_DURATION, found[-NEWEST:])) for node, found in self.took_s.items()}


class Unnoted:
    """Events whose notes are taken later, some times in a second: a step of a chain would cost more to note than to record.

    Args:
        each_s: how often, by the times of the events; 0 to do so at once.
    """

    def __init__(self, each_s: float) -> None:
        self._each_s = each_s
        self._events: dict[str, list[Event]] = {}
        self._noted_at: dict[str, float] = {}

    def runs(self) -> list[str]:
        """The runs whose notes are not all taken."""
        return list(self._events)

    def rest(self, run: str) -> Notes:
        """What is left to note of a run."""
        return Notes.of(self._events.get(run, ()))

    def due(self, run: str, events: Sequence[Event]) -> Notes | None:
        """What is to be noted together with some new events of a run; None for later. The end of a run is noted at once."""
        if not events:
            return None
        last = events[-1]
        age_s = last.at - self._noted_at.get(run, -math.inf)
        if 0 <= age_s < self._each_s and last.kind is not Kind.RUN_FINISHED:
            return None
        return Notes.of([*self._events.get(run, ()), *events])

    def take(self, run: str, events: Sequence[Event]) -> None:
        """Puts off new events of a run."""
        self._events.setdefault(run, []).extend(events)

    def noted(self, run: str, events: Sequence[Event] = ()) -> None:
        """Says that what was put off is noted, and these new events with it."""
        self._events.pop(run, None)
        if events:
            self._noted_at[run] = events[-1].at

    def forget(self, run: str) -> None:
        """A run is gone."""
        self._events.pop(run, None)
        self._noted_at.pop(run, None)
