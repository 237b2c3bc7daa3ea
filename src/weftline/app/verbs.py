"""The verbs: check, plan, explain, run, resume; each joins the stops of the path once."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from weftline.app.claims import claimed, is_abandoned
from weftline.app.collector import frozen, still
from weftline.app.home import Home, Request
from weftline.app.interrupts import interruptible
from weftline.author.load import load
from weftline.author.pipeline import Pipeline
from weftline.backends import program
from weftline.backends.capture import Capture
from weftline.codec import whole
from weftline.errors import (
    AmbiguousRunError,
    NotResumableError,
    UnknownNodeError,
    UnknownRunError,
    WeftlineError,
    did_you_mean,
    listing,
)
from weftline.model.ids import WHOLE, run_id
from weftline.model.node import NO_BODY, NodeSpec, Output
from weftline.model.params import Text
from weftline.model.plan import Plan
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.observe.bus import Bus
from weftline.plan import planner
from weftline.plan.explain import Explanation, explain
from weftline.plan.wish import checked
from weftline.ports.cache import Cache
from weftline.ports.sink import Sink
from weftline.run.engine import Engine
from weftline.run.result import RunResult
from weftline.run.resume import Past, past_of
from weftline.run.surroundings import Surroundings
from weftline.settings import Settings
from weftline.store.memory import MemoryCache
from weftline.version import __version__

T = TypeVar("T")
#: Runs that are looked through for a stored output.
_LOOKED_THROUGH = 50


def check(pipeline: Pipeline, home: Home, request: Request) -> tuple[list[WeftlineError], list[WeftlineError]]:
    """All findings, and the notes beside them."""
    found = checked(pipeline.graph, home.wish(request))
    return found.errors, found.notes


def plan(pipeline: Pipeline, home: Home, request: Request) -> Plan:
    """What would happen, and why.

    Raises:
        InvalidPipelineError: it carries all findings.
    """
    cache: Cache | None = None
    if request.cache and home.path is not None:
        cache = home.cache if home.has_results else MemoryCache()
    ledger = home.ledger if home.exists else None
    with still():
        return planner.make(pipeline.graph, home.wish(request), cache, ledger, home.values)


def why(pipeline: Pipeline, home: Home, request: Request, node: str) -> Explanation:
    """Everything that decides a node, beside what it was last time.

    Raises:
        UnknownNodeError: there is no such node.
        InvalidPipelineError: the pipeline cannot be planned.
    """
    if node not in pipeline.graph.index:
        raise unknown_node(node, pipeline.graph.index)
    ledger = home.ledger if home.exists else None
    last = ledger.last_times(pipeline.graph.name, [node]) if ledger is not None else {}
    return explain(plan(pipeline, home, request), node, last.get(node))


def run(
    pipeline: Pipeline,
    home: Home,
    request: Request,
    sinks: Sequence[Sink] = (),
    *,
    planned: Plan | None = None,
    echo: bool = False,
) -> RunResult:
    """Plans and runs.

    Args:
        pipeline: what to run.
        home: where its results and journal are.
        request: what is asked for.
        sinks: who is told of events.
        planned: the plan, if it was made already.
        echo: show what calls print, besides keeping it.

    Raises:
        InvalidPipelineError: it carries all findings; nothing has run.
    """
    with frozen():
        made = planned or plan(pipeline, home, request)
        run = run_id(home.clock.now(), os.urandom(3))
        with claimed(run, home.ledger):
            return _execute(made, run, home, request, sinks, None, echo=echo)


def resume(
    run: str,
    home: Home,
    pipeline: Pipeline | None = None,
    request: Request | None = None,
    sinks: Sequence[Sink] = (),
    *,
    echo: bool = False,
) -> RunResult:
    """Goes on with a run whose process died, or that failed or was cancelled: what succeeded is kept.

    Args:
        run: its id; empty for the newest.
        home: where its journal is.
        pipeline: the pipeline; None to load it by the target that the journal names.
        request: as it was asked for; None to take it from the journal.
        sinks: who is told of events.
        echo: show what calls print, besides keeping it.

    Raises:
        UnknownRunError: the home has no such run.
        NotResumableError: it is complete, or was started by a program that gave it values which the journal cannot hold.
        RunBusyError: another process works on it.
    """
    found = find_run(run, home).run
    with frozen(), claimed(found, home.ledger):
        record = find_run(found, home)  # as it is now that nobody else can change it
        opening = record.opening
        if record.status is RunStatus.COMPLETED:
            where = "" if home.shown == str(Settings().home) else f" --home {shlex.quote(home.shown)}"
            advice = f"start a new one: weftline run {opening.get('target') or '...'}{where}"
            raise NotResumableError(run=found, detail="it is complete", advice=advice)
        if pipeline is None or request is None:
            if not opening.get("target") or not opening.get("repeatable"):
                advice = "resume it there: pipeline.resume(run, ...) with the same parameters and given values"
                raise NotResumableError(run=found, detail="it was started by a program", advice=advice)
            pipeline = pipeline or load(opening["target"])
            request = request or _request_of(opening)
        made = plan(pipeline, home, request)
        return _execute(made, found, home, request, sinks, past_of(record), echo=echo)


def find_run(run: str, home: Home) -> RunRecord:
    """A run, folded from its journal; the newest for an empty id; a unique beginning of an id is enough.

    Raises:
        UnknownRunError: there is none.
    """
    ledger = home.ledger if home.exists else None
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


def newest_output(home: Home, node: str, kind: type[T]) -> tuple[T, Path] | None:
    """What the node of that name provided in the newest run that has it stored, and the folder in which that was started.

    Args:
        home: where to look.
        node: the node's name; what it provides first counts.
        kind: the type of that.

    Returns:
        The value, and the folder that relative paths in it start from; None if there is no such run.
    """
    if not home.exists:
        return None
    ledger, cache = home.ledger, home.cache
    assert ledger is not None
    assert cache is not None
    output = Output.of(node, kind)
    spec = NodeSpec(node, NO_BODY, (), (output,))
    for summary in ledger.runs(_LOOKED_THROUGH):
        record = RunRecord.fold(summary.run, ledger.events(summary.run))
        call = record.nodes[node].calls.get(WHOLE) if node in record.nodes else None
        if call is None or call.key is None:
            continue
        entry = cache.find([bytes.fromhex(call.key)]).get(bytes.fromhex(call.key))
        if entry is not None and entry.outputs:
            stored = entry.outputs[0]
            content = cache.load(stored, entry.key) if stored.content is None else whole(stored.content)
            value = home.values.decode(content, stored, spec, output)
            if isinstance(value, kind):
                return value, Path(record.opening["cwd"])
    return None


def _execute(
    made: Plan,
    run: str,
    home: Home,
    request: Request,
    sinks: Sequence[Sink],
    past: Past | None,
    *,
    echo: bool,
) -> RunResult:
    program.refuse_while_loading()
    is_checked = home.settings.checked if request.checked is None else request.checked
    capture = None if home.path is None else Capture(echo=echo)
    bus = [Bus(sinks)] if sinks else []
    with contextlib.closing(home.backend(request, capture)) as backend:
        around = Surroundings(
            backend=backend,
            values=home.values,
            clock=home.clock,
            entropy=random.random,
            cache=home.cache if request.cache else None,
            staging=home.staging if request.cache else None,
            leases=home.leases if request.cache else None,
            ledger=home.ledger,
            sinks=bus,
            logs=home.logs,
            checked=is_checked,
        )
        engine = Engine(made, run, around, opening=_opening(made, request), on_failure=request.on_failure, past=past)
        with interruptible(engine):
            status = engine.run()
    for sink in bus:
        sink.close()
    result = RunResult(engine, status)
    if around.cache is not None:
        result.notes += around.cache.damage()
    return result


def _opening(made: Plan, request: Request) -> dict[str, Any]:
    """What the journal keeps of a request, so that the run can be resumed by its id alone."""
    plain = (str, int, float, bool, type(None))
    repeatable = not request.given and all(isinstance(value, plain) for value in request.params.values())
    return {
        "pipeline": made.graph.name,
        "target": made.graph.target,
        "cwd": str(Path.cwd()),
        "params": {name: value if isinstance(value, plain) else repr(value) for name, value in request.params.items()},
        "typed": [name for name, value in request.params.items() if not isinstance(value, Text)],
        "given": sorted(request.given),
        "repeatable": repeatable,
        "targets": list(request.targets),
        "force": list(request.force),
        "refresh": request.refresh,
        "backend": made.backend,
        "workers": request.workers,
        "on_failure": request.on_failure,
        "cache": request.cache,
        "checked": request.checked,
        "nodes": len(made.steps),
        "weftline": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _request_of(opening: Mapping[str, Any]) -> Request:
    typed = set(opening["typed"])
    params = {name: value if name in typed else Text(value) for name, value in opening["params"].items()}
    return Request(
        params=params,
        targets=opening["targets"],
        force=opening["force"],
        refresh=opening.get("refresh", False),
        backend=opening["backend"],
        workers=opening["workers"],
        on_failure=opening["on_failure"],
        cache=opening["cache"],
        checked=opening.get("checked"),
    )
