"""The default cache: a folder with an index of entries, in which small values lie, and files for large ones.

Theory of operation. The index is one SQLite file, since a small value is cheaper as a row than as a file. An entry is
written after the files that it names, in one transaction, so it is there completely or not at all. Each row carries a seal
over its own columns and each file is named by its digest: what was torn, truncated or altered afterwards is found when it
is looked up or loaded, put into quarantine with a note, and from then on is as if it had never been computed. If the index
itself is broken, it is put aside as a whole and begun anew: a cache may always be empty, and never be wrong.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from weftline.codec import whole
from weftline.errors import DamagedEntryError, StoreUnusableError, UntrustedPickleError
from weftline.model.entry import Entry, Held, Stored, freed
from weftline.store.index import BATCH, CacheIndex
from weftline.store.objects import ObjectFolder
from weftline.store.pieces import ObjectTable
from weftline.store.replaceable import Row

#: Values up to this size lie in the index.
INLINE_BYTES = 32 << 10
#: Contents up to this size are kept in memory with a found entry; larger ones are read again when they are wanted.
_CARRIED_BYTES = 1 << 10


class IndexedCache:
    """A cache with an index; where the large contents are, its makers say.

    Args:
        index: a SQLite file.
    """

    def __init__(self, index: Path) -> None:
        self._folder = index.parent
        self._file = index
        self._damage: list[str] = []
        self._quarantine = self._folder / "quarantine"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnusableError(path=str(self._folder), detail=str(error)) from error
        self._index = CacheIndex(index, self._quarantine, self._damage.append)
        self._objects = self._objects_of()

    def _objects_of(self) -> ObjectFolder | ObjectTable:
        raise NotImplementedError

    # --- results ---

    def find(self, keys: Sequence[bytes]) -> Mapping[bytes, Entry]:
        """The entries of those keys that are there and sound."""
        found = self._rows(keys)
        if not found:
            return {}
        large = [row[5] for rows in found.values() for row in rows if row[7] is None and row[2]]
        compared = self._index.compared(large) if large else {}
        entries = ((key, self._entry(key, rows, compared)) for key, rows in found.items())
        return {key: entry for key, entry in entries if entry is not None}

    def load(self, stored: Stored, key: bytes) -> bytes | memoryview:
        """The content of a stored value, compared with its digest."""
        if stored.codec == "pickle":
            self._check_trust()
        if stored.content is not None:
            return whole(stored.content)
        content: bytes | memoryview | None
        if stored.size > INLINE_BYTES:
            content = self._large(stored.object)
        else:
            contents = [(row[5], row[7]) for row in self._rows([key]).get(key, ()) if row[7] is not None]
            content = next((content for digest, content in contents if digest == stored.object), None)
            if content is None and contents:  # nothing is damaged: another process has made this entry anew
                raise DamagedEntryError(what_is_damaged=key.hex()[:12], detail="it was replaced meanwhile")
            if content is not None and hashlib.sha256(content).digest() != stored.object:
                content = None
        if content is None:
            detail = "its content is gone or altered"
            self._put_aside(key, [stored.object], detail)
            raise DamagedEntryError(what_is_damaged=key.hex()[:12], detail=detail)
        return content

    def _rows(self, keys: Sequence[bytes]) -> dict[bytes, list[Row]]:
        return self._index.rows(keys)

    def _large(self, digest: bytes) -> bytes | memoryview | None:
        before = self._index.compared([digest]).get(digest)
        found = self._objects.read(digest, before)
        if found is None:
            return None
        content, signature = found
        if signature != before:
            self._index.compare({digest: signature})
        return content

    def store(self, entries: Sequence[Entry]) -> None:
        """Keeps entries, the large contents first."""
        large = {
            stored.object: stored.content
            for entry in entries
            for stored in entry.outputs
            if stored.content is not None and stored.size > INLINE_BYTES
        }
        rows = [with_texts(row) for entry in entries for row in rows_of(entry)]
        recipes = {entry.recipe for entry in entries}
        if not large:
            self._index.write(rows, recipes, {})
            return
        begun = 0
        while begun != self._index.database.begun:  # again if it proved broken: contents were put aside with a single file
            begun = self._index.database.begun
            try:
                with self._objects.naming():
                    self._index.write(rows, recipes, self._objects.write(large.items()))
            except OSError as error:
                raise StoreUnusableError(path=str(self._folder), detail=error.strerror or str(error)) from error

    def recipes(self, recipes: Collection[bytes]) -> set[bytes]:
        """Which recipes have made an entry."""
        return self._index.recipes(list(recipes))

    def located(self, digest: bytes) -> Path | None:
        """The file of a large content."""
        return self._objects.located(digest)

    def version(self) -> int:
        """Counts what others have changed in the index."""
        return self._index.version()

    def damage(self) -> list[str]:
        """What was put aside since the last time."""
        told = list(self._damage)
        self._damage.clear()
        return told

    def close(self) -> None:
        """Closes the index."""
        self._index.close()

    # --- care ---

    def held(self) -> Iterator[Held]:
        """Every entry that is sound."""
        keys, pinned = self._index.keys(), self._index.pinned()
        for start in range(0, len(keys), BATCH):
            for key, entry in self.find(keys[start : start + BATCH]).items():
                bare = tuple(stored._replace(content=None) for stored in entry.outputs)
                yield Held(entry._replace(outputs=bare), key in pinned)

    def remove(self, keys: Collection[bytes]) -> None:
        """Forgets entries in one transaction."""
        self._index.remove(keys)

    def free(self, keys: Collection[bytes]) -> None:
        """Drops rows' contents, and the files that no other row names; not while somebody is about to name one."""
        found = self.find(list(keys))
        large = [stored.object for entry in found.values() for stored in entry.outputs if stored.size > INLINE_BYTES]
        self.store([freed(entry) for entry in found.values()])
        self._objects.drop(large, self._index.named)

    def pin(self, keys: Collection[bytes], *, pinned: bool) -> None:
        """Marks entries, or takes the mark away."""
        self._index.pin(keys, pinned=pinned)

    def sweep(self) -> int:
        """Removes files that no entry names, and gives free pages of the index back."""
        try:
            freed = self._objects.sweep(self._index.objects)
        except OSError as error:
            raise StoreUnusableError(path=str(self._folder), detail=error.strerror or str(error)) from error
        return freed + self._index.shrink()

    # --- soundness ---

    def _entry(self, key: bytes, rows: list[Row], compared: Mapping[bytes, bytes]) -> Entry | None:
        outputs = []
        damaged = []
        fault = None
        for row in rows:
            _, _, total, digest, codec, thing, size, content, *_, seal = row
            if seal is None or _seal(row) != seal:
                fault = "its record was altered"
                break
            if not total:
                continue
            if content is None and (broken := self._objects.fault(thing, size, compared.get(thing))) is not None:
                fault = broken
                damaged.append(thing)
            is_carried = size <= _CARRIED_BYTES and codec != b"pickle"  # a pickle is asked for, and judged, by `load`
            outputs.append(Stored(digest, codec.decode(), thing, size, content if is_carried else None))
        if fault is None and len(outputs) != rows[0][2]:
            fault = "some of its outputs are missing"
        if fault is not None:
            self._put_aside(key, damaged, fault)
            return None
        recipe, made_at, took_s, made_by = rows[0][8:12]
        return Entry(key, recipe, tuple(outputs), made_at, took_s, made_by.decode())

    def _put_aside(self, key: bytes, objects: Sequence[bytes], detail: str) -> None:
        """Takes an entry out of the index and its damaged files out of the way."""
        for digest in objects:
            self._objects.put_aside(digest)
        self._index.discard(key)
        self._damage.append(f"entry {key.hex()[:12]}: {detail}; it will be computed again")

    def _check_trust(self) -> None:
        """Refuses to unpickle what somebody else may have written."""
        for path in (self._folder, self._file):
            status = path.stat()
            if status.st_mode & 0o022 or status.st_uid not in {0, os.getuid()}:
                raise UntrustedPickleError(path=str(self._folder))


