"""Files and folders as values: what they contain is stored, and comes back under the same name wherever it is wanted."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from weftline.codec.content import Content, Pieces

_MAGIC = b"WDIR1"
_CHUNK_BYTES = 1 << 20
#: What tells that nobody has written to a file.
_Signature = tuple[int, int, int]


class Artifact:
    """A file or a folder that a node makes. Its content is the value; where it lies is not.

    A node that returns one has it stored soon after; until then nobody may write to it, so calls that may run at the same time
    write to paths of their own. Nodes that read it get one in a place of its own, which must not be written to either.

    Args:
        path: where it lies.

    Attributes:
        path: where it lies.
        is_stored: whether it came out of a store.
    """

    __slots__ = ("_known", "_sealed", "is_stored", "path")

    kind: ClassVar[str]
    path: Path

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._known: tuple[object, bytes] | None = None
        self._sealed: object = None
        self.is_stored = False

    @property
    def name(self) -> str:
        """The last part of the path, which is kept; the rest is not."""
        return self.path.name or self.path.absolute().name

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        """Whether name and content are the same."""
        return type(other) is type(self) and self.__weftline_digest__() == other.__weftline_digest__()

    def __hash__(self) -> int:
        return hash(self.__weftline_digest__())

    def __reduce__(self) -> tuple[Any, ...]:
        return _sealed_as, (type(self), str(self.path), self._sealed, self.is_stored)

    def __weftline_digest__(self) -> tuple[str, str, str]:
        return self.kind, self.name, self.sha256().hex()

    def sha256(self) -> bytes:
        """The digest of what is stored of it; it is read once, as long as nobody writes to it.

        Raises:
            OSError: it is not there, cannot be read, or is changed meanwhile.
        """
        signature = self._signature()
        if self._sealed not in {None, signature}:
            raise OSError(errno.EBUSY, "somebody has written to it since the node returned it", str(self.path))
        if self._known is None or self._known[0] != signature:
            found = hashlib.sha256()
            for part in self.pieces():
                found.update(part)
            self._known = (signature, found.digest())
        return self._known[1]

    def seal(self) -> None:
        """From now on, nobody may write to it before it is stored."""
        with contextlib.suppress(OSError):  # what is not there is told when it is stored
            self._sealed = self._signature()

    def believe(self, digest: bytes) -> None:
        """Takes it that this is the digest of what it contains now."""
        self._known = (self._signature(), digest)

    def content(self) -> Content:
        """What is stored of it.

        Raises:
            OSError: see `sha256`.
        """
        self.sha256()
        return _Parts(self) if self.size() > _CHUNK_BYTES else b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """What is stored of it, piece by piece.

        Raises:
            OSError: see `sha256`.
        """
        raise NotImplementedError

    def size(self) -> int:
        """How many bytes that are."""
        raise NotImplementedError

    def _signature(self) -> object:
        raise NotImplementedError


_A = TypeVar("_A", bound=Artifact)


class File(Artifact):
    """A file that a node makes; see `Artifact`.

    Example:
        ```python
        @node(provides="report")
        def report(rows: list[dict]) -> File:
            path = Path("report.csv")
            ...
            return File(path)
        ```
    """

    __slots__ = ()
    kind = "file"

    def pieces(self) -> Iterator[bytes]:
        """Its bytes."""
        return _bytes_of(self.path)

    def size(self) -> int:
        """Its size."""
        return self.path.stat().st_size

    def _signature(self) -> _Signature:
        return _signature(self.path.stat())


class Folder(Artifact):
    """A folder that a node makes, with everything in it, links followed; see `Artifact`.

    Names, contents and whether a file can be executed count; times and owners do not.
    """

    __slots__ = ()
    kind = "folder"

    def pieces(self) -> Iterator[bytes]:
        """A list of what is in it, then the bytes of each file."""
        below = _below(self.path)
        yield _head(below)
        for name, found in below:
            if found is not None:
                yield from _bytes_of(self.path / name)

    def size(self) -> int:
        """Of the list and the files."""
        below = _below(self.path)
        return len(_head(below)) + sum(found.st_size for _, found in below if found is not None)

    def _signature(self) -> tuple[tuple[str, _Signature | None], ...]:
        return tuple((name, None if found is None else _signature(found)) for name, found in _below(self.path))


class Shelf(Protocol):
    """Where artifacts lie that come out of a store."""

    def file(self, name: str, digest: bytes, content: bytes | memoryview) -> Path:
        """The path of a file of that name with that content."""
        ...

    def folder(self, name: str, digest: bytes, content: bytes | memoryview) -> Path:
        """The path of a folder of that name with that content.

        Raises:
            ValueError: the content is not what `Folder` writes.
        """
        ...


class _Parts(Pieces):
    """The content of an artifact; it is read when it is wanted, and never as a whole."""

    __slots__ = ("_artifact", "_length")

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._length = artifact.size()
        self.identity = None
        self.known = artifact.sha256

    @property
    def parts(self) -> Iterable[bytes | memoryview]:  # type: ignore[override]  # read anew each time
        return self._artifact.pieces()

    def __len__(self) -> int:
        return self._length


def seal(outputs: Iterable[object]) -> None:
    """Seals the artifacts that a call has returned."""
    for artifact in artifacts_in(outputs):
        artifact.seal()


def artifacts_in(outputs: Iterable[object]) -> Iterator[Artifact]:
    """The artifacts among what a call has returned, and in lists and mappings of them."""
    for value in outputs:
        if isinstance(value, Artifact):
            yield value
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Artifact):
            yield from artifacts_in(value)
        elif isinstance(value, dict) and value and isinstance(next(iter(value.values())), Artifact):
            yield from artifacts_in(value.values())


def _sealed_as(kind: type[_A], path: str, sealed: object, is_stored: bool) -> _A:
    made = kind(path)
    made._sealed = sealed  # noqa: SLF001 - of this file
    made.is_stored = is_stored
    return made


def codec_of(artifact: Artifact) -> str:
    """The name under which an artifact is stored: what it is, and its own."""
    return f"{artifact.kind}:{artifact.name}"


def from_shelf(codec: str, digest: bytes, content: bytes | memoryview, shelf: Shelf) -> Artifact:
    """A stored artifact again.

    Raises:
        ValueError: it is not what was stored.
    """
    kind, _, name = codec.partition(":")
    if not name or "/" in name or "\0" in name or name in {".", ".."}:
        raise ValueError(f"an artifact called {name!r}")
    found = File(shelf.file(name, digest, content)) if kind == File.kind else Folder(shelf.folder(name, digest, content))
    found.believe(digest)
    found.is_stored = True
    return found


def unpacked(content: bytes | memoryview) -> Iterator[tuple[str, bytes | memoryview | None, bool]]:
    """What is in a stored folder: relative name; content, or None for a folder; whether it can be executed.

    Raises:
        ValueError: it is not what `Folder` writes, or leads out of the folder.
    """
    start = len(_MAGIC) + 8
    if bytes(content[: len(_MAGIC)]) != _MAGIC:
        raise ValueError("not a folder")
    (length,) = struct.unpack_from("<Q", content, len(_MAGIC))
    position = start + length
    for name, size, is_executable in json.loads(bytes(content[start:position])):
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts:
            raise ValueError(f"a folder with {name!r} in it")
        if size is None:
            yield name, None, False
        else:
            yield name, content[position : position + size], is_executable
            position += size
    if position != len(content):
        raise ValueError("a folder of another length than it says")


def _below(folder: Path) -> list[tuple[str, os.stat_result | None]]:
    """Everything below a folder by relative name, in order; files with what is known of them."""
    found: list[tuple[str, os.stat_result | None]] = []
    for path, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        below = Path(path).relative_to(folder)
        if len(below.parts) > _DEEPEST:
            raise OSError(errno.ELOOP, "it is in itself by a link, or too deep", path)
        found += [((below / name).as_posix(), None) for name in folders]
        found += [((below / name).as_posix(), (Path(path) / name).stat()) for name in files]
    return sorted(found)


#: More levels than anybody makes on purpose.
_DEEPEST = 100


def _raise(error: OSError) -> None:
    raise error


def _head(below: list[tuple[str, os.stat_result | None]]) -> bytes:
    listed = [[name, None if found is None else found.st_size, bool(found and found.st_mode & 0o100)] for name, found in below]
    text = json.dumps(listed, separators=(",", ":")).encode()
    return _MAGIC + struct.pack("<Q", len(text)) + text


def _bytes_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file.

    Raises:
        OSError: it is written to meanwhile.
    """
    with path.open("rb") as file:
        before = _signature(os.fstat(file.fileno()))
        left = before[1]
        while left:
            chunk = file.read(min(left, _CHUNK_BYTES))
            if not chunk:
                break
            left -= len(chunk)
            yield chunk
        if left or _signature(os.fstat(file.fileno())) != before:
            raise OSError(errno.EBUSY, "somebody writes to it", str(path))


def _signature(found: os.stat_result) -> _Signature:
    return found.st_mtime_ns, found.st_size, found.st_ino
