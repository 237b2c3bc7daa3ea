"""Files and folders that came out of a store, each in a place of its own: `ab/cdef.../name`."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

from weftline.codec.artifact import unpacked
from weftline.store import aside

#: What is younger than this may be in use, in seconds.
_NEW_S = 3600.0


class ArtifactFolder:
    """Fits `weftline.codec.artifact.Shelf`.

    Args:
        folder: made when something is first put there.
        located: the file in which a stored content lies, where there is one: it is linked to rather than copied.
    """

    def __init__(self, folder: Path, located: Callable[[bytes], Path | None]) -> None:
        self._folder = folder
        self._located = located

    def file(self, name: str, digest: bytes, content: bytes | memoryview) -> Path:
        """A link to the stored file, or a copy of the content; neither is to be written to."""
        path = self._place(digest) / name
        if path.exists() and path.stat().st_size == len(content):
            return path
        stored = self._located(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        if stored is None:
            aside.put(path, bytes(content) if isinstance(content, memoryview) else content)
            path.chmod(0o444)
        else:
            link = aside.name_aside(path)
            link.symlink_to(stored)
            link.replace(path)
        return path

    def folder(self, name: str, digest: bytes, content: bytes | memoryview) -> Path:
        """The folder, unpacked."""
        path = self._place(digest) / name
        if path.exists():
            return path
        made = aside.name_aside(path)
        try:
            made.mkdir(parents=True)
            for below, found, is_executable in unpacked(content):
                file = made / below
                if found is None:
                    file.mkdir(parents=True, exist_ok=True)
                else:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(found)
                    file.chmod(0o555 if is_executable else 0o444)
            with contextlib.suppress(FileExistsError):
                made.rename(path)
        except OSError:
            if not path.exists():  # else somebody else was faster
                raise
        finally:
            if made.exists():
                shutil.rmtree(made, ignore_errors=True)
        return path

    def sweep(self, kept: Collection[bytes]) -> None:
        """Removes what came out of contents that are not stored any more, and is not new."""
        names = {digest.hex() for digest in kept}
        before = time.time() - _NEW_S
        for place in list(self._folder.glob("??/*")):
            if place.parent.name + place.name not in names and place.stat().st_mtime < before:
                shutil.rmtree(place, ignore_errors=True)

    def _place(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / name[2:]
