"""A run as the source of another's inputs: its outputs in place of what is left out, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from weftline.app.execute import request_of
from weftline.app.home import Request
from weftline.errors import BadArgumentError, InvalidPipelineError, OtherInputError
from weftline.model.graph import Graph
from weftline.model.ids import WHOLE
from weftline.model.plan import Decision, Plan
from weftline.model.run import NodeRecord, RunRecord
from weftline.plan.bind import bind
from weftline.plan.recorded import Recorded
from weftline.plan.wish import Wish


def with_inputs(sources: Sequence[RunRecord], wish: Wish, graph: Graph) -> Wish:
    """A wish with what another run has: outputs, and parameters where none are given and something here takes them.

    Args:
        sources: the run; then the one whose outputs that one read, and so on.
        wish: what is asked for.
        graph: what is planned.
    """
    had = request_of(sources[0].opening).params
    # what nothing here takes has no effect
    params = {name: value for name, value in had.items() if not bind(graph, {name: value}, {}).findings}
    results: dict[str, Mapping[int, bytes]] = {}
    runs: dict[str, str] = {}
    for source in sources:
        for name, node in source.nodes.items():
            if name not in results and _is_whole(node):
                results[name], runs[name] = node.results, source.run
    return replace(wish, params={**params, **wish.params}, recorded=Recorded(sources[0].run, results, runs))


def _is_whole(node: NodeRecord) -> bool:
    """Whether a node has an output in the run, all of it stored."""
    if not node.state.has_output:
        return False
    failed = sum(call.outcome == "failed" for item, call in node.calls.items() if item != WHOLE)
    return len(node.results) == (node.total or 0) - failed


def check_inputs(source: RunRecord, made: Plan, request: Request) -> None:
    """Checks a plan that reads what a run has.

    Raises:
        BadArgumentError: nothing is left out, so that nothing is read of it.
        InvalidPipelineError: a key from outside has another value now, such as a file with another content, and nobody
            asked for another one.
    """
    if not any(step.decision is Decision.SKIP for step in made.steps):
        advice = "say what is to run: --only NODE"
        raise BadArgumentError(argument="--inputs-from", detail="nothing is left out, so nothing is read of it", advice=advice)
    errors = []
    for step in made.steps:
        was = source.nodes[step.node].inputs if step.node in source.nodes else {}
        for read in () if step.decision is Decision.SKIP else made.graph.nodes[made.graph.index[step.node]].inputs:
            now = step.inputs.get(read.name)
            is_asked = read.key in request.params or read.key in request.given
            if read.key in made.graph.producers or now is None or is_asked or was.get(read.name, now.hex()) == now.hex():
                continue
            place = made.graph.nodes[made.graph.index[step.node]].place
            advice = f"make it as it was, or give it: -p {read.key}=..."
            errors.append(OtherInputError(node=step.node, key=read.key, run=source.run, advice=advice, place=place))
    if errors:
        raise InvalidPipelineError(pipeline=made.graph.name, findings=tuple(errors))
