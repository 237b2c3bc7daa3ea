"""How well slots are used: calls that do not fit are passed by others, and submitting never waits; prints a table.

Each case is run several times from a warm process. The bound is what no order of the calls can beat.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from table import machine, table

from weftline import Pipeline, Resources, node

#: Name, what it is, the shortest possible time, and the most that we allow, in seconds.
MIXED = ("mixed slots", "2 + 4 + 2 of 4 slots, 400 ms each, in this order", 0.8, 0.84)
EIGHT = ("eight on four", "8 x 10 ms on 4 slots, from submit", 0.02, 0.024)


def sleeper(name: str, cpu: int, seconds: float):
    """A node that occupies slots for a time."""

    @node(name=name, provides=name, resources=Resources(cpu=cpu))
    def sleep() -> int:
        time.sleep(seconds)
        return cpu

    return sleep


def mixed(backend: str) -> Callable[[], float]:
    pipeline = Pipeline([sleeper("first", 2, 0.4), sleeper("large", 4, 0.4), sleeper("last", 2, 0.4)], name="mixed")
    return lambda: pipeline.run(home=None, backend=backend, workers=4).took_s


def eight(backend: str) -> Callable[[], float]:
    pipeline = Pipeline([sleeper(f"n{at}", 1, 0.01) for at in range(8)], name="eight")
    return lambda: pipeline.run(home=None, backend=backend, workers=4).took_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="runs of each case (default: %(default)s)")
    repeats = parser.parse_args().repeats
    rows = []
    for (name, what, bound, limit), make in ((MIXED, mixed), (EIGHT, eight)):
        run = make("threads")
        run()
        took = sorted(run() for _ in range(repeats))
        median = statistics.median(took)
        cells = [f"{seconds * 1000:,.1f}" for seconds in (bound, took[0], median, took[-1], limit)]
        rows.append((name, what, *cells, "yes" if median <= limit else "NO"))
    print(f"time on the wall, ms; {machine()}; {repeats} runs of each")
    print(table(("case", "calls", "bound", "min", "median", "max", "bar", "holds"), rows, left=(0, 1)))


if __name__ == "__main__":
    main()
