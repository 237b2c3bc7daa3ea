"""The loop that acts: fulfils the core's wishes after its records are safe, and tells it what became of them.

Theory of operation. One thread runs the loop; each turn is a tick: facts go into the core, records come out and are
committed in one transaction, then the wishes are fulfilled, then the loop waits for reports. A result is stored before the
core hears of it, and the core's record of it is committed before anything depends on it. So at whatever moment the process
dies, what the journal calls succeeded is stored, and everything else will be done again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from weftline.clock import Clock
from weftline.errors import StoreUnusableError, WeftlineError
from weftline.model.call import Failure, Report
from weftline.model.context import broken
from weftline.model.entry import Entry
from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.model.graph import Graph
from weftline.model.plan import Decision, Plan, Step
from weftline.model.transitions import NodeState, RunStatus
from weftline.ports.backend import Backend
from weftline.ports.cache import Cache
from weftline.ports.ledger import Ledger
from weftline.ports.sink import LogKeeper, Sink
from weftline.ports.values import Values
from weftline.run.calls import CallFinder, NodeCalls, planned_entries
from weftline.run.core import Core
from weftline.run.facts import (
    Cancel,
    CancelRequested,
    Conclude,
    Fact,
    Failed,
    Lost,
    Prepare,
    Prepared,
    QueueSized,
    Shape,
    Start,
    Stopped,
    Submit,
    Succeeded,
    TimerFired,
    Unprepared,
    Wish,
)
from weftline.run.inputs import Holdings, OutputLostError

#: The longest wait for a report, so that an interrupt or a due timer is noticed.
_WAIT_S = 0.1
#: Work that a backend should have waiting, in seconds: enough to bridge one tick.
_QUEUED_S = 0.05


@dataclass(slots=True)
class Surroundings:
    """What a run is done with.

    Attributes:
        backend: where calls run.
        values: digests and codecs.
        clock: the only source of time.
        entropy: numbers between 0 and 1, for jitter.
        cache: where results are; None to keep nothing.
        ledger: where the journal is; None to keep none.
        sinks: who is told.
        logs: keeps what calls write.
        checked: compare inputs before and after each call.
    """

    backend: Backend
    values: Values
    clock: Clock
    entropy: Callable[[], float]
    cache: Cache | None = None
    ledger: Ledger | None = None
    sinks: Sequence[Sink] = ()
    logs: LogKeeper | None = None
    checked: bool = False


@dataclass(slots=True)
class Past:
    """What this run did before the process that works on it now.

    Attributes:
        attempts: highest attempt by node name and item.
        done: key in hex of calls that succeeded, by node name and item.
        finished: nodes whose end is in the journal.
    """

    attempts: Mapping[tuple[str, int], int] = field(default_factory=dict)
    done: Mapping[tuple[str, int], str] = field(default_factory=dict)
    finished: frozenset[str] = frozenset()


class Engine:
    """One run of one plan.

    Args:
        plan: what to run.
        run: its id.
        around: what it is done with.
        opening: fields for the first event.
        on_failure: whether a failure stops the run or only what depends on it.
        past: what the run did before, when it is resumed.
    """

    def __init__(
        self,
        plan: Plan,
        run: str,
        around: Surroundings,
        *,
        opening: Mapping[str, Any],
        on_failure: Literal["stop", "continue"] = "stop",
        past: Past | None = None,
    ) -> None:
        self.plan = plan
        self.run_id = run
        self._around = around
        self._past = past or Past()
        self._opening = opening
        self._is_resumed = past is not None
        graph = plan.graph
        self._calls: dict[int, NodeCalls] = {}
        self._steps: Sequence[Step] = sorted_by_number(plan)
        self.holdings = Holdings(graph, plan.given, around.values, around.cache)
        self._finder = CallFinder(plan, run, self.holdings, around.cache, around.values, self._past.done)
        starts: dict[int, Start] = {}
        for number, step in enumerate(self._steps):
            if step.decision is Decision.CACHED:
                starts[number] = "hit"
            elif step.decision is Decision.SKIP:
                starts[number] = "skip"
                self._take_stored(number, planned_entries(step))
        capabilities = around.backend.capabilities
        index = graph.index
        self.core = Core(
            graph.remembered("shapes", lambda: _shapes(graph)),
            slots=capabilities.slots,
            starts=starts,
            looks_up=around.cache is not None,
            queue=min(capabilities.queue, capabilities.slots),
            on_failure=on_failure,
            attempts={(index[node], item): attempt for (node, item), attempt in self._past.attempts.items() if node in index},
            quiet=around.ledger is None and not around.sinks,
        )
        self.took_s = 0.0
        self._cancel: Literal["", "drain", "kill"] = ""
        self._told_cancel = ""
        self._recipes: list[Recipe] = []
        self._before: dict[tuple[int, int], Mapping[str, bytes]] = {}

    def calls(self, number: int) -> NodeCalls:
        """The calls of a node."""
        found = self._calls.get(number)
        if found is None:
            found = self._calls[number] = NodeCalls(self.plan.graph.nodes[number], self._steps[number])
        return found

    def _take_stored(self, number: int, entries: Mapping[int, Entry]) -> None:
        """What a node that is not part of this run made earlier."""
        for item, entry in entries.items():
            self.holdings.put_entry(number, item, entry)
        self.holdings.finish(number, len(entries))

    def cancel(self, *, kill: bool = False) -> None:
        """Asks for the run to end: running calls finish, or with `kill` are stopped. May be called from a signal handler."""
        self._cancel = "kill" if kill or self._cancel else "drain"

    def run(self) -> RunStatus:
        """Runs to the end.

        Raises:
            LedgerUnusableError: the journal cannot be written; the run can be resumed.
        """
        now = self._around.clock.now
        began = self._around.clock.monotonic()
        first = Event(Kind.RUN_RESUMED if self._is_resumed else Kind.RUN_STARTED, now(), body=self._opening)
        records, wishes = self.core.start(now())
        records.insert(0, first)
        while True:
            self._commit(records)
            facts = self._fulfil(wishes)
            status = self.core.status
            if status is not None and not facts:
                break
            facts += self._wait(0.0 if facts else _WAIT_S)
            assert facts or self.core.running or self.core.wakes_at is not None, "the run waits for nothing"
            records, wishes = self.core.step(facts)
        counts: dict[str, int] = {}
        for node in self.core.nodes:
            counts[str(node.state)] = counts.get(str(node.state), 0) + 1
        self._commit([Event(Kind.RUN_FINISHED, now(), body={"status": str(status), "counts": counts})])
        self.took_s = self._around.clock.monotonic() - began
        return status

    # --- records ---

    def _commit(self, records: Sequence[Event]) -> None:
        if not records:
            return
        around = self._around
        if around.ledger is not None:
            around.ledger.append(self.run_id, records, self._recipes)
            self._recipes = []
        for sink in around.sinks:
            sink.tell(self.run_id, records)

    # --- wishes ---

    def _fulfil(self, wishes: Iterable[Wish]) -> list[Fact]:
        facts: list[Fact] = []
        backend = self._around.backend
        for wish in wishes:
            if type(wish) is Submit:
                self._submit(wish, facts)
            elif type(wish) is Prepare:
                facts.append(self._prepare(wish.node))
            elif type(wish) is Conclude:
                self._conclude(wish.node)
            elif type(wish) is Cancel:
                backend.cancel(wish.handle, kill=wish.kill)
        return facts

    def _conclude(self, number: int) -> None:
        """A node is over: its outputs are complete, and what it held in memory may go."""
        progress = self.core.nodes[number]
        graph, nodes = self.plan.graph, self.core.nodes
        self._calls.pop(number, None)
        if graph.nodes[number].over is not None:
            self.holdings.finish(number, progress.total, progress.failed)
        if self._around.cache is None:
            return
        for source in (number, *graph.upstream[number]):
            if all(nodes[after].state.is_final for after in graph.downstream[source]):
                self.holdings.release(source)

    def _prepare(self, number: int) -> Fact:
        calls = self.calls(number)
        try:
            total, entries = self._finder.find(calls)
        except OutputLostError as lost:
            return self._lost(lost.node, number, None)
        except WeftlineError as error:
            return Unprepared(self._around.clock.now(), number, Failure.of(error))
        for item, entry in entries.items():
            self.holdings.put_entry(number, item, entry)
        done, node = self._past.done, calls.node
        restored = {
            item: None if done.get((node.name, item)) == entry.key.hex() else {"key": entry.key.hex()}
            for item, entry in entries.items()
        }
        is_told = len(entries) == total and node.name in self._past.finished
        return Prepared(
            self._around.clock.now(), number, total, restored, None if is_told else self._start_fields(calls, total)
        )

    def _start_fields(self, calls: NodeCalls, total: int) -> dict[str, Any]:
        fields: dict[str, Any] = {"total": total}
        recipe = calls.step.recipe
        if recipe is not None:
            self._recipes.append(recipe)
            fields["recipe"] = recipe.digest.hex()
            is_hit = calls.step.decision is Decision.CACHED and not calls.is_lost
            digests = calls.step.inputs if is_hit else self.holdings.input_digests(calls.node)
            fields["inputs"] = {name: found.hex() for name, found in digests.items() if found is not None}
        return fields

    def _submit(self, wish: Submit, facts: list[Fact]) -> None:
        number, item, _ = wish.handle
        calls = self.calls(number)
        try:
            call = calls.call(wish.handle, self.holdings)
        except OutputLostError as lost:
            facts.append(self._lost(lost.node, number, wish))
            return
        if self._around.checked:
            self._before[number, item] = {name: self._around.values.digest(value, name) for name, value in call.inputs.items()}
        self._around.backend.submit(call)

    def _lost(self, source: int, reader: int, wish: Submit | None) -> Fact:
        """A stored input is gone: it is made again, if its node is part of this run."""
        now = self._around.clock.now()
        node = self.plan.graph.nodes[source]
        if self.core.nodes[source].state is NodeState.SKIPPED:
            failure = Failure(
                "OutputLost", f"the stored output of {node.name} is gone, and {node.name} is not part of this run"
            )
            return Unprepared(now, reader, failure) if wish is None else Failed(now, wish.handle, failure)
        self.holdings.forget(source)
        self.calls(source).is_lost = True
        return Lost(now, source, reader, None if wish is None else wish.handle)

    # --- reports ---

    def _wait(self, longest_s: float) -> list[Fact]:
        """Facts from the backend, the clock and whoever wants the run to end."""
        now = self._around.clock.now
        facts: list[Fact] = []
        if self._cancel != self._told_cancel:
            self._told_cancel = self._cancel
            facts.append(CancelRequested(now(), self._cancel == "kill"))
            longest_s = 0.0
        wakes_at = self.core.wakes_at
        if wakes_at is not None:
            longest_s = max(0.0, min(longest_s, wakes_at - now()))
        if self.core.running or wakes_at is not None:
            facts += self._digest_reports(self._around.backend.poll(longest_s))
        if wakes_at is not None and wakes_at <= now():
            facts.append(TimerFired(now()))
        return facts

    def _digest_reports(self, reports: Sequence[Report]) -> list[Fact]:
        """What reports mean; results are stored first, all of them in one go."""
        now = self._around.clock.now()
        facts: list[Fact] = []
        entries: list[Entry] = []
        longest_s = 0.0
        for report in reports:
            longest_s = max(longest_s, report.took_s)
            if report.outputs is None:
                facts.append(self._unsuccessful(report, now))
            else:
                facts.append(self._success(report, now, entries))
        if entries:
            facts = self._store(entries, facts, now)
        if reports:
            facts += self._sized_queue(longest_s, now)
        return facts

    def _unsuccessful(self, report: Report, now: float) -> Fact:
        failure = report.failure
        self._keep_log(report, "" if failure is None else failure.trace)
        if failure is None:
            return Stopped(now, report.handle)
        return Failed(now, report.handle, failure, self._around.entropy())

    def _success(self, report: Report, now: float, entries: list[Entry]) -> Fact:
        number, item, _ = report.handle
        calls, around = self.calls(number), self._around
        assert report.outputs is not None
        if report.log:
            self._keep_log(report, "")
        try:
            if around.backend.capabilities.ships:
                _check_transport(calls, report.outputs)
            if around.checked:
                self._check_inputs(calls, number, item)
            outputs = tuple(map(around.values.freeze, report.outputs))
            self.holdings.put(number, item, outputs)
            if around.cache is None:
                return Succeeded(now, report.handle)
            made = self._finder.entries(calls, item, outputs, now, report.took_s)
        except WeftlineError as error:
            return Failed(now, report.handle, Failure.of(error))
        entries += made
        self.holdings.put_entry(number, item, _light(made[-1]))
        body = {"key": made[-1].key.hex(), "took_s": round(report.took_s, 6)}
        return Succeeded(now, report.handle, body)

    def _check_inputs(self, calls: NodeCalls, number: int, item: int) -> None:
        before = self._before.pop((number, item), {})
        handle = (number, item, 0)
        self.holdings.check_unchanged(calls.node, calls.call(handle, self.holdings).inputs, before)

    def _store(self, entries: Sequence[Entry], facts: list[Fact], now: float) -> list[Fact]:
        assert self._around.cache is not None
        try:
            self._around.cache.store(entries)
        except StoreUnusableError as error:
            failure = Failure.of(error)
            return [Failed(now, fact.handle, failure) if isinstance(fact, Succeeded) else fact for fact in facts]
        return facts

    def _sized_queue(self, longest_s: float, now: float) -> Iterable[Fact]:
        """Lets more small calls wait in the backend, so that they do not wait for the engine; long ones wait here."""
        capabilities = self._around.backend.capabilities
        calls = min(capabilities.queue, int(capabilities.slots * _QUEUED_S / max(longest_s, 1e-6)))
        if not self.core.queue // 2 <= calls <= self.core.queue * 2:
            yield QueueSized(now, calls)

    def _keep_log(self, report: Report, trace: str) -> None:
        if self._around.logs is not None and (report.log or trace):
            number, item, attempt = report.handle
            with contextlib.suppress(OSError):  # a log that cannot be written must not fail the call
                self._around.logs.keep(self.run_id, self.calls(number).node.name, item, attempt, report.log + trace)


def _shapes(graph: Graph) -> list[Shape]:
    by_priority = sorted(graph.order, key=lambda number: -graph.nodes[number].priority)
    rank = {number: at for at, number in enumerate(by_priority)}
    return [
        Shape(
            name=node.name,
            upstream=graph.upstream[number],
            downstream=graph.downstream[number],
            rank=rank[number],
            cpu=node.resources.cpu,
            policy=node.policy,
            fans_out=node.over is not None,
            tolerant=node.on_item_error == "skip" and node.over is not None,
            min_success=node.min_success,
        )
        for number, node in enumerate(graph.nodes)
    ]


def sorted_by_number(plan: Plan) -> Sequence[Step]:
    """The steps by node number."""
    steps: list[Any] = [None] * len(plan.steps)
    for number, step in zip(plan.graph.order, plan.steps, strict=True):
        steps[number] = step
    return steps


def _light(entry: Entry) -> Entry:
    """An entry without large contents: they are in the store, or about to be."""
    outputs = tuple(found if found.size <= 1024 else found._replace(content=None) for found in entry.outputs)
    return entry._replace(outputs=outputs)


def _check_transport(calls: NodeCalls, outputs: Sequence[Any]) -> None:
    """Checks what came back from another process.

    Raises:
        ContractError: a value is not of the declared type.
    """
    for output, value in zip(calls.node.outputs, outputs, strict=True):
        if not output.check(value):
            raise broken(calls.node.name, output, value)
