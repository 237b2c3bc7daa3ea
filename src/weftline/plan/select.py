"""The selection grammar: words that stand for nodes, joined by "or", "and" and "not".

    selection  words; what any of them selects, without what `not:` words name; without other words everything
    word       part, or part,part,...: what all of them select; `not:` before it leaves that out, `only:` takes just that
    part       NAME, +NAME (with what it needs), NAME+ (with what depends on it)
    NAME       a node, a key or tag:TAG, also with `*`, `?` or `[...]` for all that match

A key stands for the node that provides it; without a `+`, and unless it is left out, also for everything which that needs. What
is the name of a node or a key as it stands means that, whatever signs are in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from weftline.errors import UnknownSelectionError, WeftlineError, did_you_mean
from weftline.model.graph import Graph

#: Before a word that names what is left out, and before one in which a key stands for its node without what that needs.
NOT = "not:"
ONLY = "only:"
_TAG = "tag:"


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
    reader = _Reader(graph)
    wanted = [word for word in words if not reader.leaves_out(word)]
    left_out: set[int] = set()
    for word in words:
        if reader.leaves_out(word):
            left_out |= reader.word(word.removeprefix(NOT), word, needs=False)
    if wanted:
        numbers: set[int] = set()
        goals: list[str] = []
        for word in wanted:
            plain = word if reader.is_name(word) else word.removeprefix(ONLY)
            found = reader.word(plain, word, needs=plain == word)
            numbers |= found
            goals += [plain] if plain in graph.producers else _provided(graph, found)
    else:
        numbers = set(range(len(graph.nodes)))
        goals = _unread(graph, numbers - left_out)
    kept = numbers - left_out
    if not kept and numbers and not reader.findings:
        reader.findings.append(UnknownSelectionError(word=" ".join(words)))
    ends = tuple(key for key in dict.fromkeys(goals) if graph.producers[key] in kept)
    return frozenset(kept), ends, reader.findings


class _Reader:
    """Reads the words of one selection; what selects nothing is a finding."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tags = {tag for node in graph.nodes for tag in node.tags}
        self.findings: list[WeftlineError] = []

    def leaves_out(self, word: str) -> bool:
        """Whether a word names what is left out."""
        return word.startswith(NOT) and not self.is_name(word)

    def word(self, word: str, as_typed: str, *, needs: bool = True) -> set[int]:
        """The nodes that all parts of a word select.

        Args:
            word: without `not:`.
            as_typed: what a finding shows.
            needs: whether a key stands for what its node needs, too.
        """
        parts = [word] if self.is_name(word) else word.split(",")
        found = [self._part(part, needs=needs) for part in parts]
        chosen = set.intersection(*found)
        if not chosen:
            at = next((part for part, nodes in zip(parts, found, strict=True) if not nodes), "")
            known = [*self._graph.index, *self._graph.producers, *(f"{_TAG}{tag}" for tag in sorted(self._tags))]
            hint = did_you_mean(at.strip("+"), list(dict.fromkeys(known))) if at.strip("+") else None
            self.findings.append(UnknownSelectionError(word=as_typed, hint=hint))
        return chosen

    def _part(self, part: str, *, needs: bool) -> set[int]:
        if self.is_name(part):
            return self._named(part, needs=needs)
        name = part.removeprefix("+").removesuffix("+")
        start = self._named(part if part.startswith(_TAG) and part.removeprefix(_TAG) in self._tags else name, needs=False)
        if not start or (name == part and not needs):
            return start
        if name == part:  # a pattern or a tag: what each name that matches selects by itself
            return start | self._graph.reached(self._keys_in(part), self._graph.upstream)
        found = set(start)
        if part.startswith("+"):
            found |= self._graph.reached(start, self._graph.upstream)
        if part.endswith("+"):
            found |= self._graph.reached(start, self._graph.downstream)
        return found

    def _named(self, name: str, *, needs: bool) -> set[int]:
        """The nodes of a name, a tag or a pattern."""
        graph = self._graph
        if name in graph.producers:
            start = {graph.producers[name]}
            return self._graph.reached(start, graph.upstream) if needs else start
        if name in graph.index:
            return {graph.index[name]}
        if name.startswith(_TAG):
            tag = name.removeprefix(_TAG)
            tags = {tag} if tag in self._tags else {each for each in self._tags if _matches(each, tag)}
            return {number for number, node in enumerate(graph.nodes) if not tags.isdisjoint(node.tags)}
        named = {number for each, number in graph.index.items() if _matches(each, name)}
        return named | self._keys_in(name)

    def _keys_in(self, pattern: str) -> set[int]:
        """The nodes that provide a key which matches a pattern."""
        if pattern.startswith(_TAG):
            return set()
        return {number for key, number in self._graph.producers.items() if _matches(key, pattern)}

    def is_name(self, word: str) -> bool:
        """Whether a word is the name of a node or a key as it stands."""
        return word in self._graph.producers or word in self._graph.index


def _matches(name: str, pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[") and fnmatchcase(name, pattern)


def _unread(graph: Graph, numbers: set[int]) -> list[str]:
    """The keys of these nodes that none of them reads."""
    read = {key for number in numbers for found in graph.nodes[number].inputs for key in graph.keys_for(found.key)}
    return [key for key in _provided(graph, numbers) if key not in read]


def _provided(graph: Graph, numbers: Iterable[int]) -> list[str]:
    return [key for number in sorted(numbers) for key in graph.nodes[number].provided]
