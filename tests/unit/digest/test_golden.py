"""Digests do not move: not between processes, hash seeds and Python versions, and not between releases."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import weftline

HERE = Path(__file__).parent
SCRIPT = HERE / "projects" / "golden.py"
GOLDEN = json.loads((HERE / "golden.json").read_text("utf-8"))
SOURCE = str(Path(weftline.__file__).parents[1])
VERSIONS = ("3.11", "3.12", "3.13")


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("weftline_golden_values", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start(python: str, *arguments: str, seed: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen([python, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interpreter(version: str) -> str:
    """A Python of that version; skips visibly where there is none, or one that does not start."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        pytest.skip(f"python{version} is not installed, so nothing is known of its digests")
    attempt = start(found, "-c", "", seed="0")
    attempt.communicate()
    if attempt.returncode:
        pytest.skip(f"python{version} is found but does not start, so nothing is known of its digests")
    return found


def test_the_digests_are_those_written_down():
    assert script().digests() == GOLDEN


@pytest.mark.parametrize("version", VERSIONS)
def test_every_python_and_hash_seed_gives_the_same_digests(version):
    python = interpreter(version)
    processes = [start(python, str(SCRIPT), seed=seed) for seed in ("1", "2026")]
    for process in processes:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        assert json.loads(output) == GOLDEN
