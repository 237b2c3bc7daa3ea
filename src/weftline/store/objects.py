"""Large contents, one file each, named by their digest."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from weftline.codec import Content
from weftline.store import aside
from weftline.store.database import flush_folder
from weftline.store.mapping import content_of

#: Contents up to this size are read and compared with their digest when they are looked up, if their file is not as it was
#: when that was last done; larger ones when they are loaded.
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

    def write(self, contents: Iterable[tuple[bytes, Content]]) -> dict[bytes, bytes]:
        """Keeps contents by digest; when this returns they survive a power failure.

        Returns:
            The signature of each file.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        folders: set[Path] = set()
        signatures: dict[bytes, bytes] = {}
        for digest, content in contents:
            path = self.path(digest)
            if not self._renewed(digest, len(content)):
                aside.put(path, content)
            folders |= {path.parent, path.parent.parent}  # also of what another process has put there, and may not have flushed
            signatures[digest] = _signature(path.stat())
        for folder in folders:
            flush_folder(folder)
        return signatures

    def _renewed(self, digest: bytes, size: int) -> bool:
        """Makes a content that is there new, so that nobody sweeps it before it is named; False if it is not there."""
        if self.fault(digest, size) is not None:
            return False
        try:
            os.utime(self.path(digest))
        except FileNotFoundError:  # it was swept in between
            return False
        return True

    def read(self, digest: bytes, signature: bytes | None = None) -> tuple[bytes | memoryview, bytes] | None:
        """The content and the signature of its file, or None if it is gone or not what its name says.

        Args:
            digest: of the content.
            signature: of the file when it was last compared with its digest; if it still has that, it is not read for it.
        """
        try:
            with self.path(digest).open("rb") as file:
                found = os.fstat(file.fileno())
                content = content_of(file)
        except (OSError, ValueError):
            return None
        own = _signature(found)
        if own != signature and hashlib.sha256(content).digest() != digest:
            return None
        return content, own

    def fault(self, digest: bytes, size: int, signature: bytes | None = None) -> str | None:
        """What is wrong with a content, as far as a quick look tells; None if it seems sound.

        Args:
            digest: of the content.
            size: that it must have.
            signature: of the file when it was last compared with its digest.
        """
        try:
            found = self.path(digest).stat()
        except OSError:
            return "its file is missing"
        if found.st_size != size:
            return f"its file has {found.st_size} bytes instead of {size}"
        if _signature(found) != signature and size <= _ALWAYS_CHECKED_BYTES and self.read(digest) is None:
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
                with contextlib.suppress(FileNotFoundError):  # somebody else sweeps as well
                    found = file.stat()
                    if found.st_mtime < before:  # still: somebody may be about to name it
                        file.unlink()
                        freed += found.st_size
        return freed

    def located(self, digest: bytes) -> Path | None:
        """The file of a content, if it is there."""
        path = self.path(digest).absolute()
        return path if path.exists() else None

    @contextlib.contextmanager
    def naming(self) -> Iterator[None]:
        """While contents are written that are about to be named: nobody drops one meanwhile."""
        with self._locked(fcntl.LOCK_SH):
            yield

    def drop(self, digests: Sequence[bytes], named: Callable[[Sequence[bytes]], Collection[bytes]]) -> None:
        """Removes files at once that nobody names; those that cannot go now go with a sweep.

        Args:
            digests: of the contents.
            named: those of them that some entry names.
        """
        if not digests:
            return
        with contextlib.suppress(OSError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            kept = set(named(digests))
            for digest in digests:
                if digest not in kept:
                    self.path(digest).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._folder.with_name("objects.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, how)
            yield
        finally:
            os.close(file)

    def put_aside(self, digest: bytes) -> None:
        """Moves a damaged file out of the way, so that it can be looked at and written again."""
        with contextlib.suppress(OSError):
            self._quarantine.mkdir(parents=True, exist_ok=True)
            self.path(digest).replace(self._quarantine / f"{digest.hex()}.{os.urandom(2).hex()}")


def _signature(found: os.stat_result) -> bytes:
    """What changes when somebody writes to a file."""
    return f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino}".encode()
