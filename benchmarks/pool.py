"""What a small call costs in a warm pool of processes, and whether one call can be stopped; pools side by side, in one run.

Each figure is the median of several processes. See README.md beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from environments import NotInstalledError, python_of, surroundings
from table import machine, number, table

HERE = Path(__file__).resolve().parent
#: The goals: CPU microseconds for a call, and seconds for 8 naps of 10 ms on 4 slots.
CPU_GOAL_US, NAPS_GOAL_S = 150.0, 0.024
LIMIT_S = 300


class Pool(NamedTuple):
    """One row: what it is called, its adapter, whose environment it needs, and whether it is measured unasked."""

    title: str
    module: str
    name: str
    environment: str
    always: bool = True


POOLS = (
    Pool("weftline processes, each call with a limit", "weft", "processes", "weftline"),
    Pool("weftline threads", "weft", "threads", "weftline"),
    Pool("weftline run, in memory, pool included", "weft", "run", "weftline"),
    Pool("weftline run, journal and cache, pool included", "weft", "run_kept", "weftline"),
    Pool("concurrent.futures", "others", "stdlib", "weftline"),
    Pool("loky", "others", "loky", "loky"),
    Pool("dask processes", "others", "OfDask", "dask", always=False),
    Pool("distributed", "others", "OfDistributed", "distributed", always=False),
    Pool("ray", "others", "OfRay", "ray", always=False),
)
HEADER = ("pool", "CPU us/call", "wall us/call", "8 x 10 ms", "stops a call", "and all it started", "note")
NOTE = """\
CPU: user and system time of the parent and all processes below it, for one of the calls that are submitted one by one; the
workers are warm. 8 x 10 ms: from the first submit to the last result, on 4 slots if there are 4 workers. stops a call: a
running one, by the pool's own means, so that the pool goes on; and with it a process that the call has started in a session of
its own. In the rows of a run the start of its workers counts."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="also those that are large to install: dask, distributed, ray")
    parser.add_argument("--calls", type=int, default=10_000, help="calls for one figure (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="processes for one figure (default: %(default)s)")
    asked = parser.parse_args()
    print(f"{asked.calls:,} small calls on {asked.workers} workers, {datetime.now(UTC):%Y-%m-%d}")
    print(f"{machine()}; medians of {asked.repeats} processes\n")
    rows = []
    for pool in POOLS:
        if pool.always or asked.all:
            rows.append((pool, measured(pool, asked)))
            print(f"{pool.title}: done", file=sys.stderr)
    print(table(HEADER, [[pool.title, *cells(found)] for pool, found in rows], left=(0, 6)))
    print(f"\n{NOTE}\n")
    own, threads = rows[0][1], rows[1][1]
    print(verdict("CPU of a call through the warm processes", own.get("cpu_us"), CPU_GOAL_US, "us"))
    for name, found in (("processes", own), ("threads", threads)):
        naps_s = found.get("naps_s")
        print(verdict(f"8 x 10 ms, {name}", naps_s and 1e3 * naps_s, 1e3 * NAPS_GOAL_S, "ms"))


def measured(pool: Pool, asked: argparse.Namespace) -> dict[str, Any]:
    """The medians of several processes, or why there are none."""
    found: list[dict[str, Any]] = []
    for _ in range(asked.repeats):
        try:
            found.append(once(pool, asked.calls, asked.workers))
        except NotInstalledError as error:
            return {"note": str(error)}
        except subprocess.TimeoutExpired:
            return {"note": f"took more than {LIMIT_S} s"}
        except subprocess.CalledProcessError as error:
            print(error.stderr, file=sys.stderr)
            lines = error.stderr.strip().splitlines()
            return {"note": f"broken: {lines[-1][:60] if lines else error.returncode}"}
    medians = {key: statistics.median(one[key] for one in found) for key in found[0] if not key.startswith("stops")}
    return {**medians, **{key: all(one[key] for one in found) for key in found[0] if key.startswith("stops")}}


def once(pool: Pool, calls: int, workers: int) -> dict[str, Any]:
    """One process that measures.

    Raises:
        NotInstalledError: there is no environment for it.
        subprocess.SubprocessError: it broke, or took too long.
    """
    python = python_of(pool.environment)
    words = [str(python), str(HERE / "pools" / "one.py"), pool.module, pool.name, str(calls), str(workers)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = surroundings(folder)
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def cells(found: dict[str, Any]) -> list[str]:
    naps_s = found.get("naps_s")
    naps = "-" if naps_s is None else f"{1e3 * naps_s:.1f} ms"
    answers = ["-" if key not in found else "yes" if found[key] else "no" for key in ("stops", "stops_all")]
    return [number(found.get("cpu_us")), number(found.get("wall_us")), naps, *answers, found.get("note", "")]


def verdict(what: str, value: float | None, goal: float, unit: str) -> str:
    if value is None:
        return f"{what}: not measured"
    return f"{what}: {value:.1f} {unit}, goal {goal:g} {unit}: {'met' if value <= goal else 'MISSED'}"


if __name__ == "__main__":
    main()
