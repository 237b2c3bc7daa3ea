"""Closures do not depend on the hash seed of a process."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import weftline

SCRIPT = Path(__file__).parent / "projects" / "seeds.py"
SOURCE = str(Path(weftline.__file__).parents[1])


def names() -> list[str]:
    spec = importlib.util.spec_from_file_location("weftline_seed_projects", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [*module.PROJECTS, module.EXECUTED]


@pytest.fixture(scope="module")
def digests():
    """By project, under three seeds."""

    def start(seed):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen([sys.executable, str(SCRIPT)], env=environment, stdout=subprocess.PIPE, text=True)

    processes = [start(seed) for seed in ("1", "2", "3")]
    found = [json.loads(process.communicate()[0]) for process in processes]
    return {name: {one[name] for one in found} for name in found[0]}


@pytest.mark.parametrize("name", names())
def test_a_closure_is_the_same_under_every_hash_seed(digests, name):
    assert len(digests[name]) == 1
