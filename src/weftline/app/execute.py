"""Runs a plan with the parts of a home, and keeps what was asked for in the journal's first event."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from weftline.app.groups import given_to, told_of
from weftline.app.home import Home, Request
from weftline.app.interrupts import interruptible
from weftline.app.topologies import keep
from weftline.backends import program
from weftline.backends.capture import Capture
from weftline.model.params import Text, read_fields
from weftline.model.plan import Plan
from weftline.observe.bus import Bus
from weftline.ports.sink import Sink
from weftline.run.engine import Engine
from weftline.run.result import RunResult
from weftline.run.resume import Past
from weftline.run.surroundings import Surroundings
from weftline.version import __version__


def execute(
    made: Plan,
    run: str,
    home: Home,
    request: Request,
    sinks: Sequence[Sink],
    past: Past | None,
    *,
    told: Mapping[str, Any] = MappingProxyType({}),
    echo: bool,
) -> RunResult:
    """Runs a plan; the run is claimed.

    Args:
        made: the plan.
        run: its id.
        home: where its results and journal are.
        request: what is asked for.
        sinks: who is told of events.
        past: what the run did before; None for a new one.
        told: further fields of the event that tells of the beginning.
        echo: show what calls print, besides keeping it.
    """
    program.refuse_while_loading()
    is_checked = home.settings.checked if request.checked is None else request.checked
    capture = None if home.path is None else Capture(echo=echo)
    bus = [Bus(sinks)] if sinks else []
    with contextlib.closing(home.backend(request, made.graph, capture)) as backend:
        around = Surroundings(
            backend=backend,
            values=home.values,
            clock=home.clock,
            entropy=random.random,
            cache=home.cache if request.cache else None,
            staging=home.staging if request.cache else None,
            leases=home.leases if request.cache else None,
            ledger=home.ledger,
            fields=home.fields,
            sinks=bus,
            logs=home.logs,
            checked=is_checked,
        )
        opening = {**opening_of(made, request), **(keep(made.topology, run, home) if past is None else {}), **told}
        engine = Engine(made, run, around, opening=opening, limits=request.limits(made.graph.group), past=past)
        with interruptible(engine):
            status = engine.run()
    for sink in bus:
        sink.close()
    result = RunResult(engine, status)
    if request.cache and home.cache is not None:
        result.notes += home.cache.damage()
    return result


def opening_of(made: Plan, request: Request) -> dict[str, Any]:
    """What the journal keeps of a request, so that the run can be resumed by its id alone."""
    plain = (str, int, float, bool, type(None))
    is_named = request.backend is None or isinstance(request.backend, str)
    repeatable = is_named and not request.given and all(isinstance(value, plain) for value in request.params.values())
    params = given_to(made, request.params)
    return {
        "pipeline": made.graph.name,
        "target": made.graph.target,
        "cwd": str(Path.cwd()),
        "params": {name: value if isinstance(value, plain) else repr(value) for name, value in params.items()},
        "typed": [name for name, value in params.items() if not isinstance(value, Text)],
        "given": sorted(request.given),
        "repeatable": repeatable,
        "targets": list(request.targets),
        "force": list(request.force),
        "refresh": request.refresh,
        "backend": made.backend,
        "workers": request.workers,
        "on_failure": request.on_failure,
        "deadline_s": request.deadline_s,
        "retry_budget": request.retry_budget,
        "gpus": request.gpus,
        "resources": dict(request.resources),
        "cache": request.cache,
        "checked": request.checked,
        "inputs_from": request.inputs_from,
        "guard": None if request.guard is None else asdict(request.guard),
        "gates": list(request.gates),
        "fields": read_fields(request.fields, made.graph.fields),
        "field_kinds": {name: spec.word for name, spec in made.graph.fields.items()},
        "field_defaults": {name: spec.default for name, spec in made.graph.fields.items() if spec.default is not None},
        "nodes": len(made.steps),
        **told_of(made, request.trigger),
        "weftline": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def request_of(opening: Mapping[str, Any]) -> Request:
    """What a run was asked for, from the first event of its journal."""
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
        deadline_s=opening.get("deadline_s"),
        retry_budget=opening.get("retry_budget"),
        gpus=opening.get("gpus"),
        resources=opening.get("resources", {}),
        cache=opening["cache"],
        checked=opening.get("checked"),
        inputs_from=opening.get("inputs_from", ""),
        gates=opening.get("gates", ()),
        guard=opening.get("guard"),
        fields=opening.get("fields", {}),
    )
