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
    Selection,
    Target,
    Workers,
    home_of,
    params_of,
)
from weftline.cli.outcome import Asked, conclude, tell_damage
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
        home: HomeOption = None,
        progress: ProgressOption = Progress.AUTO,
        json: Json = False,
    ) -> int:
        """Run what has to be run, and restore the rest.

        Exit codes: 0 completed, 1 a node failed or the run is partial, 2 wrong usage, 3 not valid, 4 the machine or a
        service is missing, 130 interrupted.
        """
        from weftline.app import verbs
        from weftline.app.home import Request
        from weftline.app.pipeline import load

        pipeline = load(target)
        opened = home_of(home)
        request = Request(
            params=params_of(param),
            targets=select or (),
            force=force or (),
            backend=backend,
            workers=workers,
            on_failure=on_failure.value,
            cache=not no_cache,
        )
        planned = verbs.plan(pipeline, opened, request)
        tell_damage(opened)
        shown = sink_for(progress, planned.graph)
        result = verbs.run(pipeline, opened, request, [shown] if shown is not None else [], planned=planned)
        return conclude(
            result, opened, Asked(target, param or (), home), json=json, quiet=progress in {Progress.NDJSON, Progress.NONE}
        )
