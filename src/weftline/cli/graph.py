"""`weftline graph`: the pipeline as a picture."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from weftline.cli.arguments import Json, Target
from weftline.cli.text import out, out_json


class Form(StrEnum):
    """How a graph is drawn."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def graph(
        target: Target,
        form: Annotated[Form, typer.Option("--format", "-f", help="How to draw it.")] = Form.TEXT,
        json: Json = False,
    ) -> None:
        """Draw a pipeline: as text, Mermaid or DOT."""
        from weftline.app.pipeline import load
        from weftline.plan.render import graph_as, graph_as_dict

        found = load(target).graph
        if json:
            out_json(graph_as_dict(found))
        else:
            out(graph_as(form.value, found))
