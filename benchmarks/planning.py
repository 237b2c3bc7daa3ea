"""CPU time of planning a large graph whose results are all there: side by side and in a chain; prints a table.

A first process fills the cache. Others plan: the first plan of a process also validates and orders the graph.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from table import machine, table

from weftline import Pipeline, node

SHAPES = {"wide": "side by side", "chain": "one after the other"}
#: CPU microseconds a node that we allow, for 100,000 nodes.
BAR_US = 20.0
AGAIN = 3
#: A file system that flushes nothing, so that the cache is filled in minutes; CPU time is the same.
MEMORY = Path("/dev/shm")


def first() -> int:
    return 0


def step(x: int) -> int:
    return x + 1


def pipeline(shape: str, size: int) -> Pipeline:
    nodes = [node(provides="k0", name="n0")(first)]
    for at in range(1, size):
        read = "k0" if shape == "wide" else f"k{at - 1}"
        nodes.append(node(provides=f"k{at}", requires={"x": read}, name=f"n{at}")(step))
    return Pipeline(nodes, name=shape)


def work(what: str, shape: str, size: int, home: Path) -> None:
    made = pipeline(shape, size)
    made.graph.index  # noqa: B018 - making the graph is not planning it
    if what == "fill":
        assert made.run(home=home, backend="inline").ok
        return
    figures = []
    for _ in range(1 + AGAIN):
        before = time.process_time()
        planned = made.plan(home=home)
        figures.append((time.process_time() - before) / size * 1e6)
        assert not planned.is_work_pending
    print(figures[0], median(figures[1:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="nodes (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each shape (default: %(default)s)")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        what, shape, home = asked.work
        work(what, shape, asked.size, Path(home))
        return
    rows = []
    for shape, shown in SHAPES.items():
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            command = [sys.executable, __file__, "--size", str(asked.size), "--work"]
            subprocess.run([*command, "fill", shape, folder], check=True, env=os.environ)
            plans = [
                subprocess.run([*command, "plan", shape, folder], check=True, stdout=subprocess.PIPE)
                for _ in range(asked.repeats)
            ]
        figures = [tuple(map(float, plan.stdout.split())) for plan in plans]
        begin, again = (median(column) for column in zip(*figures, strict=True))
        rows.append(
            (shown, f"{asked.size:,}", f"{begin:.1f}", f"{again:.1f}", f"{BAR_US:.0f}", "yes" if begin <= BAR_US else "NO")
        )
    print(f"CPU us a node for a plan whose results are all there; {machine()}; medians of {asked.repeats} processes")
    print(table(("nodes", "how many", "first plan", "later plans", "bar", "first holds"), rows))


if __name__ == "__main__":
    main()
