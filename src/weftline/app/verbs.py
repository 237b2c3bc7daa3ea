"""The verbs: check, plan, explain, run, resume; each joins the stops of the path once."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from weftline.app.claims import claimed, is_abandoned
from weftline.app.collector import frozen, still
from weftline.app.execute import execute, request_of
from weftline.app.groups import given_to, with_batch
from weftline.app.guards import guarded
from weftline.app.home import Home, Request
from weftline.app.sources import check_inputs, with_inputs
from weftline.app.topologies import pipeline_of
from weftline.author.pipeline import Pipeline
from weftline.errors import (
    AmbiguousRunError,
    BadArgumentError,
    NotResumableError,
    RunExistsError,
    UnknownNodeError,
    UnknownRunError,
    did_you_mean,
    listing,
)
from weftline.model.event import Kind
from weftline.model.graph import BATCH, Graph
from weftline.model.ids import run_id
from weftline.model.plan import Decision, Plan
from weftline.model.run import OUTLINE, RunRecord
from weftline.model.transitions import RunStatus
from weftline.plan import planner
from weftline.plan.compare import Comparison, compare
from weftline.plan.explain import Explanation, explain
from weftline.plan.wish import Checked, checked
from weftline.ports.cache import Cache
from weftline.ports.sink import Sink
from weftline.run.result import RunResult
from weftline.run.resume import past_of
from weftline.settings import Settings
from weftline.store.memory import MemoryCache

#: Runs that are looked through for one that can be resumed.
_LOOKED_THROUGH = 50


def check(pipeline: Pipeline, home: Home, request: Request) -> Checked:
    """All findings, and the notes beside them."""
    request = with_batch(request, pipeline, home)
    graph = pipeline.graph_for(request.params)
    found = checked(graph, home.wish(request, graph))
    return found._replace(notes=[*pipeline.notes, *found.notes])


def plan(pipeline: Pipeline, home: Home, request: Request, record: RunRecord | None = None) -> Plan:
    """What would happen, and why.

    Args:
        pipeline: of what.
        home: where its results are.
        request: what is asked for.
        record: the run that is gone on with; None for a new one.

    Raises:
        InvalidPipelineError: it carries all findings.
    """
    request = with_batch(request, pipeline, home)
    cache: Cache | None = None
    if request.cache and home.path is not None:
        cache = home.cache if home.has_results else MemoryCache()
    with still():
        graph = pipeline.graph_for(request.params)
    sources = _sources(request.inputs_from, home)
    wish = home.wish(request, graph, record)
    if sources:
        wish = with_inputs(sources, wish, graph)
    with still():
        made = planner.make(graph, wish, cache, home.history, home.values)
    if pipeline.notes:
        made = replace(made, notes=(*pipeline.notes, *made.notes))
    if sources:
        check_inputs(sources[0], made, request)
    batch = str(request.params[BATCH]) if pipeline.group_of is not None else ""
    return replace(made, batch_id=batch, topology=pipeline.topology)


def _sources(run: str, home: Home) -> list[RunRecord]:
    """A run, the one whose outputs it read, and so on."""
    found: list[RunRecord] = []
    while run:
        found.append(find_run(run, home))
        run = found[-1].opening.get("inputs_from", "")
    return found


def why(pipeline: Pipeline, home: Home, request: Request, node: str) -> Explanation:
    """Everything that decides a node, beside what it was last time.

    Raises:
        UnknownNodeError: there is no such node.
        InvalidPipelineError: the pipeline cannot be planned.
    """
    request = with_batch(request, pipeline, home)
    graph = pipeline.graph_for(request.params)
    if node not in graph.index:
        raise unknown_node(node, graph.index)
    history = home.history
    last = history.last_times(graph.name, [node]) if history is not None else {}
    return explain(plan(pipeline, home, request), node, last.get(node))


def run(
    pipeline: Pipeline,
    home: Home,
    request: Request,
    sinks: Sequence[Sink] = (),
    *,
    planned: Plan | None = None,
    run: str = "",
    instead_of: str | None = None,
    told: Mapping[str, Any] = MappingProxyType({}),
    echo: bool = False,
    waits: Callable[[str], None] | None = None,
) -> RunResult:
    """Plans and runs.

    Args:
        pipeline: what to run.
        home: where its results and journal are.
        request: what is asked for.
        sinks: who is told of events.
        planned: the plan, if it was made already.
        run: the id that it is to have; empty for one that nobody knows yet.
        instead_of: who has claimed that run for this process.
        told: further fields of its first event.
        echo: show what calls print, besides keeping it.
        waits: is told if the run has to wait for others.

    Raises:
        InvalidPipelineError: it carries all findings; nothing has run.
        RunExistsError: there is a run of that id; nothing has run.
        RunBusyError: another process has it; nothing has run.
        GuardBusyError: as many as may are running; the journal tells so.
    """
    with frozen():
        if request.inputs_from:
            request = replace(request, inputs_from=find_run(request.inputs_from, home).run)
        made = planned or plan(pipeline, home, request)
        wanted, run = run, run or run_id(home.clock.now(), home.entropy(3))
        with claimed(run, home.ledger, instead_of=instead_of):
            if wanted and home.ledger is not None and any(home.ledger.events(run, [Kind.RUN_STARTED])):
                raise RunExistsError(run=run)
            with guarded(made, run, home, request, waits, told) as has_waited:
                if has_waited:  # others have made results meanwhile
                    made = plan(pipeline, home, replace(request, params=given_to(made, request.params)))
                return execute(made, run, home, request, sinks, None, told=told, echo=echo)


def resume(
    run: str,
    home: Home,
    pipeline: Pipeline | None = None,
    request: Request | None = None,
    sinks: Sequence[Sink] = (),
    *,
    again: Sequence[str] = (),
    instead_of: str | None = None,
    only_if: Callable[[RunRecord], bool] = lambda _: True,
    echo: bool = False,
    waits: Callable[[str], None] | None = None,
) -> RunResult:
    """Goes on with a run whose process died, or that failed or was cancelled: what succeeded is kept.

    Args:
        run: its id; empty for the newest that can be resumed.
        home: where its journal is.
        pipeline: the pipeline; None to load it by the target that the journal names.
        request: as it was asked for; None to take it from the journal.
        sinks: who is told of events.
        again: nodes that are made again with everything behind them, whatever this run and the cache have of them.
        instead_of: who has claimed the run for this process.
        only_if: whether it is to be gone on with, as it is now that nobody else can change it.
        echo: show what calls print, besides keeping it.
        waits: is told if the run has to wait for others.

    Raises:
        UnknownRunError: the home has no such run.
        UnknownNodeError: the pipeline has no such node.
        BadArgumentError: a node that is to be made again is not part of the run.
        NotResumableError: it is complete, or was started by a program that gave it values which the journal cannot hold.
        RunBusyError: another process works on it.
        GuardBusyError: as many as may are running.
    """
    found = _whole_id(run or newest_resumable(home, pipeline), home)
    with frozen(), claimed(found, home.ledger, instead_of=instead_of):
        record = find_run(found, home)  # as it is now that nobody else can change it
        if not only_if(record):
            advice = f"see what became of it: weftline status {found}"
            raise NotResumableError(run=found, detail="somebody has gone on with it", advice=advice)
        if record.status is RunStatus.COMPLETED:
            where = "" if home.shown == str(Settings().home) else f" --home {shlex.quote(home.shown)}"
            advice = f"start a new one: weftline run {record.opening.get('target') or '...'}{where}"
            raise NotResumableError(run=found, detail="it is complete", advice=advice)
        pipeline, request = asked_again(record, home, pipeline, request)
        graph = pipeline.graph_for(request.params)
        further = _behind(graph, again)
        record.forget(further)
        forced = dict.fromkeys((*request.force, *(name for name in record.again if name in graph.index)))
        request = replace(request, force=tuple(forced), gates=(*request.gates, *sorted(record.gates.difference(request.gates))))
        made = plan(pipeline, home, request, record)
        for node in again:
            if made[node].decision is Decision.SKIP:
                advice = "start a run that has it"
                raise BadArgumentError(argument=node, detail=f"it is not part of run {found}", advice=advice)
        told = {"from": list(again), "again": further} if again else {}
        with guarded(made, found, home, request, waits, is_new=False) as has_waited:
            made = plan(pipeline, home, request, record) if has_waited else made
            return execute(made, found, home, request, sinks, past_of(record), told=told, echo=echo)


def enter(opening: Mapping[str, Any]) -> None:
    """Goes to the folder that a run was started from: its target and its paths were given there."""
    cwd = opening.get("cwd", ".")
    if Path(cwd).is_dir():
        os.chdir(cwd)


def asked_again(record: RunRecord, home: Home, pipeline: Pipeline | None, request: Request | None) -> tuple[Pipeline, Request]:
    """What a run runs, and what it was asked for.

    Args:
        record: the run.
        home: where its journal is.
        pipeline: the pipeline; None for the one of the target that the journal names, as it was when the run began.
        request: as it was asked for; None to take it from the journal.

    Raises:
        NotResumableError: the journal does not say it.
    """
    opening = record.opening
    if request is None or pipeline is None:
        is_known = pipeline is not None or bool(opening.get("target"))
        if not is_known or not opening.get("repeatable"):
            advice = "resume it there: pipeline.resume(run, ...) with the same parameters and given values"
            if not bool(opening.get("target")):
                advice += "; runs of Pipeline.load(FILE) can be gone on with from anywhere"
            raise NotResumableError(run=record.run, detail="it was started by a program", advice=advice)
        pipeline = pipeline or pipeline_of(record, home)
        assert pipeline is not None, "there is a target"
        request = request or request_of(opening)
    if pipeline.group_of is not None and BATCH not in request.params and BATCH in opening["params"]:
        request = replace(request, params={BATCH: opening["params"][BATCH], **request.params})
    return pipeline, request


def _behind(graph: Graph, nodes: Sequence[str]) -> list[str]:
    """These nodes and all that depend on them.

    Raises:
        UnknownNodeError: there is no such node.
    """
    for node in nodes:
        if node not in graph.index:
            raise unknown_node(node, graph.index)
    found = graph.reached([graph.index[node] for node in nodes], graph.downstream)
    return [graph.nodes[number].name for number in sorted(found)]


def newest_resumable(home: Home, pipeline: Pipeline | None) -> str:
    """The newest run that can be gone on with; empty if there is none, so that the newest of all tells why not.

    One that somebody works on is not passed over: whoever asks means that one, and is told.

    Args:
        home: where runs are.
        pipeline: whose runs; None for those that tell themselves what they run.
    """
    ledger = home.ledger if home.has_journals else None
    for line in () if ledger is None else ledger.runs(_LOOKED_THROUGH):
        if line.status is RunStatus.COMPLETED or (pipeline is not None and line.pipeline != pipeline.name):
            continue
        assert ledger is not None
        opening = next(iter(ledger.events(line.run, [Kind.RUN_STARTED]))).body or {}
        if pipeline is not None or tells_all(opening):
            return line.run
    return ""


def tells_all(opening: Mapping[str, Any]) -> bool:
    """Whether a journal says what was asked for: anybody can go on with the run then, not just the program that began it."""
    return bool(opening.get("target")) and bool(opening.get("repeatable"))


def record_of(run: str, home: Home) -> RunRecord | None:
    """A run by its whole id; None if its journal is empty."""
    assert home.ledger is not None
    record = RunRecord.fold(run, home.ledger.events(run))
    return record if record.events else None


def outline_of(run: str, home: Home) -> RunRecord | None:
    """The same but for its nodes: how a run began, ended and was gone on with, and its gates. A long journal is not read."""
    assert home.ledger is not None
    record = RunRecord.fold(run, home.ledger.events(run, OUTLINE))
    return record if record.events else None


def _whole_id(run: str, home: Home) -> str:
    """The id of a run of which the beginning is given; see `find_run`."""
    is_whole = bool(run) and home.has_journals and outline_of(run, home) is not None
    return run if is_whole else find_run(run, home).run


def find_run(run: str, home: Home) -> RunRecord:
    """A run, folded from its journal; the newest for an empty id; a unique beginning of an id is enough.

    Raises:
        UnknownRunError: there is none.
    """
    ledger = home.ledger if home.has_journals else None
    if run and ledger is not None and (exact := record_of(run, home)) is not None:
        return exact
    known = [] if ledger is None else [found.run for found in ledger.runs(10_000 if run else 1)]
    found = [name for name in known if name.startswith(run)]
    if len(found) > 1 and run not in found:
        raise AmbiguousRunError(run=run, runs=listing(found, 5))
    if ledger is None or not found:
        raise UnknownRunError(run=run or "at all", home=home.shown, hint=did_you_mean(run, known))
    return RunRecord.fold(found[0], ledger.events(found[0]))


def find_node(run: str, node: str, home: Home) -> tuple[RunRecord, str]:
    """A run and one of its nodes; where only one word was given, it may be a node of the newest run.

    Returns:
        The run's record, and the node's name: empty if none was named.

    Raises:
        UnknownRunError: there is no such run.
        UnknownNodeError: the run has no such node.
    """
    try:
        record = find_run(run, home)
    except UnknownRunError:
        newest = find_run("", home) if run and not node else None
        if newest is None or run not in newest.nodes:
            raise
        record, node = newest, run
    if node and node not in record.nodes:
        raise unknown_node(node, record.nodes)
    return record, node


def unknown_node(node: str, known: Collection[str]) -> UnknownNodeError:
    """The error for a node that is not there."""
    return UnknownNodeError(name=node, known=listing(known), hint=did_you_mean(node, known))


def state_of(run: str, status: RunStatus, home: Home) -> str:
    """The status of a run in a word: as the journal has it; `abandoned` where that says `running`, and nobody works on it."""
    if status is RunStatus.RUNNING and home.ledger is not None and is_abandoned(run, home.ledger):
        return "abandoned"
    return str(status)


def compared(run: str, other: str, home: Home) -> Comparison:
    """What is different between two runs.

    Args:
        run: one of them; the beginning of its id is enough.
        other: the other one; empty for the newest.
        home: where they are.

    Raises:
        UnknownRunError: there is no such run.
    """
    was, now = find_run(run, home), find_run(other, home)
    assert home.history is not None
    return compare(was, now, home.history.recipes)


def lives_of(run: str, home: Home) -> RunRecord:
    """What a run began with, and when somebody went on with it; of its nodes the record says nothing."""
    ledger = home.ledger
    return RunRecord.fold(run, () if ledger is None else ledger.events(run, [Kind.RUN_STARTED, Kind.RUN_RESUMED]))
