"""What happens to the calls of a run in one life, judged by what the backend is given and what it says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from weftline.model.call import Handle, Report
from weftline.model.event import Event, Kind
from weftline.model.graph import Graph
from weftline.model.transitions import HAS_OUTPUT
from weftline.ports.backend import Capabilities
from weftline.ports.cache import Cache
from weftline.run.limits import Limits
from weftline.testing.clock import ManualClock
from weftline.testing.simulation.gating import Gating
from weftline.testing.simulation.memory import Memory
from weftline.testing.simulation.policies import is_never_retried, is_retried, pause_range
from weftline.testing.simulation.readiness import ROUNDING_S, Readiness
from weftline.testing.simulation.truth import Truth


class Reported(Readiness):
    """One life of a run, as far as the backend, the clock and whoever wants its end are asked.

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
        self.waiting: list[Event] = []  # records that are not in the journal yet; they count as if they were
        self.waits_since = 0.0  # the first of them
        self.last_took_s = math.inf  # of the call that was reported last
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
