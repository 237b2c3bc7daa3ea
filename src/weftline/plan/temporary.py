"""What was temporary and is freed: it is made again where somebody needs it, and counts as there where nobody does."""

from __future__ import annotations

from collections.abc import Collection, MutableSequence, Sequence

from weftline.model.graph import Graph
from weftline.model.plan import Decision
from weftline.plan.predict import Forecast


def revive(graph: Graph, decisions: MutableSequence[Decision], forecasts: Sequence[Forecast], goals: Collection[str]) -> None:
    """Decides again for nodes whose outputs were freed, from those that read them.

    Args:
        graph: the nodes.
        decisions: by node number; changed in place.
        forecasts: by node number; those of nodes that have to run lose what was freed.
        goals: keys that the run is for.
    """
    for number in reversed(graph.order):
        forecast, node = forecasts[number], graph.nodes[number]
        if not node.temp or not forecast.is_freed:
            continue
        running = [after for after in graph.downstream[number] if decisions[after] is Decision.RUN]
        maybe = [after for after in graph.downstream[number] if decisions[after] is Decision.MAY_RUN]
        forecast.freed_for = tuple(graph.nodes[after].name for after in running or maybe)
        is_goal = bool(set(node.provided).intersection(goals))
        if decisions[number] is Decision.SKIP:
            if running or maybe:
                forecast.forget_freed()  # who needs it is told that it is not there
        elif decisions[number] is not Decision.CACHED or running or is_goal:
            if decisions[number] is Decision.CACHED:
                decisions[number], forecast.was_freed = Decision.RUN, True
            forecast.forget_freed()
        elif maybe:
            decisions[number], forecast.was_freed = Decision.MAY_RUN, True
