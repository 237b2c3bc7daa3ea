"""The loop that acts: fulfils the core's wishes, those that act outside after its records are safe, and tells it the outcome.

Theory of operation. One thread runs the loop; each turn is a tick: facts go into the core, and records and wishes come out.
Wishes that only look are fulfilled at once, and what was seen goes into the core again, so that the end of one node and the
start of the next are recorded together. Then the records are committed in one transaction, then the wishes that act outside are
fulfilled, then the loop waits for reports. A result is stored before the core hears of it, and the core's record of it is
committed before anything outside depends on it; before brief calls in this process that may be made again, it may wait a
moment. So at whatever moment the process dies, what the journal calls succeeded is stored, and everything else will be done
again.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from weftline.errors import StoreUnusableError, WeftlineError
from weftline.model.call import Failure, Handle, Report
from weftline.model.event import Event, Kind
from weftline.model.plan import Plan, Step
from weftline.model.transitions import HAS_OUTPUT, NodeState, RunStatus
from weftline.ports.backend import Capabilities
from weftline.run.beginning import shapes_of, sorted_by_number, starts_of
from weftline.run.calls import CallFinder, CallsByNode
from weftline.run.core import Core
from weftline.run.demand import Capacity
from weftline.run.facts import (
    Ask,
    Cancel,
    CancelRequested,
    Conclude,
    Fact,
    Failed,
    Lost,
    Prepare,
    QueueSized,
    Stopped,
    Submit,
    TimerFired,
    Unprepared,
    Wish,
)
from weftline.run.flight import SingleFlight
from weftline.run.gates import Gates
from weftline.run.group_commit import GroupCommit
from weftline.run.inputs import Holdings
from weftline.run.limits import Limits
from weftline.run.preparation import Preparation
from weftline.run.release import Release
from weftline.run.reports import ReportReader, counting
from weftline.run.resume import Past
from weftline.run.stored import OutputLostError
from weftline.run.surroundings import Surroundings

_NOTHING: Mapping[Handle, Fact] = {}
#: The longest wait for a report, so that an interrupt or a due timer is noticed.
_WAIT_S = 0.1
#: Nodes that are prepared before their records are committed: a whole graph of hits is recorded in pieces.
_PREPARED_AT_ONCE = 256
#: Work that a backend should have waiting, in seconds: enough to bridge one tick.
_QUEUED_S = 0.05


class Engine:
    """One run of one plan.

    Args:
        plan: what to run.
        run: its id.
        around: what it is done with.
        opening: fields for the first event.
        limits: where the run ends, whatever there is left to do.
        past: what the run did before, when it is resumed.
    """

    def __init__(
        self,
        plan: Plan,
        run: str,
        around: Surroundings,
        *,
        opening: Mapping[str, Any],
        limits: Limits = Limits(),  # noqa: B008 - frozen
        past: Past | None = None,
    ) -> None:
        self.plan = plan
        self.run_id = run
        self._around = around
        self._past = past or Past()
        self._opening = opening
        self._is_resumed = past is not None
        # wall-clock times that never go backwards, whatever happens to the machine's clock
        self._epoch = around.clock.now() - around.clock.monotonic()
        graph, index = plan.graph, plan.graph.index
        steps: Sequence[Step] = sorted_by_number(plan)
        self.calls = CallsByNode(graph.nodes, steps)
        self.holdings = Holdings(graph, plan.given, around.values, around.cache)
        self._finder = CallFinder(plan, run, self.holdings, around.cache, around.values, self._past.done, self._now)
        self._release = Release(graph, plan.goals, self.holdings, around.cache)
        self._preparation = Preparation(index, self._finder, self.holdings, self._past, self._now)
        self._flight: SingleFlight | None = None
        if around.cache is not None and around.leases is not None:
            self._flight = SingleFlight(around.leases, around.cache, self.calls, self._finder, self.holdings, self._now)
        self._reader = ReportReader(run, around, self.calls, self.holdings, self._finder, self._now)
        self.usage = self._reader.usage
        self.core = Core(
            graph.remembered("shapes", lambda: shapes_of(graph)),
            capacity=Capacity.of(around.backend.capabilities),
            starts=starts_of(steps, self._past, self._release, self.holdings),
            looks_up=around.cache is not None,
            on_failure=limits.on_failure,
            deadline_s=limits.deadline_s,
            retry_budget=limits.retry_budget,
            attempts={(index[node], item): attempt for (node, item), attempt in self._past.attempts.items() if node in index},
            quiet=around.ledger is None and not around.sinks,
        )
        self.grouping = GroupCommit(run, around, graph, steps, self._preparation.new_recipes, self._now)
        self.took_s = 0.0
        self._gates = Gates(run, graph, around.fields, opening, self._past, self._now)
        self._interruption = _Interruption()
        self._sized = _Sized(-1, 0.0, 0.0)

    def cancel(self, *, kill: bool = False) -> None:
        """Asks for the run to end: running calls finish, or with `kill` are stopped. May be called from a signal handler."""
        self._interruption.ask(kill=kill)

    def run(self) -> RunStatus:
        """Runs to the end.

        Raises:
            LedgerUnusableError: the journal cannot be written; the run can be resumed.
        """
        began = self._now()
        records, wishes = self.core.start(began)
        records.insert(0, Event(Kind.RUN_RESUMED if self._is_resumed else Kind.RUN_STARTED, began, body=self._opening))
        try:
            status = self._loop(records, wishes)
        except KeyboardInterrupt:
            status = RunStatus.CANCELLED  # in the middle of a turn: what it left undone is as after a crash
        finally:
            if self._flight is not None:
                self._flight.close()
            if self._around.staging is not None:
                with contextlib.suppress(StoreUnusableError):  # nothing is lost: who opens the cache next does it
                    self._around.staging.settle()
        status = self._past.settled(status)
        counts = dict(Counter(str(node.state) for node in self.core.nodes))
        self.grouping.commit([Event(Kind.RUN_FINISHED, self._now(), body={"status": str(status), "counts": counts})])
        self.took_s = self._now() - began
        return status

    def _now(self) -> float:
        return self._epoch + self._around.clock.monotonic()

    def _loop(self, records: list[Event], wishes: list[Wish]) -> RunStatus:
        """Turns, until every node has ended."""
        core = self.core
        acts: list[Wish] = []
        while True:
            facts, prepared = self._look(wishes, acts), 0
            while facts and prepared < _PREPARED_AT_ONCE:
                prepared += len(facts)
                more, wishes = core.step(facts)
                records += more
                facts = self._look(wishes, acts)
            if not self.grouping.put_off(records, acts):
                self._record(records)
            facts += self._act(acts)
            acts.clear()
            if not facts and not core.unfinished and (status := core.status) is not None:
                return status
            if not facts and core.at_gates and core.waits_only_at_gates:
                facts = self._gates.last_look(core.at_gates)  # nothing else is heard after that
            else:
                facts += self._wait(0.0 if facts else _WAIT_S)
            assert facts or core.attempts.running or core.wakes_at is not None, "the run waits for nothing"
            records, wishes = core.step(facts)

    def _record(self, records: Sequence[Event]) -> None:
        """Records these and what was put off; then what had to wait for that."""
        self.grouping.commit(records)
        self._gates.publish()
        self._release.free(self.core.nodes)
        if self._flight is not None:
            self._flight.give_back()

    # --- wishes ---

    def _look(self, wishes: Sequence[Wish], acts: list[Wish]) -> list[Fact]:
        """Fulfils the wishes that nobody outside notices; the others are added to `acts`."""
        facts: list[Fact] = []
        for wish in wishes:
            if type(wish) is Conclude:
                self._conclude(wish.node)
            elif type(wish) is Prepare:
                facts.append(self._prepare(wish.node))
            elif type(wish) is Ask:
                facts += self._gates.see([wish.gate])
            else:
                acts.append(wish)
        return facts

    def _act(self, wishes: Sequence[Wish]) -> list[Fact]:
        """Fulfils the wishes that act outside, after the records."""
        instead = self._flight.begin(wishes) if self._flight is not None and wishes else _NOTHING
        facts: list[Fact] = []
        backend = self._around.backend
        for wish in wishes:
            if type(wish) is Submit:
                if wish.handle in instead:
                    facts.append(instead[wish.handle])
                else:
                    self._submit(wish, facts)
            elif type(wish) is Cancel:
                backend.cancel(wish.handle, kill=wish.kill)
                if wish.kill and not backend.capabilities.can_kill and self.core.attempts.is_running(wish.handle):
                    facts.append(Stopped(self._now(), wish.handle))  # it goes on, and nobody waits for it
        return facts

    def _conclude(self, number: int) -> None:
        """A node is over: its outputs are complete, and what it held in memory may go."""
        progress = self.core.nodes[number]
        self.calls.pop(number, None)
        if progress.state in HAS_OUTPUT:
            self.holdings.finish(number, progress.total, progress.failed)
            name = self.plan.graph.nodes[number].name
            self._gates.take(number, name, self.holdings.value, again=name in self._past.finished)
        self._release.ended(number, is_over=True)

    def _prepare(self, number: int) -> Fact:
        try:
            return self._preparation.prepare(self.calls[number])
        except OutputLostError as lost:
            return self._lost(lost, number, None)

    def _submit(self, wish: Submit, facts: list[Fact]) -> None:
        try:
            call = self.calls[wish.handle[0]].call(wish.handle, self.holdings, wish.devices)
            if self._around.checked:
                self._reader.expect(call)
        except OutputLostError as lost:
            facts.append(self._lost(lost, wish.handle[0], wish))
        except WeftlineError as error:
            facts.append(Failed(self._now(), wish.handle, Failure.of(error)))
        else:
            self._around.backend.submit(call)
            return
        if self._flight is not None:
            self._flight.drop(wish.handle)

    def _lost(self, lost: OutputLostError, reader: int, wish: Submit | None) -> Fact:
        """A stored input is gone: it is made again, if its node is part of this run."""
        now, source = self._now(), lost.node
        name = self.plan.graph.nodes[source].name
        why = ""
        if self.core.nodes[source].state is NodeState.SKIPPED:
            why = f"{name} is not part of this run"
        elif lost.key is not None and not self._finder.refuse(lost.key):
            why = "it was lost again and again: the store does not keep what it is given"
        if why:
            failure = Failure("OutputLost", f"the stored output of {name} is gone, and {why}")
            return Unprepared(now, reader, failure) if wish is None else Failed(now, wish.handle, failure)
        calls = self.calls[source]
        if self.core.nodes[source].state.has_output and not calls.is_lost:  # else another call has told of it just now
            self._release.again(source)
            calls.recorded = self.holdings.forget(source)
            calls.is_lost = True
        return Lost(now, source, reader, None if wish is None else wish.handle)

    # --- reports ---

    def _wait(self, longest_s: float) -> list[Fact]:
        """Facts from the backend, the clock and whoever wants the run to end."""
        now = self._now
        facts: list[Fact] = []
        interruption, attempts = self._interruption, self.core.attempts
        wakes_at, flight = self.core.wakes_at, self._flight
        if interruption.is_news:
            facts += interruption.news(now())
            longest_s = 0.0
        longest_s = min(longest_s, self.grouping.left_s)
        for at in (wakes_at, None if flight is None else flight.wakes_at):
            if at is not None:
                longest_s = max(0.0, min(longest_s, at - now()))
        if attempts.running or wakes_at is not None:
            reports, ended = counting(self._around.backend.poll(longest_s), attempts, now)
            self.grouping.take(reports)
            if interruption.is_news:  # before what it did to the reports
                facts += interruption.news(now())
            if flight is None:
                facts += ended + self._reader.read(reports)
            else:
                facts += self._landed(reports, ended, flight)
            if reports:
                longest_s = reports[0].took_s if len(reports) == 1 else max(report.took_s for report in reports)
                if not self._sized.fits(longest_s, self.core.slots.queue):
                    self._sized = _Sized.by(longest_s, self._around.backend.capabilities)
                    facts.append(QueueSized(now(), self._sized.calls))
        if wakes_at is not None and wakes_at <= now():
            facts.append(TimerFired(now()))
        if self.core.at_gates and self._gates.is_news():
            facts += self._gates.see(self.core.at_gates)
        return facts

    def _landed(self, reports: Sequence[Report], ended: Sequence[Fact], flight: SingleFlight) -> list[Fact]:
        """What came of calls, ours and those of others that we wait for."""
        kept, facts = flight.fenced(reports)
        facts += [*ended, *self._reader.read(kept)]
        flight.end(facts)
        return facts + flight.news()


class _Sized(NamedTuple):
    """How many calls may wait in the backend, and the durations of a call for which that is right."""

    calls: int
    least_s: float
    most_s: float

    @classmethod
    def by(cls, longest_s: float, capabilities: Capabilities) -> _Sized:
        """Small calls may wait there, so that they do not wait for the engine; long ones wait here."""
        work_s = capabilities.slots * _QUEUED_S
        calls = min(capabilities.queue, int(work_s / max(longest_s, 1e-6)))
        least_s = 0.0 if calls == capabilities.queue else work_s / max(2 * calls, 1)
        return cls(calls, least_s, 2 * work_s / calls if calls else math.inf)

    def fits(self, longest_s: float, calls: int) -> bool:
        """Whether the core, which has been told so many, need not be told anew."""
        return self.least_s <= longest_s <= self.most_s and calls == self.calls


class _Interruption:
    """Somebody's wish that the run ends; it may come at any moment, and is told to the core at the next."""

    def __init__(self) -> None:
        self.is_news = False  # whether the core has not been told yet
        self._asked = 0

    def ask(self, *, kill: bool) -> None:
        """Once to let running calls finish; again, or with `kill`, to stop them."""
        self._asked = 2 if kill or self._asked else 1
        self.is_news = True

    def news(self, now: float) -> list[Fact]:
        """What the core is to be told."""
        self.is_news = False
        return [CancelRequested(now, self._asked == 2)]
