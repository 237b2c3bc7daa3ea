"""Peers in turn, each measurement in a process of its own, with limits; what was found is a row of a table."""

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from catalogue import Case, Peer
from environments import HERE, NotInstalledError, python_of, surroundings
from table import machine, number, table

HEADER = ("peer", "version", "size", "CPU us/node", "wall us/node", "x weftline", "build", "first run", "note")


@dataclass(frozen=True)
class Rules:
    """How long peers may take.

    Attributes:
        repeats: processes for each figure.
        cpu_s, wall_s: after which a process is ended.
        slow_s: a process that takes more CPU seconds than this is not repeated.
        once: each process times one run only, the first.
    """

    repeats: int
    cpu_s: int
    wall_s: int
    slow_s: float = 10.0
    once: bool = False

    @property
    def limit(self) -> str:
        return f"> {self.wall_s} s" if self.wall_s <= self.cpu_s else f"> {self.cpu_s} CPU s"


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
        notes, shape = self.peer.notes, self.case.partition("-")[0]
        usual = notes.get(self.case) or notes.get(shape if "-" in self.case else "") or notes.get("", "")
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
        told = {"peer", "version", "case", "size", "note", "samples"}
        names = dict.fromkeys(name for line in self.lines for name in line if name not in told)
        return {
            "peer": self.peer.name,
            "version": self.version,
            "case": self.case,
            "size": self.size,
            **{name: self.middle(name) for name in names},
            "processes": len(self.lines),
            "note": self.note,
        }


