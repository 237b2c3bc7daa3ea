"""Files that appear whole: written aside, flushed, then renamed or linked to their name, which is atomic on NFS too."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from weftline.codec import Content, Pieces


def put(path: Path, content: Content) -> None:
    """A flushed file under that name, in the place of one that is there; the folder is made, and not flushed.

    Raises:
        OSError: the disk is full or cannot be written; nothing is left over.
    """
    aside = name_aside(path)
    try:
        _write(aside, content, flush=True)
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def link(path: Path, content: bytes) -> bool:
    """A file under that name if there is none, for one of all who try at the same time; it is not flushed."""
    aside = name_aside(path)
    try:
        _write(aside, content, flush=False)
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
        return aside.stat().st_nlink == 2  # rather than what `link` says: a server's answer may get lost on its way
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def name_aside(path: Path) -> Path:
    """A name beside another, that begins with a dot and that nobody else uses."""
    return path.with_name(f".{path.name[:16]}.{socket.gethostname()}.{os.getpid()}.{os.urandom(4).hex()}")


def _write(path: Path, content: Content, *, flush: bool) -> None:
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
        if flush:
            os.fsync(file.fileno())
