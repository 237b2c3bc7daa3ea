"""Large contents, one file each, named by their digest."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

#: Contents up to this size are read and compared with their digest whenever they are looked up; larger ones by size
#: alone, and completely when they are loaded.
_ALWAYS_CHECKED_BYTES = 16 << 20
#: A file younger than this may belong to an entry that is being written, in seconds.
_NEW_S = 3600.0


class ObjectFolder:
    """Files below a folder: `ab/cdef...`, written aside, flushed, renamed."""

    def __init__(self, folder: Path, quarantine: Path) -> None:
        self._folder = folder
        self._quarantine = quarantine

    def path(self, digest: bytes) -> Path:
        """Where the content with that digest is."""
        name = digest.hex()
        return self._folder / name[:2] / name[2:]

    def write(self, contents: Iterable[tuple[bytes, bytes]]) -> None:
        """Keeps contents by digest; when this returns they survive a power failure.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        folders: set[Path] = set()
        for digest, content in contents:
            path = self.path(digest)
            if path.exists() and self.fault(digest, len(content)) is None:
                os.utime(path)  # somebody is about to name it: not to be swept
                continue
            if not path.parent.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                folders.add(path.parent.parent)
            aside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
            try:
                with aside.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(path)
            except OSError:
                with contextlib.suppress(OSError):
                    aside.unlink(missing_ok=True)
                raise
            folders.add(path.parent)
        for folder in folders:
            _flush_folder(folder)

    def read(self, digest: bytes) -> bytes | None:
        """The content, or None if it is gone or not what its name says."""
        try:
            content = self.path(digest).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).digest() == digest else None

    def fault(self, digest: bytes, size: int) -> str | None:
        """What is wrong with a content, as far as a quick look tells; None if it seems sound."""
        path = self.path(digest)
        try:
            found = path.stat().st_size
        except OSError:
            return "its file is missing"
        if found != size:
            return f"its file has {found} bytes instead of {size}"
        if size <= _ALWAYS_CHECKED_BYTES and self.read(digest) is None:
            return "its file was altered"
        return None

    def sweep(self, named: Callable[[], Collection[bytes]]) -> int:
        """Removes files that nobody names and that are not new; gives the number of bytes.

        Args:
            named: digests that some entry names; asked after the files have been listed, so that none is overlooked.

        Raises:
            OSError: the folder cannot be read.
        """
        before = time.time() - _NEW_S
        old = [file for file in self._folder.glob("??/*") if file.stat().st_mtime < before]
        kept = {digest.hex() for digest in named()}
        freed = 0
        for file in old:
            if file.parent.name + file.name not in kept:  # also what was written aside by a process that is dead
                size = file.stat().st_size
                file.unlink()
                freed += size
        return freed

    def put_aside(self, digest: bytes) -> None:
        """Moves a damaged file out of the way, so that it can be looked at and written again."""
        with contextlib.suppress(OSError):
            self._quarantine.mkdir(parents=True, exist_ok=True)
            self.path(digest).replace(self._quarantine / f"{digest.hex()}.{os.urandom(2).hex()}")


def _flush_folder(folder: Path) -> None:
    """Makes renames in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
