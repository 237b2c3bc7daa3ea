"""How the nodes of a plan begin: what the core knows of each, and which do not simply run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weftline.model.graph import Graph
from weftline.model.plan import Decision, Plan, Step
from weftline.run.calls import planned_entries, takes_planned
from weftline.run.demand import demands_of
from weftline.run.facts import Shape, Start
from weftline.run.inputs import Holdings
from weftline.run.release import Release
from weftline.run.resume import Past


def shapes_of(graph: Graph) -> list[Shape]:
    """What the core knows of the nodes, by number."""
    by_priority = sorted(graph.order, key=lambda number: -graph.nodes[number].priority)
    rank = {number: at for at, number in enumerate(by_priority)}
    return [
        Shape(
            name=node.name,
            upstream=graph.upstream[number],
            downstream=graph.downstream[number],
            rank=rank[number],
            demands=demands_of(node.resources, node.policy.max_attempts),
            policy=node.policy,
            fans_out=node.over is not None,
            gate=node.gate,
            tolerant=node.on_item_error == "skip" and node.over is not None,
            min_success=node.min_success,
        )
        for number, node in enumerate(graph.nodes)
    ]


def starts_of(steps: Sequence[Step], past: Past, release: Release, holdings: Holdings) -> dict[int, Start]:
    """The nodes that do not start like others; what those made that are not part of the run is held from now on."""
    starts: dict[int, Start] = {}
    for number, step in enumerate(steps):
        if step.node in past.states:
            starts[number] = past.states[step.node]
            release.ended(number)
        elif takes_planned(step):
            starts[number] = "hit"
        elif step.decision is Decision.SKIP:
            starts[number] = "skip"
            release.ended(number)
            stored = planned_entries(step)  # what it made earlier
            for item, entry in stored.items():
                holdings.put_entry(number, item, entry)
            holdings.finish(number, len(stored))
    return starts


def sorted_by_number(plan: Plan) -> Sequence[Step]:
    """The steps by node number."""
    steps: list[Any] = [None] * len(plan.steps)
    for number, step in zip(plan.graph.order, plan.steps, strict=True):
        steps[number] = step
    return steps
