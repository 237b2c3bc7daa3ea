"""Seeded simulation of the core: random graphs under random schedules, with its promises checked after every step.

A failing schedule is named by its seed: `run_schedule(SEED, losses=...)` plays it again. `WEFTLINE_SCHEDULES=20000` plays more.
"""

import math
import os
import random
from collections import Counter

import pytest

from weftline.model.call import Failure
from weftline.model.event import CALL_OUTCOMES, Kind
from weftline.model.ids import WHOLE
from weftline.model.policy import Policy
from weftline.model.run import RunRecord
from weftline.model.transitions import NodeState, RunStatus
from weftline.run.core import Core
from weftline.run.demand import Capacity, Demand
from weftline.run.facts import (
    Cancel,
    CancelRequested,
    Conclude,
    Elsewhere,
    Failed,
    Found,
    Freed,
    Lost,
    Prepare,
    Prepared,
    QueueSized,
    Shape,
    Stopped,
    Submit,
    Succeeded,
    TimerFired,
    Unprepared,
)

SCHEDULES = int(os.environ.get("WEFTLINE_SCHEDULES", "2000"))
BLOCKS = 8
MOST_TICKS = 2000
TRANSIENT = Failure("ConnectionError", "lost", ("builtins.ConnectionError",), transient=True)
FATAL = Failure("ValueError", "wrong", ("builtins.ValueError",))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_promises_hold_under_random_schedules(block):
    for seed in range(block, SCHEDULES, BLOCKS):
        run_schedule(seed, losses=False)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_promises_hold_when_outputs_are_lost(block):
    for seed in range(block, SCHEDULES, BLOCKS):
        run_schedule(seed, losses=True)


def run_schedule(seed, *, losses):
    world = World(random.Random(seed), losses=losses)
    try:
        world.play()
    except Exception as error:
        trace = "\n".join(world.trace[-40:])
        raise AssertionError(f"seed {seed}, losses={losses}: {type(error).__name__}: {error}\n{world}\n{trace}") from error


def cpu_of(shape):
    return shape.demands[0].cpu


