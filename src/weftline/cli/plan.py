"""`weftline plan`: what would happen, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from weftline.cli.arguments import (
    BackendOption,
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
    Refresh,
    ResourceOptions,
    Selection,
    Target,
    Typed,
    Verbose,
    Workers,
    home_of,
    loaded,
)
from weftline.cli.exits import Exit
from weftline.cli.outcome import tell_damage
from weftline.cli.text import out, out_json, paint_out


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def plan(
        target: Target,
        select: Selection = None,
        only: Only = None,
        exclude: Exclude = None,
        inputs_from: InputsFrom = "",
        param: Params = None,
        field: FieldOptions = None,
        force: Force = None,
        backend: BackendOption = None,
        workers: Workers = None,
        gpus: Gpus = None,
        resource: ResourceOptions = None,
        no_cache: NoCache = False,
        refresh: Refresh = False,
        home: HomeOption = None,
        output: Annotated[
            Path | None, typer.Option("--output", "-o", help="Keep the plan in this file, for `run --plan`.")
        ] = None,
        verbose: Verbose = False,
        json: Json = False,
    ) -> int:
        """Show what a run would do, and why.

        Nothing runs.

        Exit codes: 0 nothing to do, 2 work pending, 3 not valid.
        """
        from weftline.app import saved, verbs
        from weftline.plan.render import as_dict, as_text

        words = select or (), param or (), force or ()
        lists = {"exclude": exclude or (), "resources": resource or (), "only": only or (), "fields": field or ()}
        options: Any = {"home": home, "gpus": gpus, "inputs_from": inputs_from, **lists}
        typed = Typed(target, *words, backend, workers, no_cache, refresh, **options)
        opened = home_of(home)
        request = typed.request()
        made = verbs.plan(loaded(target), opened, request)
        tell_damage(opened)
        opened.close()
        if output is not None:
            saved.save(made, request, output)
        if json:
            out_json(as_dict(made))
        else:
            for line in as_text(made, command=typed.run(output), where=opened.shown, paint=paint_out, verbose=verbose):
                out(line)
        return Exit.USAGE if made.is_work_pending else Exit.OK