class FileCache(IndexedCache):
    """A cache in a folder of the local file system."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "index.db")

    def _objects_of(self) -> ObjectFolder | ObjectTable:
        return ObjectFolder(self._folder / "objects", self._quarantine)


class SingleFileCache(IndexedCache):
    """A cache in one SQLite file, to be handed on as a whole; its large contents are read, and never mapped."""

    def _objects_of(self) -> ObjectFolder | ObjectTable:
        return ObjectTable(self._index.database)


def rows_of(entry: Entry) -> list[Row]:
    """The rows of an entry, their texts as bytes, as they are read."""
    made = (entry.recipe, entry.made_at, entry.took_s, entry.made_by.encode())
    if not entry.outputs:
        return [_sealed(entry.key, 0, 0, b"", b"", b"", 0, None, *made)]
    total = len(entry.outputs)
    return [
        _sealed(
            entry.key, position, total, stored.digest, stored.codec.encode(), stored.object, stored.size,
            None if stored.content is None or stored.size > INLINE_BYTES else whole(stored.content), *made,
        )
        for position, stored in enumerate(entry.outputs)
    ]  # fmt: skip


def _sealed(*row: Any) -> Row:
    return (*row, _seal(row))


def with_texts(row: Row) -> Row:
    """A row as it is written; what is no text any more does not fit its seal afterwards."""
    return (*row[:4], row[4].decode(errors="replace"), *row[5:11], row[11].decode(errors="replace"), row[12])


def _seal(row: Sequence[Any]) -> bytes | None:
    """A checksum over a row, its texts as bytes: any change to it shows. None if columns are not of their kind."""
    key, position, total, digest, codec, thing, size, content, recipe, made_at, took_s, made_by = row[:12]
    try:
        head = struct.pack("<qqqdd", position, total, size, made_at, took_s)
        return hashlib.sha256(b"".join((key, head, digest, codec, thing, content or b"", recipe, made_by))).digest()[:16]
    except (struct.error, TypeError):
        return None