class World:
    """The core, and everything around it: an engine, a backend and a clock that do what the seed says."""

    def __init__(self, rng, *, losses):
        self.rng = rng
        self.losses = losses
        self.now = 1000.0
        self.shapes = _graph(rng)
        self.slots = max(rng.randint(1, 4), *(cpu_of(shape) for shape in self.shapes))
        self.queue = rng.choice([0, 0, 3])
        self.on_failure = rng.choice(["stop", "continue"])
        self.looks_up = rng.random() < 0.7
        self.starts = self._starts()
        self.totals = {number: rng.choice([0, 1, 2, 5]) for number, shape in enumerate(self.shapes) if shape.fans_out}
        self.core = Core(
            self.shapes,
            starts=self.starts,
            looks_up=self.looks_up,
            capacity=Capacity(self.slots, self.queue),
            on_failure=self.on_failure,
        )
        self.trouble = rng.choice([0.0, 0.1, 0.4])
        self.cancels = rng.random() < 0.15
        self.is_cancelled = self.is_stopping = False
        self.at_hand = set()
        self.running = {}  # (node, item) -> attempt
        self.reported = []
        self.doomed = set()
        self.is_shared = rng.random() < 0.5  # whether others compute the same
        self.elsewhere = []  # handles of calls that others compute
        self.lost = Counter()  # how often each node's output was lost
        self.given_back = Counter()
        self.failures = Counter()
        self.records = []
        self.never_tried = set()  # nodes that failed without an attempt
        self.trace = []
        self.before = [node.state for node in self.core.nodes]

    def __str__(self):
        lines = [f"slots={self.slots} queue={self.queue} on_failure={self.on_failure} looks_up={self.looks_up}"]
        for number, shape in enumerate(self.shapes):
            node = self.core.nodes[number]
            more = f" x{self.totals[number]}{' tolerant' if shape.tolerant else ''}" if shape.fans_out else ""
            start = self.starts.get(number, "")
            lines.append(
                f"  {shape.name}{more} after {shape.upstream} cpu={cpu_of(shape)} rank={shape.rank} {start}: {node.state}"
                f" pending={node.pending} running={node.running}"
            )
        return "\n".join(lines)

    def _starts(self):
        """Some nodes are not selected; some that read nothing unknown are hits."""
        starts = {}
        if self.rng.random() < 0.3:
            for number, shape in enumerate(self.shapes):
                chance = self.rng.random()
                if chance < 0.2:
                    starts[number] = "skip"
                elif self.looks_up and chance < 0.6 and all(source in starts for source in shape.upstream):
                    starts[number] = "hit"
        return starts

    # --- the loop ---

    def play(self):
        records, wishes = self.core.start(self.now)
        for _ in range(MOST_TICKS):
            self.take(records)
            facts = self.fulfil(wishes)
            self.check()
            if self.core.status is not None and not facts:
                self.check_end()
                return
            facts += self.happen(idle=not facts)
            assert facts, "the run waits for nothing"
            self.trace.append(f"{self.now:.1f} {facts}")
            records, wishes = self.core.step(facts)
        raise AssertionError("the run does not end")

    def take(self, records):
        self.records += records
        for record in records:
            self.trace.append(f"      {record.kind} {record.node}[{record.item}] #{record.attempt} {dict(record.body or {})}")

    def fulfil(self, wishes):
        facts = []
        self.at_hand = set()  # outputs that were found again in this very turn
        was_stopping = self.is_stopping
        self.is_stopping = self.is_stopping or self.is_cancelled or self.has_stopped_for_failure()
        for wish in wishes:
            self.trace.append(f"   -> {wish}")
            if isinstance(wish, Submit):
                assert not was_stopping, f"{wish} although the run is stopping"
                self.submit(wish.handle, facts)
            elif isinstance(wish, Prepare):
                facts.append(self.prepare(wish.node))
            elif isinstance(wish, Cancel):
                if wish.handle[:2] in self.running and (wish.kill or self.rng.random() < 0.5):
                    self.doomed.add(wish.handle)
            else:
                assert isinstance(wish, Conclude)
                assert self.core.nodes[wish.node].state.is_final or self.lost[wish.node]
        return facts

    def has_stopped_for_failure(self):
        return self.on_failure == "stop" and any(node.state is NodeState.FAILED for node in self.core.nodes)

    def submit(self, handle, facts):
        number, item, attempt = handle
        assert (number, item) not in self.running, f"{handle} runs already"
        self.running[number, item] = attempt
        source = self.lose(number)
        if source is not None:
            del self.running[number, item]
            self.given_back[handle] += 1
            is_skipped = self.core.nodes[source].state is NodeState.SKIPPED  # nobody will make it again
            facts.append(Failed(self.now, handle, FATAL) if is_skipped else Lost(self.now, source, number, handle))
        elif self.is_shared and (chance := self.rng.random()) < 0.3:
            del self.running[number, item]
            self.given_back[handle] += 1
            if chance < 0.1:
                facts.append(Found(self.now, handle, {"key": "k"}))
            else:
                self.elsewhere.append(handle)
                facts.append(Elsewhere(self.now, handle, "somebody"))

    def unprepared(self, number):
        self.never_tried.add(self.shapes[number].name)
        return Unprepared(self.now, number, FATAL)

    def prepare(self, number):
        is_hit = self.starts.get(number) == "hit" and not self.lost[number]
        source = None if is_hit else self.lose(number)  # a known result needs no inputs
        if source is not None:
            is_skipped = self.core.nodes[source].state is NodeState.SKIPPED
            return self.unprepared(number) if is_skipped else Lost(self.now, source, number, None)
        if self.rng.random() < 0.02 and not is_hit:
            return self.unprepared(number)
        total = self.totals.get(number, 1)
        items = range(total) if self.shapes[number].fans_out else [WHOLE]
        if is_hit:
            share = 1.0
        else:
            share = self.rng.choice([0.0, 0.0, 0.5, 1.0]) if self.looks_up else 0.0
        restored = {item: self.rng.choice([None, b"k" * 32]) for item in items if self.rng.random() < share}
        if self.lost[number]:
            restored = dict.fromkeys(restored)  # the engine knows that the journal has these
        if len(restored) == total:
            self.at_hand.add(number)
        return Prepared(self.now, number, total, restored, {"total": total})

    def lose(self, reader):
        """A node before the reader whose output proves to be gone: for the first time, or since another reader found out."""
        sources = [source for source in self.shapes[reader].upstream if self.starts.get(source) != "skip"]
        for source in sources:
            state = self.core.nodes[source].state
            if not state.has_output and source not in self.at_hand:
                assert self.losses, f"{reader} wants the output of {source}, which is {state}"
                return source
        sources = [source for source in sources if self.lost[source] < 2 and source not in self.at_hand]
        if not self.losses or not sources or self.rng.random() > 0.1:
            return None
        source = self.rng.choice(sources)
        self.lost[source] += 1
        return source

    # --- what the backend and the clock do ---

    def happen(self, *, idle):
        rng, facts = self.rng, []
        for (number, item), attempt in list(self.running.items()):
            if rng.random() < 0.4:
                facts.append(self.report(number, item, attempt))
        facts += [self.tell_of(handle) for handle in list(self.elsewhere) if rng.random() < 0.3]
        if self.reported and rng.random() < 0.2:
            facts.append(rng.choice(self.reported)._replace(at=self.now))  # doubled, or late
        if rng.random() < 0.1:
            facts.append(TimerFired(self.now))  # too early
        if rng.random() < 0.1:
            facts.append(QueueSized(self.now, rng.choice([0, self.queue])))
        if self.cancels and rng.random() < 0.1:
            facts.append(CancelRequested(self.now, rng.random() < 0.5))
            self.is_cancelled = True
        rng.shuffle(facts)
        return [self.happen_at_last()] if idle and not facts and self.waits else facts

    @property
    def waits(self):
        """Whether anything can still happen by itself."""
        return bool(self.running or self.elsewhere or self.core.wakes_at is not None)

    def happen_at_last(self):
        """One thing, where nothing has happened by chance."""
        wakes_at = self.core.wakes_at
        if self.running:
            (number, item), attempt = self.rng.choice(list(self.running.items()))
            return self.report(number, item, attempt)
        if self.elsewhere and (wakes_at in {None, math.inf} or self.rng.random() < 0.5):
            return self.tell_of(self.elsewhere[0])
        self.now = max(self.now, wakes_at)
        return TimerFired(self.now)

    def tell_of(self, handle):
        """What becomes of a call that others compute; told also when nobody waits for it any more."""
        self.elsewhere.remove(handle)
        found = self.rng.random() < 0.6
        return Found(self.now, handle, {"key": "k"}) if found else Freed(self.now, handle)

    def report(self, number, item, attempt):
        del self.running[number, item]
        handle = (number, item, attempt)
        self.now += self.rng.choice([0.0, 0.1, 1.0])
        chance = self.rng.random()
        if handle in self.doomed and chance < 0.8:
            fact = Stopped(self.now, handle)
        elif chance < self.trouble:
            failure = TRANSIENT if self.rng.random() < 0.7 else FATAL
            self.failures[number, item] += 1
            fact = Failed(self.now, handle, failure, self.rng.random())
        else:
            fact = Succeeded(self.now, handle, {"key": "k"})
        self.reported.append(fact)
        return fact

    # --- promises ---

    def check(self):
        self.check_states()
        used = sum(cpu_of(self.shapes[number]) for number, _, _ in self.core.attempts.handles)
        assert used <= self.slots + self.queue, f"{used} CPU at once, of {self.slots} and {self.queue} queued"
        assert {handle[:2] for handle in self.core.attempts.handles} >= set(self.running)
        if not self.is_stopping:
            for number, node in enumerate(self.core.nodes):
                waits = node.state is NodeState.RUNNING and node.pending == 0 and node.has_calls_to_start
                assert not (waits and used + cpu_of(self.shapes[number]) <= self.slots), f"{number} waits although it fits"

    def check_states(self):
        for number, node in enumerate(self.core.nodes):
            old, new = self.before[number], node.state
            if old.is_final and new is not old:
                assert old.has_output, f"{number} was {old}, and is {new}"
                assert self.lost[number], f"{number} was {old}, and is {new}, although nothing was lost"
            self.before[number] = new

    def check_end(self):
        states = [node.state for node in self.core.nodes]
        assert not self.running
        assert all(state.is_final for state in states), states
        self.check_journal()
        failed = {number for number, state in enumerate(states) if state is NodeState.FAILED}
        left_out = {number for number, start in self.starts.items() if start == "skip"}
        if not self.is_cancelled:
            assert NodeState.CANCELLED not in states or (failed and self.on_failure == "stop")
            if self.on_failure == "continue" or not failed:
                behind = _behind(self.shapes, failed, left_out)
                for number, state in enumerate(states):
                    if number in failed:
                        continue
                    if number not in behind | left_out:
                        assert state.has_output, f"{number} is {state}, although nothing that it needs failed"
                    elif not self.losses:  # with losses, it may have ended before what it needs was lost
                        assert state is NodeState.SKIPPED, f"{number} is {state}, although what it needs failed"
        self.check_status(failed, states)

    def check_status(self, failed, states):
        status = self.core.status
        if self.is_cancelled and NodeState.CANCELLED in states and status is RunStatus.CANCELLED:
            return
        if failed:
            mixed = self.on_failure == "continue" and any(state.has_output for state in states)
            assert status is (RunStatus.PARTIAL if mixed else RunStatus.FAILED)
        elif not self.is_cancelled:
            assert status is (RunStatus.PARTIAL if any(node.failed for node in self.core.nodes) else RunStatus.COMPLETED)

    def check_journal(self):
        outcomes = Counter((r.node, r.item, r.attempt) for r in self.records if r.kind in CALL_OUTCOMES)
        assert not [call for call, times in outcomes.items() if times > 1], outcomes  # as the ledger has it
        begun = Counter((r.node, r.item, r.attempt) for r in self.records if r.kind is Kind.ATTEMPT_STARTED)
        back = {(self.shapes[n].name, item, attempt): times for (n, item, attempt), times in self.given_back.items()}
        assert all(times <= 1 + back.get(call, 0) for call, times in begun.items()), begun
        tried = {(r.node, r.item, r.attempt) for r in self.records if r.kind in {Kind.CALL_SUCCEEDED, Kind.CALL_FAILED}}
        assert {call for call in tried if call[2] and call[0] not in self.never_tried} <= set(begun)
        ended = Counter(r.node for r in self.records if r.kind is Kind.NODE_FINISHED)
        lost = Counter(r.node for r in self.records if r.kind is Kind.OUTPUT_LOST)
        record = RunRecord.fold("run", self.records)
        for number, shape in enumerate(self.shapes):
            assert 1 <= ended[shape.name] <= 1 + lost[shape.name], f"{shape.name} ended {ended[shape.name]} times"
            assert record.nodes[shape.name].state is self.core.nodes[number].state
            tries = Counter(r.item for r in self.records if r.kind is Kind.ATTEMPT_FAILED and r.node == shape.name)
            assert all(times < shape.policy.max_attempts for times in tries.values()), tries


