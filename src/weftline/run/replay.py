"""Which part of a run is done when failed calls alone are made again, and what stands as the run has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from weftline.errors import NoRecordError, OtherInputError, WeftlineError
from weftline.model.call import Failure
from weftline.model.entry import Entry
from weftline.model.ids import WHOLE
from weftline.model.plan import Decision, Plan, Reason, ReasonCode, Step
from weftline.model.run import NodeRecord, RunRecord
from weftline.model.transitions import NodeState, RunStatus
from weftline.run.calls import planned_entries
from weftline.run.resume import Past, past_of

#: Calls to make again, by node name: items, or `WHOLE`.
Again = Mapping[str, Collection[int]]
#: Results that a run has, by node name and item.
Results = Mapping[str, Mapping[int, Entry]]

_NOTHING = NodeRecord()
_NOT_BEGUN = Failure("NotBegun", "it did not begin in this run, because another call failed before")


class Part(NamedTuple):
    """The part of a graph that is done.

    Attributes:
        made: numbers of nodes that calls are made of: of which some failed, and those behind them whose inputs are there.
        needed: those whose outputs the others read, as the run has them.
    """

    made: frozenset[int]
    needed: frozenset[int]


def part_of(plan: Plan, record: RunRecord, again: Again) -> Part:
    """What has to be done for these calls.

    Args:
        plan: of the pipeline as it is now; it has the nodes.
        record: what the run did.
        again: the calls.
    """
    graph = plan.graph
    steps = {graph.index[step.node]: step for step in plan.steps}
    start = {graph.index[name] for name in again}
    behind = graph.reached(start, graph.downstream)
    made: set[int] = set()
    for number in graph.order:
        step = steps[number]
        is_ready = all(source in made or _is_there(steps[source], record) for source in graph.upstream[number])
        if number in start or (number in behind and step.decision is not Decision.SKIP and is_ready):
            made.add(number)
    needed = {source for number in made for source in graph.upstream[number]} - made
    return Part(frozenset(made), frozenset(needed))


def findings(plan: Plan, record: RunRecord, part: Part) -> list[WeftlineError]:
    """Why these calls cannot be made with what they were given in the run."""
    graph = plan.graph
    steps = {graph.index[step.node]: step for step in plan.steps}
    advice = f"go on with the whole run: weftline resume {record.run}"
    found: list[WeftlineError] = []
    for number in sorted(part.made):
        node, was = graph.nodes[number], record.nodes.get(graph.nodes[number].name, _NOTHING).inputs
        for read in node.inputs:
            for key in graph.keys_for(read.key):
                source = graph.producers.get(key)
                if source in part.made:
                    continue
                if source is not None and not _is_there(steps[source], record):
                    producer = graph.nodes[source].name
                    found.append(
                        NoRecordError(
                            node=node.name, key=key, run=record.run, producer=producer, advice=advice, place=node.place
                        )
                    )
                elif source is None or steps[source].decision is Decision.SKIP:
                    now = steps[number].inputs.get(read.name)
                    if now is not None and was.get(read.name, now.hex()) != now.hex():
                        found.append(OtherInputError(node=node.name, key=key, run=record.run, advice=advice, place=node.place))
    return found


def replayed(plan: Plan, record: RunRecord, again: Again, part: Part, results: Results, before: RunStatus) -> tuple[Plan, Past]:
    """The plan that makes these calls and what is behind them, and the past that goes with it.

    Args:
        plan: of the pipeline as it is now.
        record: what the run did.
        again: the calls.
        part: what `part_of` says of them.
        results: of the calls of these nodes that stand, and of the nodes that are needed.
        before: the status of the run.
    """
    graph, nodes = plan.graph, list(plan.graph.nodes)
    steps: list[Step] = []
    left_out: dict[str, dict[int, Failure]] = {}
    states: dict[str, NodeState] = {}
    owes = False
    for step in plan.steps:
        name, number = step.node, graph.index[step.node]
        told, has_items = record.nodes.get(name, _NOTHING), graph.nodes[number].over is not None
        if number in part.made:
            is_partly = has_items and name in again and WHOLE not in again[name]
            if is_partly:
                left_out[name] = _left_out(told, {*again[name], *results[name]})
                if graph.nodes[number].on_item_error == "fail":  # each is tried, whatever becomes of the others
                    nodes[number] = replace(graph.nodes[number], on_item_error="skip", min_success=1.0)
            steps.append(_to_make(step, results[name] if is_partly else {}, is_letter=name in again))
        elif number in part.needed and step.decision is not Decision.SKIP:
            left_out[name] = _left_out(told, results[name]) if has_items else {}
            steps.append(_as_recorded(step, results[name], has_all=not left_out[name]))
        elif number in part.needed:
            steps.append(step)
        else:
            states[name] = told.state if told.state.is_final else NodeState.SKIPPED
            is_whole = told.state.has_output and not (has_items and _failed(told))
            owes = owes or not (is_whole or step.decision is Decision.SKIP)
            steps.append(step)
    past = replace(past_of(record), left_out=left_out, states=states, before=before, owes=owes)
    return replace(plan, graph=replace(graph, nodes=tuple(nodes), memo={}), steps=tuple(steps)), past


def _is_there(step: Step, record: RunRecord) -> bool:
    """Whether a node has an output that others can read: one of the run, or the one that a run without this node reads."""
    if step.decision is Decision.SKIP:
        return bool(planned_entries(step))
    return record.nodes.get(step.node, _NOTHING).state.has_output


def _left_out(told: NodeRecord, other: Collection[int]) -> dict[int, Failure]:
    """The calls of a node that neither stand nor are made."""
    found = {}
    for item in range(told.total or 0):
        if item not in other:
            error = told.calls[item].error if item in told.calls else None
            found[item] = _NOT_BEGUN if error is None else Failure(error["error"], error["message"])
    return found


def _failed(told: NodeRecord) -> bool:
    """Whether an item is missing in what a node made."""
    return any(call.outcome == "failed" for item, call in told.calls.items() if item != WHOLE)


def _to_make(step: Step, stands: Mapping[int, Entry], *, is_letter: bool) -> Step:
    code, detail = (
        (ReasonCode.MISSING_OUTPUT, "it failed") if is_letter else (ReasonCode.UPSTREAM, "it is behind a failed call")
    )
    reason = Reason(code, detail)
    return step._replace(
        decision=Decision.RUN, reason=reason, has_key=False, keys=None, entry=None, entries=stands, stands=bool(stands)
    )


def _as_recorded(step: Step, results: Mapping[int, Entry], *, has_all: bool) -> Step:
    reason = Reason(ReasonCode.HIT, "as the run has it")
    entry = results.get(WHOLE)
    return step._replace(
        decision=Decision.CACHED if has_all else Decision.RUN,
        reason=reason,
        has_key=entry is not None,
        keys=None,
        entry=entry,
        entries={} if entry is not None else results,
        stands=True,
    )
