"""Runs of groups: the id of their batch, what the journal keeps of them, where one begins anew, what became of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from weftline.author.pipeline import Pipeline
from weftline.errors import BadArgumentError, UnknownNodeError, UnknownRunError, did_you_mean, listing
from weftline.model.event import Kind
from weftline.model.graph import BATCH
from weftline.model.grouped import GroupRun, group_run
from weftline.model.ids import batch_id
from weftline.model.plan import Plan

if TYPE_CHECKING:
    from weftline.app.home import Home, Request

#: Runs among which the newest of a group is looked for.
_LOOKED_THROUGH = 50


def with_batch(request: Request, pipeline: Pipeline, home: Home) -> Request:
    """A request with the id of its batch, for a group; one that it has stays."""
    if pipeline.group_of is None or BATCH in request.params:
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


def remade_from(steps: Sequence[str], pipeline: Pipeline, request: Request, home: Home) -> Request:
    """A request by which steps, and all that depends on them, are made anew; the rest is taken from the cache.

    Raises:
        UnknownNodeError: there is no such step.
        InvalidPipelineError: the group cannot be composed.
    """
    if not steps:
        return request
    request = with_batch(request, pipeline, home)
    graph = pipeline.graph_for(request.params)
    scopes = {name: (name,) for name in graph.index} if graph.group is None else graph.group.scopes
    for step in steps:
        if step not in scopes:
            raise UnknownNodeError(name=step, known=listing(scopes), hint=did_you_mean(step, scopes))
    begin = [graph.index[name] for step in steps for name in scopes[step]]
    names = (graph.nodes[number].name for number in sorted(graph.reached(begin, graph.downstream)))
    return replace(request, force=tuple(dict.fromkeys((*request.force, *names))))


def run_of(run: str, home: Home) -> GroupRun:
    """What became of the steps of a group's run.

    Args:
        run: its id, or the beginning of it, or the name of a group for its newest run; empty for the newest run of any.
        home: where its journal is.

    Raises:
        UnknownRunError: there is no such run.
        BadArgumentError: it is no run of a group.
    """
    from weftline.app import verbs  # which reads this module

    try:
        record = verbs.find_run(run or _newest(home), home)
    except UnknownRunError:
        if not (newest := _newest(home, run)):
            raise
        record = verbs.find_run(newest, home)
    found = group_run(record)
    if found is None:
        detail, advice = "it is no run of a group", f"look at its nodes: weftline status {record.run}"
        raise BadArgumentError(argument=record.run, detail=detail, advice=advice)
    return replace(found, status=verbs.state_of(record.run, record.status, home)) if found.ended_at is None else found


def _newest(home: Home, name: str = "") -> str:
    """The newest run of that group, or of any, among the newest runs; empty if there is none: it is told as of any run."""
    ledger = home.ledger
    if ledger is None or not home.has_journals:
        return ""
    for summary in ledger.runs(_LOOKED_THROUGH):
        opening = next(iter(ledger.events(summary.run, [Kind.RUN_STARTED])), None)
        group = None if opening is None or opening.body is None else opening.body.get("group")
        if group and name in {"", group["name"]}:
            return summary.run
    return ""


def _nodes(step: str, names: Any) -> dict[str, Any]:
    """The nodes of a step, unless it is the only one itself: most are."""
    return {} if tuple(names) == (step,) else {"nodes": list(names)}
