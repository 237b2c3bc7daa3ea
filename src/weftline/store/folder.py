"""Blobs as files below a folder that several machines may mount; put there by `rename` and `link`, atomic on NFS too."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from weftline.codec import Content
from weftline.errors import StoreUnusableError
from weftline.ports.blobs import Blob
from weftline.store import aside
from weftline.store.database import flush_folder
from weftline.store.mapping import content_of


class FolderBlobs:
    """Fits `weftline.ports.blobs.Blobs`.

    Args:
        folder: made when something is first written.
    """

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder
        self._linker = aside.Linker(folder)
        self._swapping = threading.Lock()

    def read(self, names: Sequence[str]) -> Mapping[str, bytes | memoryview]:
        """Those whose file is there."""
        found: dict[str, bytes | memoryview] = {}
        for name in names:
            with self._telling(), contextlib.suppress(FileNotFoundError), (self._folder / name).open("rb") as file:
                found[name] = content_of(file)
        return found

    def sizes(self, names: Sequence[str]) -> Mapping[str, int]:
        """The sizes of the files that are there."""
        found: dict[str, int] = {}
        for name in names:
            with self._telling(), contextlib.suppress(FileNotFoundError):
                found[name] = (self._folder / name).stat().st_size
        return found

    def write(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Writes files aside, flushes and renames them; then flushes the folders."""
        with self._telling():
            self._put(blobs)

    def keep(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Writes what is not there; sets the time of what is."""
        with self._telling():
            new = []
            folders: set[Path] = set()
            for name, content in blobs:
                path = self._folder / name
                try:
                    is_there = path.stat().st_size == len(content)
                    if is_there:
                        os.utime(path)
                except FileNotFoundError:  # or it was swept in between
                    is_there = False
                if is_there:
                    folders.add(path.parent)  # another process has put it there, and may not have flushed that
                else:
                    new.append((name, content))
            self._put(new, folders)

    def swap(self, changes: Sequence[tuple[str, bytes | None, bytes | None]]) -> set[str]:
        """Links files to names that nobody has; takes files away by renaming them, which one of all who try can do."""
        with self._telling(), self._swapping:
            return {name for name, old, new in changes if self._swapped(self._folder / name, old, new)}

    def _swapped(self, path: Path, old: bytes | None, new: bytes | None) -> bool:
        if old is not None:
            try:
                if path.read_bytes() != old:
                    return False
                taken = aside.name_aside(path)
                path.rename(taken)
            except FileNotFoundError:
                return False
            if taken.read_bytes() != old:  # between the two, another one has put its own there
                with contextlib.suppress(FileExistsError):
                    os.link(taken, path)
                taken.unlink()
                return False
            taken.unlink()
        return new is None or self._linker.link(path, new)

    def list(self, prefix: str) -> Iterator[Blob]:
        """Files below a folder; the names of those that are being written, or never were to the end, begin with a dot."""
        now = self._now()
        stack = [self._folder / prefix]
        while stack:
            folder = stack.pop()
            with self._telling(), contextlib.suppress(FileNotFoundError), os.scandir(folder) as files:
                for file in files:
                    if file.is_dir(follow_symlinks=False):
                        stack.append(Path(file.path))
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        found = file.stat()
                        name = Path(file.path).relative_to(self._folder).as_posix()
                        yield Blob(name, found.st_size, now - found.st_mtime)

    def remove(self, names: Collection[str]) -> None:
        """Removes files, and flushes the folders: a failure of power must not bring an entry back whose contents are gone."""
        folders: set[Path] = set()
        with self._telling():
            for name in names:
                path = self._folder / name
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                    folders.add(path.parent)
            for folder in folders:
                flush_folder(folder)

    def close(self) -> None:
        """Removes the file that swapped names were given to."""
        self._linker.close()

    def is_private(self) -> bool:
        """Whether nobody but this user and the system's can write here."""
        try:
            found = self._folder.stat()
        except FileNotFoundError:
            return True
        return found.st_uid in {0, os.getuid()} and not stat.S_IMODE(found.st_mode) & 0o022

    # --- files ---

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Says of which place an error is, and of which file."""
        try:
            yield
        except OSError as error:
            detail = error.strerror or str(error)
            if isinstance(error.filename, str) and Path(error.filename).is_relative_to(self._folder):
                detail += f" ({Path(error.filename).relative_to(self._folder)})"
            raise StoreUnusableError(path=self.place, detail=detail) from error

    def _put(self, blobs: Sequence[tuple[str, Content]], folders: Collection[Path] = ()) -> None:
        """Files, and the folders that name them, and those above, which may be new."""
        files = [(self._folder / name, content) for name, content in blobs]
        aside.put_all(files)
        found = {*folders, *(path.parent for path, _ in files)}
        found |= {parent for folder in found for parent in folder.parents if parent.is_relative_to(self._folder)}
        for folder in found:
            flush_folder(folder)

    def _now(self) -> float:
        """The time by the clock of those who keep the files, which may not be this machine's."""
        probe = aside.name_aside(self._folder / "clock")
        try:
            probe.touch()
            return probe.stat().st_mtime
        except OSError:  # nothing may be written, or there is nothing: no age decides anything then
            return time.time()
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
