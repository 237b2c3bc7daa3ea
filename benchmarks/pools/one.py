"""Measures one pool in the process it is called in, and prints one line of JSON; Linux, standard library only."""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

#: Naps of 10 ms, and how often they are taken.
NAPS, TIMES = 8, 15


def main() -> None:
    module, name, count, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    pool = getattr(importlib.import_module(module), name)(workers)
    found: dict[str, Any] = {}
    doubled(pool, 50 * workers)
    before, began = cpu_s(), time.perf_counter()
    doubled(pool, count)
    found["wall_us"] = (time.perf_counter() - began) / count * 1e6
    found["cpu_us"] = (cpu_s() - before) / count * 1e6
    if hasattr(pool, "naps"):
        pool.naps(NAPS)
        found["naps_s"] = [timed(pool) for _ in range(TIMES)]
        found["naps_s"] = statistics.median(found["naps_s"])
    if hasattr(pool, "start"):
        found["stops"], found["stops_all"] = stops(pool)
    print(json.dumps(found), flush=True)
    end(pool)


def doubled(pool: Any, count: int) -> None:
    total = pool.doubled(count)
    if total != count * (count - 1):
        raise SystemExit(f"a wrong result: {total}")


def timed(pool: Any) -> float:
    began = time.perf_counter()
    pool.naps(NAPS)
    return time.perf_counter() - began


def stops(pool: Any) -> tuple[bool, bool]:
    """Whether a call that runs can be stopped, and whether what it started stops with it; the pool has to go on."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        call = pool.start(folder)
        marks = Path(folder, "call"), Path(folder, "child")
        until = time.monotonic() + 30
        while not all(mark.exists() for mark in marks) and time.monotonic() < until:
            time.sleep(0.05)
        with suppress(Exception):  # a pool may refuse in any way: then the call goes on, and that is what counts
            pool.stop(call)
        time.sleep(1.0)
        before = [mark.stat().st_size for mark in marks]
        time.sleep(0.5)
        has_stopped = [mark.stat().st_size == size for mark, size in zip(marks, before, strict=True)]
    doubled(pool, 20)
    return has_stopped[0], all(has_stopped)


def end(pool: Any) -> None:
    """Leaves no process behind, whatever the pool leaves."""
    with suppress(Exception):
        pool.close()
    for pid in below():
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
    os._exit(0)


def below() -> list[int]:
    """All processes that descend from this one."""
    found = [os.getpid()]
    for pid in found:
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found[1:]


def cpu_s() -> float:
    """User and system time of this process, of all below it, and of those that have ended."""
    ended = os.times()
    total = time.process_time() + ended.children_user + ended.children_system
    for pid in below():
        with suppress(OSError):
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
            total += sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return total


if __name__ == "__main__":
    main()
