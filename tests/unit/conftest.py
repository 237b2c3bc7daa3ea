"""A stage for tests of plans and runs: everything happens in virtual time, and nothing leaves memory."""

import itertools

import pytest

from weftline import Pipeline
from weftline.model.event import Kind
from weftline.model.run import RunRecord
from weftline.plan import planner
from weftline.plan.wish import Wish
from weftline.ports.values import Values
from weftline.run.engine import Engine
from weftline.run.limits import Limits
from weftline.run.result import RunResult
from weftline.run.resume import past_of
from weftline.run.surroundings import Surroundings
from weftline.store.memory import MemoryCache
from weftline.store.sqlite import SqliteLedger
from weftline.testing import ManualClock, ScriptedBackend


class Batches(SqliteLedger):
    """Remembers what was committed together."""

    def __init__(self):
        super().__init__(":memory:")
        self.batches = []

    def append(self, run, events, recipes=()):
        super().append(run, events, recipes)
        self.batches.append([(event.kind, event.node) for event in events])


class Stage:
    """Plans and runs nodes with a scripted backend, a cache and a ledger in memory."""

    def __init__(self):
        self.clock = ManualClock()
        self.cache = MemoryCache()
        self.ledger = SqliteLedger(":memory:")
        self.values = Values()
        self.backend = ScriptedBackend(self.clock)
        self._numbers = itertools.count(1)

    def scripted(self, slots=1, **options):
        """The backend of the next run."""
        self.backend = ScriptedBackend(self.clock, slots, **options)
        return self.backend

    def remember_batches(self):
        """From now on the ledger tells what was committed together."""
        self.ledger.close()
        self.ledger = Batches()

    def plan(self, nodes, *, cached=True, declared=None, **wish):
        wish.setdefault("backend", self.backend.name)
        wish.setdefault("capabilities", self.backend.capabilities)
        wish.setdefault("now", self.clock.now())
        graph = Pipeline(nodes, name="test", fields=declared).graph
        return planner.make(graph, Wish(**wish), self.cache if cached else None, self.ledger, self.values)

    def engine(self, nodes, *, run=None, cached=True, on_failure="stop", past=None, **options):
        own = {name: options.pop(name) for name in ("checked", "sinks", "logs", "leases", "staging") if name in options}
        around = Surroundings(
            backend=self.backend,
            values=self.values,
            clock=self.clock,
            entropy=lambda: 1.0,
            cache=self.cache if cached else None,
            ledger=self.ledger,
            fields=self.ledger,
            **own,
        )
        plan = self.plan(nodes, cached=cached, **options)
        self.last = run or f"r{next(self._numbers)}"
        return Engine(plan, self.last, around, opening={"pipeline": "test"}, limits=Limits(on_failure), past=past)

    def run(self, nodes, **options):
        engine = self.engine(nodes, **options)
        return RunResult(engine, engine.run())

    def resume(self, nodes, **options):
        """Goes on with the last run, as another process would."""
        return self.run(nodes, run=self.last, past=past_of(self.record), **options)

    @property
    def events(self):
        return list(self.ledger.events(self.last))

    @property
    def record(self):
        return RunRecord.fold(self.last, self.events)

    def told(self, *kinds):
        """Labels of the last run's events of these kinds."""
        return [(event.node, event.item, event.attempt) for event in self.events if event.kind in kinds]

    @property
    def started(self):
        """Node, item and attempt of everything that the journal of the last run says was started."""
        return self.told(Kind.ATTEMPT_STARTED)


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.ledger.close()
