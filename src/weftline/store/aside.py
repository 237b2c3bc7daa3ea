"""Files that appear whole: written aside, flushed, then renamed or linked to their name, which is atomic on NFS too."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from weftline.codec import Content, Pieces


def put(path: Path, content: Content) -> None:
    """A flushed file under that name, in the place of one that is there; the folder is made, and not flushed.

    Raises:
        OSError: the disk is full or cannot be written; nothing is left over.
    """
    put_all([(path, content)])


def put_all(files: Iterable[tuple[Path, Content]]) -> None:
    """Flushed files under these names, as `put`: all are written before one is flushed, which flushes much of the others."""
    written: list[tuple[Path, Path]] = []
    try:
        for path, content in files:
            aside = name_aside(path)
            written.append((aside, path))
            _write(aside, content)
        for aside, _ in written:
            _flush(aside)
        for aside, path in written:
            aside.replace(path)
    except OSError:
        for aside, _ in written:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
        raise


class Linker:
    """Puts one content under many names, each for one of all who try at the same time; files that exist are linked, not made.

    Args:
        folder: where the file lies that has the names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._content: bytes | None = None
        self._source: Path | None = None

    def link(self, path: Path, content: bytes) -> bool:
        """A file under that name if there is none; it is not flushed.

        Raises:
            OSError: the folder cannot be written.
        """
        if content != self._content:
            self.close()
            self._source = name_aside(self._folder / "lease")
            _write(self._source, content)
            self._content = content
        assert self._source is not None
        try:
            _link(self._source, path)
        except FileNotFoundError:  # whoever tidied up took it for the remains of a dead process
            _write(self._source, content)
            _link(self._source, path)
        except FileExistsError:  # or a server's answer got lost on its way, and the link is there
            return _is_same(path, self._source)
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            self.close()
            return self.link(path, content)
        return True

    def close(self) -> None:
        """Removes the file; its names stay."""
        if self._source is not None:
            with contextlib.suppress(OSError):
                self._source.unlink(missing_ok=True)
        self._content = self._source = None


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, path)


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except FileNotFoundError:
        return False


def name_aside(path: Path) -> Path:
    """A name beside another, that begins with a dot and that nobody else uses."""
    return path.with_name(f".{path.name[:16]}.{socket.gethostname()}.{os.getpid()}.{os.urandom(4).hex()}")


def _write(path: Path, content: Content) -> None:
    try:
        file = path.open("wb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb", buffering=0)
    with file:
        for part in content.parts if isinstance(content, Pieces) else (content,):
            left = memoryview(part).cast("B")
            while left:
                left = left[file.write(left) :]


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
