"""Digests of files and folders by content: names inside a folder count, the path to it does not."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from weftline.digest.canonical import of_parts

#: Folders that are never data: weftline's own home.
_NOT_DATA = frozenset({".weftline"})


def of_file(path: Path) -> bytes:
    """The sha256 of a file's bytes.

    Raises:
        OSError: it cannot be read, or is something that has no content of its own: a pipe, a socket, a device.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is neither a file nor a folder", str(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def of_path(path: Path) -> bytes:
    """The digest of a file, or of a folder with everything below it, links followed.

    Raises:
        FileNotFoundError: nothing is there, or where a link leads to.
        OSError: something cannot be read, or has no content.
    """
    if not path.is_dir():
        return of_parts(b"file", of_file(path))
    parts: list[bytes] = [b"folder"]
    for name, content in sorted(_below(path)):
        parts += [name, content]
    return of_parts(*parts)


def _below(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    """Names relative to a folder, and what stands for each: of a file its digest, of a folder that it is one."""
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(str(folder), "", ())]
    while waiting:
        path, prefix, above = waiting.pop()
        real = os.path.realpath(path)
        with os.scandir(path) as entries:
            for entry in entries:
                name = os.fsencode(prefix + entry.name)
                if not entry.is_dir():
                    yield name, of_file(Path(entry.path))
                elif os.path.realpath(entry.path) in (*above, real):
                    yield name, b"up"  # a link to a folder that it is in
                elif entry.name not in _NOT_DATA:
                    yield name, b"folder"
                    waiting.append((entry.path, f"{prefix}{entry.name}/", (*above, real)))
