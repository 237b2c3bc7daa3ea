"""The core of a run: `(state, facts) -> (state, records, wishes)`, without clock, threads or input and output.

Theory of operation. The engine tells facts; the core moves nodes through the table in `model.transitions`, answers with
records for the journal, and with wishes that the engine fulfils after the records are safe. A node waits until what it needs
has an output; then it is prepared (its calls and the hits among them become known); then its calls are submitted as slots
permit. Ready nodes are kept by their demand for slots, each demand in a heap by rank: a node that does not fit is passed by
others that do. A failed attempt sleeps in a heap of its own until its pause is over; it holds no slot meanwhile.

Facts about attempts that are not running are ignored: a late or doubled report changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Literal

from weftline.model.call import Failure, Handle
from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE
from weftline.model.transitions import TABLE, Cause, NodeState, RunStatus
from weftline.run.facts import (
    Body,
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
from weftline.run.progress import ONE_CALL, NodeProgress
from weftline.run.retry import pause_s
from weftline.run.slots import Slots


class Core:
    """One run.

    Args:
        shapes: the nodes by number.
        starts: for nodes that do not simply run: `hit` if the plan knows their result, `skip` if they are not part of the run.
        looks_up: whether the engine must be asked for calls even of a node that has one; if not, nothing is looked up.
        slots: calls of one CPU that may run at the same time.
        queue: further calls of at most one CPU that may wait in the backend.
        on_failure: `stop` starts nothing new after a failure; `continue` skips only what depends on it.
        attempts: attempts that were made before this process, by node and item.
        quiet: make no records, for runs that nobody watches and nobody keeps.
    """

    def __init__(
        self,
        shapes: Sequence[Shape],
        *,
        slots: float,
        starts: Mapping[int, Start] | None = None,
        looks_up: bool = True,
        queue: int = 0,
        on_failure: Literal["stop", "continue"] = "stop",
        attempts: Mapping[tuple[int, int], int] | None = None,
        quiet: bool = False,
    ) -> None:
        self.nodes = [NodeProgress(len(shape.upstream)) for shape in shapes]
        self.attempts = dict(attempts or {})
        self._shapes = shapes
        self._starts = starts or {}
        self._looks_up = looks_up
        self._by_rank = {shape.rank: number for number, shape in enumerate(shapes)}
        self._slots = Slots(slots, queue)
        self._cautious = queue
        self._on_failure = on_failure
        self._quiet = quiet
        self._running: dict[tuple[int, int], int] = {}
        self._sleeping: list[tuple[float, int, int, int]] = []
        self._unfinished = len(shapes)
        self._stopping: Literal["", "failure", "drain", "kill"] = ""
        self._failures: dict[tuple[int, int], int] = {}
        self._now = 0.0
        self._records: list[Event] = []
        self._wishes: list[Wish] = []
        self._handlers: dict[type, Callable[[Any], None]] = {
            Prepared: self._prepared,
            Unprepared: self._unprepared,
            Succeeded: self._succeeded,
            Failed: self._failed,
            Stopped: self._stopped,
            Lost: self._lost,
            TimerFired: self._wake,
            CancelRequested: self._cancel,
            QueueSized: self._resize,
        }

    # --- what the engine asks ---

    @property
    def status(self) -> RunStatus | None:
        """What became of the run, or None while it goes on."""
        if self._unfinished or self._running:
            return None
        states = {node.state for node in self.nodes}
        if self._stopping in {"drain", "kill"} and NodeState.CANCELLED in states:
            return RunStatus.CANCELLED
        if NodeState.FAILED in states:
            mixed = self._on_failure == "continue" and any(state.has_output for state in states)
            return RunStatus.PARTIAL if mixed else RunStatus.FAILED
        return RunStatus.PARTIAL if any(node.failed for node in self.nodes) else RunStatus.COMPLETED

    @property
    def wakes_at(self) -> float | None:
        """When the first pause ends, in seconds since the epoch."""
        return self._sleeping[0][0] if self._sleeping else None

    @property
    def queue(self) -> int:
        """How many calls may wait in the backend now."""
        return self._slots.queue

    @property
    def running(self) -> int:
        """Attempts that were submitted and have not been reported on."""
        return len(self._running)

    # --- the machine ---

    def start(self, at: float) -> tuple[list[Event], list[Wish]]:
        """The first wishes."""
        self._now = at
        for number, start in self._starts.items():
            if start == "skip":
                self._leave_out(number, at, "not selected")
        for number, node in enumerate(self.nodes):
            if node.state is NodeState.WAITING and (node.pending == 0 or self._starts.get(number) == "hit"):
                self._prepare(number, at)
        return self._answer()

    def step(self, facts: Iterable[Fact]) -> tuple[list[Event], list[Wish]]:
        """Takes facts; gives what to record, and what to do once that is recorded."""
        handlers = self._handlers
        for fact in facts:
            self._now = fact.at
            handlers[type(fact)](fact)
        return self._answer()

    def _answer(self) -> tuple[list[Event], list[Wish]]:
        if not self._stopping:
            self._fill()
        answer = self._records, self._wishes
        self._records, self._wishes = [], []
        return answer

    def _record(
        self, kind: Kind, at: float, number: int, item: int = WHOLE, attempt: int = 0, body: Body | None = None
    ) -> None:
        if not self._quiet:
            self._records.append(Event(kind, at, self._shapes[number].name, item, attempt, body))

    def _move(self, number: int, cause: Cause) -> None:
        node = self.nodes[number]
        node.state = TABLE[node.state, cause]

    # --- nodes become ready ---

    def _prepare(self, number: int, at: float) -> None:
        self._move(number, Cause.INPUTS_READY)
        if self._looks_up or self._shapes[number].fans_out:
            self._wishes.append(Prepare(number))
        else:
            self._begin(number, at, 1, {})

    def _prepared(self, fact: Prepared) -> None:
        number = fact.node
        node = self.nodes[number]
        if node.state is not NodeState.PREPARING:
            return
        for item, body in fact.restored.items():
            if body is not None:
                self._record(Kind.CALL_RESTORED, fact.at, number, item, 0, body)
        if len(fact.restored) == fact.total:
            node.total = node.restored = fact.total
            node.started_at = fact.at
            self._finish(number, fact.at, Cause.HIT, fact.body, told=fact.body is None)
            return
        if self._stopping:
            self._move(number, Cause.SKIPPED if self._stopping == "failure" else Cause.CANCELLED)
            self._close(number, fact.at)
            return
        self._record(Kind.NODE_STARTED, fact.at, number, body=fact.body)
        self._begin(number, fact.at, fact.total, fact.restored)

    def _begin(self, number: int, at: float, total: int, restored: Mapping[int, Body | None]) -> None:
        node, shape = self.nodes[number], self._shapes[number]
        self._move(number, Cause.PREPARED)
        node.started_at = at
        node.total = total
        node.restored = len(restored)
        node.position = 0
        if not shape.fans_out:
            node.todo = ONE_CALL
        else:
            node.todo = [item for item in range(total) if item not in restored] if restored else range(total)
            self._slots.queue = min(self._slots.queue, self._cautious)  # nobody knows yet how long its calls take
        self._push(number)

    def _unprepared(self, fact: Unprepared) -> None:
        node = self.nodes[fact.node]
        node.failed = {WHOLE: fact.failure}
        self._record(Kind.CALL_FAILED, fact.at, fact.node, body=_told(fact.failure))
        self._finish(fact.node, fact.at, Cause.FAILED)

    def _push(self, number: int) -> None:
        shape = self._shapes[number]
        self._slots.push(shape.cpu, shape.rank)

    def _fill(self) -> None:
        """Submits calls while there are slots for them."""
        slots = self._slots
        while (found := slots.first()) is not None:
            cpu, rank = found
            number = self._by_rank[rank]
            node = self.nodes[number]
            if node.state is NodeState.RUNNING and node.pending == 0:
                while node.has_calls_to_start and slots.fits(cpu):
                    self._submit(number, node, cpu)
                if node.has_calls_to_start:
                    continue
            slots.pop(cpu)

    def _submit(self, number: int, node: NodeProgress, cpu: float) -> None:
        if node.again:
            item, attempt = node.again.pop()
        else:
            item = node.todo[node.position]
            node.position += 1
            attempt = self.attempts.get((number, item), 0) + 1
        self._slots.free -= cpu
        node.running += 1
        self._running[number, item] = attempt
        self._record(Kind.ATTEMPT_STARTED, self._now, number, item, attempt)
        self._wishes.append(Submit((number, item, attempt)))

    # --- attempts end ---

    def _taken(self, handle: Handle) -> NodeProgress | None:
        """The node of a running attempt, which from now on does not run any more; None for one that does not."""
        number, item, attempt = handle
        if self._running.get((number, item)) != attempt:
            return None
        del self._running[number, item]
        node = self.nodes[number]
        node.running -= 1
        self._slots.free += self._shapes[number].cpu
        return node

    def _succeeded(self, fact: Succeeded) -> None:
        node = self._taken(fact.handle)
        if node is None:
            return
        number, item, attempt = fact.handle
        node.succeeded += 1
        self._record(Kind.CALL_SUCCEEDED, fact.at, number, item, attempt, fact.body)
        self._settle(number, node, fact.at)

    def _failed(self, fact: Failed) -> None:
        node = self._taken(fact.handle)
        if node is None:
            return
        number, item, attempt = fact.handle
        self.attempts[number, item] = attempt
        failures = self._failures[number, item] = self._failures.get((number, item), 0) + 1
        shape = self._shapes[number]
        pause = None if self._stopping else pause_s(shape.policy, failures, fact.failure, fact.entropy)
        body = _told(fact.failure)
        if pause is not None:
            self._record(Kind.ATTEMPT_FAILED, fact.at, number, item, attempt, {**body, "retry_in_s": round(pause, 3)})
            heappush(self._sleeping, (fact.at + pause, number, item, attempt + 1))
            return
        self._record(Kind.CALL_FAILED, fact.at, number, item, attempt, body)
        node.failed = node.failed or {}
        node.failed[item] = fact.failure
        if not shape.tolerant:
            node.forget_calls()
            self._sleeping = [nap for nap in self._sleeping if nap[1] != number]
            self._sleeping.sort()
            if self._on_failure == "stop":
                self._stop("failure", fact.at)
        self._settle(number, node, fact.at)

    def _stopped(self, fact: Stopped) -> None:
        node = self._taken(fact.handle)
        if node is not None:
            self._settle(fact.handle[0], node, fact.at)

    def _settle(self, number: int, node: NodeProgress, at: float) -> None:
        """Finishes a node whose calls have all ended."""
        if node.running or node.has_calls_to_start:
            return
        if node.succeeded + node.restored == node.total:
            self._finish(number, at, Cause.DONE)
        elif node.failed and (not self._shapes[number].tolerant or node.is_complete):
            self._finish(number, at, Cause.FAILED if self._has_too_few(number, node) else Cause.DONE)
        elif self._stopping and not any(nap[1] == number for nap in self._sleeping):
            untouched = self._stopping == "failure" and not node.succeeded and not node.restored
            self._finish(number, at, Cause.SKIPPED if untouched else Cause.CANCELLED)

    def _has_too_few(self, number: int, node: NodeProgress) -> bool:
        shape = self._shapes[number]
        if not shape.tolerant:
            return True
        share = (node.succeeded + node.restored) / node.total
        return share < shape.min_success or share == 0

    # --- nodes end ---

    def _finish(self, number: int, at: float, cause: Cause, body: Body | None = None, *, told: bool = False) -> None:
        self._move(number, cause)
        node = self.nodes[number]
        if not node.state.has_output:
            self._close(number, at)
            if node.state is NodeState.FAILED:
                if self._on_failure == "stop":
                    self._stop("failure", at)
                self._skip_behind(number, at)
            return
        self._close(number, at, body, told=told)
        behind = self._shapes[number].downstream if node.waiters is None else node.waiters
        node.waiters = None
        for after in behind:
            following = self.nodes[after]
            following.pending -= 1
            if following.pending == 0:
                if following.state is NodeState.WAITING:
                    if not self._stopping:
                        self._prepare(after, at)
                elif following.state is NodeState.RUNNING:
                    self._push(after)  # it had to wait for an output that was lost

    def _close(self, number: int, at: float, body: Body | None = None, *, told: bool = False) -> None:
        """Counts a node as ended and records it, unless the journal has been told before."""
        self._unfinished -= 1
        self._wishes.append(Conclude(number))
        if self._quiet or told:
            return
        node = self.nodes[number]
        fields = {
            "state": str(node.state),
            "total": node.total,
            "ran": node.succeeded,
            "restored": node.restored,
            "failed": len(node.failed or ()),
            "took_s": round(at - node.started_at, 6) if node.started_at else 0.0,
        }
        self._record(Kind.NODE_FINISHED, at, number, body=fields | dict(body) if body else fields)

    def _leave_out(self, number: int, at: float, why: str) -> None:
        self._move(number, Cause.SKIPPED)
        self._unfinished -= 1
        self._record(Kind.NODE_FINISHED, at, number, body={"state": str(NodeState.SKIPPED), "why": why})
        for after in self._shapes[number].downstream:
            self.nodes[after].pending -= 1

    def _skip_behind(self, number: int, at: float) -> None:
        """Skips everything that can no longer have its inputs."""
        stack = list(self._shapes[number].downstream)
        name = self._shapes[number].name
        while stack:
            after = stack.pop()
            if self.nodes[after].state is NodeState.WAITING:
                self._leave_out(after, at, f"{name} failed")
                stack.extend(self._shapes[after].downstream)

    def _stop(self, why: Literal["failure", "drain", "kill"], at: float) -> None:
        """No new starts from here on; what runs, ends."""
        if self._stopping:
            return
        self._stopping = why
        self._recall(kill=False)
        asleep = {nap[1] for nap in self._sleeping}
        self._sleeping = []
        cause, text = (
            (Cause.SKIPPED, "the run was stopped by a failure") if why == "failure" else (Cause.CANCELLED, "cancelled")
        )
        for number, node in enumerate(self.nodes):
            if node.state is NodeState.WAITING:
                self._move(number, cause)
                self._unfinished -= 1
                self._record(Kind.NODE_FINISHED, at, number, body={"state": str(node.state), "why": text})
            elif node.state is NodeState.RUNNING and (node.has_calls_to_start or number in asleep):
                node.forget_calls()
                if not node.running:
                    self._settle(number, node, at)

    def _recall(self, *, kill: bool) -> None:
        self._wishes += [Cancel((number, item, attempt), kill) for (number, item), attempt in self._running.items()]

    def _cancel(self, fact: CancelRequested) -> None:
        if fact.kill:
            self._recall(kill=True)
        if not self._quiet:
            self._records.append(Event(Kind.CANCEL_REQUESTED, fact.at, body={"kill": fact.kill}))
        self._stop("kill" if fact.kill else "drain", fact.at)

    # --- time, room, and losses ---

    def _resize(self, fact: QueueSized) -> None:
        self._slots.queue = fact.calls

    def _wake(self, fact: TimerFired) -> None:
        while self._sleeping and self._sleeping[0][0] <= fact.at:
            _, number, item, attempt = heappop(self._sleeping)
            self.nodes[number].try_again(item, attempt)
            self._push(number)

    def _lost(self, fact: Lost) -> None:
        maker, reader = self.nodes[fact.node], self.nodes[fact.wanted_by]
        if fact.handle is not None:
            number, item, attempt = fact.handle
            if self._taken(fact.handle) is not None:
                reader.try_again(item, attempt)
                self._push(number)
        elif reader.state is NodeState.PREPARING:
            self._move(fact.wanted_by, Cause.LOST)
        self._record(Kind.OUTPUT_LOST, fact.at, fact.node)
        reader.pending += 1
        if maker.waiters is not None:
            maker.waiters.append(fact.wanted_by)
            return
        maker.waiters = [fact.wanted_by]
        for item in range(maker.total) if self._shapes[fact.node].fans_out else ONE_CALL:
            self.attempts[fact.node, item] = self.attempts.get((fact.node, item), 0) + 1  # what was lost had a number too
        self._move(fact.node, Cause.LOST)
        self._unfinished += 1
        maker.reset()
        if maker.pending == 0:
            self._prepare(fact.node, fact.at)


def _told(failure: Failure) -> dict[str, object]:
    place = failure.place
    return {
        "error": failure.kind,
        "code": None if failure.finding is None else failure.finding.code,
        "message": failure.message[:4000],
        "place": None if place is None else str(place),
    }
