"""`weftline migrate`: rewrites a file from an older spelling into that of today."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import typer

from weftline.cli.arguments import Json
from weftline.cli.text import err, out, out_json


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def migrate(
        file: Annotated[Path, typer.Argument(help="A manifest, in any spelling.", metavar="FILE", show_default=False)],
        write: Annotated[bool, typer.Option("--write", help="Put the new text in the place of the old one.")] = False,
        json: Json = False,
    ) -> int:
        """Show a file as it is spelled today, as a difference; comments are kept.

        The new text is read again, and has to say the same. With --write it takes the place of the old one.

        Exit codes: 0 done, or nothing to do; 3 the file is not valid, or cannot be rewritten.
        """
        from weftline.app.manifests import migrated, put

        old, found = migrated(file)
        if write and found.notes:
            put(file, old, found.text)
        if json:
            notes = [note.as_dict() for note in found.notes]
            told = {"file": str(file), "notes": notes, "text": found.text, "is_written": write and bool(notes)}
            out_json({"schema": "weftline.migrate/v1", **told})
            return 0
        for note in found.notes:
            err(f"note: {note.place}: {note.message}; {note.fix}")
        if not found.notes:
            out(f"{file} is spelled as today; there is nothing to do")
        elif write:
            out(f"{file} is rewritten")
        else:
            lines = difflib.unified_diff(old.splitlines(), found.text.splitlines(), str(file), f"{file} (new)", lineterm="")
            for line in lines:
                out(line)
            out(f"next: weftline migrate {file} --write")
        return 0
