"""Dead letters: calls that failed for good. A reading of the journal, in which nothing is stored twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE, call_label
from weftline.model.restored import unpacked
from weftline.model.transitions import NodeState

#: The events that the reading needs.
KINDS = (
    Kind.CALL_FAILED,
    Kind.CALL_SUCCEEDED,
    Kind.CALL_RESTORED,
    Kind.CALLS_RESTORED,
    Kind.NODE_FINISHED,
    Kind.LETTER_DROPPED,
)
_DIGITS = 8


class LetterState(StrEnum):
    """What has become of it."""

    OPEN = "open"
    RESOLVED = "resolved"
    DROPPED = "dropped"


class Success(NamedTuple):
    """Somewhere the result of a key was made, or taken."""

    key: str
    run: str
    at: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A call that failed, and was not tried again.

    Attributes:
        run: in which run.
        pipeline: of which pipeline.
        node, item: which call.
        at: when it failed the last time, in seconds since the epoch.
        attempts: how many there were.
        error: fields of the failure: `error`, `code`, `message`, `place`.
        key: its cache key in hex, where there is one.
        inputs: digests in hex of what it was given, by input; of an item that item's.
        state: what has become of it.
        settled_at: when; None for an open one.
        settled_by: the run that has its result; empty for others.
    """

    run: str
    pipeline: str
    node: str
    item: int
    at: float
    attempts: int
    error: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    state: LetterState = LetterState.OPEN
    settled_at: float | None = None
    settled_by: str = ""

    @property
    def id(self) -> str:
        """Names the call in all runs: the same call of a run always has the same."""
        return hashlib.sha256(f"{self.run}/{self.label}".encode()).hexdigest()[:_DIGITS]

    @property
    def label(self) -> str:
        """The call as people write it."""
        return call_label(self.node, self.item)

    @property
    def is_open(self) -> bool:
        """Whether it has neither a result nor been dropped."""
        return self.state is LetterState.OPEN

    @classmethod
    def of(cls, run: str, pipeline: str, event: Event) -> DeadLetter:
        """The letter that a failure is."""
        body = dict(event.body or {})
        key, inputs = body.pop("key", None), body.pop("inputs", {})
        return cls(run, pipeline, event.node, event.item, event.at, event.attempt, body, key, inputs)

    def settled(self, state: LetterState, at: float, by: str = "") -> DeadLetter:
        """The same with its end."""
        return replace(self, state=state, settled_at=at, settled_by=by)


def letters_in(run: str, pipeline: str, events: Iterable[Event]) -> list[DeadLetter]:
    """The dead letters of one run: the nodes in the order in which they failed first, their items in order.

    Args:
        run: its id.
        pipeline: its name.
        events: of the journal, in order; those of `KINDS` are enough.
    """
    found: dict[tuple[str, int], DeadLetter] = {}
    for event in events:
        if event.kind is Kind.CALL_FAILED:
            found[event.node, event.item] = DeadLetter.of(run, pipeline, event)
        else:
            for call in _ended(found, event):
                letter = found.get(call)
                if letter is not None and letter.is_open:
                    is_drop = event.kind is Kind.LETTER_DROPPED
                    state = LetterState.DROPPED if is_drop else LetterState.RESOLVED
                    found[call] = letter.settled(state, event.at, "" if is_drop else run)
    nodes = {node: at for at, (node, _) in reversed(list(enumerate(found)))}
    return sorted(found.values(), key=lambda letter: (nodes[letter.node], letter.item))


def _ended(found: Mapping[tuple[str, int], DeadLetter], event: Event) -> Iterator[tuple[str, int]]:
    """The calls of which an event says that they are dead no longer."""
    body = event.body or {}
    if event.kind is Kind.CALLS_RESTORED:
        yield from ((event.node, item) for item, _ in unpacked(body))
    elif event.kind is not Kind.NODE_FINISHED:
        yield event.node, event.item
    elif NodeState(body["state"]).has_output:
        # the node as a whole could be prepared; and if no item failed, those that once did are not in its list any more
        yield event.node, WHOLE
        if not body.get("failed"):
            yield from [call for call in found if call[0] == event.node]


def resolved_elsewhere(letters: Sequence[DeadLetter], successes: Iterable[Success]) -> list[DeadLetter]:
    """The letters, of which those are resolved whose result another run has since made or taken under the same key."""
    wanted = {letter.key for letter in letters if letter.is_open and letter.key is not None}
    if not wanted:
        return list(letters)
    last: dict[str, Success] = {}
    for found in successes:
        if found.key in wanted and (found.key not in last or found.at > last[found.key].at):
            last[found.key] = found
    told = []
    for letter in letters:
        success = last.get(letter.key or "")
        if letter.is_open and success is not None and success.at > letter.at:
            letter = letter.settled(LetterState.RESOLVED, success.at, success.run)
        told.append(letter)
    return told
