"""What this machine has, for the backends that run calls on it."""

from __future__ import annotations

import math
import os
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
