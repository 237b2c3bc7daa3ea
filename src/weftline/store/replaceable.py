"""A SQLite file that may always be empty: it is put aside and begun anew when it proves broken."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from weftline.errors import StoreUnusableError
from weftline.store.database import opened

T = TypeVar("T")
Row = tuple[Any, ...]

#: What SQLite says of a file that is no database of ours, or no longer.
_BROKEN = ("malformed", "no such table", "no such column", "has no column", "unsupported file format", "already exists")


class ReplaceableDatabase:
    """A database whose content can be made again. Texts come as bytes, since altered ones may be no text any more.

    Args:
        path: of the file.
        quarantine: the folder to which a broken one is moved.
        tell: is told of it, in words.
        schema: prefix of the migrations.
        latest: number of the newest.
    """

    def __init__(self, path: Path, quarantine: Path, tell: Callable[[str], None], *, schema: str, latest: int) -> None:
        self._path = path
        self._quarantine = quarantine
        self._tell = tell
        self._schema = schema
        self._latest = latest
        self._db = self._open()

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Does one piece of work; if the file proves broken, does it on a new one, which has nothing yet.

        Raises:
            StoreUnusableError: the file is locked for long, full or not to be written.
        """
        try:
            return work(self._db)
        except sqlite3.DatabaseError as error:
            if not self._is_broken(error):
                raise StoreUnusableError(path=str(self._path.parent), detail=str(error)) from error
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._put_aside(str(error))
            self._db = self._open()
        try:
            return work(self._db)
        except sqlite3.DatabaseError as error:
            raise StoreUnusableError(path=str(self._path.parent), detail=str(error)) from error

    def change(self, *changes: tuple[str, Iterable[Row]]) -> None:
        """Statements with their rows, in one transaction.

        Raises:
            StoreUnusableError: see `do`.
        """
        made = [(sql, list(rows)) for sql, rows in changes]
        self.do(lambda db: _transact(db, made))

    def shrink(self) -> int:
        """Gives free pages back; the number of bytes. Nothing happens while somebody else works on it."""
        before = self._size()
        with contextlib.suppress(sqlite3.OperationalError):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return max(0, before - self._size())

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def _open(self) -> sqlite3.Connection:
        for last_try in (False, True):
            try:
                database, _ = opened(self._path, self._schema, self._latest)
            except sqlite3.DatabaseError as error:
                if last_try or not self._is_broken(error):
                    raise StoreUnusableError(path=str(self._path), detail=str(error)) from error
                self._put_aside(str(error))
            else:
                database.text_factory = bytes
                return database
        raise AssertionError("unreachable")

    def _is_broken(self, error: sqlite3.DatabaseError) -> bool:
        """Whether an error means that the file is damaged, rather than locked, full or not to be written."""
        if "readonly" in str(error):  # so SQLite calls files with an unknown number of their format, too
            return all(os.access(path, os.W_OK) for path in (self._path.parent, self._path))
        if isinstance(error, sqlite3.OperationalError):
            return any(words in str(error) for words in _BROKEN)
        return not isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError))

    def _put_aside(self, detail: str) -> None:
        self._quarantine.mkdir(parents=True, exist_ok=True)
        mark = os.urandom(4).hex()
        for source in self._files():
            source.replace(self._quarantine / source.name.replace(self._path.stem, f"{self._path.stem}-{mark}", 1))
        self._tell(f"{self._path.name} was broken ({detail}); it is in {self._quarantine}, and a new one was begun")

    def _files(self) -> list[Path]:
        names = (f"{self._path.name}{suffix}" for suffix in ("", "-wal", "-shm"))
        return [file for name in names if (file := self._path.with_name(name)).exists()]

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self._files())


def _transact(db: sqlite3.Connection, changes: Sequence[tuple[str, list[Row]]]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for sql, rows in changes:
            db.executemany(sql, rows)
        db.execute("COMMIT")
    except BaseException:  # raised again
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
