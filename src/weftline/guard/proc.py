"""What Linux tells of processes in /proc: each file is read once and turned into a record, without a decision.

The fields are those of proc(5). A process that is gone, or that may not be looked at, is None.
"""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
#: The name under which a worker's environment carries the words that tell what it started, whatever became of its parents.
MARK = "WEFTLINE_WORKER"

Identity = tuple[int, int]


class Stat(NamedTuple):
    """One process, from /proc/PID/stat.

    Attributes:
        started: in clock ticks since boot; a process id may be used again, but not with the same start.
        own_s: CPU seconds of its threads.
        reaped_s: CPU seconds of children that have ended and were waited for, with theirs.
        resident_bytes: pages in memory, shared ones in full.
        is_gone: it has ended, and waits for its parent to look.
    """

    pid: int
    parent: int
    session: int
    started: int
    own_s: float
    reaped_s: float
    resident_bytes: int
    is_gone: bool

    @property
    def identity(self) -> Identity:
        """Names the process for good."""
        return self.pid, self.started

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the process and of what it has waited for."""
        return self.own_s + self.reaped_s


class Memory(NamedTuple):
    """Memory that cannot be taken back from processes without swapping or ending them.

    Attributes:
        held_bytes: anonymous and shared memory and what of it is in swap. Pages of files, which the system can drop, do not
            count.
        file_bytes: pages of files.
        source: how it was found: `pss`, in which a page shared by n processes counts 1/n for each; `private`, which counts
            anonymous pages in full for each process.
    """

    held_bytes: int
    file_bytes: int
    source: str


def is_available() -> bool:
    """Whether this system has what this module reads."""
    return stat(os.getpid()) is not None


def stat(pid: int) -> Stat | None:
    """One process."""
    content = _read(f"/proc/{pid}/stat")
    if content is None:
        return None
    fields = content[content.rindex(b")") + 2 :].split()  # the name before it may contain anything, brackets too
    return Stat(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        started=int(fields[19]),
        own_s=(int(fields[11]) + int(fields[12])) / _TICKS,
        reaped_s=(int(fields[13]) + int(fields[14])) / _TICKS,
        resident_bytes=int(fields[21]) * _PAGE,
        is_gone=fields[0] in {b"Z", b"X"},
    )


def everything() -> dict[int, Stat]:
    """All processes that this one may see."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs more than the files
        if name.isdigit() and (one := stat(int(name))) is not None:
            found[one.pid] = one
    return found


def private_memory(pid: int) -> Memory | None:
    """What one process has in memory by itself; costs 10 us, whatever its size."""
    fields = _fields(f"/proc/{pid}/status", (b"RssAnon", b"RssFile", b"RssShmem", b"VmSwap"))
    if fields is None:
        return None
    return Memory(fields[b"RssAnon"] + fields[b"RssShmem"] + fields[b"VmSwap"], fields[b"RssFile"], "private")


def shared_out_memory(pid: int) -> Memory | None:
    """What one process has in memory, shared pages divided among those that share them; costs about 10 ms for each GiB."""
    fields = _fields(f"/proc/{pid}/smaps_rollup", (b"Pss", b"Pss_Anon", b"Pss_File", b"Pss_Shmem", b"SwapPss"))
    if fields is None or not fields[b"Pss"]:
        return None
    held = fields[b"Pss_Anon"] + fields[b"Pss_Shmem"]
    if not held + fields[b"Pss_File"]:  # a kernel before 5.9 does not tell them apart
        held = fields[b"Pss"]
    return Memory(held + fields[b"SwapPss"], fields[b"Pss_File"], "pss")


def peak_memory_bytes(pid: int) -> int | None:
    """The most that one process has held since `forget_peak`, or since it began, if it maps as much of files as it did then."""
    fields = _fields(f"/proc/{pid}/status", (b"VmHWM", b"RssFile"))
    return None if fields is None or not fields[b"VmHWM"] else fields[b"VmHWM"] - fields[b"RssFile"]


def forget_peak(pid: int) -> bool:
    """Lets the most that a process has had in memory start anew from what it has now; False if that is not allowed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(f"/proc/{pid}/clear_refs", os.O_WRONLY)
        try:
            os.write(descriptor, b"5")  # proc(5): resets the peak resident set size, and touches nothing else
        finally:
            os.close(descriptor)
        return True
    return False


def marks(pid: int) -> frozenset[str]:
    """The words of `MARK` in the environment that a process was started with."""
    content = _read(f"/proc/{pid}/environ", 1 << 17)
    head = f"{MARK}=".encode()
    for part in (content or b"").split(b"\0"):
        if part.startswith(head):
            return frozenset(part[len(head) :].decode("utf-8", "replace").split())
    return frozenset()


def open_files(pid: int) -> int | None:
    """How many descriptors a process has open."""
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - as above
    return None


def threads(pid: int) -> list[int]:
    """The ids of a process's threads."""
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208 - as above
    return []


def _read(path: str, most: int = 1 << 14) -> bytes | None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.read(descriptor, most) or None
        finally:
            os.close(descriptor)
    return None


def _fields(path: str, names: tuple[bytes, ...]) -> dict[bytes, int] | None:
    """Sizes in bytes from lines such as `VmHWM:  418812 kB`; 0 for what is not there."""
    content = _read(path)
    if content is None:
        return None
    found = dict.fromkeys(names, 0)
    for line in content.split(b"\n"):
        name, _, rest = line.partition(b":")
        if name in found:
            found[name] = int(rest.split()[0]) * 1024
    return found
