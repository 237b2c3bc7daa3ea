"""Journals in a PostgreSQL server, which several machines reach: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME`.

Theory of operation. Everything that is not said here is that of `store/journals.py`. Appends and claims of one run exclude each
other by an advisory lock, which ends with its transaction; so do writers of what stands beside the journals of one pipeline.
When the connection breaks, the question is asked again for some time; a transaction whose end was not heard looks whether it
had succeeded. A process that stops in the middle of a transaction loses it, so that others do not wait for ever.

What is acknowledged survives a loss of power, unless the server itself runs with `fsync = off`.
"""

from __future__ import annotations

import functools
import itertools
import re
import threading
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg

from weftline.errors import (
    BadLedgerUrlError,
    LedgerRefusedError,
    LedgerTooNewError,
    LedgerUnreachableError,
    LedgerUnusableError,
)
from weftline.store.journals import SqlJournals

T = TypeVar("T")

_LATEST = 5
#: Where the tables are, unless the URL says otherwise.
_SCHEMA = "weftline"
#: How long a connection may take to be made; how long a server that has gone away is asked again, such as one that is being
#: restarted; how long a process may sleep in the middle of a transaction, and others wait for it. In seconds.
_CONNECT_S, _PATIENCE_S, _ASLEEP_S, _LOCKED_S = 5, 30.0, 20, 30
_ADDRESS = "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %-escapes for signs such as @ / : # in the password"
#: Sets up a session: where tables are looked for, that commits are flushed, and the limits.
_SESSION = """
    SELECT set_config('search_path', %s, false), set_config('idle_in_transaction_session_timeout', %s, false),
           set_config('lock_timeout', %s, false),
           (SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off')
"""
#: What a refusal means, by the server's code (https://www.postgresql.org/docs/current/errcodes-appendix.html) or, where
#: it is told without one, by its words.
_REFUSALS = [
    ("28", r"password authentication failed|no pg_hba|role \S+ does not exist", "check user and password in the URL"),
    ("3D000", r"database \S+ does not exist", "create it first: createdb NAME"),
    ("42501|3F000", "", "let the user create a schema in that database, or give it the tables of the one that is there"),
    ("53100", "", "its disk is full: make room there"),
    ("25006", "", "it is a replica that only reads: name the primary server"),
    ("42P01|42703|42883", "", "its tables are not those of a ledger: name another schema in the URL, ?schema=NAME"),
]
#: Passing trouble: connections, resources, shutdown, deadlock, a lock that was not given.
_PASSING = re.compile("08|53[034]|57P0[123]|40001|40P01|55P03|25P03")


def opened(url: str) -> PostgresLedger:
    """The ledger at a URL.

    Raises:
        BadLedgerUrlError: it is not a URL of that kind.
        LedgerUnusableError: the server cannot be reached, or refuses.
    """
    return PostgresLedger(url)


class PostgresLedger(SqlJournals):
    """A ledger in a schema of a database, which is made there if it is not there yet."""

    def __init__(self, url: str) -> None:
        super().__init__(_Server(url))


