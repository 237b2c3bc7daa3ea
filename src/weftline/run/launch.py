"""Which calls start: in the order of their ranks, as what they share permits.

Theory of operation. Ready nodes are kept by their demand, each demand in a heap by rank: a node that does not fit is passed
by others that do. A node that a breaker or a limiter keeps back leaves its heap, and comes back when a timer fires or a probe
ends. What is to be recorded and what is wished for is collected until it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Literal

from weftline.model.call import Handle
from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE
from weftline.model.transitions import TABLE, Cause, NodeState
from weftline.run import facts
from weftline.run.attempts import Attempts
from weftline.run.demand import Capacity, Demand
from weftline.run.facts import Body, Shape, Start, Wish
from weftline.run.progress import NodeProgress, Stopping
from weftline.run.slots import Slots
from weftline.run.throttle import Change, Throttle
from weftline.run.timers import Due, Timers


class Launch:
    """Nodes that are ready, and their attempts.

    Args:
        shapes: the nodes by number.
        starts: for nodes that do not simply run: `hit` if the plan knows their result, `skip` if they are not part of the run,
            a state if they stay as an earlier life of the run left them.
        looks_up: whether the engine must be asked for calls even of a node that has one; if not, nothing is looked up.
        capacity: what calls may occupy together.
        on_failure: `stop` starts nothing new after a failure; `continue` skips only what depends on it.
        deadline_s: how long the run may take, in seconds; None for ever.
        retry_budget: attempts besides the first of each call that the run may make; None for any number.
        attempts: attempts that were made before this process, by node and item.
        quiet: make no records, for runs that nobody watches and nobody keeps.
    """

    def __init__(
        self,
        shapes: Sequence[Shape],
        *,
        capacity: Capacity,
        starts: Mapping[int, Start] | None = None,
        looks_up: bool = True,
        on_failure: Literal["stop", "continue"] = "stop",
        deadline_s: float | None = None,
        retry_budget: int | None = None,
        attempts: Mapping[tuple[int, int], int] | None = None,
        quiet: bool = False,
    ) -> None:
        self.nodes = [NodeProgress(len(shape.upstream)) for shape in shapes]
        self.attempts = Attempts(attempts or {})
        self._shapes = shapes
        self._starts = dict(starts or {})
        self._looks_up = looks_up
        self._by_rank = {shape.rank: number for number, shape in enumerate(shapes)}
        self.slots = Slots(capacity)
        self.timers = Timers()
        self._cautious = capacity.queue
        self.at_gates: dict[str, list[int]] = {}  # nodes that have everything else, by the gate that they wait for
        self._passed: set[str] = set()
        self._held: dict[Handle, tuple[Demand, tuple[str, ...]]] = {}  # of calls whose demand is not always the same
        self._throttle = Throttle([shape.policy for shape in shapes], [shape.name for shape in shapes], retry_budget)
        self._throttles = bool(self._throttle)  # asked for every attempt
        self._deadline_s = deadline_s
        self._on_failure = on_failure
        self._quiet = quiet
        self.unfinished = len(shapes)
        self._stopping: Stopping = ""
        self._now = 0.0
        self._records: list[Event] = []
        self._wishes: list[Wish] = []

    @property
    def wakes_at(self) -> float | None:
        """When time alone changes something; infinite if only others can; None if nothing waits."""
        at = self.timers.next_at
        return inf if at is None and self.attempts.waits_for_others else at

    # --- attempts begin ---

    def _push(self, number: int) -> None:
        shape = self._shapes[number]
        self.slots.push(shape.demands[0] if len(shape.demands) == 1 else self._next_demand(number), shape.rank)

    def _forget_calls(self, number: int) -> None:
        """A node starts nothing more."""
        self.nodes[number].forget_calls()
        self.attempts.forget_pauses(number)
        self.slots.forget(self._shapes[number].rank)

    def _next_demand(self, number: int) -> Demand:
        """What the next call of a node occupies."""
        demands, node = self._shapes[number].demands, self.nodes[number]
        if node.again:
            attempt = node.again[-1][1]
        else:  # it may have been tried in an earlier life of the run
            attempt = self.attempts.next(number, node.todo[node.position]) if node.position < len(node.todo) else 1
        return demands[min(attempt, len(demands)) - 1]

    def _fill(self) -> None:
        """Submits calls while there are slots for them."""
        slots = self.slots
        while slots.waiting and (found := slots.first()) is not None:
            demand, rank = found
            number = self._by_rank[rank]
            node = self.nodes[number]
            can_start = node.state is NodeState.RUNNING and node.pending == 0
            fits = True  # `first` has seen to it
            while can_start and fits and (node.position < len(node.todo) or node.again):
                if self._throttles and not self._may_start(number):
                    can_start = False
                elif len(self._shapes[number].demands) > 1 and self._next_demand(number) != demand:
                    break
                else:
                    self._submit(number, node, demand, rank)
                    fits = slots.fits(demand, rank)
            if not can_start or not node.has_calls_to_start:
                slots.pop(demand)
            elif len(self._shapes[number].demands) > 1 and self._next_demand(number) != demand:
                slots.pop(demand)
                self._push(number)  # what comes next may fit where another like the last one does not

    def _may_start(self, number: int) -> bool:
        """Whether breakers and limiters let a call of a node start; if not, it is looked at again when they may."""
        opens_at = self._throttle.opens_at(number, self._now)
        if self._now < opens_at < inf:
            self.timers.set(opens_at, Due("opens", number))
        return opens_at <= self._now

    def _submit(self, number: int, node: NodeProgress, demand: Demand, rank: int) -> None:
        if node.again:
            item, attempt = node.again.pop()
        else:
            item = node.todo[node.position]
            node.position += 1
            attempt = self.attempts.next(number, item) if self.attempts.numbers else 1
        node.running += 1
        self.attempts.begin(number, item, attempt)
        handle = (number, item, attempt)
        devices = self.slots.take(demand, rank)
        if devices or len(self._shapes[number].demands) > 1:
            self._held[handle] = demand, devices
        if self._throttles:
            self._throttle.begin(handle, self._now)
        soft_s = self._shapes[number].policy.soft_timeout_s
        if soft_s is not None:
            self.timers.set(self._now + soft_s, Due("overdue", number, item, attempt))
        if not self._quiet:
            self._record(Kind.ATTEMPT_STARTED, self._now, number, item, attempt, {"devices": devices} if devices else None)
        self._wishes.append(facts.Submit(handle, devices))

    # --- attempts end ---

    def _taken(self, handle: Handle) -> NodeProgress | None:
        """The node of a running attempt, which from now on does not run any more; None for one that does not."""
        if not self.attempts.end(handle):
            if handle in self.attempts.abandoned:
                self.attempts.abandoned.remove(handle)
                self._give_back(handle)
            return None
        node = self.nodes[handle[0]]
        node.running -= 1
        self._give_back(handle)
        return node

    def _give_back(self, handle: Handle) -> None:
        """What an attempt has occupied is free again: only now, also if nobody has waited for it any more."""
        held = self._held.pop(handle, None) if self._held else None
        if held is None:
            self.slots.give(self._shapes[handle[0]].demands[0])
        else:
            self.slots.give(*held)

    def _withdrawn(self, handle: Handle, *, began: bool = True) -> None:
        """An attempt has ended of which breakers learn nothing."""
        if self._throttles:
            self._throttle.withdrawn(handle, began=began)
            self._look_again(handle[0])

    def _learnt(self, handle: Handle, at: float, change: Change | None) -> None:
        """A breaker knows how an attempt ended; nodes that wait for it ask again."""
        if change is not None and not self._quiet:
            kind = Kind.BREAKER_OPENED if change.is_open else Kind.BREAKER_CLOSED
            body = {"breaker": change.name, **({"reset_s": change.reset_s} if change.is_open else {})}
            self._records.append(Event(kind, at, body=body))
        self._look_again(handle[0])

    def _look_again(self, number: int) -> None:
        for waiting in self._throttle.freed(number):
            self._push(waiting)

    # --- what comes of it ---

    def _record(
        self, kind: Kind, at: float, number: int, item: int = WHOLE, attempt: int = 0, body: Body | None = None
    ) -> None:
        if not self._quiet:
            self._records.append(Event(kind, at, self._shapes[number].name, item, attempt, body))

    def _move(self, number: int, cause: Cause) -> None:
        node = self.nodes[number]
        node.state = TABLE[node.state, cause]
