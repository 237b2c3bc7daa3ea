"""The graph of a run in motion: which nodes are ready, which calls start, and how nodes end.

Theory of operation. A node waits until what it needs has an output; then it is prepared (its calls and the hits among them
become known); then its calls start, as `launch` permits; when all of them have ended, or none will start any more,
the node ends, and those behind it are prepared or left out.
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType

from weftline.model.call import Failure
from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE
from weftline.model.transitions import HAS_OUTPUT, TABLE, Cause, NodeState, RunStatus
from weftline.run import facts
from weftline.run.facts import Body, Wish
from weftline.run.launch import Launch
from weftline.run.progress import ONE_CALL, NodeProgress, Stopping, run_status
from weftline.run.timers import Due

#: What is said of nodes that do not start any more, and what becomes of them.
_WHY_STOPPED: dict[Stopping, tuple[str, Cause]] = {
    "failure": ("the run was stopped by a failure", Cause.SKIPPED),
    "drain": ("cancelled", Cause.CANCELLED),
    "kill": ("cancelled", Cause.CANCELLED),
    "deadline": ("the deadline of the run has passed", Cause.CANCELLED),
}


class Machine(Launch):
    """Nodes and their calls; what happens to them is decided by the core; for the arguments see `Launch`."""

    @property
    def status(self) -> RunStatus | None:
        """What became of the run, or None while it goes on."""
        if self.unfinished or self.attempts.running:
            return None
        return run_status(self.nodes, self._stopping, self._on_failure)

    # --- nodes become ready ---

    def _prepare(self, number: int, at: float) -> None:
        gate = self._shapes[number].gate
        if gate is not None and gate.name not in self._passed and self._starts.get(number) != "hit":
            if gate.name not in self.at_gates:
                self._wishes.append(facts.Ask(gate.name))
            self.at_gates.setdefault(gate.name, []).append(number)
            return
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
        if shape.policy.deadline_s is not None:
            self.timers.set(at + shape.policy.deadline_s, Due("deadline", number))
        self._push(number)

    # --- gates ---

    @property
    def waits_only_at_gates(self) -> bool:
        """Whether nothing can happen any more unless a gate opens."""
        return bool(self.at_gates) and not self.attempts.running and not any(node.is_moving for node in self.nodes)

    def _gate_seen(self, fact: facts.GateSeen) -> None:
        waiting = self.at_gates.get(fact.gate)
        if waiting is None:
            return
        if fact.is_open or fact.failure is not None:
            del self.at_gates[fact.gate]
        if fact.is_open:
            self._passed.add(fact.gate)
            self._tell(Kind.GATE_OPENED, fact)
            for number in waiting:
                if self.nodes[number].state is NodeState.WAITING:  # it may have lost an input that nobody can make again
                    self._prepare(number, fact.at)
        elif fact.failure is not None:
            for number in waiting:
                if self.nodes[number].state is NodeState.WAITING:  # the first one's failure may have stopped the run
                    self._move(number, Cause.INPUTS_READY)
                    self._fail_unprepared(number, fact.at, fact.failure)
        else:
            self._tell(Kind.GATE_REACHED, fact)
            if fact.until is not None:
                self.timers.set(fact.until, Due("gate", waiting[0]))

    def _gates_shut(self, fact: facts.GatesShut) -> None:
        at_gates, self.at_gates = self.at_gates, {}
        for gate, numbers in at_gates.items():
            for number in numbers:
                if self.nodes[number].state is NodeState.WAITING:
                    self._leave_out(number, fact.at, fact.why.get(gate, ""), Cause.BLOCKED, {"gate": gate})
                    why = f"it is behind the gate of {self._shapes[number].name}"
                    self._leave_out_behind(number, fact.at, why, Cause.BLOCKED)

    def _tell(self, kind: Kind, fact: facts.GateSeen) -> None:
        if fact.body is not None and not self._quiet:
            self._records.append(Event(kind, fact.at, body=fact.body))

    # --- attempts end ---

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

    def _leave_out(
        self, number: int, at: float, why: str, cause: Cause = Cause.SKIPPED, body: Body = MappingProxyType({})
    ) -> None:
        self._move(number, cause)
        self.unfinished -= 1
        self._record(Kind.NODE_FINISHED, at, number, body={"state": str(self.nodes[number].state), "why": why, **body})

    def _fail_unprepared(self, number: int, at: float, failure: Failure) -> None:
        """Fails a node that has no calls yet."""
        self.nodes[number].failed = {WHOLE: failure}
        attempt = self.attempts.without(number, WHOLE)
        self._record(Kind.CALL_FAILED, at, number, attempt=attempt, body=failure.as_fields())
        self._finish(number, at, Cause.FAILED)

    def _skip_behind(self, number: int, at: float) -> None:
        """Skips everything that can no longer have its inputs."""
        self._leave_out_behind(number, at, f"{self._shapes[number].name} failed", Cause.SKIPPED)

    def _leave_out_behind(self, number: int, at: float, why: str, cause: Cause) -> None:
        stack = list(self._shapes[number].downstream)
        while stack:
            after = stack.pop()
            following = self.nodes[after]
            if following.state is NodeState.WAITING:
                self._leave_out(after, at, why, cause)
                stack.extend(self._shapes[after].downstream)
            elif following.state is NodeState.RUNNING and following.pending:
                self._give_up(after, at)  # it waited for an output to be made again

    def _give_up(self, number: int, at: float) -> None:
        """Ends a node whose input is lost and will not be made again."""
        node = self.nodes[number]
        self._forget_calls(number)
        node.is_doomed = True
        self._settle(number, node, at)

    def _stop(self, why: Stopping, at: float) -> None:
        """No new starts from here on; what runs, ends."""
        if self._stopping:
            return
        self._stopping = why
        self.at_gates.clear()
        self._wishes += [facts.Cancel(handle) for handle in self.attempts.handles]
        self.timers.forget_starts()
        asleep = self.attempts.forget_all_pauses()
        told = _WHY_STOPPED[why]
        for number, node in enumerate(self.nodes):
            if node.state is NodeState.WAITING:
                self._leave_out(number, at, *told)
            elif node.state is NodeState.RUNNING and (node.has_calls_to_start or number in asleep):
                node.forget_calls()
                if not node.running:
                    self._settle(number, node, at)

    # --- deadlines ---

    def _expire(self, number: int, at: float) -> None:
        """The deadline of a node has passed: it makes do with what it has."""
        node = self.nodes[number]
        if node.state is not NodeState.RUNNING:
            return
        limit_s = self._shapes[number].policy.deadline_s
        failure = Failure("DeadlinePassed", f"it had no result {limit_s:g} s after the calls of its node could first start")
        left = [*node.left(), *self.attempts.waiting(number)]
        for handle in self.attempts.running_of(number):
            self.attempts.end(handle)
            self.attempts.abandoned.add(handle)
            node.running -= 1
            self._withdrawn(handle)
            self._record(Kind.ATTEMPT_STOPPED, at, *handle)
            self._wishes.append(facts.Cancel(handle, kill=True))
            left.append(handle[1])
        node.failed = {**(node.failed or {}), **dict.fromkeys(left, failure)}
        self._forget_calls(number)
        self._record(Kind.DEADLINE_PASSED, at, number, body={"deadline_s": limit_s, "left": len(left)})
        self._settle(number, node, at)

    def _end_by_deadline(self, at: float) -> None:
        """The deadline of the run has passed."""
        if not self.unfinished:
            return
        if not self._quiet:
            self._records.append(Event(Kind.DEADLINE_PASSED, at, body={"deadline_s": self._deadline_s}))
        self._stop("deadline", at)
        self._wishes += [facts.Cancel(handle, kill=True) for handle in self.attempts.handles]

    # --- what comes of it ---

    def _answer(self) -> tuple[list[Event], list[Wish]]:
        if not self._stopping:
            self._fill()
        answer = self._records, self._wishes
        self._records, self._wishes = [], []
        return answer
