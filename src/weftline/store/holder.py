"""Names the process that works on a run, so that another can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_process() -> str:
    """`host:pid:start`; the start time tells a process from a later one with the same number."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def may_be_alive(holder: str) -> bool:
    """Whether the process still runs; one of another host is believed to."""
    host, pid, start = holder.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    if Path("/proc/self").exists():
        return _started(int(pid)) == start
    return _answers(int(pid))


def _started(pid: int) -> str:
    """When a process began, in clock ticks since the machine's start; `?` where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "?"


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
