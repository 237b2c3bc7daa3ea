"""Names the process that works on a run, so that another can tell whether it still lives."""

from __future__ import annotations

import functools
import os
import re
import socket
from pathlib import Path

_NUMBER = re.compile(r"[0-9]{1,9}")


def this_process() -> str:
    """`machine:pid:start`; the start time tells a process from a later one with the same number."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"


def process(pid: int) -> str | None:
    """What a process of this machine calls itself; None for one that has ended."""
    started = _started(pid)
    if started == "?" and (_tells() or not _answers(pid)):
        return None
    return f"{_machine()}:{pid}:{started}"


@functools.lru_cache(maxsize=1)
def _machine() -> str:
    """`host/boot`: where numbers of processes mean the same; containers that share a name have numbers of their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")[:8]
        numbers = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}/{boot}-{numbers}"


def may_be_alive(holder: str) -> bool:
    """Whether the process still runs; one of another host, or of another kind of name, is believed to."""
    parts = holder.rsplit(":", 2)
    if len(parts) != 3 or parts[0] != _machine() or not _NUMBER.fullmatch(parts[1]):
        return True
    if _tells():
        return _started(int(parts[1])) == parts[2]
    return _answers(int(parts[1]))


def described(holder: str) -> str:
    """A holder as people would name it."""
    parts = holder.rsplit(":", 2)
    return f"{parts[1]} on {parts[0].partition('/')[0]}" if len(parts) == 3 else holder


def _tells() -> bool:
    """Whether the system tells when processes began."""
    return Path("/proc/self").exists()


def _started(pid: int) -> str:
    """When a process began, in clock ticks since the machine's start; `?` for none, and where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "?"
    return "?" if fields[0] in {"Z", "X"} else fields[19]  # one that has ended, although nobody has asked how


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
