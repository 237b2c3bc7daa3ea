"""Chooses from many nodes those that a goal needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weftline.author.node import spec_of
from weftline.errors import UnreachableGoalError, did_you_mean
from weftline.model.graph import Graph


class Resolver:
    """Walks back from a goal along what nodes require.

    What a node only consumes is taken in when its producer is needed anyway, or when its key or namespace is in `features`.

    Args:
        nodes: everything that may be used.
        features: keys or namespaces whose producers are wanted for those that consume them.
    """

    def __init__(self, nodes: Iterable[object], *, features: Sequence[str] = ()) -> None:
        self._nodes = tuple(nodes)
        self._features = tuple(features)

    def resolve(self, goal: str | Sequence[str]) -> list[object]:
        """The nodes that make the goal, in an order of execution, ready for `Pipeline`.

        Args:
            goal: a key, or several.

        Raises:
            UnreachableGoalError: no node provides a goal.
        """
        graph = Graph("resolver", tuple(spec_of(found) for found in self._nodes))
        goals = [goal] if isinstance(goal, str) else list(goal)
        stack = []
        for key in goals:
            if key not in graph.producers:
                raise UnreachableGoalError(goal=key, hint=did_you_mean(key, graph.producers))
            stack.append(graph.producers[key])
        needed: set[int] = set()
        while stack:
            number = stack.pop()
            if number not in needed:
                needed.add(number)
                stack.extend(self._sources(graph, number))
        in_order = [number for number in graph.order if number in needed]
        on_a_circle = sorted(needed.difference(in_order))  # kept, so that `validate` can name the circle
        return [self._nodes[number] for number in (*in_order, *on_a_circle)]

    def _sources(self, graph: Graph, number: int) -> Iterable[int]:
        for read in graph.nodes[number].inputs:
            for key in graph.keys_for(read.key):
                wanted = not read.optional or any(key == feature or key.startswith(f"{feature}.") for feature in self._features)
                if wanted and key in graph.producers:
                    yield graph.producers[key]
