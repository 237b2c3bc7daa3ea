"""CPU seconds from a command's start to its end, over bare Python: weftline's and, for the same hello, its peers'."""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from environments import HERE, NotInstalledError, python_of, surroundings
from table import machine, number, table

HELLO = HERE / "hello"
#: A command that takes more CPU seconds than this is measured `FEW` times only.
SLOW_S, FEW = 3.0, 3
LIMIT_S = 120


@dataclass
class Row:
    """A command, and what its runs took.

    Attributes:
        command: its first word is looked up in the environment of the peer.
        again: run it once before, in the same folder, and measure the second time.
        bar: CPU seconds over bare Python that weftline must stay below.
    """

    peer: str
    what: str
    command: tuple[str, ...]
    again: bool = False
    bar: float | None = None
    cpu_s: list[float] = field(default_factory=list)
    reason: str = ""


def hello(name: str) -> str:
    return str(HELLO / name)


RUN = ("weftline", "run", hello("weftline_flow.py"))
SNAKE = ("snakemake", "--cores", "1", "--quiet", "all", "--snakefile")
ROWS = [
    Row("weftline", "import weftline", ("python", "-c", "import weftline"), bar=0.15),
    Row("weftline", "weftline --help", ("weftline", "--help"), bar=0.35),
    Row("weftline", "hello, empty home", RUN, bar=0.8),
    Row("weftline", "hello again, all cached", RUN, again=True, bar=0.8),
    Row("pipefunc", "hello, a script, run folder", ("python", hello("pipefunc_flow.py"))),
    Row("pipefunc", "hello again", ("python", hello("pipefunc_flow.py")), again=True),
    Row("snakemake", "hello, Python rules", (*SNAKE, hello("Snakefile.python"))),
    Row("snakemake", "hello, shell rules", (*SNAKE, hello("Snakefile"))),
    Row("snakemake", "hello again, nothing to do", (*SNAKE, hello("Snakefile")), again=True),
    Row("dagster", "hello, dagster job execute", ("dagster", "job", "execute", "-f", hello("dagster_flow.py"), "-j", "hello")),
    Row("prefect", "hello, a script, its server", ("python", hello("prefect_flow.py"))),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="runs of each command (default: %(default)s)")
    parser.add_argument("--peers", default="", help="only these, with commas; weftline is always there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    asked = parser.parse_args()
    wanted = {"weftline", *asked.peers.split(",")} if asked.peers else {row.peer for row in ROWS}
    rows = [row for row in ROWS if row.peer in wanted]
    bare = {row.peer: Row(row.peer, "bare Python", ("python", "-c", "pass")) for row in rows}
    for turn in range(-1, asked.repeats):  # turn -1 compiles bytecode and fills the caches of the machine
        for row in (*bare.values(), *rows):
            if not row.reason and (len(row.cpu_s) < FEW or max(row.cpu_s) < SLOW_S):
                measure(row, keep=turn >= 0)
    report(rows, bare, asked)


def measure(row: Row, *, keep: bool) -> None:
    """Runs a command in an empty folder, and keeps what it took."""
    try:
        folder = python_of(row.peer).parent
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as place:
            command = [str(folder / row.command[0]), *row.command[1:]]
            if row.command[0] == "python":
                command[0] = str(python_of(row.peer))
            if row.again:
                cpu_s(command, place)
            taken = cpu_s(command, place)
    except (NotInstalledError, OSError, subprocess.SubprocessError) as error:
        row.reason = str(error)[:90]
        return
    if keep:
        row.cpu_s.append(taken)


def cpu_s(command: list[str], place: str) -> float:
    """CPU time of a command, user and system, and of the processes that it started and waited for.

    Raises:
        subprocess.SubprocessError: it failed, or took too long.
    """
    with tempfile.TemporaryFile() as said:
        streams = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, env=surroundings(place), cwd=place, start_new_session=True, **streams)
        limit = threading.Timer(LIMIT_S, os.killpg, (process.pid, signal.SIGKILL))
        limit.start()
        _, status, used = os.wait4(process.pid, 0)  # unlike the usage of all children, this is of this one
        limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            last = (said.read().decode(errors="replace").strip().splitlines() or ["no output"])[-1]
            raise subprocess.SubprocessError(f"exit {process.returncode}: {last}")
    return used.ru_utime + used.ru_stime


def report(rows: list[Row], bare: dict[str, Row], asked: argparse.Namespace) -> None:
    print(f"CPU seconds over bare Python, user and system, children included; {datetime.now(UTC):%Y-%m-%d}")
    print(f"{machine()}; medians of {asked.repeats} runs, of {FEW} for commands over {SLOW_S:g} s; bytecode is compiled before")
    lines, records = [], []
    for row in rows:
        base = statistics.median(bare[row.peer].cpu_s) if bare[row.peer].cpu_s else 0.0
        over = statistics.median(row.cpu_s) - base if row.cpu_s else None
        verdict = row.reason
        if row.bar is not None and over is not None:
            verdict = "met" if over <= row.bar else "MISSED"
        bar = "" if row.bar is None else f"{row.bar:g}"
        lines.append((row.peer, row.what, number(over), number(base), str(len(row.cpu_s)), bar, verdict))
        records.append(
            {"peer": row.peer, "what": row.what, "cpu_s": over, "bare_s": base, "bar_s": row.bar, "note": row.reason}
        )
    print("\n" + table(("peer", "what", "CPU s over bare", "bare", "runs", "bar", ""), lines, left=(0, 1, 6)))
    if asked.json:
        found = {"machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}", "rows": records}
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
