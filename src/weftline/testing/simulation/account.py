"""A second account of a run, slower and simpler than the core's: what should be true, judged by what passes through the ports.

Theory of operation. The simulated ports tell the account of every call that is submitted, every report, every record and every
wish for an end; rules compare what the engine does next with the account. Nodes compute pure functions, so that what any call
should be given is computed again from the beginning. Nothing here is taken from the core, and of the engine only the
items that it has found in the store when a node starts; whether it was right about these is seen at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from weftline.model.call import Handle, Report
from weftline.model.event import CALL_OUTCOMES, Event, Kind
from weftline.model.graph import Graph
from weftline.model.transitions import HAS_OUTPUT
from weftline.ports.backend import Capabilities
from weftline.ports.cache import Cache
from weftline.run.limits import Limits
from weftline.testing.clock import ManualClock
from weftline.testing.simulation.gating import GateMemory, Gating
from weftline.testing.simulation.graph import items_of
from weftline.testing.simulation.policies import is_never_retried, is_retried, pause_range
from weftline.testing.simulation.readiness import ROUNDING_S, Readiness
from weftline.testing.simulation.truth import Truth

#: What the journal says of breakers.
BREAKERS = (Kind.BREAKER_OPENED, Kind.BREAKER_CLOSED)


@dataclass(slots=True)
class Memory:
    """What outlives a process.

    Attributes:
        numbers: the last attempt that was submitted, by node and item.
        known: the last attempt that is in the journal, by node and item.
        ended: how nodes have ended last, in words, by name.
        made: results that a backend has returned.
        acknowledged: those that a journal calls done.
        succeeded: keys of the outcomes in the journal, by node and item.
        keys: of what is acknowledged, in the store.
        gates: what is known of gates and fields.
    """

    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    known: dict[tuple[str, int], int] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    made: set[tuple[str, int]] = field(default_factory=set)
    acknowledged: set[tuple[str, int]] = field(default_factory=set)
    succeeded: set[tuple[str, int, str]] = field(default_factory=set)
    keys: dict[str, tuple[str, int]] = field(default_factory=dict)
    gates: GateMemory = field(default_factory=GateMemory)

    def lose(self, keys: Iterable[bytes]) -> None:
        """Results are gone from the store: they may be made again, and told again."""
        gone = {key.hex() for key in keys}
        for key in gone & self.keys.keys():
            self.acknowledged.discard(self.keys[key])
        self.succeeded = {found for found in self.succeeded if found[2] not in gone}


class Account(Readiness):
    """One life of a run.

    Args:
        graph: what is run.
        clock: the time.
        capabilities: of the backend.
        limits: where the run ends.
        memory: what is known from earlier lives; added to.
        store: where results are kept, or None.
    """

    def __init__(
        self,
        graph: Graph,
        clock: ManualClock,
        capabilities: Capabilities,
        limits: Limits,
        memory: Memory,
        store: Cache | None,
    ) -> None:
        super().__init__(graph, clock, capabilities, memory, limits.retry_budget)
        self.on_failure = limits.on_failure
        self.store = store
        self.truth = Truth(graph, self.nodes)
        self.deadline_at = None if limits.deadline_s is None else self.now + limits.deadline_s
        self.stopping: Literal["", "failure", "cancel", "deadline"] = ""
        self.failed_before: set[int] = set()  # nodes that had failed when the run was stopped
        self.asked: Literal["", "drain", "kill"] = ""  # what the engine was asked for, and may not know yet
        self.told: Literal["", "drain", "kill"] = ""  # what it has been told since then, or its deadline has
        self.withdrawn: dict[Handle, bool] = {}  # what the backend was asked to end, and whether by force
        self.abandoned: set[Handle] = set()  # attempts that nobody waits for, and the backend still has
        self.begun: dict[Handle, tuple[str, ...]] = {}  # attempts that the journal of this life knows, and their devices
        self.started: dict[Handle, float] = {}  # when those were submitted that are to be told as overdue
        self._in_order: list[int] = []  # nodes with a deadline, as they have begun
        self.outcomes: set[tuple[str, int]] = set()
        self.ended: dict[str, str] = {}  # states of nodes that the journal of this life says are over
        self.expired: set[str] = set()  # nodes of which it says that their deadline has passed; empty for the run
        self.gating = Gating(graph, memory.gates)
        self.let_through = set(memory.gates.opened)  # gates that have opened
        self.ended_before = {name for name, state in memory.ended.items() if state in HAS_OUTPUT}
        self.decided: set[Handle] = set()  # attempts that were decided on before a gate has stopped the run

    # --- what happens ---

    def note_submitted(self, handle: Handle) -> None:
        """A call goes to the backend."""
        number, item, attempt = handle
        node = self.nodes[number]
        use = self.use(number, attempt)
        self.note_passing(number, use, self.ready(handle))
        node.todo.discard(item)
        node.waiting.pop(item, None)
        node.running[item] = attempt
        self.sharing.begins(handle, self.now, is_retry=bool(node.tries[item]))
        node.tries[item] += 1
        self.memory.numbers[node.spec.name, item] = attempt
        self.room.take(handle, use, self.begun[handle])
        if node.spec.policy.soft_timeout_s is not None:
            self.started[handle] = self.now

    def note_asked(self, *, kill: bool) -> None:
        """Somebody wants the run to end."""
        self.asked = "kill" if kill or self.asked else "drain"

    def note_turn(self) -> None:
        """The engine looks for news: from here on it knows that somebody wants the run to end."""
        if self.asked:
            self.stop("cancel")
            self.told = "kill" if self.told == "kill" else self.asked

    def stop(self, why: Literal["failure", "cancel", "deadline"]) -> None:
        """Nothing new starts."""
        if self.stopping:
            return
        self.stopping = why
        self.failed_before = {number for number, node in enumerate(self.nodes) if node.has_failed and not node.running}
        for node in self.nodes:
            node.forget()

    def note_time(self, events: Sequence[Event] = ()) -> None:
        """Deadlines may have passed.

        Args:
            events: what the journal is about to say; of the run's own deadline, nobody else tells when it passes.
        """
        due = [
            (self.nodes[number].deadline_at or 0.0, number) for number in self._in_order if self.nodes[number].is_due(self.now)
        ]
        if any(event.kind is Kind.DEADLINE_PASSED and not event.node for event in events):
            due.insert(0, (self.deadline_at or 0.0, -1))
        for _, number in sorted(due, key=lambda found: found[0]):
            if number < 0:
                self.stop("deadline")
                self.told = "kill"
            elif self.nodes[number].is_due(self.now):
                self._expire(number)

    def _expire(self, number: int) -> None:
        node = self.nodes[number]
        for handle in [(number, item, attempt) for item, attempt in node.running.items()]:
            self.sharing.ends(handle, "nothing", self.now)
            self.abandoned.add(handle)
        node.expire()
        node.running.clear()
        if node.has_failed and self.on_failure == "stop":
            self.stop("failure")

    @property
    def running(self) -> list[Handle]:
        """Calls that the backend has, and has not reported on."""
        return [(number, item, attempt) for number, node in enumerate(self.nodes) for item, attempt in node.running.items()]

    def note_withdrawn(self, handle: Handle, *, kill: bool) -> None:
        """The backend is asked to end a call; one that it cannot kill goes on, and nobody waits for it any more."""
        number, item, attempt = handle
        node = self.nodes[number]
        self.withdrawn[handle] = kill or self.withdrawn.get(handle, False)
        if kill and not self.capabilities.can_kill and node.running.get(item) == attempt:
            node.stopped.add(item)
            self._end(handle)
            self.sharing.ends(handle, "nothing", self.now)

    def _end(self, handle: Handle) -> None:
        del self.nodes[handle[0]].running[handle[1]]
        self.room.give(handle)

    def accepted(self, reports: Sequence[Report]) -> Iterator[Report]:
        """The reports that count: doubles and what comes too late change nothing."""
        heard = set()
        for report in reports:
            number, item, attempt = report.handle
            if self.nodes[number].running.get(item) == attempt and report.handle not in heard:
                heard.add(report.handle)
                yield report

    def note_reports(self, reports: Sequence[Report], *, is_full: bool) -> None:
        """What the backend says.

        Args:
            reports: all of them.
            is_full: whether the store has not taken what these calls made, which makes failures of them.
        """
        for report in list(self.accepted(reports)):
            handle = report.handle
            number, item, _ = handle
            node = self.nodes[number]
            self._end(handle)
            if report.outputs is not None and is_full:
                self._note_failure(handle, "StoreUnusableError")
            elif report.outputs is not None:
                node.done.add(item)
                self.sharing.ends(handle, "works", self.now)
                self.memory.made.add(self.truth.identity(number, item))
            elif report.failure is None and self.stopping:
                node.stopped.add(item)
                self.sharing.ends(handle, "nothing", self.now)
            else:
                self._note_failure(handle, "Interrupted" if report.failure is None else report.failure.kind)
            if node.has_failed and self.on_failure == "stop":
                self.stop("failure")
        for handle in self.abandoned.intersection(report.handle for report in reports):
            self.abandoned.remove(handle)
            self.room.give(handle)

    def _note_failure(self, handle: Handle, kind: str) -> None:
        number, item, _ = handle
        node = self.nodes[number]
        node.failures[item] += 1
        policy = node.spec.policy
        self.sharing.ends(handle, "nothing" if is_never_retried(policy, kind) else "fails", self.now)
        is_tried = node.failures[item] < policy.max_attempts and is_retried(policy, kind)
        if is_tried and not self.stopping and not node.is_over and self.sharing.spend(number):
            least, most = pause_range(policy, node.failures[item])
            node.waiting[item] = self.now + least - ROUNDING_S, self.now + most + ROUNDING_S
            node.retried.add((item, node.failures[item]))
            return
        node.failed.add(item)
        if not node.is_tolerant:
            node.is_over = True
            node.forget()

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
