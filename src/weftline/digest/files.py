"""Digests of files and folders by content: names inside a folder count, the path to it does not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from weftline.digest.canonical import of_parts

#: Folders that are never data: weftline's own home.
_NOT_DATA = frozenset({".weftline"})


def of_file(path: Path) -> bytes:
    """The sha256 of a file's bytes.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def of_path(path: Path) -> bytes:
    """The digest of a file, or of a folder with everything below it (links to files are followed, to folders not).

    Raises:
        FileNotFoundError: nothing is there.
        OSError: a file cannot be read.
    """
    if path.is_dir():
        parts: list[bytes] = [b"folder"]
        for name, file in _files_below(path):
            parts.append(name.encode("utf-8", "surrogateescape"))
            parts.append(of_file(file))
        return of_parts(*parts)
    return of_parts(b"file", of_file(path))


def _refuse(error: OSError) -> None:
    raise error


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    for root, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if name not in _NOT_DATA)
        for name in sorted(files):
            file = Path(root, name)
            yield file.relative_to(folder).as_posix(), file
