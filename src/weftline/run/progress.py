"""What has become of one node so far, and of the run when all have ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from weftline.model.call import Failure
from weftline.model.ids import WHOLE
from weftline.model.transitions import Cause, NodeState, RunStatus
from weftline.run.facts import Shape

#: The items of a node that does not run over any.
ONE_CALL = (WHOLE,)
#: Why nothing new starts in a run: a failure, somebody's wish that calls end, or are stopped, or the run's deadline.
Stopping = Literal["", "failure", "drain", "kill", "deadline"]


class NodeProgress:
    """Counts and states; written by the core alone, read by the engine.

    Attributes:
        state: where the node stands.
        pending: nodes that it still waits for.
        total: its calls, once they are known.
        todo: items to start, in order, and `position` in it.
        again: item and attempt of calls whose pause is over; None as long as there was none.
        running: attempts that are with the backend.
        succeeded, restored: numbers of calls.
        failed: the last failure by item; None as long as there was none.
        started_at: seconds since the epoch; 0 before.
        waiters: nodes that wait for an output to be made again; None when nothing was lost.
        is_doomed: whether an input of it is lost and will not be made again.
    """

    __slots__ = (
        "again",
        "failed",
        "is_doomed",
        "pending",
        "position",
        "restored",
        "running",
        "started_at",
        "state",
        "succeeded",
        "todo",
        "total",
        "waiters",
    )  # fmt: skip

    def __init__(self, pending: int) -> None:
        self.state = NodeState.WAITING
        self.pending = pending
        self.total = 0
        self.todo: Sequence[int] = ()
        self.position = 0
        self.again: list[tuple[int, int]] | None = None
        self.running = 0
        self.succeeded = 0
        self.restored = 0
        self.failed: dict[int, Failure] | None = None
        self.started_at = 0.0
        self.waiters: list[int] | None = None
        self.is_doomed = False

    @property
    def has_calls_to_start(self) -> bool:
        """Whether a call of it waits for a slot."""
        return self.position < len(self.todo) or bool(self.again)

    @property
    def is_moving(self) -> bool:
        """Whether something may become of it by itself; not while it waits for an output to be made again."""
        return self.state is NodeState.PREPARING or (self.state is NodeState.RUNNING and not self.pending)

    def end(self, shape: Shape, stopping: Stopping, *, sleeps: bool) -> Cause | None:
        """How a node ends some of whose calls have no result; None if it does not end yet.

        Args:
            shape: what is known of the node.
            stopping: why nothing new starts in this run.
            sleeps: whether a call of it waits for another attempt.
        """
        made = self.succeeded + self.restored
        if self.failed and (not shape.tolerant or made + len(self.failed) == self.total):
            is_enough = shape.tolerant and made > 0 and made / self.total >= shape.min_success
            return Cause.DONE if is_enough else Cause.FAILED
        if not self.is_doomed and (not stopping or sleeps):
            return None
        is_untouched = stopping == "failure" and not made
        is_skipped = is_untouched or (self.is_doomed and stopping not in {"drain", "kill", "deadline"})
        return Cause.SKIPPED if is_skipped else Cause.CANCELLED

    def as_fields(self, at: float) -> dict[str, object]:
        """The fields of the event that tells of its end."""
        return {
            "state": str(self.state),
            "total": self.total,
            "ran": self.succeeded,
            "restored": self.restored,
            "failed": len(self.failed or ()),
            "took_s": round(at - self.started_at, 6) if self.started_at else 0.0,
        }

    def try_again(self, item: int, attempt: int) -> None:
        """A call is ready for another attempt."""
        self.again = self.again or []
        self.again.append((item, attempt))

    def left(self) -> list[int]:
        """Items of calls that wait for a slot."""
        return [*self.todo[self.position :], *(item for item, _ in self.again or ())]

    def forget_calls(self) -> None:
        """Starts nothing more."""
        self.todo, self.again, self.position = (), None, 0

    def reset(self) -> None:
        """As before the first call: what was made is lost."""
        self.forget_calls()
        self.total = self.succeeded = self.restored = self.running = 0
        self.failed = None


def run_status(nodes: Sequence[NodeProgress], stopping: Stopping, on_failure: Literal["stop", "continue"]) -> RunStatus:
    """What became of a run whose nodes have all ended."""
    states = {node.state for node in nodes}
    if stopping in {"drain", "kill"} and NodeState.CANCELLED in states:
        return RunStatus.CANCELLED
    if NodeState.FAILED in states or (stopping == "deadline" and NodeState.CANCELLED in states):
        mixed = on_failure == "continue" and any(state.has_output for state in states)
        return RunStatus.PARTIAL if mixed else RunStatus.FAILED
    if NodeState.BLOCKED in states:
        return RunStatus.BLOCKED
    return RunStatus.PARTIAL if any(node.failed for node in nodes) else RunStatus.COMPLETED
