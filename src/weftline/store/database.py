"""Opens SQLite files so that what is committed survives a power failure, and so that readers do not block."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

#: How long one process waits for another's transaction, in seconds.
_BUSY_S = 30.0


def connect(path: Path | str) -> sqlite3.Connection:
    """A connection in WAL mode that flushes at each commit; transactions are begun and ended by hand.

    Raises:
        sqlite3.Error: the file is no database, or cannot be opened.
    """
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def opened(path: Path | str, prefix: str, latest: int) -> tuple[sqlite3.Connection, int]:
    """A connection to a database that has been brought to the latest schema, and the version found before; see `migrate`.

    Raises:
        sqlite3.Error: the file is no database, cannot be opened, or is damaged.
    """
    connection = connect(path)
    try:
        return connection, migrate(connection, prefix, latest)
    except sqlite3.Error:
        connection.close()
        raise


def statements(name: str) -> str:
    """The text of a file in `sql/`."""
    return (files("weftline.store") / "sql" / name).read_text(encoding="utf-8")


def migrate(connection: sqlite3.Connection, prefix: str, latest: int) -> int:
    """Brings a database to the latest schema, one numbered file after the other, each in a transaction of its own.

    Args:
        connection: the database; its `user_version` says which files it has seen.
        prefix: of the files' names.
        latest: the number of the newest file.

    Returns:
        The version found before; larger than `latest` for a database of a newer program, which is then left alone.
    """
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number in range(found + 1, latest + 1):
        connection.execute("BEGIN IMMEDIATE")
        if int(connection.execute("PRAGMA user_version").fetchone()[0]) >= number:
            connection.execute("ROLLBACK")  # another process was faster
            continue
        try:
            for statement in _split(statements(f"{prefix}_{number:03d}.sql")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except sqlite3.Error:
            connection.execute("ROLLBACK")
            raise
    return found


def _split(text: str) -> list[str]:
    """Single statements; `executescript` would commit the transaction."""
    found, current = [], ""
    for line in text.splitlines():
        current += line + "\n"
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found
