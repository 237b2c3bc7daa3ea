"""Finds everything that is wrong with a graph, all at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from weftline.errors import (
    ConflictingNameError,
    CycleError,
    DuplicateNodeError,
    EmptyWildcardNote,
    MissingKeyError,
    NotIterableError,
    TwoProducersError,
    TypeMismatchError,
    UnknownOrderError,
    UnknownTypeNote,
    UnstorableTypeError,
    WeftlineError,
    did_you_mean,
    listing,
)
from weftline.model.contract import assignable, is_unknown, render
from weftline.model.graph import Graph
from weftline.model.keys import is_pattern
from weftline.model.node import Input, NodeSpec
from weftline.model.order import circles
from weftline.model.policy import DEFAULT
from weftline.model.structure import element_type
from weftline.plan.gates import unsound_gates


def findings(graph: Graph, given: Collection[str] = ()) -> list[WeftlineError]:
    """Everything that keeps a graph from being planned.

    Args:
        graph: the graph.
        given: keys that come from outside besides the graph's declared inputs.

    Returns:
        Findings in the order of the nodes; empty when the graph is sound.
    """
    found: list[WeftlineError] = [*_duplicates(graph), *_producers(graph)]
    outside = {*graph.inputs, *given}
    for node in graph.nodes:
        if node.after:
            found += _unknown_orders(graph, node)
        if not _is_plain(graph, node):
            found += _missing(graph, node, outside)
            found += _mismatches(graph, node)
    found += _circles(graph)
    found += _conflicts(graph)
    found += unsound_gates(graph)
    return found


def notes(graph: Graph) -> list[WeftlineError]:
    """What `check` tells besides: edges that nobody can check, wildcards that match nothing."""
    found: list[WeftlineError] = []
    for node in graph.nodes:
        for read in node.inputs:
            if read.optional and is_pattern(read.key) and not graph.keys_for(read.key):
                found.append(EmptyWildcardNote(node=node.name, pattern=read.key, place=node.place))
            elif is_unknown(read.kind) and not read.optional:
                found.append(UnknownTypeNote(node=node.name, key=read.key, place=node.place))
        found += [
            UnknownTypeNote(node=node.name, key=output.key, place=node.place)
            for output in node.outputs
            if is_unknown(output.kind)
        ]
    return found


def unstorable(
    graph: Graph, selected: Collection[int], storable: Callable[[Any], bool], advice: Callable[[Any], str | None]
) -> Iterator[WeftlineError]:
    """Outputs of declared types that no codec can store, told before their node has worked for an hour."""
    known: dict[int, bool] = {}  # by the type itself: most graphs have few
    for number in sorted(selected):
        node = graph.nodes[number]
        for output in node.outputs if node.codec == "auto" else ():
            is_fine = known.get(id(output.kind))
            if is_fine is None:
                is_fine = known[id(output.kind)] = is_unknown(output.kind) or storable(output.kind)
            if not is_fine:
                given, hint = render(output.kind), advice(output.kind)
                yield UnstorableTypeError(node=node.name, key=output.key, given=given, place=node.place, hint=hint)


def _duplicates(graph: Graph) -> Iterator[WeftlineError]:
    if len(graph.index) == len(graph.nodes):
        return
    for number, node in enumerate(graph.nodes):
        first = graph.nodes[graph.index[node.name]]
        if graph.index[node.name] != number:
            yield DuplicateNodeError(node=node.name, other=str(first.place or first.name), place=node.place)


def _producers(graph: Graph) -> Iterator[WeftlineError]:
    if len(graph.producers) == sum(len(node.outputs) for node in graph.nodes):
        return
    for number, node in enumerate(graph.nodes):
        for key in node.provided:
            first = graph.producers[key]
            if first != number:
                other = graph.nodes[first]
                place = str(other.place or other.name)
                yield TwoProducersError(key=key, first=other.name, second=node.name, other=place, place=node.place)


def _unknown_orders(graph: Graph, node: NodeSpec) -> Iterator[WeftlineError]:
    for name in node.after:
        if name not in graph.index:
            hint = did_you_mean(name, graph.index)
            yield UnknownOrderError(node=node.name, name=name, known=listing(graph.index), place=node.place, hint=hint)


def _missing(graph: Graph, node: NodeSpec, outside: Collection[str]) -> Iterator[WeftlineError]:
    for key in node.required:
        if key not in graph.producers and key not in outside:
            yield MissingKeyError(
                node=node.name, key=key, target=graph.target or "FILE", place=node.place, hint=_suggestion(graph, key)
            )


def _suggestion(graph: Graph, key: str) -> str | None:
    """The key that may be meant, with who provides it: one that ends alike, or is spelt alike."""
    same_end = [found for found in graph.producers if found.rpartition(".")[2] == key.rpartition(".")[2]]
    if same_end:
        return f"did you mean {same_end[0]!r} (from node {graph.nodes[graph.producers[same_end[0]]].name!r})?"
    return did_you_mean(key, {*graph.producers, *graph.inputs})


def _is_plain(graph: Graph, node: NodeSpec) -> bool:
    """Whether a node reads only what others make as a whole, and as the very type: most nodes of large graphs."""
    if node.over is not None:
        return False
    nodes = graph.nodes
    for read in node.inputs:
        at = graph.positions.get(read.key)
        if read.optional or at is None or nodes[at[0]].over is not None or nodes[at[0]].outputs[at[1]].kind is not read.kind:
            return False
    return True


def _mismatches(graph: Graph, node: NodeSpec) -> Iterator[WeftlineError]:
    for read in node.inputs:
        for key in graph.keys_for(read.key):
            producer = graph.producers.get(key)
            if producer is None:
                source, kind = None, graph.inputs[key]
            else:
                source = graph.nodes[producer]
                output = next(found for found in source.outputs if found.key == key)
                kind = source.kind_of_output(output)
            if kind is not read.kind or node.over == key:
                yield from _edge(node, read, key, kind, source)


def _edge(node: NodeSpec, read: Input, key: str, kind: Any, source: NodeSpec | None) -> Iterator[WeftlineError]:
    wanted = read.kind
    if node.over == key and not read.optional:
        item = element_type(kind)
        if item is None:
            yield NotIterableError(node=node.name, key=key, given=render(kind), place=node.place)
            return
        if assignable(item, wanted):
            return
        wanted = list[wanted]  # type: ignore[valid-type]  # made at run time, for the message
    elif assignable(kind, wanted):
        return
    owner, place = ("(given)", "") if source is None else (source.name, str(source.place or source.name))
    yield TypeMismatchError(
        key=key, producer=owner, consumer=node.name, given=render(kind), wanted=render(wanted), other=place, place=node.place
    )


def _circles(graph: Graph) -> Iterable[WeftlineError]:
    if len(graph.order) == len(graph.nodes):
        return
    in_order = set(graph.order)
    left = [number for number in range(len(graph.nodes)) if number not in in_order]
    for circle in circles(graph.upstream, left):
        nodes = [graph.nodes[number] for number in circle]
        yield CycleError(nodes=tuple(node.name for node in nodes), place=nodes[0].place)


def _conflicts(graph: Graph) -> Iterator[WeftlineError]:
    """Names of breakers, limiters and budgets that do not mean the same at all nodes."""
    seen: dict[tuple[str, str], tuple[Any, NodeSpec]] = {}
    for node in graph.nodes:
        policy = node.policy
        if policy is DEFAULT:
            continue
        for kind, used in (("breaker", policy.breaker), ("limiter", policy.limiter), ("budget", policy.budget)):
            if used is None or not used.name:
                continue
            before, other = seen.setdefault((kind, used.name), (used, node))
            if before != used:
                yield ConflictingNameError(
                    kind=kind,
                    name=used.name,
                    node=node.name,
                    node_before=other.name,
                    first=repr(before),
                    second=repr(used),
                    other=str(other.place),
                    place=node.place,
                )
