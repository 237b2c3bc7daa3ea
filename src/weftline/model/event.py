"""Events: facts of a run in the past tense, appended to the journal; everything that is known of a run is a fold of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from weftline.model.ids import WHOLE


class Kind(StrEnum):
    """What happened."""

    RUN_STARTED = "RunStarted"
    RUN_RESUMED = "RunResumed"
    CANCEL_REQUESTED = "CancelRequested"
    GATE_REACHED = "GateReached"
    GATE_OPENED = "GateOpened"
    GATE_APPROVED = "GateApproved"  # written before approvals were fields
    GATE_REJECTED = "GateRejected"
    DEADLINE_PASSED = "DeadlinePassed"
    BREAKER_OPENED = "BreakerOpened"
    BREAKER_CLOSED = "BreakerClosed"
    NODE_STARTED = "NodeStarted"
    ATTEMPT_STARTED = "AttemptStarted"
    ATTEMPT_OVERDUE = "AttemptOverdue"
    ATTEMPT_FAILED = "AttemptFailed"
    ATTEMPT_STOPPED = "AttemptStopped"
    ATTEMPT_DEFERRED = "AttemptDeferred"
    CALL_SUCCEEDED = "CallSucceeded"
    CALL_FAILED = "CallFailed"
    CALL_RESTORED = "CallRestored"
    CALLS_RESTORED = "CallsRestored"
    OUTPUT_LOST = "OutputLost"
    NODE_FINISHED = "NodeFinished"
    RUN_FINISHED = "RunFinished"
    LETTER_DROPPED = "LetterDropped"


#: Events after which a call needs no more work, `CALLS_RESTORED` aside, which is about several; the ledger holds at most one of
#: them for each call.
CALL_OUTCOMES = (Kind.CALL_SUCCEEDED, Kind.CALL_FAILED, Kind.CALL_RESTORED)
#: Those that a run has for every call that goes well.
ROUTINE = frozenset({
    Kind.NODE_STARTED, Kind.ATTEMPT_STARTED, Kind.ATTEMPT_DEFERRED, Kind.CALL_SUCCEEDED, Kind.CALL_RESTORED, Kind.NODE_FINISHED,
})  # fmt: skip


class Event(NamedTuple):
    """One fact.

    Attributes:
        kind: what happened.
        at: when, in seconds since the epoch.
        node: to which node; empty for the run itself.
        item: to which item; `WHOLE` for a node without items, or for the node itself.
        attempt: in which attempt, from 1; 0 where none is meant.
        body: further fields, of plain JSON values.
    """

    kind: Kind
    at: float
    node: str = ""
    item: int = WHOLE
    attempt: int = 0
    body: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The shape of one line of `--progress ndjson`."""
        found: dict[str, Any] = {"event": str(self.kind), "at": self.at}
        if self.node:
            found["node"] = self.node
        if self.item != WHOLE:
            found["item"] = self.item
        if self.attempt:
            found["attempt"] = self.attempt
        return found | dict(self.body or {})
