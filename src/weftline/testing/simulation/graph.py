"""The graph of a scenario, its plan, and what its nodes compute.

Specifications and steps are made directly: reading code for its closure would cost more than the run that is simulated. Keys,
digests and entries are the real ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from weftline import digest
from weftline.codec import whole
from weftline.model.entry import LISTED, Entry
from weftline.model.fingerprint import Recipe, call_keys
from weftline.model.gate import FieldSpec, FieldValue, Gate, Verdict, initial, latest
from weftline.model.graph import Graph
from weftline.model.ids import WHOLE
from weftline.model.node import Input, NodeSpec, Output
from weftline.model.plan import Decision, Items, Plan, Reason, ReasonCode, Step
from weftline.model.resources import DEFAULT, Resources
from weftline.model.run import RunRecord
from weftline.plan.gates import behind_gates
from weftline.ports.cache import Cache
from weftline.ports.values import digests_in
from weftline.testing.simulation.scenario import LICENCE, Draft, Scenario


class Mixing:
    """What runs in a simulated node: a text, or a list of texts, that only its name and these inputs give."""

    root = None
    left_out: frozenset[str] = frozenset()

    def __init__(self, name: str, makes: int | None) -> None:
        self.name = name
        self.makes = makes

    def run(self, inputs: dict[str, Any], params: Mapping[str, Any]) -> tuple[Any, ...]:
        """The output."""
        del params
        made = told(self.name, inputs)
        return (made if self.makes is None else [f"{made}.{at}" for at in range(self.makes)],)


def told(name: str, inputs: Mapping[str, Any]) -> str:
    """A text that only this node and these inputs give."""
    read = repr((name, sorted(inputs.items())))
    return f"{name}:{hashlib.blake2b(read.encode(), digest_size=6).hexdigest()}"


def graph_of(scenario: Scenario) -> Graph:
    """The nodes; what a scenario says of nodes that are not there does not count."""
    known: dict[str, bool] = {}  # whether there are items
    gates = {gate.name: gate for gate in scenario.gates}
    nodes = []
    for draft in scenario.nodes:
        over = draft.over if known.get(draft.over) else None
        reads = tuple(name for name in draft.reads if name in known and name != over)
        after = tuple(name for name in draft.after if name in known)
        spec = _spec(draft, reads, over, after, within(draft.resources, scenario))
        nodes.append(replace(spec, gate=gates[draft.gate]) if draft.gate in gates else spec)
        known[draft.name] = over is not None or draft.makes is not None
    texts = {name for name, has_items in known.items() if not has_items}
    fields = {
        found.name: FieldSpec(found.kind, found.default, found.key if found.key in texts else "") for found in scenario.fields
    }
    return Graph("simulated", tuple(nodes), fields=fields)


def within(asked: Resources, scenario: Scenario) -> Resources:
    """No more than there is: a call that asks for more would wait for ever, which no plan allows."""
    if asked == DEFAULT:
        return asked
    gpu = asked.gpu if asked.gpu <= len(scenario.devices) else float(len(scenario.devices))
    memory_gb = min([asked.gpu_memory_gb, *(size for size in scenario.devices if size)]) if gpu else 0.0
    return replace(
        asked,
        cpu=min(asked.cpu, scenario.slots),
        gpu=gpu,
        gpu_memory_gb=memory_gb,
        tags={LICENCE: min(asked.tags[LICENCE], scenario.licences)} if asked.tags else {},
    )


def _spec(draft: Draft, reads: tuple[str, ...], over: str | None, after: tuple[str, ...], resources: Resources) -> NodeSpec:
    return NodeSpec(
        draft.name,
        Mixing(draft.name, draft.makes if over is None else None),
        tuple(_input(name) for name in ((over, *reads) if over is not None else reads)),
        (_output(draft.name, draft.makes is not None and over is None),),
        over=over,
        on_item_error="skip" if draft.skips else "fail",
        min_success=draft.min_success if draft.skips else 0.0,
        after=after,
        priority=draft.priority,
        resources=resources,
        policy=draft.policy,
        cache=draft.cached,
    )


@cache
def _input(name: str) -> Input:
    return Input(name, name, Any)


@cache
def _output(name: str, is_list: bool) -> Output:
    return Output.of(name, list[str] if is_list else str)


@cache
def _recipe(name: str) -> Recipe:
    return Recipe(digest.of_parts(b"simulated", name.encode()).hex())


# --- the plan ---


def plan_of(graph: Graph, left_out: Collection[str], store: Cache | None, look: Callable[[Gate], Verdict]) -> Plan:
    """A plan: what can be known to be there is taken, and everything else runs.

    Args:
        graph: whose plan it is.
        left_out: nodes that are not selected, as far as the others do not need them.
        store: where results are.
        look: says whether a gate is open.
    """
    steps: dict[int, Step] = {}
    known: dict[str, tuple[bytes, list[bytes] | None]] = {}
    for number in graph.order:
        steps[number] = _step(graph.nodes[number], store, known)
    for number in reversed(graph.order):
        step = steps[number]
        is_needed = any(steps[after].decision is Decision.RUN for after in graph.downstream[number])
        if step.node in left_out and (step.decision is Decision.CACHED or not is_needed):
            steps[number] = step._replace(decision=Decision.SKIP, reason=_NOT_SELECTED)
    return Plan(graph, behind_gates(graph, [steps[number] for number in graph.order], look), backend="simulated")


_NEW, _HIT, _NOT_SELECTED = Reason(ReasonCode.NEW), Reason(ReasonCode.HIT), Reason(ReasonCode.NOT_SELECTED)


def _step(node: NodeSpec, store: Cache | None, known: dict[str, tuple[bytes, list[bytes] | None]]) -> Step:
    recipe = _recipe(node.name)
    step = Step(node.name, Decision.RUN, _NEW, node.required, node.provided, recipe=recipe)
    if node.over is not None:
        step = step._replace(items=Items(None))
    if store is None or not node.cache or not all(name in known for name in node.required):
        return step
    inputs = {name: known[name][0] for name in node.required}
    keys = call_keys(recipe.digest, inputs, node.over, known[node.over][1] if node.over is not None else None) or []
    found = store.find([key for key in keys if key is not None])
    entries = {at: found[key] for at, key in enumerate(keys) if key is not None and key in found}
    if node.over is not None:
        step = step._replace(entries=entries, inputs=inputs)
    if len(entries) < len(keys):
        return step
    known[node.name] = _digests(node, [entries[at] for at in range(len(keys))], store)
    entry = None if node.over is not None else entries[0]
    return step._replace(decision=Decision.CACHED, reason=_HIT, inputs=inputs, entry=entry)


def _digests(node: NodeSpec, entries: list[Entry], store: Cache) -> tuple[bytes, list[bytes] | None]:
    """The digest of what a node has made, and of its items, if somebody runs over them."""
    if node.over is not None:
        items = [entry.outputs[0].digest for entry in entries]
        return digest.of_items(items), items
    stored = entries[0].outputs[0]
    if stored.codec in LISTED:
        content = store.load(stored, entries[0].key) if stored.content is None else whole(stored.content)
        return stored.digest, digests_in(content)
    return stored.digest, None


def items_of(node: NodeSpec, count: int) -> list[int]:
    """The items of a node's calls."""
    return [WHOLE] if node.over is None else list(range(count))


def gatekeeper(graph: Graph, fields: Mapping[str, FieldValue], record: RunRecord) -> Callable[[Gate], Verdict]:
    """What a plan finds at the gates of a run.

    Args:
        graph: says which fields there are.
        fields: what was set of them.
        record: what the run has done.
    """
    held = latest(initial(graph.fields, {}), fields)
    reached = {gate: body["held"] for gate, (_, body) in record.reached.items()}

    def look(gate: Gate) -> Verdict:
        if gate.name in record.gates:
            return Verdict(True, "it was opened before")
        return gate.look(held, reached.get(gate.name))

    return look
