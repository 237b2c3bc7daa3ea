"""Seeded simulation of whole runs: random pipelines, in virtual time, on a store that loses things, in a process that dies.

Whatever happens, a run that is resumed until it is complete has the values that plain Python gives. A failing case is named by
its seed: `simulate(SEED)` plays it again. `WEFTLINE_SCHEDULES=5000` plays more.
"""

import os
import random
from collections import Counter
from hashlib import sha256

import pytest

from weftline import Node, Pipeline, Policy, Resources
from weftline.errors import DamagedEntryError, NoValueError
from weftline.model.event import CALL_OUTCOMES, Kind
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.plan import planner
from weftline.plan.wish import Wish
from weftline.ports.values import Values
from weftline.run.engine import Engine
from weftline.run.result import RunResult
from weftline.run.resume import past_of
from weftline.run.surroundings import Surroundings
from weftline.store.memory import MemoryCache
from weftline.store.sqlite import SqliteLedger
from weftline.testing import ManualClock, ScriptedBackend, fail, succeed

SCHEDULES = int(os.environ.get("WEFTLINE_SCHEDULES", "240"))
BLOCKS = 8
MOST_LIVES = 30
OFTEN = Policy(max_attempts=1000, backoff="linear", initial_s=1.0)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_run_ends_with_the_right_values_whatever_happens_to_it(block):
    for seed in range(block, SCHEDULES, BLOCKS):
        simulate(seed)


def simulate(seed):
    world = World(random.Random(seed))
    try:
        world.play()
    except Exception as error:
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}\n{world}") from error
    finally:
        world.ledger.close()


# --- what runs ---


def stir(salt, values):
    """A text that only these values give; of a size that is stored apart in some cases."""
    digest = sha256(repr((salt, values)).encode()).hexdigest()
    return digest * (1 + int(digest[0], 16) * 4)


class Mix(Node):
    """One text made of all that it reads."""

    def __init__(self, name, reads, consumes, over, salt, options):
        self.name, self.over, self.salt = name, over, salt
        self.requires = {key: str if key == over or not key.startswith("list") else list[str] for key in reads}
        self.consumes = consumes
        self.provides = {name: str}
        vars(self).update(options)

    def run(self, ctx):
        read = [(key, ctx.get(key)) for key in sorted(self.requires)]
        given = [sorted(ctx.namespace(pattern).items()) for pattern in self.consumes]
        ctx.set(self.name, stir(self.salt, (read, given)))


class Many(Mix):
    """A list of texts."""

    def __init__(self, name, reads, consumes, over, salt, options):
        super().__init__(name, reads, consumes, over, salt, options)
        self.provides = {name: list[str]}

    def run(self, ctx):
        read = [(key, ctx.get(key)) for key in sorted(self.requires)]
        given = [sorted(ctx.namespace(pattern).items()) for pattern in self.consumes]
        ctx.set(self.name, [stir(at, (self.salt, read, given)) for at in range(self.salt % 4)])


def random_nodes(rng):
    nodes, keys = [], []
    for at in range(rng.randint(2, 7)):
        lists = [key for key in keys if key.startswith("list")]
        over = rng.choice(lists) if lists and rng.random() < 0.5 else None
        makes_list = over is None and rng.random() < 0.4
        name = f"{'list' if makes_list or over else 'text'}.k{at}"
        reads = set(rng.sample(keys, min(len(keys), rng.choice([0, 1, 1, 2])))) | ({over} if over else set())
        consumes = ["text.*"] if rng.random() < 0.2 and at else []
        options = {
            "policy": OFTEN,
            "cache": rng.random() < 0.85,
            "priority": rng.choice([0, 0, 5]),
            "resources": Resources(cpu=rng.choice([1, 1, 2, 0.5])),
        }
        if makes_list is False and over is None and consumes:
            name = f"other.k{at}"  # it must not consume itself
        kind = Many if makes_list else Mix
        nodes.append(kind(name, sorted(reads), consumes, over, rng.randrange(100), options))
        keys.append(name)
        if consumes:
            break  # what came later would be in the namespace, and this node would wait for it
    return nodes


def expected(nodes):
    """The values that plain Python gives."""
    values = {}
    for node in nodes:
        given = [sorted((key, value) for key, value in values.items() if key.startswith("text.")) for _ in node.consumes]
        items = values[node.over] if node.over else [None]
        made = []
        for item in items:
            read = [(key, item if key == node.over else values[key]) for key in sorted(node.requires)]
            if isinstance(node, Many):
                made.append([stir(at, (node.salt, read, given)) for at in range(node.salt % 4)])
            else:
                made.append(stir(node.salt, (read, given)))
        values[node.name] = made if node.over else made[0]
    return values


# --- what happens ---


class Died(Exception):
    """Stands for the end of the process."""


