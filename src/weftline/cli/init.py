"""`weftline init`: a first pipeline to look at, run and change."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from weftline.cli.text import out
from weftline.errors import WouldOverwriteError


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def init(
        path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("flow.py"),
    ) -> None:
        """Write a small pipeline to begin with.

        Four nodes in one file: load, features, train, evaluate.
        """
        if path.exists():
            raise WouldOverwriteError(path=str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (files("weftline.cli") / "templates" / "flow.py.txt").read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")
        out(f"wrote {path}")
        out()
        out(f"  weftline plan {path}     see what would run, and why")
        out(f"  weftline run {path}      run it")
        out("  edit scale() in the file, and plan again: only what depends on it runs")
