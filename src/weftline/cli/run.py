"""`weftline run`: do the work."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.cli.arguments import (
    BackendOption,
    Deadline,
    Exclude,
    FieldOptions,
    Force,
    Gpus,
    HomeOption,
    InputsFrom,
    Json,
    NoCache,
    Only,
    Params,
    ProgressOption,
    Refresh,
    ResourceOptions,
    RetryBudget,
    Selection,
    Typed,
    Workers,
    home_of,
    loaded,
    typed_again,
)
from weftline.cli.outcome import conclude, note, tell_damage
from weftline.cli.progress import Progress, sink_for
from weftline.errors import BadArgumentError

if TYPE_CHECKING:  # what plans is imported when something is planned
    from weftline.app.home import Home, Request
    from weftline.app.pipeline import Pipeline
    from weftline.model.plan import Plan


class OnFailure(StrEnum):
    """What a failure stops."""

    STOP = "stop"
    CONTINUE = "continue"


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def run(
        target: Annotated[
            str | None,
            typer.Argument(
                help="file.py, file.py:name, a module, or the name of a shipped pipeline; with --plan, if it has moved.",
                show_default=False,
                metavar="TARGET",
            ),
        ] = None,
        select: Selection = None,
        only: Only = None,
        exclude: Exclude = None,
        inputs_from: InputsFrom = "",
        param: Params = None,
        field: FieldOptions = None,
        force: Force = None,
        backend: BackendOption = None,
        workers: Workers = None,
        plan: Annotated[Path | None, typer.Option("--plan", help="Run what `plan -o` kept here, if it still holds.")] = None,
        on_failure: Annotated[
            OnFailure | None, typer.Option("--on-failure", help="What a failure stops.  [default: stop, or as a group says]")
        ] = None,
        deadline: Deadline = None,
        retry_budget: RetryBudget = None,
        gpus: Gpus = None,
        resource: ResourceOptions = None,
        no_cache: NoCache = False,
        refresh: Refresh = False,
        home: HomeOption = None,
        progress: ProgressOption = Progress.AUTO,
        json: Json = False,
    ) -> int:
        """Run what has to be run, and restore the rest.

        Exit codes: 0 completed, 1 a node failed or the run is partial, 2 wrong usage, 3 not valid, 4 the machine or a
        service is missing, 130 interrupted.
        """
        from weftline.app import verbs

        words = select or (), param or (), force or ()
        lists = {"exclude": exclude or (), "resources": resource or (), "only": only or (), "fields": field or ()}
        limits: Any = {"on_failure": on_failure and on_failure.value, "deadline": deadline, "retry_budget": retry_budget}
        options: Any = {"home": home, "gpus": gpus, "inputs_from": inputs_from, **lists, **limits}
        typed = Typed(target or "", *words, backend, workers, no_cache, refresh, **options)
        opened = home_of(home)
        typed, pipeline, request, planned = _asked(typed, opened) if plan is None else _saved(plan, typed, opened)
        tell_damage(opened)
        shown = sink_for(progress, planned.graph)
        result = verbs.run(pipeline, opened, request, [shown] if shown is not None else [], planned=planned, waits=note)
        return conclude(result, opened, typed, json=json, quiet=progress in {Progress.NDJSON, Progress.NONE})


def _asked(typed: Typed, home: Home) -> tuple[Typed, Pipeline, Request, Plan]:
    """What was typed, planned."""
    from weftline.app import verbs

    if not typed.target:
        raise BadArgumentError(argument="run", detail="there is no TARGET", advice="name one, or a plan: --plan FILE")
    pipeline, request = loaded(typed.target), typed.request()
    return typed, pipeline, request, verbs.plan(pipeline, home, request)


def _saved(file: Path, typed: Typed, home: Home) -> tuple[Typed, Pipeline, Request, Plan]:
    """What a file says, planned again; what was typed is completed by it."""
    from weftline.app import saved

    if typed.asks:
        advice = "leave it out, or make another plan"
        raise BadArgumentError(argument=typed.asks, detail=f"the plan in {file} says that", advice=advice)
    found = saved.read(file)
    target = typed.target or found.target
    if not target:
        advice = f"name it: weftline run TARGET --plan {file}"
        raise BadArgumentError(argument="--plan", detail="a program made it, and it does not say of what", advice=advice)
    request = saved.asked_again(found, {"on_failure": typed.on_failure})
    pipeline = loaded(target)
    planned = saved.plan_again(found, pipeline, home, request)
    return replace(typed, target=target, params=typed_again(request)), pipeline, request, planned
