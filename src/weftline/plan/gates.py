"""Gates in a plan: what waits for somebody's approval, and everything behind it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from weftline.model.graph import Graph
from weftline.model.plan import Decision, Reason, ReasonCode, Step

_PENDING = {Decision.RUN, Decision.MAY_RUN}


def behind_gates(graph: Graph, steps: Sequence[Step], opened: Collection[str]) -> tuple[Step, ...]:
    """The steps; those that would run at a closed gate, or behind one, are blocked.

    Args:
        graph: the nodes.
        steps: in the order of execution.
        opened: names of the gates that are open.
    """
    if not graph.remembered("has_gates", lambda: any(node.gate for node in graph.nodes)):
        return tuple(steps)
    blocked: dict[int, str] = {}
    found = []
    for step in steps:
        number = graph.index[step.node]
        node = graph.nodes[number]
        if step.decision in _PENDING:
            source = next((blocked[each] for each in graph.upstream[number] if each in blocked), "")
            if node.gate and node.gate not in opened:
                blocked[number] = step.node
                reason = Reason(ReasonCode.GATE, f"{node.gate} is not approved")
                step = step._replace(decision=Decision.BLOCKED, reason=reason)
            elif source:
                blocked[number] = source
                step = step._replace(decision=Decision.BLOCKED, reason=Reason(ReasonCode.GATE, f"behind the gate of {source}"))
        found.append(step)
    return tuple(found)