class _Server:
    """Fits `weftline.store.journals.Database`; may be used by threads."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._schema = options.pop("schema", _SCHEMA)
        self.place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        if parts.netloc.count("@") > 1 or "@" in parts.path + parts.query + parts.fragment:
            raise BadLedgerUrlError(
                url=f"{parts.scheme}://***", detail="there are signs in it that are not escaped", advice=_ADDRESS
            )
        if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", self._schema):
            detail, advice = "the schema is no plain name", "write ?schema=NAME, of small letters, digits and _"
            raise BadLedgerUrlError(url=self.place, detail=detail, advice=advice)
        try:
            self._conninfo = psycopg.conninfo.make_conninfo(parts._replace(query=urlencode(options)).geturl())
        except psycopg.ProgrammingError:  # its text may quote the password
            raise BadLedgerUrlError(url=self.place, detail="it cannot be taken apart", advice=_ADDRESS) from None
        self._one_at_a_time = threading.RLock()
        self._is_inside = False
        self._connection: psycopg.Connection[Any] | None = None
        try:
            self._migrate(self._connected())
        except psycopg.Error as error:
            self.close()
            raise self._meaning(error) from error
        except LedgerTooNewError:
            self.close()
            raise

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Outside of a transaction it may be asked twice, which changes nothing."""
        with self._one_at_a_time:
            if self._is_inside:
                return self._ask(sql, values)
            return self._patiently(lambda _: self._ask(sql, values))

    def _ask(self, sql: str, values: Sequence[Any]) -> list[Any]:
        cursor = self._connected().execute(_marked(sql), values or None)
        return [] if cursor.description is None else cursor.fetchall()

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """All in one round trip."""
        with self._connected().cursor() as cursor:
            cursor.executemany(_marked(sql), rows)

    def transact(self, body: Callable[[bool], None], *names: str, is_passing: bool = False) -> None:
        """Takes the names in their order, so that two never wait for each other. The server may die without those who ask."""
        del is_passing
        keys = [f"{self._schema}/{name}" for name in names]

        def attempt(again: bool) -> None:
            with self._connected().transaction():
                self._is_inside = True
                try:
                    for key in keys:
                        self._ask("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", (key,))
                    body(again)
                finally:
                    self._is_inside = False

        with self._one_at_a_time:
            self._patiently(attempt)

    def _patiently(self, question: Callable[[bool], T]) -> T:
        """The answer; what may pass is asked again for some time, which the question is told."""
        until = time.monotonic() + _PATIENCE_S
        for attempt in itertools.count():
            try:
                return question(attempt > 0)
            except psycopg.Error as error:
                meant = self._meaning(error)
                if not meant.transient or time.monotonic() > until:
                    raise meant from error
            time.sleep(min(0.05 * 2**attempt, 1.0))
        raise AssertionError("count() does not end")

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or (self._connection.closed and not self._is_inside):
            self._connection = None
            self._connection = self.connect()
        return self._connection

    def connect(self) -> psycopg.Connection[Any]:
        """A new connection, for whoever closes it."""
        limits = {"connect_timeout": _CONNECT_S, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
        given = psycopg.conninfo.conninfo_to_dict(self._conninfo)
        options: dict[str, Any] = {"application_name": "weftline", **limits, **given}
        connection = psycopg.connect(**options, autocommit=True)
        connection.execute(_SESSION, (self._schema, f"{_ASLEEP_S}s", f"{_LOCKED_S}s"))
        return connection

    def _migrate(self, connection: psycopg.Connection[Any]) -> None:
        """Brings the schema to the latest version: one process at a time, and all files in one transaction."""
        found = self._version(connection)
        if found < _LATEST:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (self._schema,))
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}".encode())
                connection.execute(_VERSIONS)
                found = self._version(connection)  # another process may have been faster
                for number in range(found + 1, _LATEST + 1):
                    text = (files("weftline.ext") / "sql" / f"ledger_{number:03d}.sql").read_bytes()
                    connection.execute(text)
                    connection.execute("INSERT INTO versions (number) VALUES (%s)", (number,))
        if found > _LATEST:
            raise LedgerTooNewError(path=self.place, found=found, known=_LATEST)

    def _version(self, connection: psycopg.Connection[Any]) -> int:
        """The number of the last file that the schema has seen; 0 for one that is not there."""
        if connection.execute("SELECT to_regclass(%s)", (f"{self._schema}.versions",)).fetchone() == (None,):
            return 0
        row = connection.execute("SELECT coalesce(max(number), 0) FROM versions").fetchone()
        return 0 if row is None else int(row[0])

    def _meaning(self, error: psycopg.Error) -> LedgerUnusableError:
        """What an error of the library is to us; its text is of the server's making, and names no secrets."""
        text, code = _in_one_line(error), error.sqlstate or ""
        for codes, words, advice in _REFUSALS:
            if re.match(codes, code) or (words and not code and re.search(words, text)):
                return LedgerRefusedError(path=self.place, detail=text, advice=advice)
        is_lost = self._connection is None or self._connection.closed
        if _PASSING.match(code) or (is_lost and isinstance(error, psycopg.OperationalError)):
            return LedgerUnreachableError(path=self.place, detail=text)
        return LedgerRefusedError(path=self.place, detail=text, advice="see what the server's log says")

    def watch(self) -> _Listener:
        """A connection of its own, to which the server tells of what others wake."""
        return _Listener(self, f"{self._schema}_fields")

    def wake(self) -> None:
        """The server tells those who watch when the transaction is over."""
        self._ask("SELECT pg_notify(?, '')", (f"{self._schema}_fields",))

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()


class _Listener:
    """Fits `weftline.ports.fields.Watch`; the first wait, and one that makes a broken connection again, count as news."""

    def __init__(self, server: _Server, channel: str) -> None:
        self._server = server
        self._channel = channel
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self, timeout_s: float) -> bool:
        try:
            if self._connection is None:
                self._connection = self._server.connect()
                self._connection.execute(f"LISTEN {self._channel}".encode())
                return True  # whatever was told before
            found = any(self._connection.notifies(timeout=timeout_s, stop_after=1))
            for _ in self._connection.notifies(timeout=0):  # one look answers all of them
                found = True
        except psycopg.Error:
            self._connection = None
            time.sleep(min(timeout_s, 1.0))  # the server is away; whoever asks it something next is told
            return False
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


_VERSIONS = """
    CREATE TABLE IF NOT EXISTS versions (number INTEGER PRIMARY KEY, made_at TIMESTAMPTZ NOT NULL DEFAULT now())
"""


@functools.lru_cache(maxsize=256)
def _marked(sql: str) -> bytes:
    """A statement with the marks for values that this library wants."""
    return sql.replace("?", "%s").encode()


def _in_one_line(error: psycopg.Error) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
