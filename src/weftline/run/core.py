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
from typing import Any, Literal

from weftline.model.call import Failure, Handle
from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE
from weftline.model.transitions import HAS_OUTPUT, TABLE, Cause, NodeState, RunStatus
from weftline.run import facts
from weftline.run.attempts import Attempts
from weftline.run.facts import Body, Fact, Shape, Start, Wish
from weftline.run.progress import ONE_CALL, NodeProgress, Stopping, run_status
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
        self.attempts = Attempts(attempts or {})
        self._shapes = shapes
        self._starts = starts or {}
        self._looks_up = looks_up
        self._by_rank = {shape.rank: number for number, shape in enumerate(shapes)}
        self.slots = Slots(slots, queue)
        self._cautious = queue
        self._on_failure = on_failure
        self._quiet = quiet
        self.unfinished = len(shapes)
        self._stopping: Stopping = ""
        self._now = 0.0
        self._records: list[Event] = []
        self._wishes: list[Wish] = []
        self._handlers: dict[type, Callable[[Any], None]] = {
            facts.Prepared: self._prepared,
            facts.Unprepared: self._unprepared,
            facts.Succeeded: self._succeeded,
            facts.Failed: self._failed,
            facts.Stopped: self._stopped,
            facts.Lost: self._lost,
            facts.TimerFired: self._wake,
            facts.CancelRequested: self._cancel,
            facts.QueueSized: self._resize,
        }

    # --- what the engine asks ---

    @property
    def status(self) -> RunStatus | None:
        """What became of the run, or None while it goes on."""
        if self.unfinished or self.attempts.running:
            return None
        return run_status(self.nodes, self._stopping, self._on_failure)

    # --- the machine ---

    def start(self, at: float) -> tuple[list[Event], list[Wish]]:
        """The first wishes."""
        self._now = at
        for number, start in self._starts.items():
            if start == "skip":
                self._leave_out(number, at, "not selected")
                for after in self._shapes[number].downstream:
                    self.nodes[after].pending -= 1  # what it made is stored, or the plan would have refused
        for number, node in enumerate(self.nodes):
            if node.state is NodeState.WAITING and (node.pending == 0 or self._starts.get(number) == "hit"):
                self._prepare(number, at)
        return self._answer()

    def step(self, news: Iterable[Fact]) -> tuple[list[Event], list[Wish]]:
        """Takes facts; gives what to record, and what to do once that is recorded."""
        for fact in news:
            self._now = fact.at
            self._handlers[type(fact)](fact)
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
            self._wishes.append(facts.Prepare(number))
        else:
            self._begin(number, at, 1, {})

    def _prepared(self, fact: facts.Prepared) -> None:
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
        node.state = TABLE[node.state, Cause.PREPARED]
        node.started_at = at
        node.total = total
        node.restored = len(restored)
        node.position = 0
        if not shape.fans_out:
            node.todo = ONE_CALL
        else:
            node.todo = [item for item in range(total) if item not in restored] if restored else range(total)
            self.slots.queue = min(self.slots.queue, self._cautious)  # nobody knows yet how long its calls take
        self._push(number)

    def _unprepared(self, fact: facts.Unprepared) -> None:
        node = self.nodes[fact.node]
        node.failed = {WHOLE: fact.failure}
        self._record(Kind.CALL_FAILED, fact.at, fact.node, body=fact.failure.as_fields())
        self._finish(fact.node, fact.at, Cause.FAILED)

    def _push(self, number: int) -> None:
        shape = self._shapes[number]
        self.slots.push(shape.cpu, shape.rank)

    def _fill(self) -> None:
        """Submits calls while there are slots for them."""
        slots = self.slots
        while slots.waiting and (found := slots.first()) is not None:
            cpu, rank = found
            number = self._by_rank[rank]
            node = self.nodes[number]
            can_start = node.state is NodeState.RUNNING and node.pending == 0
            fits = True  # `first` has seen to it
            while can_start and fits and (node.position < len(node.todo) or node.again):
                self._submit(number, node)
                slots.take(cpu, rank)
                fits = slots.fits(cpu, rank)
            if not can_start or not node.has_calls_to_start:
                slots.pop(cpu)

    def _submit(self, number: int, node: NodeProgress) -> None:
        if node.again:
            item, attempt = node.again.pop()
        else:
            item = node.todo[node.position]
            node.position += 1
            attempt = self.attempts.next(number, item) if self.attempts.numbers else 1
        node.running += 1
        self.attempts.begin(number, item, attempt)
        if not self._quiet:
            self._record(Kind.ATTEMPT_STARTED, self._now, number, item, attempt)
        self._wishes.append(facts.Submit((number, item, attempt)))

    # --- attempts end ---

    def _taken(self, handle: Handle) -> NodeProgress | None:
        """The node of a running attempt, which from now on does not run any more; None for one that does not."""
        if not self.attempts.end(handle):
            return None
        number = handle[0]
        node = self.nodes[number]
        node.running -= 1
        self.slots.give(self._shapes[number].cpu)
        return node

    def _succeeded(self, fact: facts.Succeeded) -> None:
        node = self._taken(fact.handle)
        if node is None:
            return
        number, item, attempt = fact.handle
        node.succeeded += 1
        if attempt > 1:
            self.attempts.numbers[number, item] = attempt
        if not self._quiet:
            self._record(Kind.CALL_SUCCEEDED, fact.at, number, item, attempt, fact.body)
        self._settle(number, node, fact.at)

    def _failed(self, fact: facts.Failed) -> None:
        node = self._taken(fact.handle)
        if node is None:
            return
        number, item, attempt = fact.handle
        shape = self._shapes[number]
        pause = self.attempts.failed(fact.handle, shape.policy, fact.failure, fact.entropy)
        if self._stopping or node.is_doomed or (node.failed and not shape.tolerant):
            pause = None
        body = fact.failure.as_fields()
        if pause is not None:
            self._record(Kind.ATTEMPT_FAILED, fact.at, number, item, attempt, {**body, "retry_in_s": round(pause, 3)})
            self.attempts.sleep(fact.at + pause, fact.handle)
            return
        self._record(Kind.CALL_FAILED, fact.at, number, item, attempt, body)
        node.failed = node.failed or {}
        node.failed[item] = fact.failure
        if not shape.tolerant:
            node.forget_calls()
            self.attempts.forget_pauses(number)
            if self._on_failure == "stop":
                self._stop("failure", fact.at)
        self._settle(number, node, fact.at)

    def _stopped(self, fact: facts.Stopped) -> None:
        if not self._stopping:  # nobody asked for it: the call raised an interrupt by itself, or its worker was interrupted
            failure = Failure("Interrupted", "the call was interrupted, although nobody had cancelled the run")
            self._failed(facts.Failed(fact.at, fact.handle, failure))
            return
        node = self._taken(fact.handle)
        if node is not None:
            self._record(Kind.ATTEMPT_STOPPED, fact.at, *fact.handle)
            self._settle(fact.handle[0], node, fact.at)

    def _settle(self, number: int, node: NodeProgress, at: float) -> None:
        """Finishes a node whose calls have all ended."""
        if node.state is not NodeState.RUNNING or node.running or node.has_calls_to_start:
            return
        if node.succeeded + node.restored == node.total:
            self._finish(number, at, Cause.DONE)
        elif (cause := node.end(self._shapes[number], self._stopping, sleeps=self.attempts.sleeps(number))) is not None:
            self._finish(number, at, cause)

    # --- nodes end ---

    def _finish(self, number: int, at: float, cause: Cause, body: Body | None = None, *, told: bool = False) -> None:
        node = self.nodes[number]
        node.state = TABLE[node.state, cause]
        if node.state not in HAS_OUTPUT:
            self._close(number, at)
            node.waiters = None
            if node.state is NodeState.FAILED and self._on_failure == "stop":
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
        self.unfinished -= 1
        self._wishes.append(facts.Conclude(number))
        if self._quiet or told:
            return
        fields = self.nodes[number].as_fields(at)
        self._record(Kind.NODE_FINISHED, at, number, body=fields | dict(body) if body else fields)

    def _leave_out(self, number: int, at: float, why: str, cause: Cause = Cause.SKIPPED) -> None:
        self._move(number, cause)
        self.unfinished -= 1
        self._record(Kind.NODE_FINISHED, at, number, body={"state": str(self.nodes[number].state), "why": why})

    def _skip_behind(self, number: int, at: float) -> None:
        """Skips everything that can no longer have its inputs."""
        stack = list(self._shapes[number].downstream)
        name = self._shapes[number].name
        while stack:
            after = stack.pop()
            following = self.nodes[after]
            if following.state is NodeState.WAITING:
                self._leave_out(after, at, f"{name} failed")
                stack.extend(self._shapes[after].downstream)
            elif following.state is NodeState.RUNNING and following.pending:
                self._give_up(after, at)  # it waited for an output to be made again

    def _give_up(self, number: int, at: float) -> None:
        """Ends a node whose input is lost and will not be made again."""
        node = self.nodes[number]
        node.forget_calls()
        self.attempts.forget_pauses(number)
        node.is_doomed = True
        self._settle(number, node, at)

    def _stop(self, why: Stopping, at: float) -> None:
        """No new starts from here on; what runs, ends."""
        if self._stopping:
            return
        self._stopping = why
        self._wishes += [facts.Cancel(handle) for handle in self.attempts.handles]
        asleep = self.attempts.forget_all_pauses()
        told = ("the run was stopped by a failure", Cause.SKIPPED) if why == "failure" else ("cancelled", Cause.CANCELLED)
        for number, node in enumerate(self.nodes):
            if node.state is NodeState.WAITING:
                self._leave_out(number, at, *told)
            elif node.state is NodeState.RUNNING and (node.has_calls_to_start or number in asleep):
                node.forget_calls()
                if not node.running:
                    self._settle(number, node, at)

    def _cancel(self, fact: facts.CancelRequested) -> None:
        if fact.kill:
            self._wishes += [facts.Cancel(handle, kill=True) for handle in self.attempts.handles]
        if not self._quiet:
            self._records.append(Event(Kind.CANCEL_REQUESTED, fact.at, body={"kill": fact.kill}))
        self._stop("kill" if fact.kill else "drain", fact.at)

    # --- time, room, and losses ---

    def _resize(self, fact: facts.QueueSized) -> None:
        self.slots.queue = fact.calls

    def _wake(self, fact: facts.TimerFired) -> None:
        for number, item, attempt in self.attempts.awake(fact.at):
            self.nodes[number].try_again(item, attempt)
            self._push(number)

    def _lost(self, fact: facts.Lost) -> None:
        number, maker, reader = fact.wanted_by, self.nodes[fact.node], self.nodes[fact.wanted_by]
        if fact.handle is not None:
            if self._taken(fact.handle) is not None:
                reader.try_again(fact.handle[1], fact.handle[2])
                self._push(number)
        elif reader.state is NodeState.PREPARING:
            self._move(number, Cause.LOST)
        if self._stopping or not (maker.state.has_output or maker.waiters is not None):
            if reader.state is NodeState.WAITING:
                self._leave_out(number, fact.at, f"the output of {self._shapes[fact.node].name} is lost")
                self._skip_behind(number, fact.at)
            else:
                self._give_up(number, fact.at)
            return
        reader.pending += 1
        if maker.waiters is not None:
            maker.waiters.append(number)
            return
        maker.waiters = [number]
        self._record(Kind.OUTPUT_LOST, fact.at, fact.node)
        items = range(maker.total) if self._shapes[fact.node].fans_out else ONE_CALL
        self.attempts.skip_numbers(fact.node, items)
        self._move(fact.node, Cause.LOST)
        self.unfinished += 1
        maker.reset()
        if maker.pending == 0:
            self._prepare(fact.node, fact.at)
