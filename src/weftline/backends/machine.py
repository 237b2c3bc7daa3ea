"""What this machine has and allows, for the backends that run calls on it."""

from __future__ import annotations

import math
import os
import sys
from functools import cache

from weftline.guard.cgroup import Cgroup, tightest_limit_bytes


@cache
def memory_gb() -> float:
    """Main memory in GiB: of the machine, or of the container or job that this is; infinity where the system does not say."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        found = math.inf
    limit = tightest_limit_bytes(Cgroup.of())
    return found if limit is None else min(found, limit / 2**30)


def memory_limit() -> str:
    """The limit on this process's memory in words; empty if there is none, or the system does not say."""
    if sys.platform == "win32":
        return ""
    import resource  # POSIX only

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return "" if soft == resource.RLIM_INFINITY else f"this process may have {soft / 2**30:.2f} GiB (RLIMIT_AS)"


def memory_kills() -> int | None:
    """How many processes of this process's control group the system has killed for want of memory; None if it does not say."""
    group = Cgroup.of()
    return None if group is None else group.figures().kills