class Losing(MemoryCache):
    """A store that hands out large contents on demand only, and loses entries now and then."""

    def __init__(self, rng):
        super().__init__()
        self.rng = rng
        self.losses = 12

    def find(self, keys):
        self.lose(0.05)
        found = {}
        for key, entry in super().find(keys).items():
            outputs = tuple(one if one.size <= 1024 else one._replace(content=None) for one in entry.outputs)
            found[key] = entry._replace(outputs=outputs)
        return found

    def load(self, stored, key):
        self.lose(0.03)
        for found in self._entries[key].outputs if key in self._entries else ():
            if found.object == stored.object:
                return found.content
        raise DamagedEntryError(what_is_damaged=key.hex(), detail="gone")

    def lose(self, chance):
        if self.losses and self._entries and self.rng.random() < chance:
            self.losses -= 1
            del self._entries[self.rng.choice(list(self._entries))]


class Death:
    """A sink that ends the process at a random moment."""

    def __init__(self, rng, chance):
        self.rng, self.chance = rng, chance

    def tell(self, run, events):
        if self.rng.random() < self.chance:
            raise Died

    def close(self):
        pass


class World:
    def __init__(self, rng):
        self.rng = rng
        self.nodes = random_nodes(rng)
        self.graph = Pipeline(self.nodes, name="simulated").graph
        self.clock = ManualClock()
        self.cache = Losing(rng) if rng.random() < 0.9 else None
        self.ledger = SqliteLedger(":memory:")
        self.values = Values()
        self.slots = rng.randint(2, 4)
        self.danger = rng.choice([0.0, 0.05, 0.2]) if self.cache is not None else 0.0
        self.trouble = rng.choice([0.0, 0.1, 0.3])

    def __str__(self):
        nodes = "\n".join(
            f"  {node.name} reads {sorted(node.requires)} {node.consumes} over={node.over} cache={node.cache}"
            for node in self.nodes
        )
        events = "\n".join(f"  {tuple(event)[:5]}" for event in list(self.ledger.events("r"))[-30:])
        return f"slots={self.slots} danger={self.danger} trouble={self.trouble}\n{nodes}\n{events}"

    def backend(self):
        return ScriptedBackend(self.clock, self.slots, queue=self.rng.choice([0, 4]), otherwise=self.act)

    def act(self, call):
        takes_s = self.rng.choice([0.0, 0.1, 3.0])
        chance = self.rng.random()
        act = fail(ConnectionError("now and then"), takes_s) if chance < self.trouble else succeed(takes_s)
        if self.rng.random() < 0.1:
            act = act.late(self.rng.choice([0.0, 2.0]))
        if self.rng.random() < 0.1:
            act = act.twice(self.rng.choice([0.0, 5.0]))
        return act

    def play(self):
        right = expected(self.nodes)
        for life in range(MOST_LIVES):
            is_last = life == MOST_LIVES - 1
            engine = self.engine(0.0 if is_last else self.danger, resumed=life > 0)
            try:
                status = engine.run()
            except Died:
                if self.record().status is RunStatus.COMPLETED:
                    self.check_journal()
                    return
                continue
            assert status == "completed", f"{status}: {RunResult(engine, status).failures}"
            self.check_journal()
            if self.cache is not None:
                self.cache.losses = 0
            for key, value in right.items():
                if self.cache is None or engine.holdings.has(key):
                    self.check_value(engine, key, value)
            return
        raise AssertionError("it died in every life")

    def check_value(self, engine, key, value):
        if self.cache is None:
            found = RunResult(engine, "completed")[key]
        else:
            try:
                found = RunResult(engine, "completed")[key]
            except NoValueError:
                return  # it was lost after the run: that may be told, and nothing else
        assert found == value, f"{key} is {str(found)[:60]!r} instead of {str(value)[:60]!r}"

    def engine(self, danger, *, resumed):
        backend = self.backend()
        wish = Wish(backend="scripted", capabilities=backend.capabilities)
        plan = planner.make(self.graph, wish, self.cache, self.ledger, self.values)
        around = Surroundings(
            backend=backend,
            values=self.values,
            clock=self.clock,
            entropy=self.rng.random,
            cache=self.cache,
            ledger=self.ledger,
            sinks=[Death(self.rng, danger)],
        )
        past = past_of(self.record()) if resumed else None
        return Engine(plan, "r", around, opening={"pipeline": "simulated"}, past=past)

    def record(self):
        return RunRecord.fold("r", self.ledger.events("r"))

    def check_journal(self):
        events = list(self.ledger.events("r"))
        outcomes = Counter((e.node, e.item, e.attempt) for e in events if e.kind in CALL_OUTCOMES and e.attempt)
        assert not [call for call, times in outcomes.items() if times > 1], outcomes
        states = {str(node.state) for node in self.record().nodes.values()}
        assert states <= {"succeeded", "cached"}, states
        assert sum(1 for event in events if event.kind is Kind.RUN_FINISHED) == 1
