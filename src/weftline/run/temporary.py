"""Frees temporary outputs as soon as nobody reads them any more; what is left tells their digests, so that keys stay known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weftline.codec import whole
from weftline.errors import DamagedEntryError
from weftline.model.entry import LISTED, Entry, freed, is_freed
from weftline.model.fingerprint import part_key
from weftline.model.graph import Graph
from weftline.ports.cache import Cache
from weftline.ports.values import digests_in
from weftline.run.inputs import Holdings
from weftline.run.progress import NodeProgress


class Temporary:
    """The nodes of one run whose outputs are temporary.

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
        self._nodes = {
            number
            for number, node in enumerate(graph.nodes)
            if node.temp and node.cache and graph.downstream[number] and not set(node.provided).intersection(goals)
        }

    def free(self, number: int, nodes: Sequence[NodeProgress]) -> None:
        """Frees what a node made, if it is temporary and all that read it have all their results."""
        if number not in self._nodes or self._cache is None or not nodes[number].state.has_output:
            return
        if not all(nodes[after].state.has_output and not nodes[after].failed for after in self._graph.downstream[number]):
            return
        entries = {item: entry for item, entry in self._holdings.entries(number).items() if not is_freed(entry)}
        self._cache.free([key for entry in entries.values() for key in (entry.key, *self._parts(entry))])
        for item, entry in entries.items():
            self._holdings.put_entry(number, item, freed(entry))

    def _parts(self, entry: Entry) -> Iterator[bytes]:
        """Keys of the entries that hold the items of a list."""
        assert self._cache is not None
        for position, stored in enumerate(entry.outputs):
            if stored.codec in LISTED:
                try:
                    content = self._cache.load(stored, entry.key) if stored.content is None else whole(stored.content)
                except DamagedEntryError:
                    continue  # told by the store
                yield from (part_key(entry.key, position, at) for at in range(len(digests_in(content))))
