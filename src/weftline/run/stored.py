"""Reads what is stored for a node; whatever cannot be read, or is not what the node declares, is a lost output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weftline.codec import whole
from weftline.errors import DamagedEntryError
from weftline.model.entry import FREED, LISTED, Entry, Stored
from weftline.model.fingerprint import part_key
from weftline.model.graph import Graph
from weftline.ports.cache import Cache
from weftline.ports.values import Values, container_in, digests_in


class OutputLostError(Exception):
    """A stored output is gone, damaged, or not of the declared type any more.

    Attributes:
        node: number of the node that made it.
        key: of the entry that must not be used again; None if what is gone is known already.
    """

    def __init__(self, node: int, key: bytes | None = None) -> None:
        super().__init__(node, key)
        self.node = node
        self.key = key


class StoredOutputs:
    """Values of the cache, for one graph.

    Args:
        graph: whose nodes made them.
        values: codecs.
        cache: where they are; None when nothing is stored.
    """

    def __init__(self, graph: Graph, values: Values, cache: Cache | None) -> None:
        self._graph = graph
        self._values = values
        self._cache = cache

    def value(self, number: int, entry: Entry, position: int) -> Any:
        """An output.

        Args:
            number: of the node.
            entry: of the call.
            position: among the node's outputs.

        Raises:
            OutputLostError: it is gone, damaged, or not of the declared type.
        """
        stored = entry.outputs[position]
        content = self.content(number, entry, position)
        output = self._graph.nodes[number].outputs[position]
        value: Any
        if stored.codec in LISTED:
            value = container_in(content)(self.items(number, entry, position, range(len(digests_in(content)))))
        else:
            value = self._decoded(number, entry, position, stored, content)
        if not output.check(value):
            raise OutputLostError(number, entry.key)
        return value

    def items(self, number: int, entry: Entry, position: int, items_at: Sequence[int]) -> list[Any]:
        """Items of a list that are entries of their own.

        Raises:
            OutputLostError: one is gone or damaged.
        """
        assert self._cache is not None
        keys = [part_key(entry.key, position, at) for at in items_at]
        found = self._cache.find(keys)
        if len(found) != len(set(keys)):
            raise OutputLostError(number, entry.key)
        items = []
        for key in keys:
            stored = found[key].outputs[0]
            if stored.codec == FREED:
                raise OutputLostError(number, entry.key)
            try:
                content = self._cache.load(stored, key)
            except DamagedEntryError:
                raise OutputLostError(number, entry.key) from None
            items.append(self._decoded(number, entry, position, stored, content))
        return items

    def content(self, number: int, entry: Entry, position: int) -> bytes | memoryview:
        """The bytes of an output.

        Raises:
            OutputLostError: they are gone or damaged.
        """
        stored = entry.outputs[position]
        if stored.codec == FREED:
            raise OutputLostError(number, entry.key)
        if stored.content is not None:
            return whole(stored.content)
        assert self._cache is not None
        try:
            return self._cache.load(stored, entry.key)
        except DamagedEntryError:
            raise OutputLostError(number, entry.key) from None

    def _decoded(self, number: int, entry: Entry, position: int, stored: Stored, content: bytes | memoryview) -> Any:
        node = self._graph.nodes[number]
        try:
            return self._values.decode(content, stored, node, node.outputs[position])
        except ValueError:
            raise OutputLostError(number, entry.key) from None


def part_keys(entry: Entry, cache: Cache) -> tuple[bytes, ...]:
    """Keys of the entries in which the items of lists lie that a call made."""
    found: list[bytes] = []
    for position, stored in enumerate(entry.outputs):
        if stored.codec in LISTED:
            try:
                content = cache.load(stored, entry.key) if stored.content is None else whole(stored.content)
            except DamagedEntryError:
                continue  # told by the store, which has put it aside
            found += [part_key(entry.key, position, at) for at in range(len(digests_in(content)))]
    return tuple(found)
