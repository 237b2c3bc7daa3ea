"""A SQLite file that may always be empty: it is put aside and begun anew when it proves broken."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from weftline.errors import StoreUnusableError
from weftline.store.database import opened, unreadable

T = TypeVar("T")
Row = tuple[Any, ...]

#: What SQLite says of a file that is no database of ours, or no longer.
_BROKEN = ("malformed", "no such table", "no such column", "has no column", "unsupported file format", "already exists")
#: Whether the system tells what a process may do that works for somebody else.
_EFFECTIVE = os.access in os.supports_effective_ids


class ReplaceableDatabase:
    """A database whose content can be made again. Texts come as bytes, since altered ones may be no text any more.

    Args:
        path: of the file.
        quarantine: the folder to which a broken one is moved.
        tell: is told of it, in words.
        schema: prefix of the migrations.
        latest: number of the newest.

    Attributes:
        begun: how often a file was opened: another number means that what was written before may be gone.
    """

    def __init__(self, path: Path, quarantine: Path, tell: Callable[[str], None], *, schema: str, latest: int) -> None:
        self._path = path
        self._quarantine = quarantine
        self._tell = tell
        self._schema = schema
        self._latest = latest
        self.begun = 0
        self._file: tuple[int, int] | None = None
        self._db = self._open()

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Does one piece of work; if the file proves broken, does it on a new one, which has nothing yet.

        Raises:
            StoreUnusableError: the file is locked for long, full or not to be written.
        """
        try:
            return _done(work, self._db)
        except sqlite3.DatabaseError as error:
            if not self._is_broken(error):
                raise StoreUnusableError(path=str(self._path.parent), detail=str(error)) from error
            if not self._is_replaced():
                self._put_aside(str(error))
            self._reopen()
        return self._do(work)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return _done(work, self._db)
        except sqlite3.DatabaseError as error:
            raise StoreUnusableError(path=str(self._path.parent), detail=str(error)) from error

    def change(self, *changes: tuple[str, Iterable[Row]]) -> None:
        """Statements with their rows, in one transaction.

        Raises:
            StoreUnusableError: see `do`.
        """
        made = [(sql, list(rows)) for sql, rows in changes]
        self.do(lambda db: _transact(db, made))
        if self._is_replaced():  # another process found it broken, and put it aside with what was written just now
            self._reopen()
            self._do(lambda db: _transact(db, made))

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
                self.begun += 1
                self._file = self._identity()
                return database
        raise AssertionError("unreachable")

    def _reopen(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        self._db = self._open()

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _is_replaced(self) -> bool:
        """Whether the path leads to another file than the one that is open; if to none, what is open is all there is."""
        return self._identity() not in {None, self._file}

    def _is_broken(self, error: sqlite3.DatabaseError) -> bool:
        """Whether an error means that the file is damaged, rather than locked, full or not to be written."""
        if "readonly" in str(error):  # so SQLite calls files with an unknown number of their format, too
            return all(os.access(path, os.W_OK, effective_ids=_EFFECTIVE) for path in (self._path.parent, self._path))
        if isinstance(error, sqlite3.OperationalError):
            return any(words in str(error) for words in _BROKEN)
        return not isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError))

    def _put_aside(self, detail: str) -> None:
        mark = os.urandom(4).hex()
        try:
            self._quarantine.mkdir(parents=True, exist_ok=True)
            for source in self._files():
                source.replace(self._quarantine / source.name.replace(self._path.stem, f"{self._path.stem}-{mark}", 1))
        except OSError as error:
            detail = f"{self._path.name} is broken ({detail}), and cannot be moved to {self._quarantine}: {error.strerror}"
            raise StoreUnusableError(path=str(self._path.parent), detail=detail) from error
        self._tell(f"{self._path.name} was broken ({detail}); it is in {self._quarantine}, and a new one was begun")

    def _files(self) -> list[Path]:
        names = (f"{self._path.name}{suffix}" for suffix in ("", "-wal", "-shm"))
        return [file for name in names if (file := self._path.with_name(name)).exists()]

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self._files())


def _done(work: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
    try:
        return work(db)
    except UnicodeDecodeError as error:  # raised by the module itself: values come as bytes
        raise unreadable(error) from error


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
