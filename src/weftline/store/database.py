"""Opens SQLite files so that what is committed survives a power failure, and so that readers do not block."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from importlib.resources import files
from pathlib import Path

#: How long one process waits for another's transaction, in seconds.
_BUSY_S = 30.0
#: How soon one that wants to write looks whether it can, in seconds; and one that is through at once: who writes one thing
#: after the other and flushes each leaves it a tenth of a millisecond in between.
_LOOKS_AGAIN_S, _LOOKS_SOON_S = (0.0003, 0.0015), (0.00001, 0.00005)
#: How soon it tries again where SQLite itself does not wait.
_AGAIN_S = 0.005
#: Pages in SQLite's own journal before they are moved into the file; it would take 1,000. While that journal grows, each flush
#: has to record its size as well, which makes a small commit half as dear again.
_WAL_PAGES = 300
#: What every SQLite file begins with, https://sqlite.org/fileformat.html.
_MAGIC = b"SQLite format 3\0"


def connect(path: Path | str, *, shrinks: bool = False) -> sqlite3.Connection:
    """A connection in WAL mode that flushes at each commit; transactions are begun and ended by hand.

    Args:
        path: the file.
        shrinks: whether one that is made now can give free pages back later, a few at a time; it has to be said first.

    Raises:
        sqlite3.Error: the file is no database, or cannot be opened.
    """
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        if shrinks:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        mode = _enter_wal(connection)
        if mode not in {"wal", "memory"}:  # which SQLite does not raise: readers would block, and a commit could be undone
            raise sqlite3.OperationalError(f"the journal is in mode {mode} and cannot be put into WAL")
        connection.execute("PRAGMA synchronous = EXTRA")  # in WAL mode the same as FULL; while that is entered, more
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error:
        connection.close()
        raise
    except UnicodeDecodeError as error:
        connection.close()
        raise unreadable(error) from error
    return connection


def begin(connection: sqlite3.Connection, *, is_brief: bool = False) -> None:
    """Begins a transaction that writes, as soon as nobody else does.

    SQLite itself looks again after 1, 2, 5, 10 and up to 100 ms; most others are done after one or two.

    Args:
        connection: to the database.
        is_brief: whether it takes no time worth mentioning, since nothing is flushed; then it looks again and again.

    Raises:
        sqlite3.Error: somebody has written for longer than anybody may, or the file cannot be used.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        until = time.monotonic() + _BUSY_S
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                waits_s = _LOOKS_SOON_S if is_brief else _LOOKS_AGAIN_S
                time.sleep(random.uniform(*waits_s))  # noqa: S311 - so that those who wait do not look all at once
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_S * 1000:.0f}")


def unreadable(error: UnicodeDecodeError) -> sqlite3.DatabaseError:
    """What it means that SQLite's own message is no text: it quotes names of tables, which were altered."""
    return sqlite3.DatabaseError(f"malformed database schema ({error.object[:60]!r})")


def _enter_wal(connection: sqlite3.Connection) -> str:
    """The mode that the journal is in then. SQLite does not wait here for others that do the same with a new file."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_AGAIN_S)


def opened(path: Path | str, prefix: str, latest: int, *, shrinks: bool = False) -> tuple[sqlite3.Connection, int]:
    """A connection to a database that has been brought to the latest schema, and the version found before; see `migrate`.

    Raises:
        sqlite3.Error: the file is no database, cannot be opened, or is damaged.
    """
    connection = connect(path, shrinks=shrinks)
    try:
        found = migrate(connection, prefix, latest)
        if isinstance(path, Path):
            flush_folder(path.parent)  # SQLite does not mind if its own attempt fails
    except OSError as error:
        connection.close()
        raise sqlite3.OperationalError(error.strerror or str(error)) from error
    except sqlite3.Error:
        connection.close()
        raise
    return connection, found


def tables(path: Path) -> frozenset[str] | None:
    """The names of the tables in a file, which stays as it is; none in one that is new, damaged or locked.

    Returns:
        `None` for what is no SQLite file at all.

    Raises:
        OSError: it cannot be read.
    """
    if not path.exists():
        return frozenset()
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
    if head != _MAGIC:
        return None if head else frozenset()
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return frozenset()
    return frozenset(str(name) for (name,) in rows)


def flush_folder(folder: Path) -> None:
    """Makes names in a folder durable.

    Raises:
        OSError: the disk refuses.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
