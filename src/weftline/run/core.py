"""The core of a run: `(state, facts) -> (state, records, wishes)`, without clock, threads or input and output.

Theory of operation. The engine tells facts; the core moves nodes through the table in `model.transitions`, answers with
records for the journal, and with wishes that the engine fulfils after the records are safe. A failed attempt sleeps in a heap
of its own until its pause is over; it holds no slot meanwhile, and neither does one that waits for what another process
computes.

Facts about attempts that are not running are ignored: a late or doubled report changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from weftline.model.call import Failure
from weftline.model.event import Event, Kind
from weftline.model.restored import packed
from weftline.model.run import LEFT_OUT
from weftline.model.transitions import Cause, NodeState
from weftline.run import facts
from weftline.run.facts import Fact, Wish
from weftline.run.machine import Machine
from weftline.run.progress import ONE_CALL
from weftline.run.timers import Due


class Core(Machine):
    """One run: what each fact means; for the arguments see `Machine`."""

    @cached_property
    def _handlers(self) -> dict[type, Callable[[Any], None]]:
        return {
            facts.Prepared: self._prepared,
            facts.Unprepared: self._unprepared,
            facts.Succeeded: self._succeeded,
            facts.Failed: self._failed,
            facts.Elsewhere: self._elsewhere,
            facts.Found: self._found,
            facts.Freed: self._freed,
            facts.Stopped: self._stopped,
            facts.Lost: self._lost,
            facts.GateSeen: self._gate_seen,
            facts.GatesShut: self._gates_shut,
            facts.TimerFired: self._wake,
            facts.CancelRequested: self._cancel,
            facts.QueueSized: self._resize,
        }

    def start(self, at: float) -> tuple[list[Event], list[Wish]]:
        """The first wishes."""
        self._now = at
        if self._deadline_s is not None:
            self.timers.set(at + self._deadline_s, Due("end"))
        for number, start in self._starts.items():
            if start == "skip":
                self._leave_out(number, at, LEFT_OUT)
                for after in self._shapes[number].downstream:
                    self.nodes[after].pending -= 1  # what it made is stored, or the plan would have refused
            elif isinstance(start, NodeState):
                self.nodes[number].state = start
                self.unfinished -= 1
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

    # --- nodes become ready ---

    def _prepared(self, fact: facts.Prepared) -> None:
        number = fact.node
        node = self.nodes[number]
        if node.state is not NodeState.PREPARING:
            return
        self._record_restored(fact)
        if len(fact.restored) + len(fact.left_out) == fact.total:
            node.total, node.restored = fact.total, len(fact.restored)
            node.failed = dict(fact.left_out) or None
            node.started_at = fact.at
            is_failed = node.end(self._shapes[number], "", sleeps=False) is Cause.FAILED
            self._finish(number, fact.at, Cause.FAILED if is_failed else Cause.HIT, fact.body, told=fact.body is None)
            return
        if self._stopping:
            self._move(number, Cause.SKIPPED if self._stopping == "failure" else Cause.CANCELLED)
            self._close(number, fact.at)
            return
        self._record(Kind.NODE_STARTED, fact.at, number, body=fact.body)
        node.failed = dict(fact.left_out) or None
        self._begin(number, fact.at, fact.total, fact.restored)

    def _record_restored(self, fact: facts.Prepared) -> None:
        new = {item: key for item, key in fact.restored.items() if key is not None}
        if len(new) == 1:
            ((item, key),) = new.items()
            attempt = self.attempts.without(fact.node, item)
            self._record(Kind.CALL_RESTORED, fact.at, fact.node, item, attempt, {"key": key.hex()})
        elif new and not self._quiet:
            self._record(Kind.CALLS_RESTORED, fact.at, fact.node, body=packed(new))

    def _unprepared(self, fact: facts.Unprepared) -> None:
        self._fail_unprepared(fact.node, fact.at, fact.failure)

    # --- attempts end ---

    def _succeeded(self, fact: facts.Succeeded) -> None:
        node = self._taken(fact.handle)
        if node is None:
            return
        number, item, attempt = fact.handle
        node.succeeded += 1
        if attempt > 1:
            self.attempts.numbers[number, item] = attempt
        if self._throttles:
            self._learnt(fact.handle, fact.at, self._throttle.succeeded(fact.handle))
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
        if self._throttles:
            self._learnt(fact.handle, fact.at, self._throttle.failed(fact.handle, fact.at, shape.policy, fact.failure))
        if self._stopping or node.is_doomed or (node.failed and not shape.tolerant):
            pause = None
        body = fact.failure.as_fields() | dict(fact.used or {})
        if pause is not None:
            spent = self._throttle.spend(number, shape.policy)
            if spent is None:
                self._record(Kind.ATTEMPT_FAILED, fact.at, number, item, attempt, {**body, "retry_in_s": round(pause, 3)})
                self.timers.set(fact.at + pause, Due("again", *self.attempts.sleep(fact.handle)))
                return
            body["spent_budget"] = spent
        self._record(Kind.CALL_FAILED, fact.at, number, item, attempt, {**body, **(fact.body or {})})
        node.failed = node.failed or {}
        node.failed[item] = fact.failure
        if not shape.tolerant:
            self._forget_calls(number)
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
            self._withdrawn(fact.handle)
            self._record(Kind.ATTEMPT_STOPPED, fact.at, *fact.handle)
            self._settle(fact.handle[0], node, fact.at)

    def _wake(self, fact: facts.TimerFired) -> None:
        for what, number, item, attempt in self.timers.due(fact.at):
            if what == "again":
                if self.attempts.wake((number, item, attempt)):
                    self.nodes[number].try_again(item, attempt)
                    self._push(number)
            elif what == "opens":
                if self.nodes[number].has_calls_to_start:
                    self._push(number)
            elif what == "overdue":
                if self.attempts.is_running((number, item, attempt)):
                    soft_s = self._shapes[number].policy.soft_timeout_s
                    self._record(Kind.ATTEMPT_OVERDUE, fact.at, number, item, attempt, {"soft_timeout_s": soft_s})
            elif what == "deadline":
                self._expire(number, fact.at)
            elif what == "gate":
                gate = self._shapes[number].gate
                if gate is not None and gate.name in self.at_gates:
                    self._wishes.append(facts.Ask(gate.name))
            else:
                self._end_by_deadline(fact.at)

    # --- others compute the same ---

    def _elsewhere(self, fact: facts.Elsewhere) -> None:
        node = self._taken(fact.handle)
        if node is None:
            return
        number = fact.handle[0]
        self._withdrawn(fact.handle, began=False)
        self._record(Kind.ATTEMPT_DEFERRED, fact.at, *fact.handle, {"holder": fact.holder})
        if not (self._stopping or node.is_doomed or (node.failed and not self._shapes[number].tolerant)):
            self.attempts.wait_elsewhere(fact.handle)
        self._settle(number, node, fact.at)

    def _found(self, fact: facts.Found) -> None:
        number, item, _ = fact.handle
        if self._taken(fact.handle) is not None:
            self._withdrawn(fact.handle, began=False)
        elif not self.attempts.come_back(fact.handle):
            return
        node = self.nodes[number]
        node.restored += 1
        self._record(Kind.CALL_RESTORED, fact.at, number, item, self.attempts.without(number, item), fact.body)
        self._settle(number, node, fact.at)

    def _freed(self, fact: facts.Freed) -> None:
        number, item, attempt = fact.handle
        if self.attempts.come_back(fact.handle):
            self.nodes[number].try_again(item, attempt)
            self._push(number)

    # --- endings, room, and losses ---

    def _cancel(self, fact: facts.CancelRequested) -> None:
        if fact.kill:
            self._wishes += [facts.Cancel(handle, kill=True) for handle in self.attempts.handles]
        if not self._quiet:
            self._records.append(Event(Kind.CANCEL_REQUESTED, fact.at, body={"kill": fact.kill}))
        self._stop("kill" if fact.kill else "drain", fact.at)

    def _resize(self, fact: facts.QueueSized) -> None:
        self.slots.queue = fact.calls

    def _lost(self, fact: facts.Lost) -> None:
        number, maker, reader = fact.wanted_by, self.nodes[fact.node], self.nodes[fact.wanted_by]
        if fact.handle is not None:
            if self._taken(fact.handle) is not None:
                self._withdrawn(fact.handle, began=False)
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
        self._starts.pop(fact.node, None)  # it has to run now, and is kept from it by what keeps others
        self._record(Kind.OUTPUT_LOST, fact.at, fact.node)
        items = range(maker.total) if self._shapes[fact.node].fans_out else ONE_CALL
        self.attempts.skip_numbers(fact.node, items)
        self._move(fact.node, Cause.LOST)
        self.unfinished += 1
        maker.reset()
        if maker.pending == 0:
            self._prepare(fact.node, fact.at)
