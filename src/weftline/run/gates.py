"""What a run knows of gates and fields: whether one is open, when somebody should look again, and what nodes say of fields.

Theory of operation. A field holds what was set last: by its default, by the request, by nodes of this run, or by others in the
ledger. What nodes say is looked at here at once, and goes to the ledger after the records of their ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from weftline.model.call import Failure
from weftline.model.gate import FieldValue, Scalar, Verdict, initial, latest
from weftline.model.graph import Graph
from weftline.ports.fields import Fields
from weftline.run.facts import Fact, GateSeen, GatesShut
from weftline.run.resume import Past
from weftline.run.stored import OutputLostError

#: How often the fields of a run are looked at while nodes wait at gates, in seconds.
_LOOKS_EACH_S = 0.05


class Gates:
    """The gates and fields of one run.

    Args:
        run: its id.
        graph: says which fields there are.
        fields: where they are set; None if nobody else can set them.
        opening: what the request says of fields, and of gates that are open whatever they hold.
        past: what the run did before.
        now: the time of the run.
    """

    def __init__(
        self,
        run: str,
        graph: Graph,
        fields: Fields | None,
        opening: Mapping[str, Any],
        past: Past,
        now: Callable[[], float],
    ) -> None:
        self._run = run
        self._fields = fields
        self._base = initial(graph.fields, opening.get("fields", {}))
        self._opened = {*opening.get("gates", ()), *past.opened}
        self._recorded = past.opened
        self._reached = {gate: (at, body["held"]) for gate, (at, body) in past.reached.items()}
        self._now = now
        self._gates = {node.gate.name: node.gate for node in graph.nodes if node.gate is not None}
        self._sources = _sources(graph)
        self._told: dict[str, dict[str, Scalar]] = {}  # by nodes of this run that the ledger has not been told yet
        self._ended: set[int] = set()
        self._number = 0
        self._looked_at = 0.0

    # --- gates ---

    def see(self, names: Iterable[str]) -> list[GateSeen]:
        """What the core is told of gates."""
        held = self._held()
        return [self._see(name, held) for name in names]

    def _see(self, name: str, held: Mapping[str, FieldValue]) -> GateSeen:
        gate, now = self._gates[name], self._now()
        at, before = self._reached.get(name, (now, None))
        verdict = gate.look(held, before)
        if name in self._opened:
            verdict = Verdict(True, "it was opened before")
        if verdict.is_open:
            body = {"gate": name, "why": verdict.why, "held": gate.snapshot(held)}
            return GateSeen(now, name, True, None if name in self._recorded else body)
        until = None if gate.timeout_s is None else at + gate.timeout_s
        if verdict.is_final:
            return GateSeen(now, name, False, failure=Failure("GateRejected", verdict.why))
        if until is not None and until <= now:
            why = f"{gate.name} was not open {gate.timeout_s:g} s after the run had come there: {verdict.why}"
            return GateSeen(now, name, False, failure=Failure("GateTimedOut", why))
        if before is not None:
            return GateSeen(now, name, False, until=until)
        snapshot = gate.snapshot(held)
        self._reached[name] = (now, snapshot)
        return GateSeen(now, name, False, {"gate": gate.as_fields(), "held": snapshot, "why": verdict.why}, until=until)

    def last_look(self, names: Iterable[str]) -> list[Fact]:
        """Nothing is left to do but to wait at these gates: the run ends, unless one of them opens right now."""
        held = self._held()
        seen = [self._see(name, held) for name in names]
        facts: list[Fact] = [found for found in seen if found.is_open or found.failure is not None]
        why = {found.gate: self._gates[found.gate].look(held, self._reached[found.gate][1]).why for found in seen}
        return facts or [GatesShut(self._now(), why)]

    def is_news(self) -> bool:
        """Whether somebody has set a field of this run since this was last asked; it looks at most each 50 ms."""
        now = self._now()
        if self._fields is None or now - self._looked_at < _LOOKS_EACH_S:
            return False
        self._looked_at = now
        self._number, runs = self._fields.changed_since(self._number)
        return self._run in runs

    def _held(self) -> Mapping[str, FieldValue]:
        found = latest(self._base, {} if self._fields is None else self._fields.fields(self._run))
        for node, values in self._told.items():
            for name, value in values.items():
                was = found[name].value if name in found else None
                found[name] = FieldValue(value, was, 1, self._now(), node)
        return found

    # --- what nodes say ---

    def take(self, number: int, node: str, read: Callable[[str], Any], *, again: bool) -> None:
        """A node has ended with its outputs.

        Args:
            number: the node's.
            node: its name.
            read: gives the value of a key.
            again: whether it had ended before, in an earlier life of the run; what others have set since stays.
        """
        if number not in self._sources:
            return  # as of most nodes
        again = again or number in self._ended  # what it had made was lost
        self._ended.add(number)
        for field, key in self._sources[number]:
            with contextlib.suppress(OutputLostError):  # then nobody knows it, and gates stay closed
                value = read(key)
                if not (again and self._is_said(field, node, value)):
                    self._told.setdefault(node, {})[field] = value

    def _is_said(self, field: str, node: str, value: Scalar) -> bool:
        """Whether a field holds what a node has said before, or what somebody else has said since."""
        found = None if self._fields is None else self._fields.fields(self._run).get(field)
        return found is not None and (found.by != node or found.value == value)

    def publish(self) -> None:
        """Others learn what nodes have said; to be called when the ends of these nodes are recorded."""
        if not self._told or self._fields is None:
            return
        for node, values in self._told.items():
            self._fields.set_fields(self._run, values, at=self._now(), by=node)
        self._told.clear()


def _sources(graph: Graph) -> dict[int, list[tuple[str, str]]]:
    """Fields and the keys that they are taken from, by the number of the node that provides the key."""
    found: dict[int, list[tuple[str, str]]] = {}
    for name, spec in graph.fields.items():
        if spec.key in graph.producers:
            found.setdefault(graph.producers[spec.key], []).append((name, spec.key))
    return found
