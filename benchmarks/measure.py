"""Times one case of one peer inside the process it is called in, and prints one line of JSON; standard library only.

A peer's adapter gives `serve` one builder for each case. A builder makes the graph and returns the function that runs it and
returns a number, which must be the right one. Building, the first run and later runs are timed apart. Cases that begin with
`array` are those of `arrays.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import arrays
from clock import Clock

#: Samples go on until this much CPU time is spent, so that a short run is not measured once only.
ENOUGH_S = 0.5
#: Fewest and most samples in one process.
FEWEST, MOST = 3, 25
#: After a first run of more CPU time than this, one more is enough; after one of much more, there is none.
LONG_S, VERY_LONG_S = 3.0, 20.0
#: Size of the graph that is run once before anything is timed, so that lazy imports are not counted.
TINY = 4


@dataclass(frozen=True)
class Job:
    """One case to build: how many nodes, where files may be kept, and which of the peer's variants to use.

    Cases are called `SHAPE` or `SHAPE-STATE`. The states: `cold`, all has to be computed; `hit`, all is in the cache, filled by
    another process; `leaf`, the same, but one thing that nothing else depends on was changed since; `durable`, a journal that
    survives a loss of power, where the builder's function plans and returns the one that runs, which are timed apart.
    """

    case: str
    size: int
    folder: Path
    variant: str

    @property
    def is_changed(self) -> bool:
        return self.case.endswith("-leaf")

    @property
    def is_kept(self) -> bool:
        """Whether results go to a cache."""
        return "-" in self.case

    @property
    def items(self) -> list[int]:
        """What a fan is over: 0, 1, 2, ...; if the leaf is changed, the one in the middle is another."""
        found = list(range(self.size))
        if self.is_changed:
            found[self.size // 2] = self.size
        return found

    @property
    def last(self) -> int:
        """What the last node of a chain adds."""
        return 2 if self.is_changed else 1


Run = Callable[[], float]
Builder = Callable[[Job], Run]


def expected(job: Job) -> int:
    """What a right run returns: the end of a chain that counts up, or the sum of all results.

    Chain: 0, then each adds 1. Wide: each of `size` nodes adds 1 to the same 0. Fan: each adds 1 to one of the items.
    """
    shape = job.case.partition("-")[0]
    if shape == "chain":
        return job.size - 2 + job.last
    return job.size if shape == "wide" else sum(job.items) + job.size


def kept_cases(fan: Builder, chain: Builder, array: Callable[[Job], Callable[[], object]]) -> dict[str, Builder]:
    """The builders of all cases with a cache."""
    shapes = {"fan": fan, "chain": chain}
    found = {f"{shape}-{state}": build for shape, build in shapes.items() for state in ("cold", "hit", "leaf")}
    return {**found, "array-cold": array, "array-hit": array}


def serve(peer: str, distribution: str, builders: Mapping[str, Builder], note: str = "", *, follow: bool = False) -> None:
    """Runs the case that the command line names, and prints its line.

    Args:
        peer: its name in the table.
        distribution: whose version is printed; if that is not installed, it is printed itself.
        builders: by case.
        note: goes to the table when nothing else does.
        follow: count processes that are still alive, too (a server that the peer starts).
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=sorted(builders))
    parser.add_argument("size", type=int)
    parser.add_argument("--variant", default="")
    parser.add_argument("--folder", type=Path, help="where files are kept; a temporary one by default")
    parser.add_argument("--limit", type=int, default=0, help="CPU seconds after which the system ends the process")
    parser.add_argument("--once", action="store_true", help="time the first run, and no more")
    parser.add_argument("--fill", action="store_true", help="run once and print nothing: fills the cache of --folder")
    asked = parser.parse_args()
    if asked.limit:
        resource.setrlimit(resource.RLIMIT_CPU, (asked.limit, asked.limit))
    line: dict[str, object] = {"peer": peer, "version": _version(distribution), "case": asked.case, "size": asked.size}
    with contextlib.ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        job = Job(asked.case, asked.size, folder, asked.variant)
        out = stack.enter_context(_quiet())
        try:
            if asked.fill:
                builders[job.case](job)()
                return
            clock = Clock(follow=follow)
            if job.case.startswith("array"):
                line |= arrays.measured(job, builders[job.case], clock)
            elif job.case.endswith("-durable"):
                line |= _durable(job, builders[job.case], clock)
            else:
                line |= _measured(job, builders[job.case], clock, once=asked.once)
            line["note"] = line.get("note") or note
        except Exception as error:  # a peer that breaks at a size is a result
            if os.environ.get("BENCH_DEBUG"):
                raise
            line |= {"cpu_us_per_node": None, "wall_us_per_node": None, "note": _reason(error)}
        print(json.dumps(line), file=out, flush=True)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return distribution


