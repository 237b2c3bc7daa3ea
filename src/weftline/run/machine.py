"""The graph of a run in motion: which nodes are ready, which calls start, and how nodes end.

Theory of operation. A node waits until what it needs has an output; then it is prepared (its calls and the hits among them
become known); then its calls are submitted as slots permit. Ready nodes are kept by their demand for slots, each demand in a
heap by rank: a node that does not fit is passed by others that do. What is to be recorded and what is wished for is collected
until it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from weftline.model.call import Handle
from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE
from weftline.model.transitions import HAS_OUTPUT, TABLE, Cause, NodeState, RunStatus
from weftline.run import facts
from weftline.run.attempts import Attempts
from weftline.run.facts import Body, Shape, Start, Wish
from weftline.run.progress import ONE_CALL, NodeProgress, Stopping, run_status
from weftline.run.slots import Slots


class Machine:
    """Nodes and their calls; what happens to them is decided by the core.

    Args:
        shapes: the nodes by number.
        starts: for nodes that do not simply run: `hit` if the plan knows their result, `skip` if they are not part of the run,
            a state if they stay as an earlier life of the run left them.
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

    @property
    def status(self) -> RunStatus | None:
        """What became of the run, or None while it goes on."""
        if self.unfinished or self.attempts.running:
            return None
        return run_status(self.nodes, self._stopping, self._on_failure)

    # --- nodes become ready ---

    def _prepare(self, number: int, at: float) -> None:
        self._move(number, Cause.INPUTS_READY)
        if self._looks_up or self._shapes[number].fans_out:
            self._wishes.append(facts.Prepare(number))
        else:
            self._begin(number, at, 1, {})

    def _begin(self, number: int, at: float, total: int, restored: Collection[int]) -> None:
        node, shape = self.nodes[number], self._shapes[number]
        node.state = TABLE[node.state, Cause.PREPARED]
        node.started_at = at
        node.total = total
        node.restored = len(restored)
        node.position = 0
        if not shape.fans_out:
            node.todo = ONE_CALL
        else:
            done = restored if not node.failed else {*restored, *node.failed}
            node.todo = [item for item in range(total) if item not in done] if done else range(total)
            self.slots.queue = min(self.slots.queue, self._cautious)  # nobody knows yet how long its calls take
        self._push(number)

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

    def _settle(self, number: int, node: NodeProgress, at: float) -> None:
        """Finishes a node whose calls have all ended."""
        if node.state is not NodeState.RUNNING or node.running or node.has_calls_to_start:
            return
        if node.succeeded + node.restored == node.total:
            self._finish(number, at, Cause.DONE if node.succeeded else Cause.HIT)
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

    # --- what comes of it ---

    def _record(
        self, kind: Kind, at: float, number: int, item: int = WHOLE, attempt: int = 0, body: Body | None = None
    ) -> None:
        if not self._quiet:
            self._records.append(Event(kind, at, self._shapes[number].name, item, attempt, body))

    def _move(self, number: int, cause: Cause) -> None:
        node = self.nodes[number]
        node.state = TABLE[node.state, cause]

    def _answer(self) -> tuple[list[Event], list[Wish]]:
        if not self._stopping:
            self._fill()
        answer = self._records, self._wishes
        self._records, self._wishes = [], []
        return answer
