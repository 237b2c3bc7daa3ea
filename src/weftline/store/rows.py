"""Events as rows of a table, one for each: the plain form of a journal."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from weftline.model.event import Event, Kind

if TYPE_CHECKING:
    from weftline.store.journals import Database

encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Rows(Protocol):
    """How the events of journals lie in a table.

    Attributes:
        table: its name. Each of its rows has a run, and the number of the first event in it.
    """

    table: str

    def place(self, run: str) -> tuple[int, int]:
        """The number of a run's next event, and how often it was resumed."""
        ...

    def write(self, run: str, events: Sequence[Event], first: int, epoch: int) -> None:
        """Adds events, numbered from `first`; to be called inside of a transaction."""
        ...

    def read(self, run: str, kinds: Collection[Kind]) -> Iterator[Event]:
        """A journal in order, or what of it is of these kinds."""
        ...

    def forget(self, run: str) -> None:
        """What was known of a run may not be true any more: a transaction failed, or others may have written."""
        ...


class PlainRows:
    """A row for each event; that an attempt ends once, an index sees to.

    Args:
        db: whose transactions they are.
    """

    table = "events"

    def __init__(self, db: Database) -> None:
        self._db = db

    def place(self, run: str) -> tuple[int, int]:
        """The number of a run's next event, and how often it was resumed."""
        sql = f"SELECT coalesce(max(seq), -1) + 1, coalesce(max(epoch), 0) FROM {self.table} WHERE run = ?"  # noqa: S608
        ((first, epoch),) = self._db.query(sql, (run,))
        return first, epoch

    def write(self, run: str, events: Sequence[Event], first: int, epoch: int) -> None:
        """Adds events, numbered from `first`."""
        self._db.many(insert_into(self.table), rows_of(run, events, first, epoch))

    def read(self, run: str, kinds: Collection[Kind]) -> Iterator[Event]:
        """A journal in order, or what of it is of these kinds."""
        for kind, at, node, item, attempt, body in self._db.query(*selection(self.table, run, kinds)):
            yield Event(Kind(kind), at, node, item, attempt, None if body is None else json.loads(body))

    def forget(self, run: str) -> None:
        """Nothing is known."""


def insert_into(table: str) -> str:
    """The statement that adds a row."""
    columns = "run, seq, kind, at, node, item, attempt, epoch, body"
    return f"INSERT INTO {table} ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant


def rows_of(run: str, events: Sequence[Event], first: int, epoch: int) -> Sequence[tuple[object, ...]]:
    """A row for each event."""
    return [
        (run, seq, str(kind), at, node, item, attempt, epoch, None if body is None else encode(body))
        for seq, (kind, at, node, item, attempt, body) in enumerate(events, first)
    ]


def selection(table: str, run: str, kinds: Collection[str]) -> tuple[str, Sequence[str]]:
    """The question for a journal, and its values."""
    only = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
    columns = "kind, at, node, item, attempt, body"
    return f"SELECT {columns} FROM {table} WHERE run = ?{only} ORDER BY seq", (run, *map(str, kinds))  # noqa: S608 - of marks
