"""CPU time of groups of many steps: composing and planning one, and what a run takes for each step, however many there are.

Each figure comes from processes of their own, in which a group was planned before: warm, as in a daemon.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from table import machine, table

from weftline import Pipeline, PipelineGroup, node
from weftline.author.compose import GroupPipeline
from weftline.author.group import GroupPolicy, Step
from weftline.author.registry import Registry

#: CPU seconds that we allow for composing and planning 10,000 steps.
BAR_S = 0.2
PLANNED = 10_000
DEEP = 100_000
SIZES = (1_000, 5_000, 10_000, 50_000)
#: What a step may take in the largest group, as a multiple of what it takes in the smallest.
GROWTH = 1.3
SHAPES = {"wide": "side by side", "chain": "one after the other", "own": "side by side, each with parameters of its own"}
AGAIN = 5
#: A file system that flushes nothing: CPU time is the same.
MEMORY = Path("/dev/shm")


@node
def work(x: int = 1) -> int:
    return x


def pipeline(shape: str, size: int) -> Pipeline:
    """A group of so many steps, as a program has it that has just read it."""
    registry = Registry()
    registry.pipelines.add("work", work)
    steps = [
        Step(
            f"s{at}",
            "work",
            (f"s{at - 1}",) if shape == "chain" and at else (),
            {"x": at} if shape == "own" else {},
        )
        for at in range(size)
    ]
    group = PipelineGroup.from_steps("g", steps, policy=GroupPolicy("parallel", 8, "continue"))
    return Pipeline.of(GroupPipeline(group, registry.find))


def plan(shape: str, size: int, kept: str) -> float:
    """CPU seconds for composing and planning a group."""
    with folder() as home:
        where = home if kept == "home" else None
        pipeline(shape, 10).plan(home=where)
        figures = []
        for _ in range(AGAIN):
            made = pipeline(shape, size)
            before = time.process_time()
            planned = made.plan(home=where)
            figures.append(time.process_time() - before)
            del planned, made  # not while the next one is timed
    return median(figures)


def run(shape: str, size: int, kept: str) -> float:
    """CPU microseconds of a parallel run for each step."""
    with folder() as home:
        where = home if kept == "home" else None
        pipeline(shape, 10).run(home=where, cache=False)
        figures = []
        for _ in range(3):
            if where is not None:
                shutil.rmtree(home)
            made = pipeline(shape, size)
            made.graph.order  # noqa: B018 - composing is not running
            before = time.process_time()
            assert made.run(home=where).ok
            figures.append((time.process_time() - before) / size * 1e6)
    return median(figures)


def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, ignore_cleanup_errors=True)


def measured(repeats: int, what: str, shape: str, size: int, kept: str) -> float:
    command = [sys.executable, __file__, "--work", what, shape, str(size), kept]
    found = [float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(repeats)]
    return median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="processes for each figure (default: %(default)s)")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        what, shape, size, kept = asked.work
        print({"plan": plan, "run": run}[what](shape, int(size), kept))
        return
    print(f"{machine()}; medians of {asked.repeats} processes, of several times in each\n")
    rows = []
    for shape, shown in SHAPES.items():
        for kept in ("none", "home"):
            found = measured(asked.repeats, "plan", shape, PLANNED, kept)
            rows.append((shown, kept, f"{PLANNED:,}", f"{found:.3f}", f"{BAR_S}", "yes" if found <= BAR_S else "NO"))
    found = measured(1, "plan", "chain", DEEP, "none")
    rows.append((SHAPES["chain"], "none", f"{DEEP:,}", f"{found:.3f}", "", ""))
    print("composing and planning a group, CPU s; home: with an empty cache, in which all recipes are looked up")
    print(table(("steps", "kept in", "how many", "CPU s", "bar", "holds"), rows, left=(0, 1)), flush=True)
    rows = []
    for kept in ("none", "home"):
        figures = [measured(asked.repeats, "run", "wide", size, kept) for size in SIZES]
        growth = figures[-1] / figures[0]
        told = [f"{figure:.0f}" for figure in figures]
        rows.append((kept, *told, f"{growth:.2f}", f"{GROWTH}", "yes" if growth <= GROWTH else "NO"))
    print("\na parallel run of no-op steps, CPU us for each step")
    print(table(("kept in", *(f"{size:,}" for size in SIZES), "growth", "bar", "holds"), rows))


if __name__ == "__main__":
    main()
