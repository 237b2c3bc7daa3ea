"""Lets go of what nodes made as soon as nobody reads it any more: of values in memory, and of temporary outputs in the store.

What is left of a temporary output tells its digest, so that the keys behind it stay known.
"""

from __future__ import annotations

from collections.abc import Sequence

from weftline.model.entry import freed, is_freed
from weftline.model.graph import Graph
from weftline.ports.cache import Cache
from weftline.run.inputs import Holdings
from weftline.run.progress import NodeProgress
from weftline.run.stored import part_keys


class Release:
    """Counts for each node of a run those that may still read what it made.

    Args:
        graph: the nodes.
        goals: keys that the run is for, which are kept.
        holdings: what nodes made.
        cache: where that is stored; None when nothing is.
    """

    def __init__(self, graph: Graph, goals: Sequence[str], holdings: Holdings, cache: Cache | None) -> None:
        self._graph = graph
        self._holdings = holdings
        self._cache = cache
        self._unread = list(map(len, graph.downstream))
        self._due: list[int] = []
        self._temporary = {
            number
            for number, node in enumerate(graph.nodes)
            if node.temp and node.cache and graph.downstream[number] and not set(node.provided).intersection(goals)
        }

    def ended(self, number: int, *, is_over: bool = False) -> None:
        """A node was never part of the run, or is over; what it and others made may go with the next `free`."""
        graph, unread = self._graph, self._unread
        for source in graph.upstream[number]:
            unread[source] -= 1
        if self._cache is None or not is_over:
            return
        for source in (number, *graph.upstream[number]):
            if not unread[source]:
                self._holdings.release(source)
                if source in self._temporary:
                    self._due.append(source)

    def free(self, nodes: Sequence[NodeProgress]) -> None:
        """Frees temporary outputs that nobody reads any more; once the journal has the results of who did."""
        if self._due:
            due, self._due = self._due, []
            for number in due:
                if not self._unread[number]:  # still: a reader may have to read it again
                    self._free(number, nodes)

    def again(self, number: int) -> None:
        """What a node made is lost, and it will read its inputs again."""
        for source in self._graph.upstream[number]:
            self._unread[source] += 1

    def _free(self, number: int, nodes: Sequence[NodeProgress]) -> None:
        """Frees what a node made, if all that read it have all their results."""
        cache = self._cache
        assert cache is not None
        if not nodes[number].state.has_output:
            return
        if not all(nodes[after].state.has_output and not nodes[after].failed for after in self._graph.downstream[number]):
            return
        entries = {item: entry for item, entry in self._holdings.entries(number).items() if not is_freed(entry)}
        cache.free([key for entry in entries.values() for key in (entry.key, *part_keys(entry, cache))])
        for item, entry in entries.items():
            self._holdings.put_entry(number, item, freed(entry))
