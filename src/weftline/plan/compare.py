"""What is different between two runs: what decided the nodes' results, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from weftline.model.fingerprint import Recipe
from weftline.model.plan import Decision
from weftline.model.run import LEFT_OUT, NodeRecord, RunRecord
from weftline.model.transitions import NodeState
from weftline.plan.explain import Line, differences

#: Gives recipes by their digests in hex.
Recipes = Callable[[Collection[str]], Mapping[str, Recipe]]


@dataclass(frozen=True, slots=True)
class NodeDifference:
    """One node in two runs.

    Attributes:
        node: its name.
        was, now: the records; None where a run does not have it.
        parts: what decides its results besides the inputs, and is different.
        inputs: digests in hex in both runs, of the inputs that are different; empty for one that was not there.
        is_same: whether nothing is different that decides a result, and the same calls have one; so it is for a node that
            one of the runs was asked to leave out.
    """

    node: str
    was: NodeRecord | None
    now: NodeRecord | None
    parts: tuple[Line, ...]
    inputs: Mapping[str, tuple[str, str]]
    is_same: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs.

    Attributes:
        was, now: the runs.
        nodes: all that are in one of them, in the order in which they began.
    """

    was: RunRecord
    now: RunRecord
    nodes: tuple[NodeDifference, ...]

    @property
    def is_same(self) -> bool:
        """Whether no node is different; durations, attempts, and what was taken from the cache do not count."""
        return self.first is None

    @property
    def first(self) -> str | None:
        """The first node that is different."""
        return next((found.node for found in self.nodes if not found.is_same), None)


def compare(was: RunRecord, now: RunRecord, recipes: Recipes) -> Comparison:
    """Compares two runs.

    Args:
        was: one of them.
        now: the other one.
        recipes: gives those that the records name.
    """
    names = list(dict.fromkeys((*was.nodes, *now.nodes)))
    pairs = [(name, was.nodes.get(name), now.nodes.get(name)) for name in names]
    wanted = {
        node.recipe
        for _, one, two in pairs
        if _recipes_differ(one, two)
        for node in (one, two)
        if node is not None and node.recipe
    }
    known = recipes(wanted)
    return Comparison(was, now, tuple(_node(name, one, two, known) for name, one, two in pairs))


def decision_of(node: NodeRecord) -> Decision:
    """What was done for a node."""
    if node.state is NodeState.CACHED:
        return Decision.CACHED
    return Decision.RUN if any(call.attempt for call in node.calls.values()) else Decision.SKIP


def is_left_out(node: NodeRecord) -> bool:
    """Whether a run was asked for something else than this node."""
    return node.state is NodeState.SKIPPED and node.why == LEFT_OUT


def _node(name: str, was: NodeRecord | None, now: NodeRecord | None, known: Mapping[str, Recipe]) -> NodeDifference:
    if was is None or now is None:
        return NodeDifference(name, was, now, (), {}, is_same=False)
    parts: tuple[Line, ...] = ()
    inputs: dict[str, tuple[str, str]] = {}
    if _recipes_differ(was, now) and was.recipe in known and now.recipe in known:
        parts = differences(known[was.recipe], known[now.recipe])
    if was.recipe and now.recipe:
        both = dict.fromkeys((*was.inputs, *now.inputs))
        pairs = {each: (was.inputs.get(each, ""), now.inputs.get(each, "")) for each in both}
        inputs = {each: pair for each, pair in pairs.items() if pair[0] != pair[1]}
    is_told = not (is_left_out(was) or is_left_out(now))
    is_same = not _recipes_differ(was, now) and not inputs and (not is_told or _outcome(was) == _outcome(now))
    return NodeDifference(name, was, now, parts, inputs, is_same)


def _recipes_differ(was: NodeRecord | None, now: NodeRecord | None) -> bool:
    """Where a node was not started, or nothing is cached, the journal does not say what it was."""
    return was is not None and now is not None and bool(was.recipe and now.recipe) and was.recipe != now.recipe


def _outcome(node: NodeRecord) -> tuple[bool, frozenset[int]]:
    """Whether a node has an output, and which of its calls failed."""
    return node.state.has_output, frozenset(item for item, call in node.calls.items() if call.outcome == "failed")
