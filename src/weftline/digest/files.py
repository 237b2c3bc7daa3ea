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


def signature_of(path: Path) -> bytes:
    """What changes when somebody writes to a file, or to anything below a folder; nothing is read.

    Two signatures of one path on one machine can be compared, and nothing else. What is not there has a signature too.
    """
    try:
        if not path.is_dir():
            return _signature(path)
        return of_parts(*(part for name, file in sorted(_below(path)) for part in (name, _signature(Path(file)))))
    except OSError as error:
        return of_parts(b"no signature", str(error).encode())


def of_path(path: Path) -> bytes:
    """The digest of a file, or of a folder with everything below it, links followed.

    Raises:
        FileNotFoundError: nothing is there, or where a link leads to.
        OSError: something cannot be read, or has no content.
    """
    if not path.is_dir():
        return of_parts(b"file", of_file(path))
    parts: list[bytes] = [b"folder"]
    for name, found in sorted(_below(path)):
        parts += [name, _IS_FOLDER.get(name[-1:]) or of_file(Path(found))]
    return of_parts(*parts)


def _signature(path: Path) -> bytes:
    found = path.stat()
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}".encode()


#: The last characters of names that stand for folders; no file name ends so.
_IS_FOLDER = {b"/": b"folder", b"\0": b"up"}


def _below(folder: Path) -> Iterator[tuple[bytes, str]]:
    """Everything below a folder: its name relative to that, and its path. A link to a folder that it is in is not followed."""
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(str(folder), "", ())]
    while waiting:
        path, prefix, above = waiting.pop()
        real = os.path.realpath(path)
        with os.scandir(path) as entries:
            for entry in entries:
                name = os.fsencode(prefix + entry.name)
                if not entry.is_dir():
                    yield name, entry.path
                elif os.path.realpath(entry.path) in (*above, real):
                    yield name + b"\0", entry.path
                elif entry.name not in _NOT_DATA:
                    yield name + b"/", entry.path
                    waiting.append((entry.path, f"{prefix}{entry.name}/", (*above, real)))
