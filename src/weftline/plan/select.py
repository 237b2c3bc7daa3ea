"""The selection grammar: `NODE`, `+NODE` (with what it needs), `NODE+` (with what depends on it), `tag:x`, or a goal key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weftline.errors import UnknownSelectionError, WeftlineError, did_you_mean
from weftline.model.graph import Graph


def select(graph: Graph, words: Sequence[str]) -> tuple[frozenset[int], tuple[str, ...], list[WeftlineError]]:
    """Reads a selection.

    Args:
        graph: the graph.
        words: what the user asked for; empty for everything.

    Returns:
        Numbers of the selected nodes, the keys that the run is for, and findings.
    """
    if not words:
        return frozenset(range(len(graph.nodes))), graph.sinks, []
    numbers: set[int] = set()
    goals: list[str] = []
    findings: list[WeftlineError] = []
    for word in words:
        if word in graph.producers:
            numbers |= _reach([graph.producers[word]], graph.upstream)
            goals.append(word)
            continue
        found = _nodes(graph, word)
        if not found:
            tags = sorted({f"tag:{tag}" for node in graph.nodes for tag in node.tags})
            known = list(dict.fromkeys((*graph.index, *graph.producers, *tags)))
            findings.append(UnknownSelectionError(word=word, hint=did_you_mean(word.strip("+"), known)))
        numbers |= found
        goals += [key for number in sorted(found) for key in graph.nodes[number].provided]
    return frozenset(numbers), tuple(dict.fromkeys(goals)), findings


def _nodes(graph: Graph, word: str) -> set[int]:
    if word.startswith("tag:"):
        return {number for number, node in enumerate(graph.nodes) if word.removeprefix("tag:") in node.tags}
    name = word.strip("+")
    if name in graph.index:
        start = [graph.index[name]]
    elif name in graph.producers:
        start = [graph.producers[name]]
    else:
        return set()
    found = set(start)
    if word.startswith("+"):
        found |= _reach(start, graph.upstream)
    if word.endswith("+"):
        found |= _reach(start, graph.downstream)
    return found


def _reach(start: Iterable[int], edges: Sequence[Sequence[int]]) -> set[int]:
    found: set[int] = set()
    stack = list(start)
    while stack:
        number = stack.pop()
        if number not in found:
            found.add(number)
            stack.extend(edges[number])
    return found
