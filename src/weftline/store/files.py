"""The default cache: a folder with an index of entries, in which small values lie, and files for large ones.

Theory of operation. The index is one SQLite file, since a small value is cheaper as a row than as a file. An entry is
written after the files that it names, in one transaction, so it is there completely or not at all. Each row carries a seal
over its own columns and each file is named by its digest: what was torn, truncated or altered afterwards is found when it
is looked up or loaded, put into quarantine with a note, and from then on is as if it had never been computed. If the index
itself is broken, it is put aside as a whole and begun anew: a cache may always be empty, and never be wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from weftline.errors import DamagedEntryError, StoreUnusableError, UntrustedPickleError
from weftline.model.entry import Entry, Stored
from weftline.store.database import opened
from weftline.store.objects import ObjectFolder

T = TypeVar("T")

#: Values up to this size lie in the index.
_INLINE_BYTES = 32 << 10
#: Contents up to this size are kept in memory with a found entry; larger ones are read again when they are wanted.
_CARRIED_BYTES = 1 << 10
#: Keys in one question: below SQLite's limit on parameters in old releases.
_BATCH = 900
_LATEST = 1
#: What SQLite says of a file that is no index of ours, or no longer.
_BROKEN = ("malformed", "no such table", "no such column", "has no column", "unsupported file format", "already exists")
_COLUMNS = "key, position, total, digest, codec, object, size, content, recipe, made_at, took_s, made_by, seal"
_INSERT = f"INSERT OR REPLACE INTO results ({_COLUMNS}) VALUES ({', '.join('?' * 13)})"  # noqa: S608 - constants only


class FileCache:
    """A cache in a folder of the local file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._damage: list[str] = []
        self._objects = ObjectFolder(folder / "objects", folder / "quarantine")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnusableError(path=str(folder), detail=str(error)) from error
        self._index = self._open()

    # --- the port ---

    def find(self, keys: Sequence[bytes]) -> Mapping[bytes, Entry]:
        """The entries of those keys that are there and sound."""
        return self._guarded(lambda: self._find(keys))

    def load(self, stored: Stored, key: bytes) -> bytes:
        """The content of a stored value, compared with its digest."""
        if stored.codec == "pickle":
            self._check_trust()
        if stored.content is not None:
            return stored.content
        if stored.size > _INLINE_BYTES:
            content = self._objects.read(stored.object)
        else:
            rows = self._guarded(lambda: self._inline(key))
            content = next((content for digest, content in rows if digest == stored.object), None)
            if content is None and rows:  # nothing is damaged: another process has made this entry anew
                raise DamagedEntryError(what_is_damaged=key.hex()[:12], detail="it was replaced meanwhile")
            if content is not None and hashlib.sha256(content).digest() != stored.object:
                content = None
        if content is None:
            detail = "its content is gone or altered"
            self._put_aside(key, [stored.object], detail)
            raise DamagedEntryError(what_is_damaged=key.hex()[:12], detail=detail)
        return content

    def store(self, entries: Sequence[Entry]) -> None:
        """Keeps entries, the large contents first."""
        large = {
            stored.object: stored.content
            for entry in entries
            for stored in entry.outputs
            if stored.content is not None and stored.size > _INLINE_BYTES
        }
        try:
            self._objects.write(large.items())
        except OSError as error:
            raise StoreUnusableError(path=str(self._folder), detail=error.strerror or str(error)) from error
        rows = [row for entry in entries for row in _rows(entry)]
        recipes = {(entry.recipe,) for entry in entries}
        self._guarded(lambda: self._write(rows, recipes))

    def recipes(self, recipes: Collection[bytes]) -> set[bytes]:
        """Which recipes have made an entry."""
        return self._guarded(lambda: self._known(list(recipes)))

    def damage(self) -> list[str]:
        """What was put aside since the last time."""
        told, self._damage = self._damage, []
        return told

    def close(self) -> None:
        """Closes the index."""
        self._index.close()

    # --- the index ---

    def _open(self) -> sqlite3.Connection:
        path = self._folder / "index.db"
        for last_try in (False, True):
            try:
                index, _ = opened(path, "cache", _LATEST)
            except sqlite3.DatabaseError as error:
                if last_try or not self._is_broken(error):
                    raise StoreUnusableError(path=str(path), detail=str(error)) from error
                self._put_index_aside(str(error))
            else:
                index.text_factory = bytes  # an altered text may be none any more; its seal is over its bytes
                return index
        raise AssertionError("unreachable")

    def _guarded(self, work: Callable[[], T]) -> T:
        """Does one piece of work on the index; if that proves broken, does it on a new one, which has nothing yet."""
        try:
            return work()
        except sqlite3.DatabaseError as error:
            if not self._is_broken(error):
                raise StoreUnusableError(path=str(self._folder), detail=str(error)) from error
            with contextlib.suppress(sqlite3.Error):
                self._index.close()
            self._put_index_aside(str(error))
            self._index = self._open()
        try:
            return work()
        except sqlite3.DatabaseError as error:
            raise StoreUnusableError(path=str(self._folder), detail=str(error)) from error

    def _is_broken(self, error: sqlite3.DatabaseError) -> bool:
        """Whether an error means that the file is damaged, rather than locked, full or not to be written."""
        if "readonly" in str(error):  # so SQLite calls files with an unknown number of their format, too
            return all(os.access(path, os.W_OK) for path in (self._folder, self._folder / "index.db"))
        if isinstance(error, sqlite3.OperationalError):
            return any(words in str(error) for words in _BROKEN)
        return not isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError))

    def _put_index_aside(self, detail: str) -> None:
        quarantine = self._folder / "quarantine"
        quarantine.mkdir(parents=True, exist_ok=True)
        mark = os.urandom(4).hex()
        for suffix in ("", "-wal", "-shm"):
            source = self._folder / f"index.db{suffix}"
            if source.exists():
                source.replace(quarantine / f"index-{mark}.db{suffix}")
        self._damage.append(f"the cache's index was broken ({detail}); it is in {quarantine}, and a new one was begun")

    def _find(self, keys: Sequence[bytes]) -> Mapping[bytes, Entry]:
        rows: dict[bytes, list[Any]] = {}
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            sql = f"SELECT {_COLUMNS} FROM results WHERE key IN ({marks})"  # noqa: S608 - only question marks are put in
            for row in self._index.execute(sql, batch):
                rows.setdefault(row[0], []).append(row)
        found = {}
        for key, outputs in rows.items():
            entry = self._entry(key, outputs)
            if entry is not None:
                found[key] = entry
        return found

    def _entry(self, key: bytes, rows: list[Any]) -> Entry | None:
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
            if content is None and (broken := self._objects.fault(thing, size)) is not None:
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

    def _inline(self, key: bytes) -> list[tuple[bytes, bytes]]:
        """Digests and contents of an entry's outputs that lie in the index."""
        sql = "SELECT object, content FROM results WHERE key = ? AND content IS NOT NULL"
        return self._index.execute(sql, (key,)).fetchall()

    def _write(self, rows: list[tuple[Any, ...]], recipes: Collection[tuple[bytes]]) -> None:
        self._index.execute("BEGIN IMMEDIATE")
        try:
            self._index.executemany(_INSERT, rows)
            self._index.executemany("INSERT OR IGNORE INTO recipes VALUES (?)", recipes)
            self._index.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._index.execute("ROLLBACK")
            raise

    def _known(self, recipes: list[bytes]) -> set[bytes]:
        found: set[bytes] = set()
        for start in range(0, len(recipes), _BATCH):
            batch = recipes[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            sql = f"SELECT recipe FROM recipes WHERE recipe IN ({marks})"  # noqa: S608 - only question marks are put in
            found.update(row[0] for row in self._index.execute(sql, batch))
        return found

    def _put_aside(self, key: bytes, objects: Sequence[bytes], detail: str) -> None:
        """Takes an entry out of the index and its damaged files out of the way."""
        for digest in objects:
            self._objects.put_aside(digest)
        self._guarded(lambda: self._index.execute("DELETE FROM results WHERE key = ?", (key,)))
        self._damage.append(f"entry {key.hex()[:12]}: {detail}; it will be computed again")

    def _check_trust(self) -> None:
        """Refuses to unpickle what somebody else may have written."""
        for path in (self._folder, self._folder / "index.db"):
            status = path.stat()
            if status.st_mode & 0o022 or status.st_uid not in {0, os.getuid()}:
                raise UntrustedPickleError(path=str(self._folder))


def _rows(entry: Entry) -> list[tuple[Any, ...]]:
    made = (entry.recipe, entry.made_at, entry.took_s, entry.made_by)
    if not entry.outputs:
        return [_sealed(entry.key, 0, 0, b"", "", b"", 0, None, *made)]
    total = len(entry.outputs)
    return [
        _sealed(
            entry.key, position, total, stored.digest, stored.codec, stored.object, stored.size,
            stored.content if stored.size <= _INLINE_BYTES else None, *made,
        )
        for position, stored in enumerate(entry.outputs)
    ]  # fmt: skip


def _sealed(*row: Any) -> tuple[Any, ...]:
    return (*row, _seal([column.encode() if isinstance(column, str) else column for column in row]))


def _seal(row: Sequence[Any]) -> bytes | None:
    """A checksum over a row, its texts as bytes: any change to it shows. None if columns are not of their kind."""
    key, position, total, digest, codec, thing, size, content, recipe, made_at, took_s, made_by = row[:12]
    try:
        head = struct.pack("<qqqdd", position, total, size, made_at, took_s)
        return hashlib.sha256(b"".join((key, head, digest, codec, thing, content or b"", recipe, made_by))).digest()[:16]
    except (struct.error, TypeError):
        return None
