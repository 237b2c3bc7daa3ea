"""CPU time and time on the wall of a stretch of a program, its children included; standard library only."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Sample:
    """What one timed stretch took, this process and its children together."""

    cpu_s: float = 0.0
    wall_s: float = 0.0


class Clock:
    """CPU time of this process and of its children, and the time on the wall."""

    def __init__(self, *, follow: bool) -> None:
        self._follow = follow

    @contextlib.contextmanager
    def timing(self):
        gc.collect()
        sample = Sample()
        cpu, wall = self._cpu_s(), time.perf_counter()
        yield sample
        sample.wall_s = time.perf_counter() - wall
        sample.cpu_s = self._cpu_s() - cpu

    def _cpu_s(self) -> float:
        used = [resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used) + (_living_s() if self._follow else 0.0)


def _living_s() -> float:
    """CPU time of all living descendants, which the resource usage of children leaves out; Linux only, else 0.

    Fields of /proc/PID/stat after the name: state, parent (2nd), ..., utime (12th), stime (13th); see proc_pid_stat(5).
    """
    stats: dict[int, tuple[int, int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            stats[int(path.parent.name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
    ours = {os.getpid()}
    while more := {pid for pid, (parent, _) in stats.items() if parent in ours and pid not in ours}:
        ours |= more
    return sum(stats[pid][1] for pid in ours - {os.getpid()}) / os.sysconf("SC_CLK_TCK")
