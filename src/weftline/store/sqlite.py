"""The default ledger: append-only journals in one SQLite file, flushed at each commit."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from weftline.errors import LedgerTooNewError, LedgerUnusableError
from weftline.store.database import begin, opened
from weftline.store.journals import SqlJournals
from weftline.store.packed import PackedRows
from weftline.store.staged import Staged
from weftline.store.watch import FileWatch

_LATEST = 9
#: Pages that are given back to the file system in one transaction, and how many free ones are kept for what comes next.
_GIVEN_BACK, _KEPT_FREE = 500, 1000


class SqliteLedger(SqlJournals):
    """A ledger in a file, or in memory for `":memory:"`.

    Attributes:
        staged: small results that its transactions take along.
    """

    _pause_s = 0.02  # SQLite lets those who wait look again after 1, 2, 5, 10, 15, 20, 25 ms and so on
    _noted_each_s = 0.2

    def __init__(self, path: Path | str) -> None:
        self._file = _File(path)
        super().__init__(self._file, PackedRows(self._file, str(path)))
        self.staged = self._file.staged

    def remove(self, run: str) -> None:
        """Removes a journal, and lets a file that can shrink do so."""
        super().remove(run)
        while self._file.shrink():
            time.sleep(self._pause_s)


class _File:
    """Fits `weftline.store.journals.Database`."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._is_news = False  # for those who watch
        try:
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db, found = opened(path, "ledger", _LATEST, shrinks=True)
        except (sqlite3.Error, OSError) as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error
        if found > _LATEST:
            self._db.close()
            raise LedgerTooNewError(path=self._path, found=found, known=_LATEST)
        self.staged = Staged(self._db, self._path)

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        try:
            self._db.executemany(sql, rows)
        except sqlite3.Error as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error

    def transact(self, body: Callable[[bool], None], *names: str, is_passing: bool = False) -> None:
        """Excludes all others that write, whatever the names; small results that are new go along.

        What is passing is not flushed, and nothing goes along. The next flush takes it too.
        """
        del names
        self._is_news = False
        with self._unflushed() if is_passing else contextlib.nullcontext():
            self._transact(body, is_passing)
        if not is_passing:
            self.staged.written()
        if self._is_news:
            self._tell()

    def _transact(self, body: Callable[[bool], None], is_passing: bool) -> None:
        try:
            begin(self._db, is_brief=is_passing)
            body(False)
            if not is_passing:
                self.staged.write()
            self._db.execute("COMMIT")
        except BaseException as error:  # raised again
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise LedgerUnusableError(path=self._path, detail=str(error)) from error
            raise

    @contextlib.contextmanager
    def _unflushed(self) -> Iterator[None]:
        """Commits are not flushed meanwhile."""
        level = self.query("PRAGMA synchronous")[0][0]
        self.query("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self.query(f"PRAGMA synchronous = {level}")

    def shrink(self) -> bool:
        """Gives some free pages back, of a file that was made to do so; whether there are more."""
        if self.query("PRAGMA freelist_count")[0][0] <= _KEPT_FREE or not self.query("PRAGMA auto_vacuum")[0][0]:
            return False
        try:
            self._db.executescript(f"PRAGMA incremental_vacuum({_GIVEN_BACK})")  # `execute` would stop after the first page
        except sqlite3.Error as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error
        return True

    def watch(self) -> FileWatch:
        """Whoever writes the file wakes it."""
        return FileWatch(Path(self._path).absolute())

    def wake(self) -> None:
        """They hear that the file is written to, and once more when it can be seen what: the disk may take its time between."""
        self._is_news = True

    def _tell(self) -> None:
        with contextlib.suppress(OSError):  # the file is somebody else's, say; whoever watches looks once in a while anyway
            os.utime(self._path)

    def close(self) -> None:
        self._db.close()
