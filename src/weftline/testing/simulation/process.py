"""One process that works on a simulated run: the real engine, watched through its ports, until it ends or dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import weftline.testing.simulation.restraints  # noqa: F401 - enters its rules
from weftline.errors import StoreUnusableError
from weftline.model.call import Call, Handle, Report
from weftline.model.entry import Entry
from weftline.model.event import Event, Kind
from weftline.model.gate import Scalar
from weftline.model.run import RunRecord
from weftline.ports.values import Values
from weftline.run.engine import Engine
from weftline.run.limits import Limits
from weftline.run.resume import past_of
from weftline.run.surroundings import Surroundings
from weftline.testing.simulation.account import Account
from weftline.testing.simulation.arrivals import note_record, note_waiting
from weftline.testing.simulation.endings import End
from weftline.testing.simulation.fates import act_of
from weftline.testing.simulation.graph import gatekeeper, plan_of
from weftline.testing.simulation.grouping import Overheard
from weftline.testing.simulation.openings import Setting
from weftline.testing.simulation.ports import SimulatedBackend
from weftline.testing.simulation.rules import RuleBrokenError, Storing, check
from weftline.testing.simulation.scenario import Incident, Life, Loss, Word, label

if TYPE_CHECKING:
    from weftline.testing.simulation.world import World

#: Turns of the engine after which a life counts as one that never ends.
MOST_TURNS = 4000
#: Moments at which the engine has done something else than to look at fields.
_DONE = frozenset({"after append", "after submit", "after poll", "after set", "after look"})
_VALUES = Values()


class Died(BaseException):
    """The end of the process; nothing in it may catch this."""


class Told:
    """What tells its story.

    Args:
        world: who listens.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    def tell(self, line: str) -> None:
        """One line of the schedule."""
        if self.world.listener is not None:
            self.world.listener(f"{self.world.clock.monotonic():8.3f}  {line}")

    def label(self, handle: Handle) -> str:
        """An attempt as people write it."""
        return label(self.world.graph.nodes[handle[0]].name, *handle[1:])


