"""A second account of a run, slower and simpler than the core's: what should be true, judged by what passes through the ports.

Theory of operation. The simulated ports tell the account of every call that is submitted, every report, every record and every
wish for an end; rules compare what the engine does next with the account. Nodes compute pure functions, so that what any call
should be given is computed again from the beginning. Nothing here is taken from the core, and of the engine only the
items that it has found in the store when a node starts; whether it was right about these is seen at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from weftline.model.event import CALL_OUTCOMES, Event, Kind
from weftline.model.transitions import HAS_OUTPUT
from weftline.testing.simulation.graph import items_of
from weftline.testing.simulation.readiness import ROUNDING_S
from weftline.testing.simulation.reported import Reported

#: What the journal says of breakers.
BREAKERS = (Kind.BREAKER_OPENED, Kind.BREAKER_CLOSED)


class Account(Reported):
    """One life of a run, with what its journal says; for the arguments see `Reported`."""

    def note_records(self, events: Sequence[Event], restored: Mapping[int, Collection[int]]) -> None:
        """The journal has these now.

        Args:
            events: the records.
            restored: by the number of a node that starts, its items that were found in the store.
        """
        decided: list[set[int]] = []
        for event in events:
            number = self.graph.index.get(event.node, -1)
            if event.kind is Kind.CANCEL_REQUESTED:
                self.stop("cancel")
            elif event.kind is Kind.NODE_STARTED:
                self.memory.ended.pop(event.node, None)
                self._begin(number, restored[number], decided)
            elif event.kind is Kind.ATTEMPT_STARTED:
                self.begun[number, event.item, event.attempt] = tuple((event.body or {}).get("devices", ()))
                decided.append(self.later.setdefault((number, event.item, event.attempt), set()))
                self.memory.known[event.node, event.item] = event.attempt
            elif event.kind is Kind.ATTEMPT_FAILED:
                self.nodes[number].narrow(event.item, event.at + (event.body or {})["retry_in_s"], ROUNDING_S)
            elif event.kind is Kind.DEADLINE_PASSED:
                self.expired.add(event.node)
            elif event.kind is Kind.GATE_OPENED:
                self.let_through.add((event.body or {})["gate"])
                self._begin_at_once(decided)
            elif event.kind is Kind.OUTPUT_LOST:
                self._note_loss(number, event.node)
            elif event.kind is Kind.NODE_FINISHED:
                self._note_end(number, event)
                self._begin_at_once(decided)
            elif event.kind in CALL_OUTCOMES:
                self._note_outcome(number, event)
            else:
                self._note_sign(number, event)
        self._begin_at_once(())

    def _begin_at_once(self, decided: Iterable[set[int]]) -> None:
        """Where nothing is looked up, the start of a node with one call is not recorded."""
        for number, node in enumerate(self.nodes if self.store is None else ()):
            if not node.has_begun and node.spec.over is None and node.is_let_through(self.let_through):
                sources = (self.ended.get(self.graph.nodes[source].name) for source in self.graph.upstream[number])
                if all(state in HAS_OUTPUT for state in sources):
                    self._begin(number, (), decided)

    def _begin(self, number: int, restored: Collection[int], decided: Iterable[set[int]]) -> None:
        for later in decided:
            later.add(number)
        node = self.nodes[number]
        node.has_begun = True
        node.total = self.truth.count(number)
        node.done.update(restored)
        if not self.stopping:
            node.todo = {item for item in items_of(node.spec, node.total) if item not in restored}
            if node.spec.policy.deadline_s is not None:
                node.deadline_at = self.now + node.spec.policy.deadline_s
                self._in_order.append(number)

    def _note_sign(self, number: int, event: Event) -> None:
        """What the journal tells besides."""
        if event.kind is Kind.ATTEMPT_OVERDUE:
            self.started.pop((number, event.item, event.attempt), None)
        elif event.kind in BREAKERS:
            self.sharing.untold.remove((event.kind, (event.body or {})["breaker"]))

    def _note_loss(self, number: int, name: str) -> None:
        self.make_again(number)
        self.ended.pop(name, None)
        self.outcomes = {found for found in self.outcomes if found[0] != name}
        self.memory.succeeded = {found for found in self.memory.succeeded if found[0] != name}

    def _note_end(self, number: int, event: Event) -> None:
        body = event.body or {}
        self.ended[event.node] = body["state"]
        self.memory.ended[event.node] = body.get("why") or body["state"]
        self.told_lost.discard(event.node)
        if body["state"] in HAS_OUTPUT:
            self.lost.discard(number)

    def _note_outcome(self, number: int, event: Event) -> None:
        self.outcomes.add((event.node, event.item))
        key = (event.body or {}).get("key")
        if event.kind is Kind.CALL_FAILED:  # what was told of it before counts no more
            self.memory.succeeded = {found for found in self.memory.succeeded if found[:2] != (event.node, event.item)}
        elif key is not None:
            self.memory.succeeded.add((event.node, event.item, key))
            if self.store is not None:
                self.memory.keys[key] = identity = self.truth.identity(number, event.item)
                self.memory.acknowledged.add(identity)