def arguments(description: str | None, cases: Iterable[str], peers: Iterable[Peer]) -> argparse.ArgumentParser:
    """The options that all side-by-side benchmarks have; `chosen` understands them."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--case", action="append", choices=list(cases), help="only this case; may be given several times")
    names = ", ".join(dict.fromkeys(peer.adapter for peer in peers))
    parser.add_argument("--peers", default="", help=f"only these, with commas, of {names}; weftline is always there")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each figure (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="weftline alone, without the largest sizes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser


def chosen(parser: argparse.ArgumentParser, asked: argparse.Namespace, peers: list[Peer]) -> list[Peer]:
    """The peers that are asked for, by the name of a row or of an adapter."""
    wanted = {"weftline"} if asked.quick else {"weftline", *asked.peers.split(",")} if asked.peers else set()
    if unknown := wanted - {name for peer in peers for name in (peer.name, peer.adapter)}:
        known = ", ".join(dict.fromkeys(peer.adapter for peer in peers))
        parser.error(f"no peer {', '.join(sorted(unknown))}; there are {known}")
    return [peer for peer in peers if not wanted or peer.name in wanted or peer.adapter in wanted]


def measure(
    case: str,
    peers: Iterable[Peer],
    rules: Rules,
    *,
    largest: int | None = None,
    hopeless: Mapping[tuple[str, int], str] = MappingProxyType({}),
) -> list[Row]:
    """All peers in turn, and that several times, so that a noisy minute meets all of them.

    Args:
        case: its name.
        peers: in the order in which they are measured.
        rules: how often, and for how long.
        largest: the largest size that is tried.
        hopeless: by name of a peer's row and size, why it is not tried.
    """
    rows: dict[tuple[str, int], Row] = {}
    for turn in range(rules.repeats):
        for peer in peers:
            before: Row | None = None
            for size in peer.sizes.get(case, ()):
                if largest is not None and size > largest:
                    break
                row = rows.setdefault((peer.name, size), Row(peer, case, size, reason=hopeless.get((peer.name, size), "")))
                if not row.reason and (turn == 0 or row.took_s < rules.slow_s):
                    step(row, before, rules)
                if row.reason:
                    break
                before = row
    return list(rows.values())


def step(row: Row, smaller: Row | None, rules: Rules) -> None:
    """One process, unless the rate at the smaller size says that it cannot end in time."""
    if smaller is not None and smaller.once_us * row.size / 1e6 > min(rules.cpu_s, rules.wall_s):
        row.reason = f"{rules.limit}, by its rate at {smaller.size:,}"
        return
    try:
        python = python_of(row.peer.adapter)
        before = children_cpu_s()
        line = called(python, row, rules)
        row.took_s = children_cpu_s() - before
    except NotInstalledError as error:
        row.reason = str(error)
        return
    except subprocess.TimeoutExpired:
        row.reason = f"> {rules.wall_s} s" + (" on the wall" if rules.wall_s > rules.cpu_s else "")
        return
    row.lines.append(line)
    if line["cpu_us_per_node"] is None:
        row.reason = str(line["note"])
    print(f"{row.case} {row.size} {row.peer.name}: {line['cpu_us_per_node'] or row.reason}", file=sys.stderr)


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def called(python: Path, row: Row, rules: Rules) -> dict:
    """The line that an adapter prints.

    Raises:
        subprocess.TimeoutExpired: it took too long; its process and the ones that it started are gone.
    """
    script = HERE / "peers" / f"{row.peer.adapter}.py"
    # -P: the folder of the adapters, which are called like their libraries, is not searched for modules
    command = [str(python), "-P", str(script), row.case, str(row.size), "--variant", row.peer.variant]
    command += ["--limit", str(rules.cpu_s), *(["--once"] if rules.once else [])]
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = {**surroundings(folder), "PYTHONPATH": str(HERE)}
        process = subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True, **pipes)
        try:
            out, err = process.communicate(timeout=rules.wall_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
    try:
        return json.loads(out.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        last = (err.strip().splitlines() or ["no output"])[-1]
        is_over = -process.returncode in (signal.SIGXCPU, signal.SIGKILL)
        reason = f"> {rules.cpu_s} CPU s" if is_over else f"exit {process.returncode}: {last[:60]}"
        return {"version": "-", "cpu_us_per_node": None, "wall_us_per_node": None, "note": reason}


def render(case: Case, rows: list[Row], header: Sequence[str] = HEADER) -> str:
    """The table of a case: by size, then by CPU time; what could not be measured comes last."""
    ours: dict[int, float] = {}
    for row in rows:
        if row.peer.adapter == "weftline" and row.cpu:
            ours.setdefault(row.size, row.cpu)  # its first row is what the others are compared with
    lines = []
    for row in sorted(rows, key=lambda row: (row.size, row.cpu is None, row.cpu or 0)):
        reference = ours.get(row.size, ours.get(case.size))
        note = row.note
        if row.peer.judged and row.cpu and case.limits:
            note += "; " + said_of(row.cpu, case)
        cells = {
            "peer": row.peer.name,
            "version": version_in(rows, row),
            "size": f"{row.size:,}",
            "CPU us/node": number(row.cpu),
            "wall us/node": number(row.middle("wall_us_per_node")),
            "x weftline": number(row.cpu / reference) if row.cpu and reference else "-",
            "build": number(row.middle("build_us_per_node")),
            "first run": number(row.middle("first_us_per_node")),
            "note": note,
        }
        lines.append([cells[name] for name in header])
    return table(header, lines, left=(0, 1, len(header) - 1))


def version_in(rows: list[Row], row: Row) -> str:
    """The version of a row's peer, also where this row has no figures."""
    return next((each.version for each in rows if each.peer.adapter == row.peer.adapter and each.lines), "-")


def said_of(value: float, case: Case) -> str:
    """A figure against what is wanted of it."""
    return ", ".join(f"{name} {limit:g} {said(value, limit)}" for name, limit in case.limits.items())


def said(value: float, wanted: float) -> str:
    return "met" if value <= wanted else "MISSED"


def verdicts(rows: list[Row], cases: Mapping[str, Case]) -> list[tuple[str, ...]]:
    """weftline against what is wanted of it: row, case, size, figure, verdict."""
    found = []
    for row in rows:
        case = cases[row.case]
        if row.peer.judged and case.limits:
            verdict = row.reason if row.cpu is None else said_of(row.cpu, case)
            found.append((row.peer.name, row.case, f"{row.size:,}", number(row.cpu), verdict))
    return found


def write(path: Path, rows: list[Row]) -> None:
    """The figures as JSON."""
    report = {"machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}", "rows": [row.record() for row in rows]}
    path.write_text(json.dumps(report, indent=1) + "\n")
