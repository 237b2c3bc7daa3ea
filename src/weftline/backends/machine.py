"""What this machine has, for the backends that run calls on it."""

from __future__ import annotations

import math
import os


def memory_gb() -> float:
    """Main memory in GiB, or infinity where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return math.inf
