"""What gates promise, told a second time and more simply: what fields hold, which gates are open by that, and since when.

Theory of operation. Every change of a field passes through here: what others say, and what the run tells of its nodes. What
nodes have said the engine knows a little earlier than all others, from the end of the node on. So there is more than one answer
to what fields hold at a moment; a gate may open by any of them, and a run may not end at a gate that is open by all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from weftline.model.event import Event, Kind
from weftline.model.gate import Clause, Gate, Scalar
from weftline.model.graph import Graph

#: What is to be said of a gate.
Judgement = Literal["open", "closed", "rejected"]
#: What an event says of a node that fails at its gate.
REFUSED, TIMED_OUT = "GateRejected", "GateTimedOut"


class Held(NamedTuple):
    """What a field holds, and what it held before somebody set it; `was` is None if nobody has."""

    value: Scalar
    was: tuple[Scalar] | None = None


State = Mapping[str, Held]
_NOTHING = Held(None)


@dataclass(slots=True)
class GateMemory:
    """What outlives a process.

    Attributes:
        held: what fields hold; never changed, but replaced.
        by: who has set a field last; nobody if it is not there.
        said: what nodes have said of fields, when their ends were recorded.
        reached: when the run came to a gate, and what its fields held then.
        opened: gates of which the journal says that they have opened.
    """

    held: State = field(default_factory=dict)
    by: dict[str, str] = field(default_factory=dict)
    said: dict[str, Scalar] = field(default_factory=dict)
    reached: dict[str, tuple[float, Mapping[str, Scalar]]] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)

    def hear(self, name: str, value: Scalar, by: str) -> None:
        """Somebody sets a field."""
        before = self.held.get(name, _NOTHING)
        if name not in self.by or before.value != value or type(before.value) is not type(value):
            self.held = {**self.held, name: Held(value, (before.value,))}
            self.by[name] = by


class Gating:
    """The gates in one life of a run.

    Args:
        graph: what is run.
        memory: what is known from earlier lives; added to.

    Attributes:
        by_name: the gates.
        nodes: numbers of those that wait for a gate.
        sources: fields by the number of the node that they are taken from.
        refused: nodes that have failed at their gates.
        waited: since when it is certain that somebody waits at a gate, and the engine has noticed.
    """

    def __init__(self, graph: Graph, memory: GateMemory) -> None:
        self.memory = memory
        self.nodes: dict[str, list[int]] = {}
        self.by_name: dict[str, Gate] = {}
        for number, spec in enumerate(graph.nodes):
            if spec.gate is not None:
                self.by_name[spec.gate.name] = spec.gate
                self.nodes.setdefault(spec.gate.name, []).append(number)
        self.sources: dict[int, list[str]] = {}
        for name, found in graph.fields.items():
            if found.key:
                self.sources.setdefault(graph.producers[found.key], []).append(name)
        self.refused: set[int] = set()
        self.waited: dict[str, float] = {}
        self.open_since: dict[str, float] = {}
        self._said: dict[str, Scalar] = {}  # by nodes, and not set yet
        self.spoken: set[str] = set()  # nodes that have said something in this life
        self._seen: list[State] = []  # what fields held when the engine has looked, since the last records
        self._seen_before: list[State] = []
        self.last_seen: State = memory.held  # when the engine has looked last
        self.last_by: Mapping[str, str] = {}
        self.since_done: list[State] = [memory.held]  # since the engine last did something else than to look

    def __bool__(self) -> bool:
        return bool(self.by_name)

    # --- what happens ---

    def note_said(self, number: int, value: Scalar) -> None:
        """A node has ended, and has made what is to be told."""
        for name in self.sources.get(number, ()):
            self.memory.said[name] = self._said[name] = value

    def note_set(self, values: Mapping[str, Scalar], by: str) -> None:
        """The run tells what a node has said."""
        for name, value in values.items():
            self.memory.hear(name, value, by)
            self._said.pop(name, None)
        self.spoken.add(by)

    def note_read(self) -> None:
        """The engine looks at the fields."""
        self.last_seen, self.last_by = self.memory.held, dict(self.memory.by)
        self._seen.append(self.memory.held)

    def note_done(self) -> None:
        """The engine has done something else than to look."""
        self.since_done = [self.memory.held]

    def note_batch(self) -> None:
        """Records are complete: what was seen before the last ones is out of date."""
        self._seen_before, self._seen = self._seen, []

    def note(self, event: Event) -> None:
        """A record."""
        body = event.body or {}
        if event.kind is Kind.GATE_REACHED:
            self.memory.reached[body["gate"]["name"]] = event.at, body["held"]
        elif event.kind is Kind.GATE_OPENED:
            self.memory.opened.add(body["gate"])

    def note_now(self, now: float) -> None:
        """Fields may have changed: since when are gates open that nobody has noticed?"""
        self.since_done.append(self.memory.held)
        for name, gate in self.by_name.items():
            if name not in self.memory.opened and self.judge(gate, self.memory.held) != "closed":
                self.open_since.setdefault(name, now)
            else:
                self.open_since.pop(name, None)

    # --- what follows from it ---

    def states(self) -> Iterable[State]:
        """What the engine may have seen since the last records."""
        for held in (*self._seen_before, *self._seen, self.memory.held):
            for said in ({}, self._said, {**self.memory.said, **self._said}):
                yield {**held, **{name: Held(value, (held.get(name, _NOTHING).value,)) for name, value in said.items()}}

    def could_be(self, name: str, judgement: Judgement) -> bool:
        """Whether that may have been said of a gate when the engine looked."""
        return any(self.judge(self.by_name[name], state) == judgement for state in self.states())

    def judge(self, gate: Gate, held: State) -> Judgement:
        """What is to be said of a gate."""
        said = held.get(f"gate.{gate.name}", _NOTHING).value
        if said == "rejected":
            return "rejected"
        before = self.memory.reached.get(gate.name)
        met = [_is_met(clause, held, None if before is None else before[1]) for clause in gate.clauses]
        is_open = said == "approved" or (bool(met) and (all(met) if gate.match == "all" else any(met)))
        return "open" if is_open else "closed"

    def until(self, name: str) -> float | None:
        """When a gate is closed for good; None for never, and if the run has not come there."""
        limit_s = self.by_name[name].timeout_s
        return None if limit_s is None or name not in self.memory.reached else self.memory.reached[name][0] + limit_s

    def is_over(self, name: str, now: float) -> bool:
        """Whether the time of a gate is over."""
        until = self.until(name)
        return until is not None and until <= now

    def of(self, number: int) -> str:
        """The name of the gate at which a node waits that has not opened; empty for none."""
        return next((name for name, nodes in self.nodes.items() if number in nodes and name not in self.memory.opened), "")


def _is_met(clause: Clause, held: State, before: Mapping[str, Scalar] | None) -> bool:
    value, was = held.get(clause.field, _NOTHING)
    if clause.operator == "exists":
        return value is not None
    if clause.operator == "not_exists":
        return value is None
    if clause.operator == "changed":
        if clause.previous_value is not None:
            return was == (clause.previous_value,) and value != clause.previous_value
        return before is not None and value != before.get(clause.field)
    return value is not None and _compares(clause.operator, value, clause.value)


def _compares(operator: str, value: Scalar, wanted: Scalar | Sequence[Scalar]) -> bool:
    if operator in {"in", "not_in"}:
        assert isinstance(wanted, list | tuple)
        return (value in wanted) == (operator == "in")
    if operator in {"equals", "not_equals"}:
        return (value == wanted) == (operator == "equals")
    assert isinstance(value, int | float)
    assert isinstance(wanted, int | float)
    return {
        "greater_than": value > wanted,
        "less_than": value < wanted,
        "at_least": value >= wanted,
        "at_most": value <= wanted,
    }[operator]
