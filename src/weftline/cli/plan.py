"""`weftline plan`: what would happen, and why."""

from __future__ import annotations

import typer

from weftline.cli.arguments import (
    BackendOption,
    Force,
    HomeOption,
    Json,
    NoCache,
    Params,
    Selection,
    Target,
    Verbose,
    Workers,
    command_line,
    home_of,
    params_of,
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
        param: Params = None,
        force: Force = None,
        backend: BackendOption = None,
        workers: Workers = None,
        no_cache: NoCache = False,
        home: HomeOption = None,
        verbose: Verbose = False,
        json: Json = False,
    ) -> int:
        """Show what a run would do, and why.

        Nothing runs.

        Exit codes: 0 nothing to do, 2 work pending, 3 not valid.
        """
        from weftline.app import verbs
        from weftline.app.home import Request
        from weftline.app.pipeline import load
        from weftline.plan.render import as_dict, as_text

        opened = home_of(home)
        request = Request(
            params=params_of(param),
            targets=select or (),
            force=force or (),
            backend=backend,
            workers=workers,
            cache=not no_cache,
        )
        made = verbs.plan(load(target), opened, request)
        tell_damage(opened)
        opened.close()
        if json:
            out_json(as_dict(made))
        else:
            command = command_line("run", target, select, param, home)
            for line in as_text(made, command=command, where=opened.shown, paint=paint_out, verbose=verbose):
                out(line)
        return Exit.USAGE if made.is_work_pending else Exit.OK
