"""Records what a run has decided; brief calls share a flush, as the items of a fan-out do.

Theory of operation. A flush costs as much as a hundred brief calls. Records that wait are lost when the process dies, and the
calls that they tell of are made again. So they wait only while all that follows from them are calls that die with the process
and may be made again at any time: of cached nodes without an effect. They wait a moment at most; and only before calls of
functions that were brief the last time, in this run or in an earlier one: nobody is to hear of a node's end when the next one
has worked for an hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from weftline.model.call import Report
from weftline.model.event import ROUTINE, Event
from weftline.model.fingerprint import Recipe
from weftline.model.graph import Graph
from weftline.model.plan import Step
from weftline.run.facts import Submit, Wish
from weftline.run.surroundings import Surroundings

#: How long records wait, in seconds.
LONGEST_S = 0.005
#: What a brief call takes less than, in seconds.
BRIEF_S = 0.001
#: Records that wait together.
_MOST = 500


class GroupCommit:
    """The records of a run.

    Args:
        run: its id.
        around: who is told, and what the calls run in.
        graph: of the run.
        steps: of its plan, in the order of the graph's nodes.
        new_recipes: what goes with the records: recipes of nodes that have started.
        now: the time of the run.

    Attributes:
        waiting: what is not recorded yet.
    """

    def __init__(
        self,
        run: str,
        around: Surroundings,
        graph: Graph,
        steps: Sequence[Step],
        new_recipes: Callable[[], Sequence[Recipe]],
        now: Callable[[], float],
    ) -> None:
        self.waiting: list[Event] = []
        self._run = run
        self._around = around
        self._nodes = graph.nodes
        self._steps = steps
        self._new_recipes = new_recipes
        self._now = now
        self._until = 0.0
        self._took_s: dict[int, tuple[object, float]] = {}  # by a function's address, with itself: nothing else gets there
        do_others_listen = bool(graph.fields) or any(node.gate is not None for node in graph.nodes)
        self._is_possible = around.ledger is not None and not around.backend.capabilities.ships and not do_others_listen

    @property
    def left_s(self) -> float:
        """How long what waits may wait on; infinite if nothing does."""
        return max(0.0, self._until - self._now()) if self.waiting else math.inf

    def take(self, reports: Sequence[Report]) -> None:
        """Learns how long calls took."""
        if self._is_possible:
            for report in reports:
                root = self._nodes[report.handle[0]].body.root
                self._took_s[id(root)] = root, report.took_s

    def put_off(self, records: Sequence[Event], acts: Sequence[Wish]) -> bool:
        """Keeps the records of a turn if they may wait until the calls that start now have ended; whether they do."""
        if not (
            self._is_possible
            and acts
            and self._now() < self._until
            and len(self.waiting) < _MOST
            and ROUTINE.issuperset([event.kind for event in records])
            and all(map(self._is_brief, acts))
        ):
            return False
        self.waiting += records
        return True

    def _is_brief(self, wish: Wish) -> bool:
        """Whether this starts a call that will probably not take long, and that may be made again."""
        if type(wish) is not Submit:
            return False
        number = wish.handle[0]
        node = self._nodes[number]
        if not node.cache or node.effect is not None:
            return False
        _, took_s = self._took_s.get(id(node.body.root), (None, self._steps[number].last_s))
        return took_s is not None and took_s < BRIEF_S

    def commit(self, records: Sequence[Event]) -> None:
        """Records what waits, and these, in one transaction; then those who listen are told.

        Raises:
            LedgerUnusableError: nothing of it is recorded.
        """
        found, self.waiting = [*self.waiting, *records], []  # first: after an interruption it counts as lost
        if found:
            if self._around.ledger is not None:
                self._around.ledger.append(self._run, found, self._new_recipes())
            for sink in self._around.sinks:
                sink.tell(self._run, found)
        self._until = self._now() + LONGEST_S
