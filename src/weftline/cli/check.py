"""`weftline check`: everything that is wrong, at once, before anything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import BackendOption, HomeOption, Json, Params, Target, home_of, loaded, params_of
from weftline.cli.exits import Exit
from weftline.cli.text import out, out_json, paint_out


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def check(
        target: Target,
        param: Params = None,
        backend: BackendOption = None,
        home: HomeOption = None,
        json: Json = False,
        notes: Annotated[bool, typer.Option("--notes", help="Also list edges without types and empty wildcards.")] = False,
    ) -> int:
        """Report everything that is wrong, at once.

        Missing keys, types that do not fit, circles, two producers, unknown parameters. Nothing runs.

        Exit codes: 0 sound, 3 not valid.
        """
        from weftline.app import verbs
        from weftline.app.home import Request

        pipeline = loaded(target)
        request = Request(params=params_of(param), backend=backend)
        found = verbs.check(pipeline, home_of(home), request)
        findings, told = found.errors, found.notes
        if json:
            out_json(
                {
                    "schema": "weftline.check/v1",
                    "pipeline": pipeline.name,
                    "findings": [finding.as_dict() for finding in findings],
                    "notes": [note.as_dict() for note in told],
                }
            )
            return Exit.INVALID if findings else Exit.OK
        for finding in [*findings, *(told if notes else ())]:
            for number, line in enumerate(finding.lines()):
                out(paint_out(line, "bold") if number == 0 else line)
        count = len(findings)
        nodes = len(found.graph.nodes)
        more = f"; {len(told)} note{'' if len(told) == 1 else 's'} (--notes)" if told and not notes else ""
        verdict = "sound" if not findings else f"{count} finding{'' if count == 1 else 's'}"
        out(f"{pipeline.name}: {nodes} node{'' if nodes == 1 else 's'}, {verdict}{more}")
        return Exit.INVALID if findings else Exit.OK
