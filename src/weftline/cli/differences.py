"""`weftline runs diff`: what is different between two runs."""

from __future__ import annotations

import typer


def register(group: typer.Typer) -> None:
    """Adds the command."""
    del group
