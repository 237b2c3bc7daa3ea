"""The index of a cache: one SQLite file with a row for each output of each entry; put aside as a whole when it is broken."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from weftline.store.replaceable import ReplaceableDatabase, Row

#: Keys in one question: below SQLite's limit on parameters in old releases.
BATCH = 900
_LATEST = 4
_COLUMNS = "key, position, total, digest, codec, object, size, content, recipe, made_at, took_s, made_by, seal"
_INSERT = f"INSERT OR REPLACE INTO results ({_COLUMNS}) VALUES ({', '.join('?' * 13)})"  # noqa: S608 - constants only
_ONE = f"SELECT {_COLUMNS} FROM results WHERE key = ?"  # noqa: S608 - constants only
_COMPARED = "INSERT OR REPLACE INTO compared VALUES (?, ?)"
_MARK = "INSERT OR IGNORE INTO pins SELECT key FROM results WHERE key = ? AND position = 0"
_UNMARK = "DELETE FROM pins WHERE key = ?"


class CacheIndex:
    """Rows by key. Texts come as bytes: an altered one may be no text any more, and the seal of its row is over bytes.

    Args:
        file: where it is.
        quarantine: where a broken index is moved.
        tell: is told of it, in words.
    """

    def __init__(self, file: Path, quarantine: Path, tell: Callable[[str], None]) -> None:
        self._db = ReplaceableDatabase(file, quarantine, tell, schema="cache", latest=_LATEST)

    @property
    def database(self) -> ReplaceableDatabase:
        """The file, for what else is in it."""
        return self._db

    # --- reading ---

    def rows(self, keys: Sequence[bytes]) -> dict[bytes, list[Row]]:
        """All columns of the rows of these keys, as far as there are any."""
        if len(keys) == 1:  # in a chain, each key is made of what the one before has found
            found = self._db.do(lambda db: db.execute(_ONE, keys).fetchall())
            return {keys[0]: found} if found else {}
        return self._db.do(lambda db: _rows(db, keys))

    def compared(self, objects: Sequence[bytes]) -> dict[bytes, bytes]:
        """The signatures that files had when they were last compared with their digests, by digest."""
        return self._db.do(lambda db: _signatures(db, objects))

    def recipes(self, recipes: Sequence[bytes]) -> set[bytes]:
        """Which of these recipes are known."""
        return self._db.do(lambda db: _known(db, recipes))

    def version(self) -> int:
        """Another number after each change by others (https://sqlite.org/pragma.html#pragma_data_version)."""
        found: int = self._db.do(lambda db: db.execute("PRAGMA data_version").fetchone()[0])
        return found

    def keys(self) -> list[bytes]:
        """Every key."""
        return self._first_of_each("SELECT DISTINCT key FROM results")

    def pinned(self) -> set[bytes]:
        """The keys that are marked."""
        return set(self._first_of_each("SELECT key FROM pins"))

    def named(self, objects: Sequence[bytes]) -> set[bytes]:
        """Those of these contents that a row names."""
        return self._db.do(lambda db: _named(db, objects))

    def objects(self) -> set[bytes]:
        """Digests of the contents that lie in files."""
        return set(self._first_of_each("SELECT DISTINCT object FROM results WHERE content IS NULL AND total > 0"))

    def _first_of_each(self, sql: str) -> list[bytes]:
        return self._db.do(lambda db: [found for (found,) in db.execute(sql)])

    # --- writing ---

    def write(self, rows: Iterable[Row], recipes: Iterable[bytes], compared: Mapping[bytes, bytes]) -> None:
        """Adds rows, or puts them in the place of those with the same key and position.

        Args:
            rows: all their columns.
            recipes: that they name.
            compared: signatures of files that hold what their names say, by digest.
        """
        changes = [(_INSERT, rows), ("INSERT OR IGNORE INTO recipes VALUES (?)", _single(recipes))]
        if compared:
            changes.append((_COMPARED, compared.items()))
        self._db.change(*changes)

    def compare(self, compared: Mapping[bytes, bytes]) -> None:
        """Keeps signatures of files that were compared with their digests."""
        self._db.change((_COMPARED, compared.items()))

    def remove(self, keys: Collection[bytes]) -> None:
        """Takes all rows of these keys out, and recipes that no row names any more."""
        self._db.change(
            ("DELETE FROM results WHERE key = ?", _single(keys)),
            (_UNMARK, _single(keys)),
            ("DELETE FROM compared WHERE object NOT IN (SELECT object FROM results)", [()]),
            ("DELETE FROM recipes WHERE recipe NOT IN (SELECT recipe FROM results)", [()]),
        )

    def discard(self, key: bytes) -> None:
        """Takes one damaged entry out; its mark and its recipe stay for the one that is made in its place."""
        self._db.change(("DELETE FROM results WHERE key = ?", _single([key])))

    def pin(self, keys: Collection[bytes], *, pinned: bool) -> None:
        """Marks those that are there, or takes the mark away."""
        self._db.change((_MARK if pinned else _UNMARK, _single(keys)))

    def shrink(self) -> int:
        """Gives free pages back; the number of bytes. Nothing happens while somebody else works on it."""
        return self._db.shrink()

    def close(self) -> None:
        """Closes the file."""
        self._db.close()


def _rows(db: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, list[Row]]:
    found: dict[bytes, list[Row]] = {}
    wanted = list(dict.fromkeys(keys))  # the same key may be asked for by many nodes
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        marks = ",".join("?" * len(batch))
        sql = f"SELECT {_COLUMNS} FROM results WHERE key IN ({marks})"  # noqa: S608 - only question marks are put in
        for row in db.execute(sql, batch):
            found.setdefault(row[0], []).append(row)
    return found


def _signatures(db: sqlite3.Connection, objects: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(objects), BATCH):
        batch = objects[start : start + BATCH]
        marks = ",".join("?" * len(batch))
        sql = f"SELECT object, signature FROM compared WHERE object IN ({marks})"  # noqa: S608 - only question marks are put in
        found.update(db.execute(sql, batch))
    return found


def _named(db: sqlite3.Connection, objects: Sequence[bytes]) -> set[bytes]:
    wanted = set(objects)
    return wanted.intersection(found for (found,) in db.execute("SELECT object FROM results WHERE content IS NULL"))


def _known(db: sqlite3.Connection, recipes: Sequence[bytes]) -> set[bytes]:
    if len(recipes) > BATCH:
        some = db.execute("SELECT recipe FROM recipes LIMIT ?", (BATCH,)).fetchall()
        if len(some) < BATCH:  # that is all there are
            return {recipe for (recipe,) in some}.intersection(recipes)
    found: set[bytes] = set()
    for start in range(0, len(recipes), BATCH):
        batch = recipes[start : start + BATCH]
        marks = ",".join("?" * len(batch))
        sql = f"SELECT recipe FROM recipes WHERE recipe IN ({marks})"  # noqa: S608 - only question marks are put in
        found.update(row[0] for row in db.execute(sql, batch))
    return found


def _single(values: Iterable[bytes]) -> list[Row]:
    return [(value,) for value in values]
