"""The text of a file, with its size and kind looked at before it is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from weftline.errors import Place, UnreadableManifestError

#: The largest file, in bytes; 10,000 steps take about one megabyte.
MOST_BYTES = 32 * 1024 * 1024


class Stamp(NamedTuple):
    """What a file's system says of it: another one means that it may have changed."""

    modified_ns: int
    size_bytes: int
    inode: int


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file; None where there is no file that can be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino)


def text_of(path: Path) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        UnreadableManifestError: it is not there, no regular file, too large, or not UTF-8.
    """
    try:
        # a pipe that nobody writes to must not keep us
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(path, "it is no regular file")
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from None
    if len(data) > MOST_BYTES:
        raise _unreadable(path, f"it is larger than {MOST_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = Place(str(path), before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise _unreadable(path, f"it is not UTF-8: {error.reason} 0x{data[error.start]:02x}", place) from None


def _unreadable(path: Path, detail: str, place: Place | None = None) -> UnreadableManifestError:
    return UnreadableManifestError(file=str(path), detail=detail, place=place or Place(str(path)))
