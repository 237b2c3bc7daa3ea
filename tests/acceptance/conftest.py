"""Runs the program as a user does: in a folder of its own, in a process of its own."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from weftline.cli.schema import text_of


@functools.cache
def validator(schema: str) -> jsonschema.Draft202012Validator:
    """What checks an answer of that kind, such as `weftline.plan/v1`."""
    name = schema.removeprefix("weftline.").partition("/")[0]
    return jsonschema.Draft202012Validator(json.loads(text_of(name)))


class Shell:
    """A folder in which `weftline` is typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WEFTLINE_")}
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "weftline", *words],
            cwd=self.folder,
            env=clean | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def json(self, *words: str, code: int = 0, **environment: str) -> dict:
        """What a command prints with `--json`, which has to be what its published schema says."""
        done = self(*words, "--json", **environment)
        assert done.returncode == code, done.stderr
        found = json.loads(done.stdout)
        validator(found["schema"]).validate(found)
        return found


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
