"""Files and folders that came out of a store, each in a place of its own: `ab/cdef.../name`.

Theory of operation. A place is used again only if it holds what was stored. A link into the store does: the store compares what
it links to each time it is loaded. A copy is compared byte by byte when a process first uses it, and after that by what changes
when somebody writes to a file; that costs less than the digest that was compared when the content was loaded. What is not right
any more is moved away and restored, so whoever has it open keeps what they have.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from weftline.codec.artifact import unpacked
from weftline.store import aside

#: What is younger than this may be in use, in seconds.
_NEW_S = 3600.0
_CHUNK_BYTES = 1 << 20
#: Who writes to a file twice in this time may leave it with the same times.
_TICK_NS = 100_000_000
#: What changes when somebody writes to a file, or puts another in its place; of a folder, by name.
_Signature = tuple[tuple[str, tuple[int, ...]], ...]


class ArtifactFolder:
    """Fits `weftline.codec.artifact.Shelf`.

    Args:
        folder: made when something is first put there.
        located: the file in which a stored content lies, where there is one: it is linked to rather than copied.
    """

    def __init__(self, folder: Path, located: Callable[[bytes], Path | None]) -> None:
        self._folder = folder
        self._located = located
        self._compared: dict[Path, _Signature] = {}

    def file(self, name: str, digest: bytes, content: bytes | memoryview) -> Path:
        """A link to the stored file, or a copy of the content; neither is to be written to."""
        path = self._place(digest) / name
        stored = self._located(digest)
        if stored is None:
            if not self._is_sound(path, lambda: _holds(path, content, is_executable=False)):
                _clear(path)
                aside.put(path, bytes(content) if isinstance(content, memoryview) else content)
                path.chmod(0o444)
        elif not path.is_symlink() or path.readlink() != stored:
            _clear(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            link = aside.name_aside(path)
            link.symlink_to(stored)
            link.replace(path)
        return path

    def folder(self, name: str, digest: bytes, content: bytes | memoryview) -> Path:
        """The folder, unpacked."""
        path = self._place(digest) / name
        if self._is_sound(path, lambda: _holds_all(path, content)):
            return path
        made = aside.name_aside(path)
        try:
            _unpack(made, content)
            try:
                made.rename(path)
            except OSError:
                if not self._is_sound(path, lambda: _holds_all(path, content)):  # else somebody else was faster
                    _clear(path, also_files=True)
                    made.rename(path)
        finally:
            if made.exists():
                shutil.rmtree(made, ignore_errors=True)
        return path

    def sweep(self, kept: Callable[[], Collection[bytes]]) -> None:
        """Removes what came out of contents that are not stored any more, and is not new.

        Args:
            kept: digests of the contents that are; asked for only if anything is here.
        """
        places = list(self._folder.glob("??/*"))
        if not places:
            return
        names = {digest.hex() for digest in kept()}
        before = time.time() - _NEW_S
        for place in places:
            if place.parent.name + place.name not in names and place.stat().st_mtime < before:
                shutil.rmtree(place, ignore_errors=True)

    def _is_sound(self, path: Path, compare: Callable[[], bool]) -> bool:
        """Whether a copy is as it was when it was compared, or proves right now."""
        try:
            before = _signature(path)
            if self._compared.get(path) != before:
                now = time.time_ns()
                if not compare():
                    return False
                if all(times[-1] < now - _TICK_NS for _, times in before):
                    self._compared[path] = before
        except OSError:  # it is not there, or cannot be read: restoring it helps, or tells why not
            return False
        return True

    def _place(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / name[2:]


def _unpack(folder: Path, content: bytes | memoryview) -> None:
    folder.mkdir(parents=True)
    for below, found, is_executable in unpacked(content):
        file = folder / below
        if found is None:
            file.mkdir(parents=True, exist_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(found)
            file.chmod(0o555 if is_executable else 0o444)


def _clear(path: Path, *, also_files: bool = False) -> None:
    """Takes away what cannot be replaced by a rename: by that of a file, a folder; by that of a folder, whatever is there."""
    if path.is_dir() and not path.is_symlink():
        gone = aside.name_aside(path)
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    elif also_files:
        path.unlink(missing_ok=True)


def _holds(path: Path, content: bytes | memoryview, *, is_executable: bool) -> bool:
    """Whether a file, and no link to one, has that content."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size != len(content) or bool(found.st_mode & 0o100) != is_executable:
        return False
    with path.open("rb") as file:
        return all(
            file.read(_CHUNK_BYTES) == content[start : start + _CHUNK_BYTES] for start in range(0, len(content), _CHUNK_BYTES)
        )


def _holds_all(path: Path, content: bytes | memoryview) -> bool:
    """Whether a folder has what was packed, and nothing else."""
    there = {name for name, _ in _below(path)}
    for name, found, is_executable in unpacked(content):
        if name not in there:
            return False
        if found is None:
            is_right = stat.S_ISDIR((path / name).lstat().st_mode)
        else:
            is_right = _holds(path / name, found, is_executable=is_executable)
        if not is_right:
            return False
        there.discard(name)
    return not there


def _signature(path: Path) -> _Signature:
    """Of a file, or of a folder and everything below it.

    Raises:
        OSError: it is not there.
    """
    own = path.lstat()
    if not stat.S_ISDIR(own.st_mode):
        return (("", _of(own)),)
    return (("", _of(own)), *((name, _of(found)) for name, found in sorted(_below(path))))


def _of(found: os.stat_result) -> tuple[int, ...]:
    return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _below(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    left = [folder]
    while left:
        with os.scandir(left.pop()) as files:
            for file in files:
                if file.is_dir(follow_symlinks=False):
                    left.append(Path(file.path))
                yield Path(file.path).relative_to(folder).as_posix(), file.stat(follow_symlinks=False)
