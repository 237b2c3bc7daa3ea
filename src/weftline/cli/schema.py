"""`weftline schema`: the JSON Schema of what a command prints with `--json`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Annotated, Any

import typer

from weftline.cli.text import out
from weftline.errors import BadArgumentError


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def schema(
        name: Annotated[str, typer.Argument(help="Which; without one, all are listed.", show_default=False)] = "",
    ) -> None:
        """Print the JSON Schema of what a command prints with --json.

        By the rules of draft 2020-12. What a schema does not name is not printed.
        """
        if name:
            out(text_of(name).rstrip())
            return
        known = {each: json.loads(text_of(each)) for each in names()}
        width = max(map(len, known))
        wide = max(len(found["properties"]["schema"]["const"]) for found in known.values())
        for each, found in known.items():
            out(f"{each:<{width}}   {found['properties']['schema']['const']:<{wide}}   {found['title']}")


def names() -> list[str]:
    """The names of all schemas."""
    return sorted(file.name.removesuffix(".json") for file in _folder().iterdir() if file.name.endswith(".json"))


def text_of(name: str) -> str:
    """A schema.

    Raises:
        BadArgumentError: there is none of that name.
    """
    if name not in names():
        advice = f"use one of: {', '.join(names())}"
        raise BadArgumentError(argument=name, detail="there is no such schema", advice=advice)
    return str((_folder() / f"{name}.json").read_text(encoding="utf-8"))


def _folder() -> Any:
    return files("weftline.cli") / "schemas"
