"""The main job killed at random moments and resumed: it ends as if nothing had happened, and nothing is recorded twice.

`WEFTLINE_KILLS` sets the number of kills, `WEFTLINE_KILL_EMBEDDER` the embedder (`minilm` for the real one).
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

RECORDS = Path(__file__).parents[3] / "examples" / "trials"
KILLS = int(os.environ.get("WEFTLINE_KILLS", "6"))
EMBEDDER = os.environ.get("WEFTLINE_KILL_EMBEDDER", "hash")
TARGET = ["flow.py:trials", "-p", "source=records"]


def weftline(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "weftline", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def killed(folder: Path, after_s: float) -> None:
    """Starts a run and kills it."""
    command = [sys.executable, "-m", "weftline", "run", *TARGET, "--progress", "none"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        time.sleep(after_s)
        running.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    shutil.copytree(RECORDS, folder / "records")
    source = (
        f"from weftline.documents.pipelines.clinical_trials import pipeline\ndef trials():\n    return pipeline({EMBEDDER!r})\n"
    )
    (folder / "flow.py").write_text(source, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def uninterrupted(template, tmp_path_factory) -> tuple[dict[str, str], float]:
    """What an uninterrupted run leaves behind, and how long it takes."""
    folder = shutil.copytree(template, tmp_path_factory.mktemp("whole") / "run")
    started = time.monotonic()
    assert weftline(folder, "run", *TARGET).returncode == 0
    return state_of(folder), time.monotonic() - started


def state_of(folder: Path) -> dict[str, str]:
    """Digests of everything that a run leaves behind: both databases' content, and every cached result by its key."""
    found = {}
    for name in ("index.db", "knowledge.db"):
        database = sqlite3.connect(folder / ".weftline" / name)
        found[name] = database.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()[0]
        database.close()
    cache = sqlite3.connect(folder / ".weftline" / "cache" / "index.db")
    rows = cache.execute("SELECT key, position, digest FROM results ORDER BY key, position").fetchall()
    cache.close()
    found["results"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


def journal(folder: Path) -> list[tuple]:
    ledger = sqlite3.connect(folder / ".weftline" / "ledger.db")
    rows = ledger.execute("SELECT kind, node, item, attempt FROM events ORDER BY run, seq").fetchall()
    ledger.close()
    return rows


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_and_resumed(template, uninterrupted, tmp_path, seed: int) -> None:
    wanted, whole_s = uninterrupted
    folder = shutil.copytree(template, tmp_path / "run")
    killed(folder, 0.25 + random.Random(seed).random() * whole_s)  # from the start to just after the end
    resumed = weftline(folder, "resume")
    if resumed.returncode == 3:
        assert "it is complete" in resumed.stderr
    elif resumed.returncode == 2:
        assert "[R509]" in resumed.stderr, "killed before the run had begun"
        assert weftline(folder, "run", *TARGET).returncode == 0
    else:
        assert resumed.returncode == 0, resumed.stderr
    assert state_of(folder) == wanted
    outcomes = [row[1:3] for row in journal(folder) if row[0] in {"CallSucceeded", "CallFailed", "CallRestored"}]
    assert len(outcomes) == len(set(outcomes)), "an item is recorded twice"
    runs = json.loads(weftline(folder, "runs", "--json").stdout)["runs"]
    assert [run["status"] for run in runs] == ["completed"]
