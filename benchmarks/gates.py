"""How soon runs that wait at a gate go on when their field is set: 100 wait, and of 10 the gate opens; prints a table.

Each case is repeated with other ten. The time is from when the field is set to the `RunResumed` in the journal, and to the
first attempt behind the gate; for all ten of them, so it is also a measure of how many runs begin in a second.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from table import machine, table

from weftline import Pipeline
from weftline.app.gates import waiting
from weftline.app.home import Home

FLOW = """
from weftline import Clause, Gate, Pipeline, node

ready = Gate("ready", (Clause("read", "equals", True),))


@node(provides="text")
def get(doc: int = 0) -> str:
    return f"document {doc}"


@node(requires={"text": "text"}, gate=ready, cache=False)
def cut(text: str) -> list[str]:
    return text.split()


pipeline = Pipeline([get, cut], fields={"read": bool})
"""
READY = 10


@contextlib.contextmanager
def daemons(count: int, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many daemons that serve."""
    command = [sys.executable, "-m", "weftline", "serve"]
    running = []
    for number in range(count):
        with (folder / f"log{number}").open("wb") as log:
            running.append(subprocess.Popen(command, cwd=folder, stderr=log, start_new_session=True))
        while b"serving" not in (folder / f"log{number}").read_bytes():
            time.sleep(0.05)
    time.sleep(3.0)  # until they have made ready for what comes
    try:
        yield running
    finally:
        for daemon in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()


def moments(home: Home, runs: list[str]) -> tuple[list[float], list[float]]:
    """When these runs were gone on with, and when their first attempt behind the gate began; ms after their field was set."""
    assert home.path is not None
    marks = ", ".join("?" * len(runs))
    with contextlib.closing(sqlite3.connect(home.path / "ledger.db")) as db:
        was_set = dict(db.execute(f"SELECT run, at FROM field_changes WHERE run IN ({marks})", runs))
        found = []
        for kind in ("RunResumed", "AttemptStarted"):
            rows = db.execute(
                f"SELECT run, at FROM events WHERE kind = '{kind}' AND epoch = 1 AND run IN ({marks})", runs
            ).fetchall()
            assert sorted(run for run, _ in rows) == sorted(runs), f"{kind}: once for each"
            found.append([1000 * (at - was_set[run]) for run, at in rows])
    return found[0], found[1]


def case(name: str, count: int, repeats: int, *, kill: bool = False) -> list[str]:
    resumed: list[float] = []
    started: list[float] = []
    slowest: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "flow.py").write_text(FLOW)
        os.chdir(folder)
        pipeline = Pipeline.load("flow.py")
        for doc in range(100):
            pipeline.run(params={"doc": doc}, home=folder / ".weftline")
        home = Home(folder / ".weftline")
        assert home.fields is not None
        for repeat in range(repeats):
            with daemons(count, folder) as running:
                ready = [each.run for each in waiting(home)][:READY]
                for number, run in enumerate(ready):
                    if kill and number == READY // 2:
                        os.killpg(running[repeat % count].pid, signal.SIGKILL)
                    home.fields.set_fields(run, {"read": True}, at=time.time(), by="bench")
                until = time.monotonic() + 60
                while {each.run for each in waiting(home)}.intersection(ready) and time.monotonic() < until:
                    time.sleep(0.05)
                time.sleep(0.3)
                resume, start = moments(home, ready)
                resumed += resume
                started += start
                slowest.append(max(resume))
        left = len(waiting(home))
        assert left == 100 - READY * repeats, left
        home.close()
        os.chdir("/")
    return [
        name,
        f"{len(resumed)} of {len(resumed)}",
        f"{statistics.median(resumed):.0f}",
        f"{statistics.median(slowest):.0f}",
        f"{max(resumed):.0f}",
        f"{statistics.median(started):.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="times that ten become ready (default: %(default)s)")
    repeats = parser.parse_args().repeats
    rows = [
        case("one daemon", 1, repeats),
        case("two daemons", 2, repeats),
        case("two, one is killed", 2, repeats, kill=True),
    ]
    print(f"ms after the field was set; {machine()}; 10 of 100 runs become ready at once, {repeats} times")
    head = ("daemons", "resumed once", "median", "last of ten", "slowest", "first call, median")
    print(table(head, rows, left=(0,)))


if __name__ == "__main__":
    main()