def _graph(rng):
    count = rng.randint(1, 8)
    upstream = [tuple(sorted(rng.sample(range(at), min(at, rng.choice([0, 1, 1, 2, 3]))))) for at in range(count)]
    downstream = [tuple(after for after in range(count) if at in upstream[after]) for at in range(count)]
    ranks = rng.sample(range(count), count)
    shapes = []
    for at in range(count):
        fans_out = rng.random() < 0.4
        tolerant = fans_out and rng.random() < 0.5
        policy = Policy(
            max_attempts=rng.randint(1, 3),
            backoff=rng.choice(["none", "linear", "exponential"]),
            initial_s=rng.choice([0.0, 0.5, 5.0]),
            retry_on=rng.choice([(), (ValueError,)]),
            never_on=rng.choice([(), (), (ConnectionError,)]),
        )
        shapes.append(
            Shape(
                name=f"n{at}",
                upstream=upstream[at],
                downstream=downstream[at],
                rank=ranks[at],
                demands=(Demand(rng.choice([1, 1, 1, 2, 0.5, 0])),),
                policy=policy,
                fans_out=fans_out,
                tolerant=tolerant,
                min_success=rng.choice([0.0, 0.5, 1.0]) if tolerant else 0.0,
            )
        )
    return shapes


def _behind(shapes, numbers, left_out):
    """What can no longer have its inputs; what is left out of the run has its output from earlier."""
    found, stack = set(), list(numbers)
    while stack:
        for after in shapes[stack.pop()].downstream:
            if after not in found and after not in left_out:
                found.add(after)
                stack.append(after)
    return found
