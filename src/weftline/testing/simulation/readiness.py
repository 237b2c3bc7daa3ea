"""Which calls could start, and what keeps the others: priorities, room, pauses, breakers and limiters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weftline.model.call import Handle
from weftline.model.graph import Graph
from weftline.ports.backend import Capabilities
from weftline.testing.clock import ManualClock
from weftline.testing.simulation.node import NodeAccount
from weftline.testing.simulation.room import Room, Use, uses_of
from weftline.testing.simulation.sharing import Sharing

if TYPE_CHECKING:
    from weftline.testing.simulation.memory import Memory

#: The journal rounds pauses to a thousandth of a second.
ROUNDING_S = 0.001
#: Calls that may go before one that ranks higher and does not fit, and take what it waits for.
PATIENCE = 64


class Readiness:
    """What waits in one life of a run, and what for.

    Args:
        graph: what is run.
        clock: the time.
        capabilities: of the backend.
        memory: what is known from earlier lives.
        retry_budget: of the whole life.
    """

    def __init__(
        self, graph: Graph, clock: ManualClock, capabilities: Capabilities, memory: Memory, retry_budget: int | None
    ) -> None:
        self.graph = graph
        self.capabilities = capabilities
        self.memory = memory
        self.nodes = [NodeAccount(spec) for spec in graph.nodes]
        self.room = Room(capabilities)
        self.sharing = Sharing(graph.nodes, retry_budget)
        by_priority = sorted(graph.order, key=lambda number: -graph.nodes[number].priority)
        self.rank = {number: at for at, number in enumerate(by_priority)}
        self.before = [  # nodes that end first; what the graph says of it is not asked
            [*map(graph.index.__getitem__, spec.after), *map(graph.producers.__getitem__, spec.required)]
            for spec in graph.nodes
        ]
        self.passed = 0  # calls that surely went before the first of all that wait, and took what it waits for
        self.perhaps_passed = 0  # those that may have
        self._first = -1
        self.lost: set[int] = set()  # nodes whose results are gone, and are to be made again
        self.made_again: set[int] = set()  # nodes that are made again in this life
        self.told_lost: set[str] = set()  # nodes of which the journal says, or is about to say, that their output is lost
        self.later: dict[Handle, set[int]] = {}  # for attempts that are recorded, the nodes that have begun since
        self._uses = [uses_of(spec, capabilities) for spec in graph.nodes]
        self._clock = clock
        self._epoch = clock.now() - clock.monotonic()  # to the last bit what the engine takes for the time

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self._epoch + self._clock.monotonic()

    def make_again(self, number: int) -> None:
        """What a node has made is lost: it begins again, but for the failures of its calls."""
        before, self.nodes[number] = self.nodes[number], NodeAccount(self.nodes[number].spec)
        self.nodes[number].failures = before.failures
        self.nodes[number].tries.update(before.failures)
        self.lost.add(number)
        self.made_again.add(number)

    # --- what calls need ---

    def use(self, number: int, attempt: int) -> Use:
        """What an attempt occupies."""
        uses = self._uses[number]
        return uses[min(attempt, len(uses)) - 1]

    def next_uses(self, number: int) -> list[Use]:
        """What the next attempt of a node may occupy, the least first: nothing is said of the order of its calls."""
        uses = self._uses[number]
        if len(uses) == 1:
            return uses
        node = self.nodes[number]
        last = [self.memory.known.get((node.spec.name, item), 0) for item in (*node.todo, *node.waiting)]
        return [uses[min(attempt, len(uses) - 1)] for attempt in (min(last, default=0), max(last, default=0))]

    def fits(self, number: int) -> bool:
        """Whether a further call of a node has room, without waiting in the backend."""
        return self.room.fits(self.next_uses(number)[-1])

    # --- what keeps them ---

    def has_calls(self, number: int) -> bool:
        """Whether a call of a node could start, if there is room and nothing shared forbids it."""
        node = self.nodes[number]
        if not node.has_begun or node.is_over or (self.lost and self.lost.intersection(self.graph.upstream[number])):
            return False
        return bool(node.todo) or (bool(node.waiting) and any(last < self.now for _, last in node.waiting.values()))

    def opens_at(self, number: int) -> float:
        """When breakers and limiters surely let a call of a node start."""
        breaker, limiter = self.sharing.breakers.get(number), self.sharing.limiters.get(number)
        opens_at = -math.inf if limiter is None else limiter.opens_at() + ROUNDING_S
        return opens_at if breaker is None else max(opens_at, breaker.opens_at())

    def is_ready(self, number: int) -> bool:
        """Whether a call of a node could start, if there is room."""
        return self.has_calls(number) and self.opens_at(number) <= self.now

    def ready(self, handle: Handle | None = None) -> list[int]:
        """Nodes of which a call can start, or could when that attempt was decided on, if there is room; in order of rank."""
        later = set() if handle is None else self.later.get(handle, set())
        found = (number for number in range(len(self.nodes)) if number not in later and self.is_ready(number))
        return sorted(found, key=self.rank.__getitem__)

    def is_kept_for_another(self, number: int, first: int) -> bool:
        """Whether what a node would take may be kept for the first of all that wait, because so many have passed that."""
        if number == first or self.perhaps_passed < PATIENCE:
            return False
        most = self.next_uses(first)[-1]
        return any(self.room.competes(use, most) for use in self.next_uses(number))

    def note_passing(self, number: int, use: Use, ready: Sequence[int]) -> None:
        """A call starts: whom does it pass of those that were ready when that was decided?"""
        if not ready:
            return
        first = ready[0]
        if first != self._first:
            self._first, self.passed, self.perhaps_passed = first, 0, 0
        if number != first:
            least, most = (self.next_uses(first) * 2)[:2]
            self.passed += self.room.competes(use, least)
            self.perhaps_passed += self.room.competes(use, least) or self.room.competes(use, most)
