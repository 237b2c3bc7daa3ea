"""What is known of a run: a fold of its journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weftline.model.event import Event, Kind
from weftline.model.restored import unpacked
from weftline.model.transitions import NodeState, RunStatus
from weftline.model.usage import ASKED, FIELDS, NodeUsage

#: Why a node was skipped that nobody asked for.
LEFT_OUT = "not selected"
#: Kinds of events that tell of a run as a whole, and of its gates.
OUTLINE = (
    Kind.RUN_STARTED,
    Kind.RUN_RESUMED,
    Kind.RUN_FINISHED,
    Kind.GATE_REACHED,
    Kind.GATE_OPENED,
    Kind.GATE_APPROVED,
    Kind.GATE_REJECTED,
)


@dataclass(slots=True)
class CallRecord:
    """One call: of a node, or of one item of it.

    Attributes:
        outcome: `succeeded`, `failed`, `restored`, `stopped`; `elsewhere` while another process computes it; `lost` for one
            whose result was gone when it was wanted; `again` for one that is to be made again; `started` for one that has none.
        attempt: the number of the last attempt.
        key: cache key in hex, where there is one.
        took_s: how long the last attempt ran.
        error: the last failure's event fields.
        peak_memory_bytes: the most memory that the last attempt held, where somebody looked.
        cpu_s: CPU seconds of the last attempt, where somebody looked.
    """

    outcome: str = "started"
    attempt: int = 0
    key: str | None = None
    took_s: float | None = None
    error: Mapping[str, Any] | None = None
    peak_memory_bytes: int | None = None
    cpu_s: float | None = None


@dataclass(slots=True)
class NodeRecord:
    """One node: its state, its calls by item, what it asked for of the machine and what it took.

    Attributes:
        recipe: digest in hex of what decided its results besides the inputs, when it was last started or restored.
        inputs: digests in hex by input name, at that time.
        asked: what it asked for, where that is not the default.
    """

    state: NodeState = NodeState.WAITING
    calls: dict[int, CallRecord] = field(default_factory=dict)
    started_at: float | None = None
    took_s: float | None = None
    total: int | None = None
    why: str = ""
    gate: str = ""
    recipe: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    usage: NodeUsage = field(default_factory=NodeUsage)

    def count(self, outcome: str) -> int:
        """How many calls have an outcome."""
        return sum(1 for call in self.calls.values() if call.outcome == outcome)

    @property
    def results(self) -> dict[int, bytes]:
        """The cache keys of what its calls made or took, by item in order; of those that are stored."""
        return {
            item: bytes.fromhex(call.key)
            for item, call in sorted(self.calls.items())
            if call.key is not None and call.outcome in {"succeeded", "restored"}
        }

    @property
    def attempts(self) -> int:
        """The largest number of attempts that a call took."""
        return max((call.attempt for call in self.calls.values()), default=0)


@dataclass(slots=True)
class RunRecord:
    """A run, folded.

    Attributes:
        opening: fields of its first event: pipeline, target, parameters and so on.
        resumptions: when somebody went on with it, and the fields of that event.
        again: nodes of which nothing counts that was made before they were to be made again.
        ended_as: its status when it last ended; None if it never did.
        gates: those that have opened.
        reached: gates that it came to: when, and the fields of that event; of the first time.
        events: how many there are.
    """

    run: str
    status: RunStatus = RunStatus.RUNNING
    opening: Mapping[str, Any] = field(default_factory=dict)
    started_at: float = 0.0
    ended_at: float | None = None
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    resumptions: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    again: set[str] = field(default_factory=set)
    ended_as: RunStatus | None = None
    gates: set[str] = field(default_factory=set)
    reached: dict[str, tuple[float, Mapping[str, Any]]] = field(default_factory=dict)
    events: int = 0

    @property
    def resumed(self) -> int:
        """How often somebody went on with it."""
        return len(self.resumptions)

    @classmethod
    def fold(cls, run: str, events: Iterable[Event]) -> RunRecord:
        """The record that a journal amounts to."""
        record = cls(run)
        for event in events:
            record.take(event)
        return record

    def take(self, event: Event) -> None:
        """One event more."""
        self.events += 1
        body = event.body or {}
        if event.node:
            node = self.nodes.get(event.node)
            if node is None:
                node = self.nodes[event.node] = NodeRecord()
            _take(node, event, body)
        elif event.kind is Kind.RUN_STARTED:
            self.opening = body
            self.started_at = event.at
        elif event.kind is Kind.RUN_RESUMED:
            self.resumptions.append((event.at, body))
            self.status, self.ended_at = RunStatus.RUNNING, None
            self.forget(body.get("again", ()))
        elif event.kind is Kind.GATE_REACHED:
            self.reached.setdefault(body["gate"]["name"], (event.at, body))
        elif event.kind is Kind.GATE_OPENED or event.kind is Kind.GATE_APPROVED:
            self.gates.add(body["gate"])
        elif event.kind is Kind.GATE_REJECTED:
            self.gates.discard(body["gate"])
        elif event.kind is Kind.RUN_FINISHED:
            self.status = self.ended_as = RunStatus(body["status"])
            self.ended_at = event.at

    def forget(self, nodes: Iterable[str]) -> None:
        """What these nodes made counts no longer: they are made again."""
        for name in nodes:
            self.again.add(name)
            node = self.nodes.get(name)
            if node is not None:
                node.state = NodeState.WAITING
                for call in node.calls.values():  # their numbers stay: the next attempts go on from there
                    call.outcome, call.key, call.error = "again", None, None


def _take(node: NodeRecord, event: Event, body: Mapping[str, Any]) -> None:
    kind = event.kind
    if kind is Kind.NODE_STARTED:
        node.state = NodeState.RUNNING
        node.started_at = event.at
        node.total = body.get("total")
        _take_origin(node, body)
        node.asked = {name: body[name] for name in ASKED if name in body}
    elif kind is Kind.NODE_FINISHED:
        node.state = NodeState(body["state"])
        node.took_s = body.get("took_s")
        node.total = body.get("total", node.total)
        node.why = body.get("why", "")
        node.gate = body.get("gate", "")
        if "recipe" in body:
            _take_origin(node, body)
    elif kind is Kind.CALLS_RESTORED:
        for item, key in unpacked(body):
            call = node.calls.setdefault(item, CallRecord())
            call.outcome, call.key, call.took_s, call.error = "restored", key, None, None
    elif kind is Kind.OUTPUT_LOST:
        node.state = NodeState.WAITING
        for call in node.calls.values():  # their numbers stay: the next attempts go on from there
            call.outcome, call.key = "lost", None
    elif kind is not Kind.LETTER_DROPPED:
        _take_call(node.calls.setdefault(event.item, CallRecord()), event, body)
        node.usage.add(body, body.get("took_s"))


def _take_origin(node: NodeRecord, body: Mapping[str, Any]) -> None:
    node.recipe, node.inputs = body.get("recipe", ""), body.get("inputs", {})


def _take_call(call: CallRecord, event: Event, body: Mapping[str, Any]) -> None:
    if event.kind is Kind.ATTEMPT_OVERDUE:
        return
    call.attempt = max(call.attempt, event.attempt)
    call.peak_memory_bytes, call.cpu_s = body.get("peak_memory_bytes"), body.get("cpu_s")
    if event.kind is Kind.ATTEMPT_STARTED:
        call.outcome = "started"
    elif event.kind is Kind.ATTEMPT_STOPPED:
        call.outcome = "stopped"
    elif event.kind is Kind.ATTEMPT_DEFERRED:
        call.outcome = "elsewhere"
    elif event.kind in {Kind.CALL_SUCCEEDED, Kind.CALL_RESTORED}:
        call.outcome = "succeeded" if event.kind is Kind.CALL_SUCCEEDED else "restored"
        call.key = body.get("key")
        call.took_s = body.get("took_s")
        call.error = None
    else:
        call.error = {name: found for name, found in body.items() if name not in FIELDS}
        if event.kind is Kind.CALL_FAILED:
            call.outcome = "failed"
