"""`weftline run`: do the work."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from weftline.cli.arguments import (
    BackendOption,
    Force,
    HomeOption,
    Json,
    NoCache,
    Params,
    ProgressOption,
    Refresh,
    Selection,
    Target,
    Typed,
    Workers,
    home_of,
)
from weftline.cli.outcome import conclude, tell_damage
from weftline.cli.progress import Progress, sink_for


class OnFailure(StrEnum):
    """What a failure stops."""

    STOP = "stop"
    CONTINUE = "continue"


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def run(
        target: Target,
        select: Selection = None,
        param: Params = None,
        force: Force = None,
        backend: BackendOption = None,
        workers: Workers = None,
        on_failure: Annotated[OnFailure, typer.Option("--on-failure", help="What a failure stops.")] = OnFailure.STOP,
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
        from weftline.app.pipeline import load

        typed = Typed(
            target,
            select or (),
            param or (),
            force or (),
            backend,
            workers,
            no_cache,
            refresh,
            on_failure=on_failure.value,
            home=home,
        )
        pipeline = load(target)
        opened = home_of(home)
        request = typed.request()
        planned = verbs.plan(pipeline, opened, request)
        tell_damage(opened)
        shown = sink_for(progress, planned.graph)
        result = verbs.run(pipeline, opened, request, [shown] if shown is not None else [], planned=planned)
        return conclude(result, opened, typed, json=json, quiet=progress in {Progress.NDJSON, Progress.NONE})
