"""What the keys of a run hold: values, or where they are stored; loaded when somebody needs them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from weftline import digest
from weftline.errors import UnboundedInputError
from weftline.model.entry import LISTED, Entry
from weftline.model.graph import Graph
from weftline.model.ids import WHOLE
from weftline.model.node import NodeSpec
from weftline.ports.cache import Cache
from weftline.ports.values import Values, digests_in
from weftline.run.stored import OutputLostError, StoredOutputs

_NOTHING: Any = {}


class Holdings:
    """The outputs of all nodes, by node number and item.

    Args:
        graph: whose keys are held.
        given: values of keys from outside.
        values: digests and codecs.
        cache: where stored values are; None when nothing is stored.
    """

    def __init__(self, graph: Graph, given: Mapping[str, Any], values: Values, cache: Cache | None) -> None:
        self._graph = graph
        self._given = {key: values.freeze(value) for key, value in given.items()}
        self._given_digests: dict[str, bytes] = {}
        self._values = values
        self._stored = StoredOutputs(graph, values, cache)
        self._live: dict[int, tuple[Any, ...]] = {}
        self._live_items: dict[int, dict[int, tuple[Any, ...]]] = {}
        self._entries: dict[int, dict[int, Entry]] = {}
        self._kept: dict[int, Sequence[int]] = {}
        self._lost: set[int] = set()  # nodes whose output is being made again
        self._positions = graph.positions
        self._over = {node.over for node in graph.nodes}
        self._decoded: tuple[bytes, int, Any] | None = None  # the list that was read last, for those who take its items

    # --- what nodes made ---

    def put(self, number: int, item: int, outputs: tuple[Any, ...]) -> None:
        """A call made these values."""
        if item == WHOLE:
            self._live[number] = outputs
        else:
            self._live_items.setdefault(number, {})[item] = outputs

    def put_entry(self, number: int, item: int, entry: Entry) -> None:
        """A call's result is stored."""
        entries = self._entries.get(number)
        if entries is None:
            entries = self._entries[number] = {}
        entries[item] = entry

    def entries(self, number: int) -> Mapping[int, Entry]:
        """Where the results of a node's calls are stored, by item."""
        found: Mapping[int, Entry] = self._entries.get(number, _NOTHING)
        return found

    def finish(self, number: int, total: int, failed: Collection[int] | None = None) -> None:
        """All calls of a node have ended; the failed ones have no output."""
        self._lost.discard(number)
        self._kept[number] = [item for item in range(total) if item not in failed] if failed else range(total)

    def release(self, number: int) -> None:
        """Nobody needs a node's values soon: those that are stored need not stay in memory."""
        if len(self._entries.get(number, _NOTHING)) >= len(self._live_items.get(number, (WHOLE,))):
            self._live.pop(number, None)
            self._live_items.pop(number, None)

    def forget(self, number: int) -> dict[int, bytes]:
        """A node's output is lost, and will be made again.

        Returns:
            Cache keys of what was stored, by item.
        """
        self._lost.add(number)
        self._kept.pop(number, None)
        return {item: entry.key for item, entry in self._entries.pop(number, _NOTHING).items()}

    def _place(self, key: str) -> tuple[int, int]:
        """The number of the node that makes a key, and the place among its outputs.

        Raises:
            OutputLostError: the output is being made again.
        """
        number, position = self._positions[key]
        if number in self._lost:
            raise OutputLostError(number)
        return number, position

    # --- digests ---

    def input_digests(self, node: NodeSpec, items: Sequence[bytes] | None = None) -> dict[str, bytes]:
        """The digest of each input by its name; of the list for the one that the node runs over.

        Args:
            node: who reads them.
            items: digests of that list's items, if they are known already.
        """
        found: dict[str, bytes] = {}
        for read in node.inputs:
            if read.optional:
                present = [key for key in self._graph.keys_for(read.key) if self.has(key)]
                pairs = [(key.removeprefix(node.scope).encode(), self.digest(key)) for key in present]
                found[read.name] = digest.of_parts(*(part for pair in pairs for part in pair))
            elif read.key == node.over:
                found[read.name] = digest.of_items(self.item_digests(read.key) if items is None else items)
            else:
                found[read.name] = self.digest(read.key)
        return found

    def digest(self, key: str) -> bytes:
        """The digest of what a key holds."""
        if key in self._given:
            if key not in self._given_digests:
                value = self._given[key]
                is_list = key in self._over and self._values.has_items(value)
                found = digest.of_items(self.item_digests(key)) if is_list else self._values.outside_digest(value, key)
                self._given_digests[key] = found
            return self._given_digests[key]
        number, position = self._place(key)
        if self._graph.nodes[number].over is not None:
            return digest.of_items(self.item_digests(key))
        return self._item_digest(number, position, WHOLE)

    def item_digests(self, key: str) -> list[bytes]:
        """The digests of the items of a list, in order."""
        if key in self._given:
            return self._values.outside_digests(self._given[key], key)
        number, position = self._place(key)
        if self._graph.nodes[number].over is not None:
            return [self._item_digest(number, position, item) for item in self._kept[number]]
        entry = self._entries.get(number, _NOTHING).get(WHOLE)
        if entry is not None and entry.outputs[position].codec in LISTED:
            return digests_in(self._stored.content(number, entry, position))
        return self._values.digests(self.value(key), key)

    def _item_digest(self, number: int, position: int, item: int) -> bytes:
        entry = self._entries.get(number, _NOTHING).get(item)
        if entry is not None:
            digest_: bytes = entry.outputs[position].digest
            return digest_
        return self._values.digest(self._outputs(number, item)[position])

    def _outputs(self, number: int, item: int) -> Any:
        """What a call made, if it is in memory."""
        if item == WHOLE:
            return self._live.get(number)
        return self._live_items.get(number, _NOTHING).get(item)

    # --- values ---

    def has(self, key: str) -> bool:
        """Whether a key holds anything.

        Raises:
            OutputLostError: it did, and is being made again.
        """
        if key in self._given:
            return True
        if key not in self._positions:
            return False
        number, _ = self._place(key)
        if self._graph.nodes[number].over is not None:
            return number in self._kept
        return number in self._live or number in self._entries

    def value(self, key: str) -> Any:
        """What a key holds.

        Raises:
            OutputLostError: it was stored, and is gone.
        """
        if key in self._given:
            return self._given[key]
        number, position = self._place(key)
        live = self._live.get(number)
        if live is not None:
            return live[position]
        if self._graph.nodes[number].over is not None:
            return [self._part(number, position, item) for item in self._kept.get(number, ())]
        return self._part(number, position, WHOLE)

    def item(self, key: str, at: int) -> Any:
        """The item at a place of the list that a key holds."""
        if key in self._given:
            return self._given[key][at]
        number, position = self._place(key)
        if self._graph.nodes[number].over is not None:
            return self._part(number, position, self._kept[number][at])
        entry = self._entries.get(number, _NOTHING).get(WHOLE)
        if number in self._live or entry is None:
            return self.value(key)[at]
        if entry.outputs[position].codec in LISTED:
            return self._stored.items(number, entry, position, (at,))[0]
        if self._decoded is None or self._decoded[:2] != (entry.key, position):
            self._decoded = (entry.key, position, self.value(key))
        return self._decoded[2][at]

    def count(self, node: NodeSpec) -> int:
        """How many items there are of the key that a node runs over.

        Raises:
            UnboundedInputError: the value is no sequence.
        """
        assert node.over is not None
        key = node.over
        if key not in self._given:
            number, position = self._place(key)
            if self._graph.nodes[number].over is not None:
                return len(self._kept[number])
            entry = self._entries.get(number, _NOTHING).get(WHOLE)
            if number not in self._live and entry is not None and entry.outputs[position].codec in LISTED:
                return len(digests_in(self._stored.content(number, entry, position)))
        value = self.value(key)
        if not self._values.has_items(value):
            raise UnboundedInputError(node=node.name, key=key, kind=type(value).__name__, place=node.place)
        return len(value)

    def _part(self, number: int, position: int, item: int) -> Any:
        live = self._outputs(number, item)
        if live is not None:
            return live[position]
        entry = self._entries.get(number, _NOTHING).get(item)
        if entry is None:
            raise OutputLostError(number)
        return self._stored.value(number, entry, position)

    # --- inputs of calls ---

    def lent(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs as one call may have them: what it does to a frame, no other call sees."""
        freeze = self._values.freeze
        return {name: freeze(value) for name, value in inputs.items()}

    def shared_inputs(self, node: NodeSpec) -> dict[str, Any]:
        """The inputs that all calls of a node have in common, by name."""
        found: dict[str, Any] = {}
        for read in node.inputs:
            if read.optional:
                present = [key for key in self._graph.keys_for(read.key) if self.has(key)]
                found[read.name] = {key.removeprefix(node.scope): self.value(key) for key in present}
            elif read.key != node.over:
                found[read.name] = self.value(read.key)
        return found
