"""Digests do not move: not between processes, hash seeds and Python versions, and not between releases."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import weftline

HERE = Path(__file__).parent
GENERATED = HERE.parents[1] / "property" / "digest_values.py"
#: Scripts that print digests, and the digests that they must print.
SCRIPTS = {
    HERE / "projects" / "golden.py": json.loads((HERE / "golden.json").read_text("utf-8")),
    GENERATED: json.loads(GENERATED.with_suffix(".json").read_text("utf-8")),
}
SOURCE = str(Path(weftline.__file__).parents[1])
VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def start(python: str, *arguments: str, seed: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen([python, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interpreter(version: str) -> str:
    """A Python of that version: this one, one on the path, or one of pyenv; skips visibly where there is none that starts."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *map(str, versions.glob(f"{version}.*/bin/python{version}"))]
    for found in filter(None, candidates):
        attempt = start(found, "-c", "", seed="0")
        attempt.communicate()
        if attempt.returncode == 0:
            return found
    pytest.skip(f"no python{version} that starts is here, so nothing is known of its digests")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_python_and_hash_seed_gives_the_digests_that_are_written_down(version, script):
    python = interpreter(version)
    processes = [start(python, str(script), seed=seed) for seed in ("1", "2026")]
    for process in processes:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        assert json.loads(output) == SCRIPTS[script]


def test_hundreds_of_values_are_written_down():
    assert sum(map(len, SCRIPTS[GENERATED].values())) >= 400