class Process(Told):
    """One process that works on a run; watches what passes through its ports.

    Args:
        world: what it finds.
        run: id of the run.
        life: what happens to it.
    """

    def __init__(self, world: World, run: str, life: Life) -> None:
        super().__init__(world)
        self.run = run
        scenario = world.scenario
        self._happens: dict[tuple[str, int], list[Incident | Word | Loss]] = {
            (found.moment, found.nth): [found] for found in life.incidents
        }
        for loss in scenario.losses if run == world.run else ():
            if loss.life == world.life:
                self._happens.setdefault((loss.moment, loss.nth), []).insert(0, loss)
        self._answers: dict[str, list[Word]] = {}  # what others say when a node has ended, by its name
        for word in scenario.words if run == world.run else ():
            if word.life == world.life and word.after:
                self._answers.setdefault(word.after, []).append(word)
            elif word.life == world.life and word.moment:
                self._happens.setdefault((word.moment, word.nth), []).insert(0, word)
        self._reached: Counter[str] = Counter()
        self._turns = 0
        self.backend = SimulatedBackend(world.clock, scenario, self, partial(act_of, scenario, world.fates))
        self.limits = Limits(scenario.on_failure)
        if run == world.run:
            self.limits = Limits(scenario.on_failure, scenario.deadline_s, scenario.retry_budget)
        capabilities = self.backend.capabilities
        self.account = Account(world.graph, world.clock, capabilities, self.limits, world.memory, world.store)
        self._has_gates = bool(self.account.gating)
        if self._has_gates:
            self.account.gating.note_now(self.account.now)
        self._engine: Engine | None = None
        self._heard: Sequence[Report] = ()  # what the engine was told and has not acted upon
        self._is_full = False
        self._overheard = Overheard(self.account, world.memory)

    def work(self, left_out: Collection[str]) -> None:
        """Runs to the end.

        Raises:
            Died: an incident has ended it.
            RuleBrokenError: a rule is broken.
        """
        world = self.world
        world.ledger.watcher = None  # nothing happens while it plans
        if world.store is not None:
            world.store.watcher = None
        is_resumed = self.run in world.ledger.journals
        record = RunRecord.fold(self.run, world.ledger.events(self.run))
        plan = plan_of(world.graph, left_out, world.store, gatekeeper(world.graph, world.ledger.fields(self.run), record))
        past = past_of(record) if is_resumed else None
        world.ledger.watcher = self
        if world.store is not None:
            world.store.watcher = self
        around = Surroundings(
            backend=self.backend,
            values=_VALUES,
            clock=world.clock,
            entropy=world.rng.random,
            cache=world.store,
            ledger=world.ledger,
            fields=world.ledger,
        )
        opening = {"pipeline": "simulated"}
        engine = Engine(plan, self.run, around, opening=opening, limits=self.limits, past=past)
        self._engine = engine
        self.tell(f"process {world.lives} {'resumes' if is_resumed else 'starts'} {self.run}: {plan}")
        status = engine.run()
        self.tell(f"the run is {status}")
        self.settle()
        index = world.graph.index
        skipped = frozenset(index[step.node] for step in plan.steps if step.decision == "SKIP")
        check("end", self.account, End(engine, status, self.backend, list(world.ledger.events(self.run)), skipped))

    # --- what passes through the ports ---

    def reached(self, moment: str) -> None:
        """Lets happen what happens at such a moment."""
        nth = self._reached[moment]
        self._reached[moment] = nth + 1
        for found in self._happens.get((moment, nth), ()):
            if isinstance(found, Word):
                self._hear(found)
            elif isinstance(found, Loss):
                self.world.lose(found)
            else:
                self._suffer(found.what, moment, nth)
        if self._has_gates and moment in _DONE:
            self.account.gating.note_done()

    def _hear(self, word: Word) -> None:
        self.world.hear(word)
        self.account.gating.note_now(self.account.now)

    def _suffer(self, what: str, moment: str, nth: int) -> None:
        self.tell(f"  {moment} {nth}: {what}")
        if what == "crash":
            raise Died
        if what == "full":
            self._is_full = moment == "before store"
            if self._is_full:
                raise StoreUnusableError(path="memory", detail="there is no room")
            return
        self.account.note_asked(kill=what == "kill")
        assert self._engine is not None
        self._engine.cancel(kill=what == "kill")

    def submits(self, call: Call) -> None:
        """A call is about to be submitted."""
        self._overhear()
        self.settle()
        if self.world.listener is not None:
            self.tell(f"  submits {self.label(call.handle)}")
        check("submit", self.account, call)
        self.account.note_submitted(call.handle)

    def waits(self, wait_s: float) -> None:
        """The engine is about to wait."""
        self._turns += 1
        self._overhear()
        if self._turns > MOST_TURNS:
            raise RuleBrokenError("Every run ends.", f"this one goes on after {MOST_TURNS} turns")
        self.settle()
        if self._has_gates:
            note_waiting(self.account)
        check("wait", self.account, wait_s)
        self.account.note_turn()

    def reports(self, reports: Sequence[Report]) -> None:
        """The engine is about to be given these."""
        self.account.note_turn()
        for report in self.account.accepted(reports):
            self.account.last_took_s = report.took_s
        if self.world.listener is not None:
            for report in reports:
                self.tell(f"  is told of {self.label(report.handle)}: {_ending(report)}")
        self._heard = reports

    def stores(self, entries: Sequence[Entry]) -> None:
        """Results are about to be stored."""
        assert self._engine is not None
        made = [report.handle for report in self.account.accepted(self._heard) if report.outputs is not None]
        keys = {self._engine.calls[number].key(item) for number, item, _ in made}
        check("store", self.account, Storing(entries, keys))

    def settle(self, events: Sequence[Event] = ()) -> None:
        """Takes account of what the engine was told: now it is known whether the store has taken it."""
        if self._heard:
            self.account.note_reports(self._heard, is_full=self._is_full)
            self._heard, self._is_full = (), False
        self.account.note_time(events)

    def cancels(self, handle: Handle, *, kill: bool) -> None:
        """A call was withdrawn."""
        if self.world.listener is not None:
            self.tell(f"  {'kills' if kill else 'withdraws'} {self.label(handle)}")
        self.account.note_withdrawn(handle, kill=kill)

    def appends(self, run: str, events: Sequence[Event]) -> None:
        """Records are about to be appended."""
        del run
        self._decides(self._overheard.rest(events))

    def _overhear(self) -> None:
        """What the engine puts off counts for the account as if it were recorded."""
        assert self._engine is not None
        fresh = self._overheard.fresh(self._engine.grouping.waiting)
        if fresh:
            self.tell(f"  {len(self.account.waiting)} records wait")
            self._decides(fresh)
            self._decided(fresh)

    def _decides(self, events: Sequence[Event]) -> None:
        self.settle(events)
        for at, event in enumerate(events):
            check("record", self.account, event)
            if event.kind is Kind.OUTPUT_LOST:
                self.account.told_lost.add(event.node)
            if self._has_gates:
                note_record(self.account, event, events[:at])
        self.account.gating.note_batch()

    def misses(self, node: str) -> None:
        """The engine is about to learn that what a node has made is gone."""
        self._overhear()
        number, memory = self.world.graph.index[node], self.account.memory
        self.account.lost.add(number)
        if self.world.graph.nodes[number].over is None:  # without an item of its list, a result is none
            memory.acknowledged = {found for found in memory.acknowledged if found[0].partition(":")[0] != node}

    def sets(self, values: Mapping[str, Scalar], by: str) -> None:
        """Others are about to be told what a node has said of fields."""
        check("set", self.account, Setting(values, by))
        self.account.gating.note_set(values, by)
        self.account.gating.note_now(self.account.now)

    def reads(self) -> None:
        """The engine is about to be told what fields hold."""
        self.account.gating.note_read()

    def appended(self, run: str, events: Sequence[Event]) -> None:
        """Records are safe."""
        del run
        self._decided(self._overheard.rest(events))
        self._overheard.recorded()

    def _decided(self, events: Sequence[Event]) -> None:
        if self.world.listener is not None:
            for event in events:
                self.tell(f"    {_shown(event)}")
        assert self._engine is not None
        holdings, index = self._engine.holdings, self.world.graph.index
        started = [index[event.node] for event in events if event.kind is Kind.NODE_STARTED]
        self.account.note_records(events, {number: list(holdings.entries(number)) for number in started})
        for event in events if self._answers else ():
            if event.kind is Kind.NODE_FINISHED:
                for word in self._answers.pop(event.node, ()):
                    self._hear(word)

    def dies(self) -> None:
        """Nobody knows of what was not recorded."""
        self.settle()
        self._overheard.die()
        self.tell(f"the process dies, and {len(self.account.waiting)} records that wait")


def _ending(report: Report) -> str:
    if report.outputs is not None:
        return "it succeeded"
    return "it was stopped" if report.failure is None else report.failure.kind


def _shown(event: Event) -> str:
    where = label(event.node, event.item, event.attempt) if event.attempt else event.node
    body = {
        name: found
        for name, found in (event.body or {}).items()
        if name in {"state", "status", "total", "retry_in_s", "error", "gate", "held"}
    }
    return f"{event.kind} {where} {body or ''}".rstrip()