@contextlib.contextmanager
def _quiet():
    """What a peer prints goes to the error stream; the line of JSON alone to standard output."""
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        yield out


def _reason(error: BaseException) -> str:
    """The innermost name of what went wrong; a peer's wrapper says less than its cause."""
    chain = [error]
    while (below := chain[-1].__cause__ or chain[-1].__context__) is not None and below not in chain:
        chain.append(below)
    if any(isinstance(found, RecursionError) for found in chain) or "recursion depth exceeded" in str(error):
        return "RecursionError"
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:60]}" if text else type(error).__name__


def _measured(job: Job, build: Builder, clock: Clock, *, once: bool) -> dict[str, object]:
    _warm_up(job, build)
    if job.case.endswith(("-hit", "-leaf")):
        fill(job)
    cold = job.case.endswith("-cold")
    with clock.timing() as built:
        run = build(replace(job, folder=job.folder / "0") if cold else job)
    with clock.timing() as first:
        _checked(job, run)
    is_only = once or first.cpu_s > VERY_LONG_S
    samples = [first] if cold or is_only else []  # a cold cache is always a first run
    fewest = 1 if is_only or first.cpu_s > LONG_S else FEWEST
    while len(samples) < MOST:
        if len(samples) >= fewest and (once or sum(sample.cpu_s for sample in samples) >= ENOUGH_S):
            break
        if cold:
            run = build(replace(job, folder=job.folder / str(len(samples))))
        with clock.timing() as sample:
            _checked(job, run)
        samples.append(sample)
    each = 1e6 / job.size
    return {
        "cpu_us_per_node": round(statistics.median(sample.cpu_s for sample in samples) * each, 3),
        "wall_us_per_node": round(statistics.median(sample.wall_s for sample in samples) * each, 3),
        "build_us_per_node": round(built.cpu_s * each, 3),
        "first_us_per_node": round(first.cpu_s * each, 3),
        "samples": len(samples),
        "note": "the first run alone" if is_only and not cold and not once else "",
    }


def _durable(job: Job, build: Callable[[Job], Callable[[], Run]], clock: Clock) -> dict[str, object]:
    """One run on an empty home: making the graph, planning and running, each for itself."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tiny = replace(job, size=TINY, folder=Path(folder))
        _checked(tiny, build(tiny)())
    with clock.timing() as built:
        plan = build(job)
    with clock.timing() as planned:
        run = plan()
    with clock.timing() as ran:
        _checked(job, run)
    each = 1e6 / job.size
    return {
        "cpu_us_per_node": round(ran.cpu_s * each, 3),
        "wall_us_per_node": round(ran.wall_s * each, 3),
        "plan_cpu_us_per_node": round(planned.cpu_s * each, 3),
        "plan_wall_us_per_node": round(planned.wall_s * each, 3),
        "build_us_per_node": round(built.cpu_s * each, 3),
        "samples": 1,
    }


def fill(job: Job) -> None:
    """Another process runs the job as it was before its leaf was changed, and leaves the cache filled."""
    case = job.case.replace("-leaf", "-hit")
    command = [sys.executable, "-P", sys.argv[0], case, str(job.size), "--fill", "--folder", str(job.folder)]
    subprocess.run([*command, "--variant", job.variant], check=True, stdout=sys.stderr)


def _warm_up(job: Job, build: Builder) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tiny = replace(job, size=TINY, folder=Path(folder))
        _checked(tiny, build(tiny))


def _checked(job: Job, run: Run) -> None:
    found = run()
    if found != expected(job):
        raise ValueError(f"wrong result: {found} instead of {expected(job)}")
