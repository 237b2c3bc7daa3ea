"""What importing weftline loads: nothing of an extra, and nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = [
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "torch",
    "pydantic",
    "onnxruntime",
    "tokenizers",
    "typer",
    "rich",
    "click",
    "sqlite3",
    "multiprocessing",
    "asyncio",
]


def loaded_by(statement: str) -> list[str]:
    program = f"{statement}\nimport sys, json\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_importing_weftline_loads_no_extra_and_nothing_heavy() -> None:
    assert loaded_by("import weftline") == []


def test_planning_in_memory_loads_no_database() -> None:
    program = """
from weftline import Pipeline, node
@node(provides="one")
def one() -> int: return 1
assert Pipeline([one]).run(home=None)["one"] == 1
"""
    assert "sqlite3" not in loaded_by(program)


def test_help_loads_neither_the_document_pack_nor_the_stores() -> None:
    program = "import weftline.cli.main, sys; assert 'weftline.documents.types' not in sys.modules"
    assert "sqlite3" not in loaded_by(program)
