"""What the calls of a run should be given and make: pure functions, computed again from the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weftline.model.graph import Graph
from weftline.model.ids import WHOLE
from weftline.testing.simulation.graph import told
from weftline.testing.simulation.node import NodeAccount


class Truth:
    """One life of a run.

    Args:
        graph: what is run.
        nodes: what has become of their calls; failed items are left out of what others read.
    """

    def __init__(self, graph: Graph, nodes: Sequence[NodeAccount]) -> None:
        self._graph = graph
        self._nodes = nodes
        self._known: dict[int, Any] = {}

    def count(self, number: int) -> int:
        """How many calls a node has."""
        over = self._graph.nodes[number].over
        return 1 if over is None else len(self.value(self._graph.producers[over]))

    def inputs(self, number: int, item: int) -> dict[str, Any]:
        """What a call should be given."""
        spec = self._graph.nodes[number]
        found = {name: self.value(self._graph.producers[name]) for name in spec.required}
        if spec.over is not None:
            found[spec.over] = found[spec.over][item]
        return found

    def output(self, number: int, item: int) -> Any:
        """What a call should make."""
        return self._graph.nodes[number].body.run(self.inputs(number, item), {})[0]

    def value(self, number: int) -> Any:
        """What a node that is over has made."""
        if number not in self._known:
            if self._graph.nodes[number].over is None:
                self._known[number] = self.output(number, WHOLE)
            else:
                kept = [item for item in range(self.count(number)) if item not in self._nodes[number].failed]
                self._known[number] = [self.output(number, item) for item in kept]
        return self._known[number]

    def identity(self, number: int, item: int) -> tuple[str, int]:
        """What tells a result from all others: its node and inputs; of one that only this run may take, with its place."""
        spec = self._graph.nodes[number]
        return told(spec.name, self.inputs(number, item)), WHOLE if spec.cache else item
