"""A node's calls: their keys, which of them are done, and what each is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weftline.codec import whole
from weftline.errors import DamagedEntryError, UndigestableError, UnencodableError
from weftline.model.call import Call, Handle
from weftline.model.entry import Entry, Stored, is_freed
from weftline.model.fingerprint import call_keys, checkpoint_key, part_key
from weftline.model.ids import WHOLE
from weftline.model.node import NodeSpec, is_confirmed
from weftline.model.plan import Decision, Plan, ReasonCode, Step
from weftline.ports.cache import Cache
from weftline.ports.values import Values, stored_items
from weftline.run.inputs import Holdings

#: How often one entry may be lost in one run before the store is believed to be broken.
_MOST_LOSSES = 3
_NO_PARAMS: dict[str, Any] = {}
_NO_ENV: Mapping[str, str] = {}
_NO_ENTRIES: Mapping[int, Entry] = {}


class NodeCalls:
    """One node of a run.

    Args:
        node: its declaration.
        step: what was planned for it.
    """

    __slots__ = ("_shared", "inputs", "is_lost", "items", "keys", "node", "params", "recorded", "step", "version")

    def __init__(self, node: NodeSpec, step: Step) -> None:
        self.node = node
        self.step = step
        self.params = {name: bound.value for name, bound in step.params.items()} if step.params else _NO_PARAMS
        self.keys: list[bytes] = []
        self.inputs: Mapping[str, bytes] = {}  # their digests by name, once the keys are known
        self.items: Sequence[bytes] = ()  # the digests of what the node runs over
        self.is_lost = False  # what the plan found is not to be relied on any more
        self.recorded: dict[int, bytes] = {}  # cache keys of what this run had made or taken before a loss
        self.version = -1  # of the cache, when it was looked for these calls
        self._shared: dict[str, Any] | None = None

    def call(self, handle: Handle, holdings: Holdings, devices: Sequence[str] = ()) -> Call:
        """What the backend is given for one attempt.

        Args:
            handle: names it.
            holdings: what it reads.
            devices: ids of the GPUs that it has.

        Raises:
            OutputLostError: an input was stored, and is gone.
        """
        node = self.node
        if self._shared is None:
            self._shared = holdings.shared_inputs(node)
        inputs = self._shared
        if node.over is not None:
            name = node.over_name
            assert name is not None
            inputs = {**inputs, name: holdings.item(node.over, handle[1])}
        policy, env = node.policy, _env(devices) if devices else _NO_ENV
        return Call(handle, node, holdings.lent(inputs), self.params, policy.timeout_s, policy.grace_s, env)

    def key(self, item: int) -> bytes:
        """The key of a call."""
        return self.keys[0 if item == WHOLE else item]

    def given(self, item: int) -> dict[str, Any]:
        """The key of a call and the digests of its inputs, as an event has them; empty where nothing is cached."""
        if not self.keys:
            return {}
        inputs = {name: found.hex() for name, found in self.inputs.items()}
        if item != WHOLE and self.node.over_name is not None:
            inputs[self.node.over_name] = self.items[item].hex()
        return {"key": self.key(item).hex(), "inputs": inputs}


def _env(devices: Sequence[str]) -> dict[str, str]:
    """What tells CUDA which devices a call has; numbers count in the order of the bus, as the driver's own tool does."""
    return {"CUDA_VISIBLE_DEVICES": ",".join(devices), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


class CallsByNode(dict[int, NodeCalls]):
    """The calls of the nodes that are in motion, by number; made when they are first asked for.

    Args:
        nodes: of the graph.
        steps: what was planned for them.
    """

    def __init__(self, nodes: Sequence[NodeSpec], steps: Sequence[Step]) -> None:
        super().__init__()
        self._nodes = nodes
        self._steps = steps

    def __missing__(self, number: int) -> NodeCalls:
        found = self[number] = NodeCalls(self._nodes[number], self._steps[number])
        return found


class CallFinder:
    """Finds out which calls a node has and which of them are done already.

    Args:
        plan: what is run.
        run: its id.
        holdings: what is known so far.
        cache: where results are; None when nothing is stored.
        values: digests and codecs.
        done: keys in hex of calls that succeeded earlier in this run, by node and item.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        plan: Plan,
        run: str,
        holdings: Holdings,
        cache: Cache | None,
        values: Values,
        done: Mapping[tuple[str, int], str],
        now: Callable[[], float],
    ) -> None:
        self._run = run
        self._holdings = holdings
        self._cache = cache
        self._values = values
        self._done = done
        self._now = now
        self.version = -1  # of the cache, as it was a moment ago
        self._refused: set[bytes] = set()  # entries that proved to be damaged or wrong, until they are made again
        self._losses: Counter[bytes] = Counter()
        self._itemised = {node.over for node in plan.graph.nodes if node.over is not None}

    def find(self, calls: NodeCalls) -> tuple[int, dict[int, Entry]]:
        """How many calls a node has, and the entries of those that are done.

        Also sets the keys of the calls.

        Raises:
            UnboundedInputError: the node runs over something that is no sequence.
            UndigestableError: an input has no stable digest, so that the node has no key.
            OutputLostError: an input was stored, and is gone.
        """
        node, step = calls.node, calls.step
        if takes_planned(step) and not calls.is_lost:
            entries = planned_entries(step)
            calls.keys = [entry.key for entry in entries.values()]
            return len(entries), entries
        total = 1 if node.over is None else self._holdings.count(node)
        if self._cache is None:
            return total, {}
        items = [WHOLE] if node.over is None else range(total)
        try:
            calls.keys = self._keys(calls)
        except UndigestableError:
            if node.cache:
                raise
            return total, {}  # it is never looked up, and has no checkpoint: a resumed run does it again
        planned: Mapping[int, Entry] = {} if calls.is_lost else planned_entries(step)
        calls.version = self.version
        wanted = dict(zip(items, calls.keys, strict=True))
        if step.stands:
            return total, {**self.take(calls, {at: key for at, key in wanted.items() if at not in planned}), **planned}
        return total, self.take(calls, wanted, planned)

    def take(self, calls: NodeCalls, keys: Mapping[int, bytes], planned: Mapping[int, Entry] = _NO_ENTRIES) -> dict[int, Entry]:
        """The entries that may stand for calls, by item.

        Args:
            calls: of which node.
            keys: of the calls that are looked for, by item.
            planned: entries that were found before.
        """
        assert self._cache is not None
        wanted = {item: key for item, key in keys.items() if self._may_take(calls, item, key)}
        known = {item: planned[item] for item, key in wanted.items() if item in planned and planned[item].key == key}
        found = self._cache.find([key for item, key in wanted.items() if item not in known])
        if not found and not known:  # as for each new node of a chain
            return {}
        entries = {item: known.get(item) or found[key] for item, key in wanted.items() if item in known or key in found}
        return {
            item: entry
            for item, entry in entries.items()
            if not is_freed(entry) and self._is_fresh(calls, item, entry) and self._is_sound(calls, entry)
        }

    def _keys(self, calls: NodeCalls) -> list[bytes]:
        node, recipe = calls.node, calls.step.recipe
        items = None if node.over is None else self._holdings.item_digests(node.over)
        calls.inputs = self._holdings.input_digests(node, items)
        calls.items = items or ()
        if recipe is None:  # nothing tells whether a resumed run has the same code
            raise UndigestableError(path=node.name, kind="a node without a recipe")
        keys = call_keys(recipe.digest, calls.inputs, node.over_name, items)
        assert keys is not None
        if node.cache:
            return [key for key in keys if key is not None]
        return [checkpoint_key(self._run, node.name, at, key) for at, key in enumerate(keys) if key is not None]

    def _may_take(self, calls: NodeCalls, item: int, key: bytes) -> bool:
        """Whether a stored result may stand for a call: not if it was forced or is never cached, unless this run made it."""
        if key in self._refused:
            return False
        if not calls.node.cache or calls.step.reason.code is ReasonCode.FORCED:
            return self._is_of_this_run(calls, item, key)
        return True

    def _is_fresh(self, calls: NodeCalls, item: int, entry: Entry) -> bool:
        """Whether a result is young enough to be taken; what this run made is."""
        if calls.node.expires_after is None:
            return True
        return self._now() - entry.made_at < calls.node.expires_s or self._is_of_this_run(calls, item, entry.key)

    def _is_of_this_run(self, calls: NodeCalls, item: int, key: bytes) -> bool:
        return calls.recorded.get(item) == key or self._done.get((calls.step.node, item)) == key.hex()

    def refuse(self, key: bytes) -> bool:
        """An entry must not be used until it is made again. False if that was tried often enough."""
        self._refused.add(key)
        self._losses[key] += 1
        return self._losses[key] <= _MOST_LOSSES

    def _is_sound(self, calls: NodeCalls, entry: Entry) -> bool:
        """Whether the target of an effect still is as the receipt says."""
        node = calls.node
        if node.effect is None or self._cache is None:
            return True
        target = node.target(calls.params)
        for stored, output in zip(entry.outputs, node.outputs, strict=True):
            try:
                content = self._cache.load(stored, entry.key) if stored.content is None else whole(stored.content)
                receipt = self._values.decode(content, stored, node, output)
            except (DamagedEntryError, ValueError):
                return False
            if not is_confirmed(target, receipt):
                return False
        return True

    def entries(self, calls: NodeCalls, item: int, outputs: Sequence[Any], made_at: float, took_s: float) -> list[Entry]:
        """What to store for a call that succeeded; the last one is the call's own.

        Returns:
            The entries; none if a value cannot be stored, and the node is never cached: then it stays in memory.

        Raises:
            UndigestableError: a value has no stable digest.
            UnencodableError: no codec is known for a value.
        """
        try:
            return self._entries(calls, item, outputs, made_at, took_s) if calls.keys else []
        except (UndigestableError, UnencodableError):
            if calls.node.cache:
                raise
            return []

    def _entries(self, calls: NodeCalls, item: int, outputs: Sequence[Any], made_at: float, took_s: float) -> list[Entry]:
        node, key = calls.node, calls.key(item)
        self._refused.discard(key)
        recipe = calls.step.recipe.digest if calls.step.recipe is not None else b""
        made_by = f"{self._run}/{node.name}"
        found: list[Entry] = []
        stored: list[Stored] = []
        for position, (output, value) in enumerate(zip(node.outputs, outputs, strict=True)):
            if node.over is None and output.key in self._itemised and type(value) in {list, tuple}:
                parts = [self._values.encode(part, node, output) for part in value]
                found += [
                    Entry(part_key(key, position, at), recipe, (part,), made_at, took_s, made_by)
                    for at, part in enumerate(parts)
                ]
                stored.append(stored_items([part.digest for part in parts], type(value)))
            else:
                stored.append(self._values.encode(value, node, output))
        return [*found, Entry(key, recipe, tuple(stored), made_at, took_s, made_by)]


def takes_planned(step: Step) -> bool:
    """Whether a node is not prepared, since the plan has all of it; also one that was freed, and may not be needed again."""
    if step.decision is Decision.CACHED:
        return True
    return step.decision is Decision.MAY_RUN and any(map(is_freed, planned_entries(step).values()))


def planned_entries(step: Step) -> dict[int, Entry]:
    """The hits that the plan found, by item."""
    return {WHOLE: step.entry} if step.entry is not None else dict(step.entries)
