"""The batch of a group's run: its id, and what the journal keeps of the group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from weftline.author.pipeline import Pipeline
from weftline.model.graph import BATCH
from weftline.model.ids import batch_id
from weftline.model.plan import Plan

if TYPE_CHECKING:
    from weftline.app.home import Home, Request


def with_batch(request: Request, pipeline: Pipeline, home: Home) -> Request:
    """A request with the id of its batch, for a group; one that it has stays."""
    if not pipeline.is_group or BATCH in request.params:
        return request
    made = batch_id(pipeline.name, home.clock.now(), home.entropy(4))
    return replace(request, params={BATCH: made, **request.params})


def given_to(plan: Plan, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of a run of a plan, with the id of its batch."""
    return {BATCH: plan.batch_id, **params} if plan.batch_id else params


def told_of(plan: Plan, trigger: str) -> dict[str, Any]:
    """What the journal's first event says of a group: the ledger's views of group runs read it. Empty for what is no group."""
    group = plan.graph.group
    if group is None:
        return {}
    return {
        "group": {
            "name": plan.graph.name,
            "of": group.of,
            "domain": group.domain,
            "version": group.version,
            "batch_id": plan.batch_id,
            "trigger": trigger,
            "steps": [
                {
                    "step": name,
                    "runs": step.runs,
                    **({"depends_on": list(step.depends_on)} if step.depends_on else {}),
                    **({"left_out": group.left_out[name]} if name in group.left_out else {}),
                    **_nodes(name, group.scopes.get(name, ())),
                }
                for name, step in group.steps.items()
            ],
        }
    }


def _nodes(step: str, names: Any) -> dict[str, Any]:
    """The nodes of a step, unless it is the only one itself: most are."""
    return {} if tuple(names) == (step,) else {"nodes": list(names)}
