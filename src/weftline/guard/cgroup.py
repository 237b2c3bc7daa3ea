"""Control groups of Linux, both versions: what a group of processes takes and may take, and groups made for them.

The files are those of the kernel's documentation: Documentation/admin-guide/cgroup-v2.rst, and cgroup-v1/memory.rst and
cgroup-v1/cpuacct.rst. A group of its own is the surest guard, since the system itself keeps its limit; most users may not make
one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

#: What version 1 calls no limit: the largest multiple of the page size in 63 bits, or more.
_NO_LIMIT = 1 << 62
_MOUNTS = Path("/proc/self/mounts")
#: A group whose last process has just ended is busy for a moment.
_LONGEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a group takes and may take; None for what its system does not tell.

    Attributes:
        held_bytes: anonymous and shared memory; what can be dropped does not count, as in `proc.Memory`.
        charged_bytes: everything that counts against the limit, cached files too.
        limit_bytes: of the memory; None for none.
        cpu_s: CPU seconds of all processes that were ever in it.
        kills: how many of its processes the system has killed for memory.
    """

    held_bytes: int | None = None
    charged_bytes: int | None = None
    limit_bytes: int | None = None
    cpu_s: float | None = None
    kills: int | None = None


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One group: its folder in each hierarchy that counts something; in version 2 there is only one.

    Attributes:
        version: 1 or 2.
        folders: by controller: `memory` and `cpuacct`.
    """

    version: int
    folders: Mapping[str, Path]

    @classmethod
    def of(cls, pid: int | str = "self", mounts: Path = _MOUNTS, membership: Path | None = None) -> Cgroup | None:
        """The group that a process is in; None where there is none that counts memory.

        Args:
            pid: the process.
            mounts: what is mounted where.
            membership: the file that names its groups.
        """
        at = _mounted(mounts)
        folders, unified = {}, None
        for line in _lines(membership or Path(f"/proc/{pid}/cgroup")):
            _, controllers, path = line.split(":", 2)
            if not controllers:
                unified = path
            for controller in controllers.split(","):
                if controller in {"memory", "cpuacct"} and controller in at:
                    folders[controller] = _inside(at[controller], path)
        if "memory" in folders:
            return cls(1, folders)
        if unified is not None and "" in at:
            folder = _inside(at[""], unified)
            if (folder / "memory.current").exists():
                return cls(2, {"memory": folder, "cpuacct": folder})
        return None

    def make(self, name: str) -> Cgroup | None:
        """A group inside this one; None where that is not allowed.

        In version 2 a group with processes cannot hand memory on to groups inside it, so there it is made beside this one.
        """
        above = {controller: folder.parent if self.version == 2 else folder for controller, folder in self.folders.items()}
        group = Cgroup(self.version, {controller: folder / name for controller, folder in above.items()})
        made: dict[str, Path] = {}
        with contextlib.suppress(OSError):
            for controller, folder in group.folders.items():
                if folder not in made.values():
                    folder.mkdir()
                made[controller] = folder
            if group.figures().charged_bytes is not None:  # else its parent does not hand on that controller
                return group
        Cgroup(self.version, made).remove()
        return None

    def add(self, pids: Iterable[int]) -> None:
        """Takes processes in; what they start from then on comes with them.

        Raises:
            OSError: that is not allowed.
        """
        for pid in pids:
            for folder in dict.fromkeys(self.folders.values()):
                (folder / "cgroup.procs").write_text(str(pid))

    def limit(self, memory_bytes: int | None) -> None:
        """Sets how much memory the group may have; None for as much as it takes.

        Raises:
            OSError: that is not allowed, or the group has more.
        """
        name, none = ("memory.limit_in_bytes", "-1") if self.version == 1 else ("memory.max", "max")
        (self.folders["memory"] / name).write_text(none if memory_bytes is None else str(memory_bytes))

    def figures(self) -> Figures:
        """What it takes now."""
        memory, cpu = self.folders["memory"], self.folders.get("cpuacct")
        stat = dict(line.split(" ", 1) for line in _lines(memory / "memory.stat"))
        if self.version == 1:
            limit = _number(memory / "memory.limit_in_bytes")
            used_ns = None if cpu is None else _number(cpu / "cpuacct.usage")
            kills = dict(line.split(" ", 1) for line in _lines(memory / "memory.oom_control")).get("oom_kill")
            return Figures(
                held_bytes=_sum(stat, ("total_rss", "total_shmem", "total_swap")),
                charged_bytes=_number(memory / "memory.usage_in_bytes"),
                limit_bytes=None if limit is None or limit >= _NO_LIMIT else limit,
                cpu_s=None if used_ns is None else used_ns / 1e9,
                kills=None if kills is None else int(kills),
            )
        used = dict(line.split(" ", 1) for line in _lines(memory / "cpu.stat"))
        events = dict(line.split(" ", 1) for line in _lines(memory / "memory.events"))
        swap = _number(memory / "memory.swap.current")
        held = _sum(stat, ("anon", "shmem"))
        return Figures(
            held_bytes=None if held is None else held + (swap or 0),
            charged_bytes=_number(memory / "memory.current"),
            limit_bytes=_number(memory / "memory.max"),
            cpu_s=int(used["usage_usec"]) / 1e6 if "usage_usec" in used else None,
            kills=int(events["oom_kill"]) if "oom_kill" in events else None,
        )

    def remove(self) -> bool:
        """Removes the group; False while there are processes in it."""
        deadline = time.monotonic() + _LONGEST_S
        for folder in dict.fromkeys(self.folders.values()):
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        return False
                    time.sleep(0.01)
        return True


def tightest_limit_bytes(group: Cgroup | None) -> int | None:
    """The memory that a process may have at most, by its group and all those around it; None for no limit.

    Args:
        group: that of the process.
    """
    found = None
    while group is not None:
        limit = group.figures().limit_bytes
        if limit is not None:
            found = limit if found is None else min(found, limit)
        above = {controller: folder.parent for controller, folder in group.folders.items()}
        is_group = (above["memory"] / "cgroup.procs").exists()
        group = Cgroup(group.version, above) if is_group else None
    return found


def _inside(mount: Path, path: str) -> Path:
    """The folder of a group; in a container that sees its own group only, that is what is mounted, whatever its path says."""
    folder = mount / path.lstrip("/")
    return folder if folder.exists() else mount


def _mounted(mounts: Path) -> dict[str, Path]:
    """Where each controller of version 1 is mounted, and version 2 under an empty name."""
    found: dict[str, Path] = {}
    for line in _lines(mounts):
        _, place, kind, options = line.split(" ")[:4]
        if kind == "cgroup2":
            found.setdefault("", Path(place))
        elif kind == "cgroup":
            for option in options.split(","):
                found.setdefault(option, Path(place))
    return found


def _lines(file: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def _number(file: Path) -> int | None:
    lines = _lines(file)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _sum(stat: Mapping[str, str], names: Iterable[str]) -> int | None:
    found = [int(stat[name]) for name in names if name in stat]
    return sum(found) if found else None
