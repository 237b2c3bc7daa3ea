"""`weftline schema`: the JSON Schema of what a command prints with `--json`, and of each kind of manifest."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Annotated, Any

import typer

from weftline.cli.text import out
from weftline.errors import BadArgumentError, did_you_mean


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def schema(
        name: Annotated[str, typer.Argument(help="Which; without one, all are listed.", show_default=False)] = "",
    ) -> None:
        """Print the JSON Schema of what a command prints with --json, or of a kind of manifest.

        By the rules of draft 2020-12. What the schema of an answer does not name is not printed; what the schema of a kind does
        not name is refused. `Manifest` is the schema of a file of any kind.
        """
        if name:
            out((text_of(name) if name in names() else manifest_text(name)).rstrip())
            return
        known = {each: json.loads(text_of(each)) for each in names()}
        rows = [(each, found["properties"]["schema"]["const"], found["title"]) for each, found in known.items()]
        rows += [(each, _api_version(), json.loads(manifest_text(each))["title"]) for each in manifest_names()]
        width, wide = (max(len(row[column]) for row in rows) for column in (0, 1))
        for each, const, title in rows:
            out(f"{each:<{width}}   {const:<{wide}}   {title}")


def names() -> list[str]:
    """The names of all schemas of answers."""
    return sorted(file.name.removesuffix(".json") for file in _folder().iterdir() if file.name.endswith(".json"))


def text_of(name: str) -> str:
    """The schema of an answer.

    Raises:
        BadArgumentError: there is none of that name.
    """
    if name not in names():
        raise _unknown(name, names())
    return str((_folder() / f"{name}.json").read_text(encoding="utf-8"))


def manifest_names() -> list[str]:
    """The names of all schemas of manifests."""
    from weftline.author.manifest import export  # which loads pydantic

    return export.names()


def manifest_text(name: str) -> str:
    """The schema of a kind of manifest.

    Raises:
        BadArgumentError: there is none of that name.
    """
    if name not in manifest_names():
        raise _unknown(name, [*names(), *manifest_names()])
    from weftline.author.manifest import export

    return json.dumps(export.schema_of(name), indent=2) + "\n"


def _api_version() -> str:
    from weftline.author.manifest.strict import API_VERSION

    return API_VERSION


def _unknown(name: str, known: list[str]) -> BadArgumentError:
    detail, advice = "there is no such schema", f"use one of: {', '.join(known)}"
    return BadArgumentError(argument=name, detail=detail, advice=advice, hint=did_you_mean(name, known))


def _folder() -> Any:
    return files("weftline.cli") / "schemas"
