"""What has become of the calls of one node in one life, judged by what passes through the ports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from weftline.model.node import NodeSpec


class NodeAccount:
    """One node in one life.

    Attributes:
        spec: its declaration.
        has_begun: whether the journal says that its calls start.
        total: how many there are, once it has begun.
        todo: items to start.
        running: attempts that the backend has, by item.
        waiting: when the pause before the next attempt ends, at the earliest and at the latest, by item.
        done, failed, stopped: items by what became of them.
        tries, failures: how often an item was submitted, and has failed.
        retried: items and how often they had failed when it was certain that they would be tried again.
        deadline_at: when its deadline passes; None before it has begun, and if it has none.
        left: calls without a result when its deadline had passed; None before.
        is_over: whether a failure or its deadline has ended it.
        is_refused: whether it has failed at its gate.
    """

    __slots__ = (
        "deadline_at",
        "done",
        "failed",
        "failures",
        "has_begun",
        "is_over",
        "is_refused",
        "left",
        "retried",
        "running",
        "spec",
        "stopped",
        "todo",
        "total",
        "tries",
        "waiting",
    )

    def __init__(self, spec: NodeSpec) -> None:
        self.spec = spec
        self.has_begun = self.is_over = self.is_refused = False
        self.total = 0
        self.deadline_at: float | None = None
        self.left: int | None = None
        self.todo: set[int] = set()
        self.running: dict[int, int] = {}
        self.waiting: dict[int, tuple[float, float]] = {}
        self.done: set[int] = set()
        self.failed: set[int] = set()
        self.stopped: set[int] = set()
        self.tries: Counter[int] = Counter()
        self.failures: Counter[int] = Counter()
        self.retried: set[tuple[int, int]] = set()

    def is_due(self, now: float) -> bool:
        """Whether its deadline has passed, and has not been noticed, and something of it is open."""
        if self.deadline_at is None or now < self.deadline_at or self.left is not None:
            return False
        return bool(self.todo or self.waiting or self.running)

    def expire(self) -> None:
        """The deadline has passed: what has no result has failed."""
        left = {*self.todo, *self.waiting, *self.running}
        self.left = len(left)
        self.failed |= left
        self.stopped.update(self.running)
        self.is_over = True
        self.forget()

    def narrow(self, item: int, until: float, tolerance_s: float) -> None:
        """The journal tells how long a pause is, within what the policy allows."""
        if item in self.waiting:
            self.waiting[item] = until - tolerance_s, until + tolerance_s

    def is_let_through(self, opened: Collection[str]) -> bool:
        """Whether it need not wait at its gate any more, and has not failed there."""
        return self.spec.gate is None or (self.spec.gate.name in opened and not self.is_refused)

    def forget(self) -> None:
        """Nothing more starts."""
        self.todo.clear()
        self.waiting.clear()

    @property
    def is_tolerant(self) -> bool:
        """Whether failed items are left out."""
        return self.spec.on_item_error == "skip" and self.spec.over is not None

    @property
    def has_output(self) -> bool:
        """Whether what its calls have come to is enough."""
        if len(self.done) == self.total:
            return self.has_begun
        made = len(self.done)
        is_settled = self.is_tolerant and made + len(self.failed) == self.total
        return is_settled and made > 0 and made / self.total >= self.spec.min_success

    @property
    def has_failed(self) -> bool:
        """Whether what its calls have come to is not enough, and cannot be any more."""
        if not self.is_tolerant or self.is_refused:
            return bool(self.failed) or self.is_refused
        return bool(self.failed) and len(self.done) + len(self.failed) == self.total and not self.has_output
