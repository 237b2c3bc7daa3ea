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
from weftline.testing.clock import ManualClock
from weftline.testing.simulation.graph import items_of
from weftline.testing.simulation.node import NodeAccount
from weftline.testing.simulation.policies import is_retried, pause_range
from weftline.testing.simulation.truth import Truth

#: The journal rounds pauses to a thousandth of a second.
ROUNDING_S = 0.001


@dataclass(slots=True)
class Memory:
    """What outlives a process.

    Attributes:
        numbers: the last attempt that was submitted, by node and item.
        made: results that a backend has returned.
        acknowledged: those that a journal calls done.
        succeeded: keys of the outcomes in the journal, by node and item.
    """

    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    made: set[tuple[str, int]] = field(default_factory=set)
    acknowledged: set[tuple[str, int]] = field(default_factory=set)
    succeeded: set[tuple[str, int, str]] = field(default_factory=set)


class Account:
    """One life of a run.

    Args:
        graph: what is run.
        clock: the time.
        capabilities: of the backend.
        on_failure: whether a failure stops the run.
        memory: what is known from earlier lives; added to.
        store: where results are kept, or None.
    """

    def __init__(
        self,
        graph: Graph,
        clock: ManualClock,
        capabilities: Capabilities,
        on_failure: Literal["stop", "continue"],
        memory: Memory,
        store: Cache | None,
    ) -> None:
        self.graph = graph
        self.capabilities = capabilities
        self.on_failure = on_failure
        self.memory = memory
        self.store = store
        self.nodes = [NodeAccount(spec) for spec in graph.nodes]
        self.truth = Truth(graph, self.nodes)
        by_priority = sorted(graph.order, key=lambda number: -graph.nodes[number].priority)
        self.rank = {number: at for at, number in enumerate(by_priority)}
        self.stopping: Literal["", "failure", "cancel"] = ""
        self.failed_before: set[int] = set()  # nodes that had failed when the run was stopped
        self.asked: Literal["", "drain", "kill"] = ""  # what the engine was asked for, and may not know yet
        self.told: Literal["", "drain", "kill"] = ""  # what it has been told since then
        self.withdrawn: dict[Handle, bool] = {}  # what the backend was asked to end, and whether by force
        self.used = 0.0  # CPUs of the calls that the backend has
        self.large = 0  # how many of them need more than one
        #: attempts that the journal of this life knows, and the nodes that have begun since they were decided on
        self.begun: dict[Handle, set[int]] = {}
        self.outcomes: set[tuple[str, int]] = set()
        self.ended: dict[str, str] = {}  # states of nodes that the journal of this life says are over
        self.passed = 0  # calls that went before the first of all that wait
        self._first = -1
        self._clock = clock

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock.now()

    # --- what should be ---

    def fits(self, number: int) -> bool:
        """Whether a further call of a node has room, without waiting in the backend."""
        return self.used + self.nodes[number].spec.resources.cpu <= self.capabilities.slots

    def is_ready(self, number: int) -> bool:
        """Whether a call of a node could start, if there is room."""
        node = self.nodes[number]
        if not node.has_begun or node.is_over:
            return False
        return bool(node.todo) or (bool(node.waiting) and any(last < self.now for _, last in node.waiting.values()))

    def ready(self, handle: Handle | None = None) -> list[int]:
        """Nodes of which a call can start, or could when that attempt was decided on, if there is room; in order of rank."""
        later = set() if handle is None else self.begun.get(handle, set())
        found = (number for number in range(len(self.nodes)) if number not in later and self.is_ready(number))
        return sorted(found, key=self.rank.__getitem__)

    # --- what happens ---

    def note_submitted(self, handle: Handle) -> None:
        """A call goes to the backend."""
        number, item, attempt = handle
        node = self.nodes[number]
        ready = self.ready(handle)
        if ready and ready[0] != self._first:
            self._first, self.passed = ready[0], 0
        self.passed += bool(ready) and number != ready[0]
        node.todo.discard(item)
        node.waiting.pop(item, None)
        node.running[item] = attempt
        node.tries[item] += 1
        self.memory.numbers[node.spec.name, item] = attempt
        self._occupy(node, 1)

    def _occupy(self, node: NodeAccount, calls: int) -> None:
        cpu = node.spec.resources.cpu
        self.used += calls * cpu
        self.large += calls * (cpu > 1)

    def note_asked(self, *, kill: bool) -> None:
        """Somebody wants the run to end."""
        self.asked = "kill" if kill or self.asked else "drain"

    def note_turn(self) -> None:
        """The engine looks for news: from here on it knows that somebody wants the run to end."""
        if self.asked:
            self._stop("cancel")
            self.told = self.asked

    def _stop(self, why: Literal["failure", "cancel"]) -> None:
        if self.stopping:
            return
        self.stopping = why
        self.failed_before = {number for number, node in enumerate(self.nodes) if node.has_failed and not node.running}
        for node in self.nodes:
            node.todo.clear()
            node.waiting.clear()

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
            del node.running[item]
            node.stopped.add(item)
            self._occupy(node, -1)

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
            number, item, _ = report.handle
            node = self.nodes[number]
            del node.running[item]
            self._occupy(node, -1)
            if report.outputs is not None and is_full:
                self._note_failure(node, item, "StoreUnusableError")
            elif report.outputs is not None:
                node.done.add(item)
                self.memory.made.add(self.truth.identity(number, item))
            elif report.failure is None and self.stopping:
                node.stopped.add(item)
            else:
                self._note_failure(node, item, "Interrupted" if report.failure is None else report.failure.kind)
            if node.has_failed and self.on_failure == "stop":
                self._stop("failure")

    def _note_failure(self, node: NodeAccount, item: int, kind: str) -> None:
        node.failures[item] += 1
        policy = node.spec.policy
        is_tried = node.failures[item] < policy.max_attempts and is_retried(policy, kind)
        if is_tried and not self.stopping and not node.is_over:
            least, most = pause_range(policy, node.failures[item])
            node.waiting[item] = self.now + least - ROUNDING_S, self.now + most + ROUNDING_S
            node.retried.add((item, node.failures[item]))
            return
        node.failed.add(item)
        if not node.is_tolerant:
            node.is_over = True
            node.todo.clear()
            node.waiting.clear()

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
                self._stop("cancel")
            elif event.kind is Kind.NODE_STARTED:
                self._begin(number, restored[number], decided)
            elif event.kind is Kind.ATTEMPT_STARTED:
                decided.append(self.begun.setdefault((number, event.item, event.attempt), set()))
            elif event.kind is Kind.ATTEMPT_FAILED:
                self._narrow(number, event)
            elif event.kind is Kind.NODE_FINISHED:
                self.ended[event.node] = (event.body or {})["state"]
                self._begin_at_once(decided)
            elif event.kind in CALL_OUTCOMES:
                self._note_outcome(number, event)
        self._begin_at_once(())

    def _begin_at_once(self, decided: Iterable[set[int]]) -> None:
        """Where nothing is looked up, the start of a node with one call is not recorded."""
        for number, node in enumerate(self.nodes if self.store is None else ()):
            if not node.has_begun and node.spec.over is None:
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

    def _narrow(self, number: int, event: Event) -> None:
        """The journal tells how long a pause is, within what the policy allows."""
        waiting = self.nodes[number].waiting
        if event.item in waiting and event.body is not None:
            until = event.at + event.body["retry_in_s"]
            waiting[event.item] = until - ROUNDING_S, until + ROUNDING_S

    def _note_outcome(self, number: int, event: Event) -> None:
        self.outcomes.add((event.node, event.item))
        key = (event.body or {}).get("key")
        if event.kind is not Kind.CALL_FAILED and key is not None:
            self.memory.succeeded.add((event.node, event.item, key))
            if self.store is not None:
                self.memory.acknowledged.add(self.truth.identity(number, event.item))
