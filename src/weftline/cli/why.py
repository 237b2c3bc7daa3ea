"""`weftline why`: everything that decides one node, beside what it was last time."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, Json, Params, Target, home_of, params_of
from weftline.cli.text import out, out_json


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def why(
        target: Target,
        node: Annotated[str, typer.Argument(help="The node to explain.", show_default=False)],
        param: Params = None,
        closure: Annotated[bool, typer.Option("--closure", help="List everything the key is made of.")] = False,
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """Explain why a node will run, or not.

        Names the symbol, parameter, input or library that changed since the last time.
        """
        from weftline.app import verbs
        from weftline.app.home import Request
        from weftline.app.pipeline import load

        opened = home_of(home)
        explanation = verbs.why(load(target), opened, Request(params=params_of(param)), node)
        opened.close()
        if json:
            out_json(explanation.as_dict())
        else:
            out(explanation.text(everything=closure))
