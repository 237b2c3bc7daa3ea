"""Leases among the processes of one machine: one byte of a file is locked for each key.

Theory of operation. The kernel takes a lock away from a process that ends, however it ends, so no lease outlives its holder.
The place of the byte is made of the key; two keys that fall on one place (of 2^62) wait for each other, and nothing worse.
The locks belong to the open file rather than to the process (https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html),
so that two runs in one process exclude each other as well. A child that was forked shares the open file, and closes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import weakref
from collections.abc import Collection, Sequence
from pathlib import Path

from weftline.errors import StoreUnusableError

#: `struct flock`: type, whence, start, length, process.
_FLOCK = struct.Struct("hhqqi4x")
_PLACES = 1 << 62
#: Whether the system has locks that belong to the open file. Where it has not, two runs in one process do not exclude each
#: other.
_OF_FILES = hasattr(fcntl, "F_OFD_SETLK")


class FileLeases:
    """Fits `weftline.ports.leases.Leases`.

    Args:
        path: of the file; made when the first lease is taken.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._ours: set[bytes] = set()

    def take(self, keys: Sequence[bytes]) -> set[bytes]:
        """Takes those whose byte nobody has locked."""
        file = self._opened()
        taken = set()
        for key in keys:
            if key not in self._ours and _lock(file, fcntl.F_WRLCK, key):
                self._ours.add(key)
                taken.add(key)
        return taken

    def held(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those that were taken: the kernel takes nothing from a process that lives."""
        return self._ours.intersection(keys)

    def free(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those whose byte is not locked."""
        file = self._opened()
        return {key for key in keys if key not in self._ours and not _is_locked(file, key)}

    def give_back(self, keys: Collection[bytes]) -> None:
        """Unlocks the bytes of those that are ours."""
        for key in self._ours.intersection(keys):
            assert self._file is not None
            _lock(self._file, fcntl.F_UNLCK, key)
            self._ours.discard(key)

    def holder(self, key: bytes) -> str:
        """The kernel does not say who has a lock of this kind."""
        del key
        return "another process"

    def close(self) -> None:
        """Closes the file, which unlocks everything."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._ours.clear()

    def _opened(self) -> int:
        if self._file is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except OSError as error:
                raise StoreUnusableError(path=str(self._path), detail=error.strerror or str(error)) from error
            _OPEN.add(self)
        return self._file

    def _forked(self) -> None:
        """In a child: what its parent has is not its own, and must not live on in it."""
        self.close()


#: Closed in every child that is forked.
_OPEN: weakref.WeakSet[FileLeases] = weakref.WeakSet()


def _close_in_child() -> None:
    for leases in list(_OPEN):
        leases._forked()  # noqa: SLF001 - of this file
    _OPEN.clear()


os.register_at_fork(after_in_child=_close_in_child)


def _place(key: bytes) -> int:
    return int.from_bytes(key[:8], "big") % _PLACES


def _lock(file: int, kind: int, key: bytes) -> bool:
    """Changes the lock of a key's byte; False if somebody else has it."""
    try:
        if _OF_FILES:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, _place(key), 1, 0))
        else:
            fcntl.lockf(file, fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(key))
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise StoreUnusableError(path="the file of leases", detail=error.strerror or str(error)) from error
    return True


def _is_locked(file: int, key: bytes) -> bool:
    """Whether somebody else has a key's byte."""
    if not _OF_FILES:
        is_ours = _lock(file, fcntl.F_WRLCK, key)
        return not (is_ours and _lock(file, fcntl.F_UNLCK, key))
    asked = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _place(key), 1, 0))
    return bool(_FLOCK.unpack(asked)[0] != fcntl.F_UNLCK)
