"""Predicts for each node whether its result is there already: keys forward through the graph, looked up in waves.

Theory of operation. A node's key needs the digests of its inputs. Where the producers are hits, their entries tell the
digests, so the next keys are known without computing anything. Where a producer will run, its output is not known: the node
*may* run, if anything made by the same recipe is still stored (the output may come out equal and lead to it), and *will* run
if not. Items of a fan-out are predicted one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from weftline import digest
from weftline.codec import whole
from weftline.errors import DamagedEntryError, WeftlineError
from weftline.model.entry import FREED, LISTED, Entry, Stored, is_freed
from weftline.model.fingerprint import Recipe, call_keys
from weftline.model.graph import Graph
from weftline.model.node import Input, NodeSpec, Receipted, is_confirmed
from weftline.model.params import Bound
from weftline.plan.recipe import RecipeMaker
from weftline.ports.cache import Cache
from weftline.ports.values import Values, digests_in

#: Waves after which it shows whether a graph is long and narrow.
_NARROW = 32


@dataclass(slots=True)
class KeyState:
    """What is known of a key's value while planning.

    Attributes:
        digest: of the value, or None.
        items: digests of its items where somebody runs over them; None in places that are not known, or as a whole.
        stored: where the value is, for a hit.
    """

    digest: bytes | None = None
    items: Sequence[bytes | None] | None = None
    stored: tuple[Entry, int] | None = None


_NONE: Mapping[Any, Any] = MappingProxyType({})


def _none() -> Mapping[Any, Any]:
    """Shared by all of whom nothing is known; Python 3.11 takes it for no default of its own accord."""
    return _NONE


@dataclass(slots=True)
class Forecast:
    """What is known of one node.

    Attributes:
        recipe: None if it cannot be made, for a node that is never cached.
        inputs: digest by input name, where known; of the items' list for the one that it runs over.
        keys: cache key by item, or one; None for what is not known, or need not be.
        has_key: whether all is known that the key of its only call is made of.
        entries: hits by position in `keys`.
        files: signatures of the paths whose content counts in the keys.
        known_recipe: whether anything made by this recipe is stored.
        expired: when the oldest result was made that is there and may not be taken any more; 0 for none.
        unconfirmed: there was a receipt that the target does not confirm.
        was_freed: whether that is why it has to be made again, or may have to.
        freed_for: names of those that need, or may need, it then.
        taken_from: the run whose outputs stand for the node's, whatever its keys are now; empty for none.
    """

    recipe: Recipe | None = None
    inputs: Mapping[str, bytes | None] = field(default_factory=_none)
    keys: list[bytes | None] | None = None
    has_key: bool = False
    entries: Mapping[int, Entry] = field(default_factory=_none)
    files: Mapping[Path, bytes] = field(default_factory=_none)
    known_recipe: bool = False
    expired: float = 0.0
    unconfirmed: bool = False
    was_freed: bool = False
    freed_for: tuple[str, ...] = ()
    taken_from: str = ""

    @property
    def is_freed(self) -> bool:
        """Whether a content of what is there was freed."""
        return any(map(is_freed, self.entries.values()))

    def forget_freed(self) -> None:
        """What was freed is not there."""
        self.entries = {at: entry for at, entry in self.entries.items() if not is_freed(entry)}

    @property
    def is_hit(self) -> bool:
        """Whether every call is there already."""
        return self.keys is not None and len(self.entries) == len(self.keys)


class Predictor:
    """Predicts one plan.

    Args:
        graph: what is planned.
        params: bound parameters by node number.
        cache: where results are.
        values: digests and codecs.
        now: seconds since the epoch.
        guess: keys that may well be wanted, for looking them up together.
        taken: forecasts that are known already, by node number.
    """

    def __init__(
        self,
        graph: Graph,
        params: Sequence[Mapping[str, Bound]],
        cache: Cache,
        values: Values,
        now: float,
        guess: Callable[[], Sequence[bytes]] = tuple,
        taken: Mapping[int, Forecast] = MappingProxyType({}),
        environment: str = "",
    ) -> None:
        self._graph = graph
        self._params = params
        self._cache = cache
        self._values = values
        self._now = now
        self._guess = guess
        self._guessed: Mapping[bytes, Entry] = {}
        self._recipes = RecipeMaker(values, environment)
        self._keys: dict[str, KeyState] = {}
        self._over = {node.over for node in graph.nodes if node.over is not None}
        self.findings: list[WeftlineError] = []
        self.forecasts = [taken.get(number) or Forecast() for number in range(len(graph.nodes))]

    def predict(self, given: Mapping[str, Any], forced: frozenset[int]) -> list[Forecast]:
        """Forecasts by node number; findings are collected beside."""
        self._make_recipes(given)
        for key, value in given.items():
            self._keys[key] = self._state_of(key, value)
        waiting = [len(sources) for sources in self._graph.upstream]
        wave = [number for number in self._graph.order if waiting[number] == 0]
        waves = 0
        while wave:
            if waves == _NARROW:
                self._look_ahead(sum(known.keys is not None for known in self.forecasts))
            waves += 1
            self._predict_wave(wave, forced)
            following = []
            for number in wave:
                for after in self._graph.downstream[number]:
                    waiting[after] -= 1
                    if waiting[after] == 0:
                        following.append(after)
            wave = following
        return self.forecasts

    def _look_ahead(self, predicted: int) -> None:
        """In a graph that is long and narrow, each wave would be a question of its own to the cache."""
        if predicted < 2 * _NARROW and len(self.forecasts) > 4 * _NARROW:
            self._guessed = self._cache.find(self._guess())

    def _make_recipes(self, given: Mapping[str, Any]) -> None:
        for node, params, forecast in zip(self._graph.nodes, self._params, self.forecasts, strict=True):
            if forecast.taken_from:
                continue
            try:
                forecast.files = self._recipes.files(node, params, given)
                forecast.recipe = self._recipes.make(node, params, self._made_for(node) if node.inputs else ())
            except WeftlineError as error:
                if node.cache:
                    self.findings.append(error)
        made = {forecast.recipe.digest for forecast in self.forecasts if forecast.recipe is not None}
        stored = self._cache.recipes(made)
        if not stored:
            return
        for node, forecast in zip(self._graph.nodes, self.forecasts, strict=True):
            forecast.known_recipe = node.cache and forecast.recipe is not None and forecast.recipe.digest in stored

    def _made_for(self, node: NodeSpec) -> list[Any]:
        """The types that producers declare for what a node reads."""
        nodes = self._graph.nodes
        found = []
        for read in node.inputs:
            for key in self._graph.keys_for(read.key) if read.optional else (read.key,):
                at = self._graph.positions.get(key)
                if at is not None:
                    found.append(nodes[at[0]].outputs[at[1]].kind)
        return found

    def _state_of(self, key: str, value: Any) -> KeyState:
        try:
            if key in self._over and self._values.has_items(value):
                items = self._values.outside_digests(value, f"the given {key!r}")
                return KeyState(digest.of_items(items), items)
            return KeyState(self._values.outside_digest(value, f"the given {key!r}"))
        except WeftlineError as error:
            self.findings.append(error)
            return KeyState()

    def _predict_wave(self, wave: Sequence[int], forced: frozenset[int]) -> None:
        if self._guessed and len(wave) == 1 and wave[0] not in forced and self._is_guessed(wave[0]):
            return
        wanted: list[bytes] = []
        for number in wave:
            node, forecast = self._graph.nodes[number], self.forecasts[number]
            if forecast.recipe is None or not node.cache:
                continue
            if node.inputs:
                forecast.inputs = {found.name: self._input(found, node.scope) for found in node.inputs}
            forecast.has_key = node.over is None and None not in forecast.inputs.values()
            if node.over is None and not forecast.known_recipe:
                continue  # no result of it can be there, so nobody looks for one
            items = None if node.over is None else self._items(node.over)
            forecast.keys = call_keys(forecast.recipe.digest, forecast.inputs, node.over and node.over_name, items)
            if number not in forced and forecast.known_recipe:
                wanted += [key for key in forecast.keys or () if key is not None]
        entries = self._found(wanted) if wanted else {}
        for number in wave:
            forecast = self.forecasts[number]
            if forecast.keys is None:
                continue  # nothing is known of its outputs either
            if entries and number not in forced and not forecast.taken_from:
                forecast.entries = {
                    at: entries[key] for at, key in enumerate(forecast.keys) if key is not None and key in entries
                }
                self._drop_expired(self._graph.nodes[number], forecast)
            self._publish(self._graph.nodes[number], self._params[number], forecast)

    def _is_guessed(self, number: int) -> bool:
        """Predicts a node if its result is among those that were looked up ahead: in a chain, most are."""
        node, forecast = self._graph.nodes[number], self.forecasts[number]
        if node.over is not None or not node.cache or not forecast.known_recipe or forecast.recipe is None:
            return False
        forecast.inputs = {read.name: self._input(read, node.scope) for read in node.inputs}
        forecast.keys = call_keys(forecast.recipe.digest, forecast.inputs, None, None)
        key = forecast.keys[0] if forecast.keys else None
        entry = None if key is None else self._guessed.get(key)
        if entry is None:
            return False
        forecast.has_key, forecast.entries = True, {0: entry}
        self._drop_expired(node, forecast)
        self._publish(node, self._params[number], forecast)
        return True

    def _found(self, wanted: Sequence[bytes]) -> Mapping[bytes, Entry]:
        guessed = self._guessed
        if guessed and all(key in guessed for key in wanted):
            return guessed
        return self._cache.find(wanted)

    def _drop_expired(self, node: NodeSpec, forecast: Forecast) -> None:
        if node.expires_after is not None:
            oldest = self._now - node.expires_s
            gone = [entry.made_at for entry in forecast.entries.values() if entry.made_at <= oldest]
            forecast.expired = min(gone, default=0.0)
            forecast.entries = {at: entry for at, entry in forecast.entries.items() if entry.made_at > oldest}

    def _input(self, read: Input, scope: str) -> bytes | None:
        if not read.optional:
            return self._keys.get(read.key, _NOTHING).digest
        parts: list[bytes] = []
        for key in self._graph.keys_for(read.key):
            found = self._keys.get(key, _NOTHING).digest
            if found is None:
                return None
            parts += [key.removeprefix(scope).encode(), found]
        return digest.of_parts(*parts)

    def _items(self, key: str) -> Sequence[bytes | None] | None:
        """The digests of a list's items; a stored list that was not kept item by item is read for them."""
        state = self._keys.get(key, _NOTHING)
        if state.items is None and state.stored is not None and state.stored[0].outputs[state.stored[1]].codec != FREED:
            entry, position = state.stored
            node = self._graph.nodes[self._graph.producers[key]]
            stored = entry.outputs[position]
            try:
                value = self._values.decode(self._content(entry, stored), stored, node, node.outputs[position])
                state.items = self._values.digests(value, key)
            except (DamagedEntryError, ValueError, TypeError):
                return None  # told by the store; the node will be computed again
        return state.items

    def _content(self, entry: Entry, stored: Stored) -> bytes | memoryview:
        return self._cache.load(stored, entry.key) if stored.content is None else whole(stored.content)

    def _publish(self, node: NodeSpec, params: Mapping[str, Bound], forecast: Forecast) -> None:
        """Says what is known of the node's outputs to those who read them."""
        assert forecast.keys is not None
        if node.effect is not None and forecast.entries and not forecast.taken_from:
            target = node.target({name: bound.value for name, bound in params.items()})
            kept = {at: entry for at, entry in forecast.entries.items() if self._is_confirmed(node, target, entry)}
            forecast.unconfirmed = len(kept) < len(forecast.entries)
            forecast.entries = kept
        for position, output in enumerate(node.outputs):
            if node.over is not None:
                items = [_digest_at(forecast.entries.get(at), position) for at in range(len(forecast.keys))]
                whole = digest.of_items([item for item in items if item is not None]) if forecast.is_hit else None
                self._keys[output.key] = KeyState(whole, items)
            elif forecast.is_hit:
                self._keys[output.key] = self._hit(forecast.entries[0], position)

    def _hit(self, entry: Entry, position: int) -> KeyState:
        stored = entry.outputs[position]
        items = None
        if stored.codec in LISTED:
            try:
                items = digests_in(self._content(entry, stored))
            except DamagedEntryError:
                return KeyState()
        return KeyState(stored.digest, items, (entry, position))

    def _is_confirmed(self, node: NodeSpec, target: Receipted, entry: Entry) -> bool:
        """Asks the target of an effect whether it still is as the receipts say."""
        try:
            receipts = [
                self._values.decode(self._content(entry, stored), stored, node, output)
                for stored, output in zip(entry.outputs, node.outputs, strict=True)
            ]
        except (WeftlineError, ValueError):
            return False
        return all(is_confirmed(target, receipt) for receipt in receipts)


_NOTHING = KeyState()


def _digest_at(entry: Entry | None, position: int) -> bytes | None:
    return None if entry is None else entry.outputs[position].digest
