"""Small results on their way to the cache: they lie in the ledger's file, so that one flush makes them and the journal durable.

Theory of operation. A result is found from the moment when it is put here. The ledger's next transaction writes it together
with the events that tell of it; some hundred later, and whenever somebody opens the home, all that lie here are moved into the
index of the cache, and then removed: under the lock of the ledger's file, so that two processes do not do it at the same time.
Whoever dies in between leaves them in both places, and the next one moves them again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Collection, Sequence

from weftline.errors import StoreUnusableError
from weftline.store.database import statements
from weftline.store.replaceable import Row

_COLUMNS = "key, position, total, digest, codec, object, size, content, recipe, made_at, took_s, made_by, seal"
_INSERT = f"INSERT INTO staged ({_COLUMNS}) VALUES ({', '.join('?' * 13)})"  # noqa: S608 - constants only
_ALL = f"SELECT {_COLUMNS} FROM staged ORDER BY number"  # noqa: S608 - constants only
_CODEC, _RECIPE = 4, 8


class Staged:
    """The table `staged`, made when it is first needed.

    Args:
        db: the ledger's connection, whose transactions are the ledger's.
        path: of its file, for people.
    """

    def __init__(self, db: sqlite3.Connection, path: str) -> None:
        self._db = db
        self._path = path
        self._rows: dict[bytes, dict[int, Row]] = {}  # by key and position, as far as they are known here
        self._fresh: list[Row] = []  # those that no transaction has taken along yet
        self._version = -1
        self._is_current = False
        self._exists = False

    def __len__(self) -> int:
        """How many results lie here, as far as is known."""
        return len(self._rows)

    # --- on the way in ---

    def put(self, rows: Sequence[Row]) -> None:
        """Takes the rows of some results, texts as bytes; the next transaction of the ledger makes them durable."""
        self._know(rows)
        self._fresh += rows

    def _know(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._rows.setdefault(row[0], {})[row[1]] = row

    def write(self) -> None:
        """Writes what is new; to be called inside of a transaction."""
        if self._fresh:
            if not self._exists:
                self._db.execute(statements("staged.sql"))
            self._db.executemany(_INSERT, self._fresh)

    def written(self) -> None:
        """Says that the transaction has ended well."""
        if self._fresh:
            self._exists = True
            self._fresh.clear()

    def forget(self, keys: Collection[bytes]) -> None:
        """Takes back what no transaction has taken along yet."""
        gone = set(keys)
        self._fresh = [row for row in self._fresh if row[0] not in gone]
        for key in gone:
            self._rows.pop(key, None)

    # --- looking ---

    def version(self) -> int:
        """Another number after each change to the ledger's file by others, whose results are looked for from then on.

        Raises:
            StoreUnusableError: the file cannot be read.
        """
        found = int(self._ask("PRAGMA data_version")[0][0])
        if found != self._version:
            self._version, self._is_current = found, False
        return found

    def rows(self, keys: Sequence[bytes]) -> dict[bytes, list[Row]]:
        """The rows of those keys that lie here.

        Raises:
            StoreUnusableError: the file cannot be read.
        """
        if not self._is_current:
            self._read()
        known = self._rows
        return {key: list(known[key].values()) for key in keys if key in known} if known else {}

    def recipes(self) -> set[bytes]:
        """The recipes of the results that lie here.

        Raises:
            StoreUnusableError: the file cannot be read.
        """
        self.version()
        if not self._is_current:
            self._read()
        return {row[_RECIPE] for rows in self._rows.values() for row in rows.values()}

    def _read(self) -> None:
        """What is there now: others may have put something there, or moved it on, and removed it then."""
        self._rows = {}
        self._know(self._found())
        self._know(self._fresh)
        self._is_current = True

    def _found(self) -> list[Row]:
        # a pickle would be run by whoever reads it, and nobody here has put one there
        return [row for row in self._ask(_ALL) if row[_CODEC] != b"pickle"] if self._has_any() else []

    def _has_any(self) -> bool:
        if not self._exists:
            self._exists = bool(self._ask("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'staged'"))
        return self._exists and bool(self._ask("SELECT 1 FROM staged LIMIT 1"))

    # --- on the way out ---

    def settle(self, keep: Callable[[list[Row]], None]) -> None:
        """Moves everything that is durable here to where it belongs.

        Args:
            keep: writes rows there; they are durable when it returns.

        Raises:
            StoreUnusableError: one of the two cannot be written; nothing is lost.
        """
        if not self._has_any():
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                keep(self._found())
                self._db.execute("DELETE FROM staged")
                self._db.execute("COMMIT")
            except BaseException:  # raised again
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreUnusableError(path=self._path, detail=str(error)) from error
        self._rows = {}
        self._know(self._fresh)

    def _ask(self, sql: str) -> list[Row]:
        try:
            return self._db.execute(sql).fetchall()
        except sqlite3.Error as error:
            raise StoreUnusableError(path=self._path, detail=str(error)) from error
