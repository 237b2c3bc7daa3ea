"""What a run gives back: its status, what became of every node, and the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from weftline.errors import NodeFailedError, NoValueError, TooFewItemsError, WeftlineError, listing
from weftline.model.call import Failure
from weftline.model.ids import WHOLE, call_label
from weftline.model.plan import Decision, Plan
from weftline.model.transitions import NodeState, RunStatus
from weftline.model.usage import NodeUsage, asked_fields, suggestions
from weftline.run.engine import Engine
from weftline.run.stored import OutputLostError


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one node.

    Attributes:
        decision: `RUN` if any call ran, `CACHED` if all were restored, `SKIP` if none was needed or possible.
        status: `succeeded`, `cached`, `failed`, `skipped`, `blocked` or `cancelled`.
        attempts: the largest number of attempts that one call took; 0 if none ran.
        total, ran, restored: numbers of calls.
        failures: by item; `WHOLE` (-1) for a node without items.
        usage: what its calls took of the machine; None where nobody looked.
    """

    node: str
    decision: Decision
    status: str
    attempts: int = 0
    total: int = 0
    ran: int = 0
    restored: int = 0
    failures: Mapping[int, Failure] = field(default_factory=dict)
    usage: NodeUsage | None = None

    @property
    def cached(self) -> bool:
        """Whether nothing had to be computed."""
        return self.status == NodeState.CACHED


class RunResult:
    """The outcome of a run; values are loaded when they are asked for.

    Example:
        `result["model.trained"]`, `result.status`, `result.steps["train"].cached`
    """

    def __init__(self, engine: Engine, status: RunStatus) -> None:
        self.run = engine.run_id
        self.plan: Plan = engine.plan
        self.status = str(status)
        self.took_s = engine.took_s
        self.notes: list[str] = []
        self._engine = engine

    def __repr__(self) -> str:
        return f"<run {self.run}: {self.status}>"

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is there."""
        return self.status == RunStatus.COMPLETED

    @cached_property
    def steps(self) -> dict[str, StepResult]:
        """Every node's result, in order of execution."""
        core, graph = self._engine.core, self.plan.graph
        attempts: dict[int, int] = {}
        for (number, _), attempt in core.attempts.numbers.items():
            attempts[number] = max(attempts.get(number, 0), attempt)
        found = {}
        for step in self.plan.steps:
            number = graph.index[step.node]
            progress = core.nodes[number]
            decision = Decision.SKIP
            if progress.state is NodeState.CACHED:
                decision = Decision.CACHED
            elif progress.succeeded or progress.failed:
                decision = Decision.RUN
            found[step.node] = StepResult(
                node=step.node,
                decision=decision,
                status=str(progress.state),
                attempts=attempts.get(number, 1) if decision is Decision.RUN else 0,
                total=progress.total,
                ran=progress.succeeded,
                restored=progress.restored,
                failures=dict(progress.failed or {}),
                usage=self._engine.usage.get(number),
            )
        return found

    @property
    def failures(self) -> list[tuple[str, Failure]]:
        """All failed calls by label (`embed`, `embed[12]`), in order of execution."""
        return [
            (call_label(step.node, item), failure)
            for step in self.steps.values()
            for item, failure in sorted(step.failures.items())
        ]

    def suggestions(self) -> list[str]:
        """Where a node asked for far more of the machine than it used, or for hardly enough."""
        nodes, index = self.plan.graph.nodes, self.plan.graph.index
        return [
            text
            for step in self.steps.values()
            if step.usage is not None
            for text in suggestions(step.node, step.usage, asked_fields(nodes[index[step.node]].resources))
        ]

    def too_few(self) -> list[WeftlineError]:
        """Nodes over items that failed because too many of their items did."""
        return [
            TooFewItemsError(
                node=step.node,
                failed=len(step.failures),
                total=step.total,
                min_success=self.plan.graph.nodes[self.plan.graph.index[step.node]].min_success,
            )
            for step in self.steps.values()
            if step.status == NodeState.FAILED and WHOLE not in step.failures and self._is_tolerant(step.node)
        ]

    def _is_tolerant(self, node: str) -> bool:
        return self.plan.graph.nodes[self.plan.graph.index[node]].on_item_error == "skip"

    def raise_for_failure(self) -> RunResult:
        """Itself, if the run completed.

        Raises:
            NodeFailedError: a node failed; the first one, in order of execution.
        """
        for label, failure in self.failures:
            if failure.finding is not None:
                raise failure.finding
            raise NodeFailedError(node=label, kind=failure.kind, detail=failure.message, place=failure.place)
        return self

    def __contains__(self, key: str) -> bool:
        """Whether the run has a value for a key."""
        try:
            return self._engine.holdings.has(key)
        except OutputLostError:  # it was to be made again when the run ended
            return False

    def __getitem__(self, key: str) -> Any:
        """The value of a key, given or made.

        Raises:
            NoValueError: the run did not make it, or its stored value is damaged.
        """
        holdings = self._engine.holdings
        if key not in self:
            raise NoValueError(key=key, detail=self._why_missing(key), known=self._known())
        try:
            return holdings.lent({key: holdings.value(key)})[key]
        except OutputLostError:
            if key in self.plan.graph.producers and self.plan.graph.nodes[self.plan.graph.producers[key]].temp:
                detail = f"it was temporary and is freed; name it as a target to keep it: targets=[{key!r}]"
                raise NoValueError(key=key, detail=detail, known=self._known()) from None
            detail = "its stored value was damaged and put into quarantine; run again to make it anew"
            raise NoValueError(key=key, detail=detail, known=self._known()) from None

    def _known(self) -> str:
        return listing([key for key in (*self.plan.given, *self.plan.graph.producers) if key in self])

    def _why_missing(self, key: str) -> str:
        number = self.plan.graph.producers.get(key)
        if number is None:
            return "no node provides it"
        step = self.steps[self.plan.graph.nodes[number].name]
        detail = f"node {step.node!r} is {step.status}"
        if step.status != NodeState.FAILED and self.failures:
            detail += "; {0} failed: {1.kind}: {1.message}".format(*self.failures[0])
        return detail
