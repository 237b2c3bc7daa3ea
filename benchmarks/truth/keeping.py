"""Reads what a stage needs and writes what it makes, for tools whose stages are scripts over files."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

MADE = Path("made")


def run_stage(role: str, node: Callable, params: dict[str, object]) -> None:
    """Runs a node, with what the one before it left in a file."""
    if role == "orders":
        made = node(**{name: Path(str(value)) if name == "source" else value for name, value in params.items()})
    else:
        before = {"prices": "orders", "report": "prices"}[role]
        made = node(pickle.loads((MADE / f"{before}.pkl").read_bytes()))
    if role == "report":
        Path("result.json").write_text(json.dumps(made))
    else:
        MADE.mkdir(exist_ok=True)
        (MADE / f"{role}.pkl").write_bytes(pickle.dumps(made))
