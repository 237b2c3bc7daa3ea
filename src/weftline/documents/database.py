"""SQLite files that are ours: opened with a check, written in one transaction, and every fault told as one error."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from weftline.errors import WeftlineError

BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of file.

    Attributes:
        application_id: the number in the file's header by which it is known (`file` and `sqlite3` show it).
        version: of the schema.
        schema: name of the script in the folder `sql`, which sets both numbers.
        unusable: makes the error of this kind of file, from a path and a detail.
    """

    application_id: int
    version: int
    schema: str
    unusable: Callable[[str, str], WeftlineError]


@contextmanager
def writing(path: Path, layout: Layout) -> Iterator[sqlite3.Connection]:
    """A connection inside one transaction, which is committed when the block ends and rolled back when it raises.

    The file and its schema are made when there is none. Readers are not disturbed; a second writer waits.

    Raises:
        WeftlineError: the layout's own, when the file is damaged, of another program, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise layout.unusable(str(path), str(error)) from error
    with _told(path, layout), closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
        _check_kind(connection, path, layout)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if _check_kind(connection, path, layout):
            for statement in _statements((files(__package__) / "sql" / layout.schema).read_text(encoding="utf-8")):
                connection.execute(statement)
        yield connection
        connection.execute("COMMIT")


@contextmanager
def reading(path: Path, layout: Layout) -> Iterator[sqlite3.Connection]:
    """A connection that sees one state of the file, whatever is written meanwhile.

    Raises:
        WeftlineError: the layout's own, when the file is missing, empty, damaged or of another program.
    """
    if not path.is_file():
        raise layout.unusable(str(path), "there is no such file")
    with _told(path, layout):
        address = f"{path.resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            if _check_kind(connection, path, layout):
                raise layout.unusable(str(path), "it is empty")
            try:
                yield connection
            except (TypeError, ValueError, LookupError) as error:
                # a damaged page may hold values of another type than its column: told apart from a fault of the code
                if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                    raise layout.unusable(str(path), "its pages are damaged") from error
                raise


def content_digest(parts: Iterable[str | bytes | int]) -> str:
    """A digest of the parts in their order; each is hashed with its length, so that no two lists look alike."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


@contextmanager
def _told(path: Path, layout: Layout) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the second when a message quotes what is damaged
        raise layout.unusable(str(path), str(error)) from error


def _check_kind(connection: sqlite3.Connection, path: Path, layout: Layout) -> bool:
    """Whether the file is empty still; an error when it is of another kind."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables == 0 and application == 0:
        return True
    if application != layout.application_id:
        raise layout.unusable(str(path), "it is a database of another program")
    if version != layout.version:
        age = "a newer" if version > layout.version else "an older"
        raise layout.unusable(str(path), f"{age} weftline wrote it (schema {version}, this one knows {layout.version})")
    return False


def _statements(script: str) -> Iterator[str]:
    # `executescript` would commit the transaction that is open
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
