"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from weftline.cli.progress import Progress
from weftline.errors import BadArgumentError

Target = Annotated[
    str,
    typer.Argument(
        help="file.py, file.py:name, a module, or the name of a shipped pipeline.", show_default=False, metavar="TARGET"
    ),
]
Selection = Annotated[
    list[str] | None,
    typer.Argument(help="What to select: NODE, +NODE, NODE+, tag:x, or a key.", show_default=False, metavar="SELECT"),
]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="A parameter: name=value, or node.name=value.", metavar="NAME=VALUE"),
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the ledger, the cache and the logs.  [default: .weftline]")
]
BackendOption = Annotated[str | None, typer.Option("--backend", "-b", help="threads, processes or inline.")]
Workers = Annotated[int | None, typer.Option("--workers", "-w", min=1, help="Calls at the same time.")]
Force = Annotated[list[str] | None, typer.Option("--force", help="A node to run even if its result is there.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither look up nor keep results.")]
ProgressOption = Annotated[Progress, typer.Option("--progress", help="How to show the run, on stderr.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also keys and parameters, with where they came from.")]


def home_of(path: Path | None) -> Any:
    """The home that a command works with."""
    from weftline.app.home import Home
    from weftline.settings import Settings

    known = Settings.read()
    return Home(path or known.home, known)


def params_of(words: Sequence[str] | None) -> dict[str, Any]:
    """Parameters from `name=value` words; the values are read later, by their types.

    Raises:
        BadArgumentError: a word has no `=`.
    """
    from weftline.model.params import Text

    found: dict[str, Any] = {}
    for word in words or ():
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise BadArgumentError(argument=f"-p {word}", detail="there is no value", advice="write -p name=value")
        found[name] = Text(value)
    return found


def command_line(verb: str, target: str, words: Sequence[str] | None, params: Sequence[str] | None, home: Path | None) -> str:
    """A command as a user would type it."""
    import shlex

    parts = ["weftline", verb, target, *(words or ())]
    for param in params or ():
        parts += ["-p", param]
    if home is not None:
        parts += ["--home", str(home)]
    return shlex.join(parts)
