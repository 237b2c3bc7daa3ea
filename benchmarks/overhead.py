"""CPU time per no-op node, of weftline and its peers in one run; prints a table for each case. See README.md beside it."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from catalogue import CASES, PEERS, Case, Peer
from environments import HERE, NotInstalledError, python_of, surroundings
from table import machine, number, table

HEADER = ("peer", "version", "size", "CPU us/node", "wall us/node", "x weftline", "build", "first run", "note")
#: A process that takes more CPU seconds than this is not repeated.
SLOW_S = 10.0
#: A process may take this many times its limit of CPU seconds until it ends, on a machine that has other things to do.
PATIENCE = 4


@dataclass
class Row:
    """What was found for one peer at one size of one case: a line of JSON for each process, or why there is none."""

    peer: Peer
    case: str
    size: int
    lines: list[dict] = field(default_factory=list)
    reason: str = ""
    took_s: float = 0.0

    def middle(self, name: str) -> float | None:
        found = [line[name] for line in self.lines if line.get(name) is not None]
        return statistics.median(found) if found else None

    @property
    def cpu(self) -> float | None:
        return self.middle("cpu_us_per_node")

    @property
    def note(self) -> str:
        """Why there is no figure, or what it stands for."""
        usual = self.peer.notes.get(self.case, self.peer.notes.get("", ""))
        special = {str(line["note"]) for line in self.lines if line["note"]}
        return self.reason or "; ".join((usual, *sorted(special)))

    @property
    def once_us(self) -> float:
        """CPU time per node of making the graph and running it once."""
        return (self.middle("build_us_per_node") or 0.0) + (self.middle("first_us_per_node") or 0.0)

    @property
    def version(self) -> str:
        return str(self.lines[0]["version"]) if self.lines else "-"

    def record(self) -> dict[str, object]:
        """As it stands in the file of `--json`."""
        return {
            "peer": self.peer.name,
            "version": self.version,
            "case": self.case,
            "size": self.size,
            "cpu_us_per_node": self.cpu,
            "wall_us_per_node": self.middle("wall_us_per_node"),
            "build_us_per_node": self.middle("build_us_per_node"),
            "first_us_per_node": self.middle("first_us_per_node"),
            "processes": len(self.lines),
            "note": self.note,
        }


def main() -> None:
    asked = arguments()
    peers = [peer for peer in PEERS if not asked.peers or peer.name in asked.peers or peer.adapter in asked.peers]
    cases = {name: case for name, case in CASES.items() if not asked.case or name in asked.case}
    print(f"CPU time per no-op node, user and system, children included; {datetime.now(UTC):%Y-%m-%d}")
    print(f"{machine()}; medians of {asked.repeats} processes, of several runs in each")
    rows: list[Row] = []
    for name, case in cases.items():
        found = measure(name, peers, asked)
        rows += found
        print(f"\n{name}: {case.title}\n{render(case, found)}", flush=True)
    print(f"\n{FOOTNOTE}\n")
    print(table(("bar", "size", "CPU us/node", "bar", "goal", "verdict"), list(verdicts(rows)), left=(0, 5)))
    if asked.json:
        report = {"machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}", "rows": [row.record() for row in rows]}
        asked.json.write_text(json.dumps(report, indent=1) + "\n")


FOOTNOTE = """\
CPU and wall: running a graph that is there (where caches are cold: the first run). build: making the graph, CPU us/node;
weftline makes part of it in its first run. first run: CPU us/node. All in one process after a run of a tiny graph."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", choices=list(CASES), help="only this case; may be given several times")
    parser.add_argument("--peers", default="", help="only these, with commas; weftline is always there")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each figure (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=60, help="CPU seconds for one process (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="weftline alone, without the largest graphs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    asked = parser.parse_args()
    asked.peers = {"weftline", *asked.peers.split(",")} if asked.peers else set()
    if unknown := asked.peers - {name for peer in PEERS for name in (peer.name, peer.adapter)}:
        parser.error(f"no peer {', '.join(sorted(unknown))}; there are {', '.join(dict.fromkeys(p.adapter for p in PEERS))}")
    if asked.quick:
        asked.peers = {"weftline"}
    return asked


def measure(case: str, peers: Iterable[Peer], asked: argparse.Namespace) -> list[Row]:
    """All peers in turn, and that several times, so that a noisy minute meets all of them."""
    rows: dict[tuple[str, int], Row] = {}
    for turn in range(asked.repeats):
        for peer in peers:
            before: Row | None = None
            for size in peer.sizes.get(case, ()):
                if asked.quick and size > max(10_000, CASES[case].size):
                    break
                row = rows.setdefault((peer.name, size), Row(peer, case, size))
                if turn == 0 or (not row.reason and row.took_s < SLOW_S):
                    step(row, before, asked.limit)
                if row.reason:
                    break
                before = row
    return list(rows.values())


def step(row: Row, smaller: Row | None, limit_s: int) -> None:
    """One process, unless the rate at the smaller size says that it cannot end in time."""
    if smaller is not None and smaller.once_us * row.size / 1e6 > limit_s:
        row.reason = f"> {limit_s} CPU s, by its rate at {smaller.size:,}"
        return
    try:
        python = python_of(row.peer.adapter)
        before = children_cpu_s()
        line = called(python, row, limit_s)
        row.took_s = children_cpu_s() - before
    except NotInstalledError as error:
        row.reason = str(error)
        return
    except subprocess.TimeoutExpired:
        row.reason = f"> {PATIENCE * limit_s} s on the wall"
        return
    row.lines.append(line)
    if line["cpu_us_per_node"] is None:
        row.reason = str(line["note"])
    print(f"{row.case} {row.size} {row.peer.name}: {line['cpu_us_per_node'] or row.reason}", file=sys.stderr)


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def called(python: Path, row: Row, limit_s: int) -> dict:
    """The line that an adapter prints.

    Raises:
        subprocess.TimeoutExpired: it took too long; its process and the ones that it started are gone.
    """
    script = HERE / "peers" / f"{row.peer.adapter}.py"
    # -P: the folder of the adapters, which are called like their libraries, is not searched for modules
    command = [str(python), "-P", str(script), row.case, str(row.size), "--variant", row.peer.variant, "--limit", str(limit_s)]
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = {**surroundings(folder), "PYTHONPATH": str(HERE)}
        process = subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True, **pipes)
        try:
            out, err = process.communicate(timeout=PATIENCE * limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
    try:
        return json.loads(out.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        last = (err.strip().splitlines() or ["no output"])[-1]
        is_over = -process.returncode in (signal.SIGXCPU, signal.SIGKILL)
        reason = f"> {limit_s} CPU s" if is_over else f"exit {process.returncode}: {last[:60]}"
        return {"version": "-", "cpu_us_per_node": None, "wall_us_per_node": None, "note": reason}


def render(case: Case, rows: list[Row]) -> str:
    """The table of a case: by size, then by CPU time; what could not be measured comes last."""
    ours = {row.size: row.cpu for row in rows if row.peer.name == "weftline" and row.cpu}
    lines = []
    for row in sorted(rows, key=lambda row: (row.size, row.cpu is None, row.cpu or 0)):
        record = row.record()
        version = next((each.version for each in rows if each.peer is row.peer and each.lines), "-")
        reference = ours.get(row.size, ours.get(case.size))
        note = str(record["note"])
        if row.peer.name == "weftline" and row.cpu:
            note += f"; bar {case.bar:g} {said(row.cpu, case.bar)}, goal {case.goal:g} {said(row.cpu, case.goal)}"
        lines.append(
            (
                row.peer.name,
                version,
                f"{row.size:,}",
                number(row.cpu),
                number(row.middle("wall_us_per_node")),
                number(row.cpu / reference) if row.cpu and reference else "-",
                number(row.middle("build_us_per_node")),
                number(row.middle("first_us_per_node")),
                note,
            )
        )
    return table(HEADER, lines, left=(0, 1, 8))


def said(value: float, wanted: float) -> str:
    return "met" if value <= wanted else "MISSED"


def verdicts(rows: list[Row]) -> Iterator[tuple[str, ...]]:
    """weftline against its bars, in short."""
    for row in rows:
        case = CASES[row.case]
        if row.peer.name == "weftline":
            verdict = row.reason if row.cpu is None else f"bar {said(row.cpu, case.bar)}, goal {said(row.cpu, case.goal)}"
            yield row.case, f"{row.size:,}", number(row.cpu), f"{case.bar:g}", f"{case.goal:g}", verdict


if __name__ == "__main__":
    main()
