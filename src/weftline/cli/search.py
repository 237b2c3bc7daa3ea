"""`weftline search`: ask the index and the knowledge graph that a document pipeline made."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    del app
