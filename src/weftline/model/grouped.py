"""What became of the steps of a group: a fold of its run's journal, since a step may be several nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from weftline.model.run import NodeRecord, RunRecord
from weftline.model.transitions import NodeState, RunStatus


class StepStatus(StrEnum):
    """Where a step of a group stands, or the group itself.

    `partial`: a part of it is done, and the rest failed, or was left out since something else failed.
    """

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    PARTIAL = "partial"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


_OF_NODES = {
    NodeState.WAITING: StepStatus.PENDING,
    NodeState.PREPARING: StepStatus.RUNNING,
    NodeState.RUNNING: StepStatus.RUNNING,
    NodeState.SUCCEEDED: StepStatus.COMPLETED,
    NodeState.CACHED: StepStatus.COMPLETED,
    NodeState.FAILED: StepStatus.FAILED,
    NodeState.SKIPPED: StepStatus.SKIPPED,
    NodeState.CANCELLED: StepStatus.CANCELLED,
    NodeState.BLOCKED: StepStatus.BLOCKED,
}


def status_of(states: Iterable[NodeState]) -> StepStatus:
    """The status of a step whose nodes are in these states; of one without nodes `completed`."""
    return combined({_OF_NODES[state] for state in states})


def combined(parts: Collection[StepStatus], *, goes_on: bool = False) -> StepStatus:
    """The status of a whole whose parts have these.

    Args:
        parts: of the parts; how often each is there does not matter.
        goes_on: whether a failure leaves the others alone, so that a part of the work counts.
    """
    found = set(parts)
    if not found:
        return StepStatus.COMPLETED
    if StepStatus.RUNNING in found:
        return StepStatus.RUNNING
    is_mixed = goes_on and not found.isdisjoint((StepStatus.COMPLETED, StepStatus.PARTIAL))
    if StepStatus.FAILED in found:
        return StepStatus.PARTIAL if is_mixed else StepStatus.FAILED
    for status in (StepStatus.CANCELLED, StepStatus.PARTIAL):
        if status in found:
            return status
    if StepStatus.PENDING in found:
        return StepStatus.PENDING if len(found) == 1 else StepStatus.RUNNING
    if StepStatus.BLOCKED in found:
        return StepStatus.BLOCKED
    if StepStatus.SKIPPED in found:
        return StepStatus.SKIPPED if len(found) == 1 else StepStatus.PARTIAL
    return StepStatus.COMPLETED


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a group's run.

    Attributes:
        step: its name; a step of a group in a workflow is called `OUTER/INNER`.
        runs: the pipeline or group that it runs.
        number: its place in the order of the definition, from 1.
        depends_on: steps before it.
        nodes: number of its nodes by state.
        started_at: when its first node began; None if none did.
        took_s: from then to the end of the last one; None while it has no end.
        why: why it was left out, or what failed.
    """

    step: str
    runs: str
    number: int
    status: StepStatus
    depends_on: tuple[str, ...] = ()
    nodes: Mapping[str, int] = field(default_factory=dict)
    started_at: float | None = None
    took_s: float | None = None
    why: str = ""

    @property
    def is_inner(self) -> bool:
        """Whether it is a step of a step."""
        return "/" in self.step


@dataclass(frozen=True, slots=True)
class GroupRun:
    """One run of a group.

    Attributes:
        of: what its steps are: `pipeline`, or for a workflow `group`.
        trigger: who asked for it: `cli`, `api` or `scheduler`.
        status: as the run says that has ended; else what its steps amount to.
    """

    run: str
    name: str
    of: str
    domain: str
    version: int
    batch_id: str
    trigger: str
    status: str
    started_at: float
    ended_at: float | None
    steps: tuple[StepRecord, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of its own steps by status; not of steps of steps."""
        return dict(Counter(str(step.status) for step in self.steps if not step.is_inner))


def group_run(record: RunRecord) -> GroupRun | None:
    """What became of a run of a group; None for a run of something else."""
    told = record.opening.get("group")
    if told is None:
        return None
    is_over = record.ended_at is not None
    steps = tuple(_step(record, number, step, is_over=is_over) for number, step in enumerate(told["steps"], 1))
    return GroupRun(
        run=record.run,
        name=told["name"],
        of=told["of"],
        domain=told["domain"],
        version=told["version"],
        batch_id=told["batch_id"],
        trigger=told["trigger"],
        status=str(record.status) if record.status is not RunStatus.RUNNING else _of_steps(steps),
        started_at=record.started_at,
        ended_at=record.ended_at,
        steps=steps,
    )


def _of_steps(steps: Collection[StepRecord]) -> str:
    """The status of a run that has no end yet: it runs, unless nothing has begun."""
    found = combined({step.status for step in steps})
    return str(StepStatus.PENDING if found is StepStatus.PENDING else StepStatus.RUNNING)


def _step(record: RunRecord, number: int, told: Mapping[str, Any], *, is_over: bool) -> StepRecord:
    name, names = told["step"], told.get("nodes", (told["step"],))
    known = {each: record.nodes[each] for each in names if each in record.nodes}
    states = [node.state for node in known.values()] + [NodeState.WAITING] * (len(names) - len(known))
    left_out = told.get("left_out", "")
    status = StepStatus.SKIPPED if left_out else status_of(states)
    if status is StepStatus.RUNNING and is_over:  # a part of it was never begun
        status = StepStatus.PARTIAL
    begun = [node.started_at for node in known.values() if node.started_at is not None]
    over = [node.started_at + (node.took_s or 0.0) for node in known.values() if node.started_at is not None]
    has_end = status not in {StepStatus.PENDING, StepStatus.RUNNING}
    return StepRecord(
        step=name,
        runs=told["runs"],
        number=number,
        status=status,
        depends_on=tuple(told.get("depends_on", ())),
        nodes=dict(Counter(map(str, states))),
        started_at=min(begun, default=None),
        took_s=max(over) - min(begun) if begun and has_end else None,
        why=left_out or _why(status, known),
    )


def _why(status: StepStatus, nodes: Mapping[str, NodeRecord]) -> str:
    """What failed, or why nothing was begun."""
    if status is StepStatus.COMPLETED:
        return ""
    for name, node in nodes.items():
        for call in node.calls.values():
            if call.outcome == "failed" and call.error is not None:
                return f"{name}: {call.error.get('message', '')}"
    return next((node.why for node in nodes.values() if node.why), "")
