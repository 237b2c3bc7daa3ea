"""What has become of one node so far."""

from __future__ import annotations

from collections.abc import Sequence

from weftline.model.call import Failure
from weftline.model.ids import WHOLE
from weftline.model.transitions import NodeState

#: The items of a node that does not run over any.
ONE_CALL = (WHOLE,)


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
    def is_complete(self) -> bool:
        """Whether every call has an outcome."""
        return self.succeeded + self.restored + len(self.failed or ()) == self.total

    @property
    def share(self) -> float:
        """The share of calls that have a result."""
        return (self.succeeded + self.restored) / self.total

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

    def forget_calls(self) -> None:
        """Starts nothing more."""
        self.todo, self.again, self.position = (), None, 0

    def reset(self) -> None:
        """As before the first call: what was made is lost."""
        self.forget_calls()
        self.total = self.succeeded = self.restored = self.running = 0
        self.failed = None
