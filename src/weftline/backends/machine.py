"""What this machine has and allows, for the backends that run calls on it."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def memory_gb() -> float:
    """Main memory in GiB, or infinity where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return math.inf


def memory_limit() -> str:
    """The limit on this process's memory in words; empty if there is none, or the system does not say."""
    if sys.platform == "win32":
        return ""
    import resource  # POSIX only

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return "" if soft == resource.RLIM_INFINITY else f"this process may have {soft / 2**30:.2f} GiB (RLIMIT_AS)"


def memory_kills() -> int | None:
    """How many processes of this process's control group the system has killed for want of memory; None if it does not say.

    The counter is `oom_kill`: see "memory.events" in the kernel's admin-guide/cgroup-v2, and "memory.oom_control" in v1.
    """
    for path in _memory_events():
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text(encoding="ascii").splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return None


def _memory_events() -> Iterator[Path]:
    """Where the counter may be; in a container the group's own path may not lead there, but the root does."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    root = Path("/sys/fs/cgroup")
    for line in lines:
        number, kinds, group = line.split(":", 2)
        if number == "0":
            yield from (root / group.lstrip("/") / "memory.events", root / "memory.events")
        elif "memory" in kinds.split(","):
            yield from (root / "memory" / group.lstrip("/") / "memory.oom_control", root / "memory" / "memory.oom_control")
