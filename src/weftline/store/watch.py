"""Wakes up when a file of a database is written, by whichever process.

Theory of operation. On Linux the kernel tells of writes (inotify, https://man7.org/linux/man-pages/man7/inotify.7.html); nobody
has to be told who watches. A change of its times counts, too: so those are told who have looked before a change was
committed. Elsewhere, and on file systems that others write to over a network, sizes and times are looked at.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import struct
import sys
import time
from pathlib import Path

#: How often a file is looked at where nobody tells.
_LOOKS_EACH_S = 0.02
_IN_MODIFY, _IN_ATTRIB, _IN_CREATE = 0x2, 0x4, 0x100
_EVENT = struct.Struct("iIII")


class FileWatch:
    """Fits `weftline.ports.fields.Watch`.

    Args:
        file: the database; what stands beside it under its name and a further word counts as well.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._name = os.fsencode(file.name)
        self._seen = self._marks()
        self._told = _inotify(file.parent)

    def wait(self, timeout_s: float) -> bool:
        """Whether the file may have been written since the last time."""
        until = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, until - time.monotonic())
            if self._told is None:
                time.sleep(min(left_s, _LOOKS_EACH_S))
                is_news = False
            else:
                is_news = bool(select.select([self._told], [], [], left_s)[0]) and self._is_about_file()
            marks = self._marks()
            if is_news or marks != self._seen:
                self._seen = marks
                return True
            if left_s == 0.0:
                return False

    def close(self) -> None:
        """Frees the descriptor."""
        if self._told is not None:
            os.close(self._told)
            self._told = None

    def _marks(self) -> list[tuple[int, int]]:
        found = []
        for name in (self._file.name, f"{self._file.name}-wal"):
            with contextlib.suppress(OSError):
                told = self._file.with_name(name).stat()
                found.append((told.st_size, told.st_mtime_ns))
        return found

    def _is_about_file(self) -> bool:
        """Takes what the kernel has told."""
        assert self._told is not None
        found, told, at = False, os.read(self._told, 65536), 0
        while at < len(told):
            *_, size = _EVENT.unpack_from(told, at)
            name = told[at + _EVENT.size : at + _EVENT.size + size].rstrip(b"\0")
            found = found or name.startswith(self._name)
            at += _EVENT.size + size
        return found


def _inotify(folder: Path) -> int | None:
    """A descriptor that tells of writes in a folder; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if found < 0:
        return None
    if libc.inotify_add_watch(found, os.fsencode(folder), _IN_MODIFY | _IN_ATTRIB | _IN_CREATE) < 0:
        os.close(found)
        return None
    return found
