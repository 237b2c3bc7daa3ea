"""The journal in SQLite: what happens often lies together in few rows, so that a step costs little more than its flush.

Theory of operation. A row costs a search in each tree that it is in, and a page of each tree is written with each commit. So
the events of one transaction that a run has for every call share a row: their fields in JSON, under the number of the first
one. Others have rows of their own: they are looked for among all runs. The view `events` shows a row for each. There is no
index over them that could see to it that an attempt ends once. What this process has written, it remembers; others are kept out
by the claim of a run, and by the numbers: who does not know of a row begins with the number that it has.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from weftline.errors import LedgerUnusableError
from weftline.model.event import CALL_OUTCOMES, ROUTINE, Event, Kind
from weftline.model.ids import WHOLE
from weftline.store.rows import insert_into, rows_of, selection

if TYPE_CHECKING:
    from weftline.store.journals import Database

#: The kind of a row that holds several events.
SEVERAL = "Several"
#: Events in one row at most: a journal is removed some rows at a time.
_MOST = 500
# SQLite reads no NaN, and one in a row would hide all others
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode
_INSERT = insert_into("journal")
_PLACE = f"""
    SELECT seq + CASE kind WHEN '{SEVERAL}' THEN json_array_length(body) ELSE 1 END, epoch
    FROM journal WHERE run = ? ORDER BY seq DESC LIMIT 1
"""  # noqa: S608 - of a constant
_OUTCOMES = frozenset(CALL_OUTCOMES)


class PackedRows:
    """Fits `weftline.store.rows.Rows`.

    Args:
        db: whose transactions they are.
        path: of its file, for people.
    """

    table = "journal"

    def __init__(self, db: Database, path: str) -> None:
        self._db = db
        self._path = path
        self._ended: dict[str, _Ended] = {}

    def place(self, run: str) -> tuple[int, int]:
        """The number of a run's next event, and how often it was resumed."""
        found = self._db.query(_PLACE, (run,))
        return (found[0][0], found[0][1]) if found else (0, 0)

    def write(self, run: str, events: Sequence[Event], first: int, epoch: int) -> None:
        """Refuses a second outcome of an attempt, as an index would."""
        self._take_outcomes(run, events, epoch)
        for some, are_frequent in _parts(events):
            self._db.many(_INSERT, _packed(run, some, first, epoch) if are_frequent else rows_of(run, some, first, epoch))
            first += len(some)

    def read(self, run: str, kinds: Collection[Kind]) -> Iterator[Event]:
        """A journal in order, or what of it is of these kinds."""
        rows = [SEVERAL] if kinds and not ROUTINE.isdisjoint(kinds) else []
        for kind, at, node, item, attempt, body in self._db.query(*selection(self.table, run, [*kinds, *rows])):
            if kind == SEVERAL:
                found = (Event(Kind(name), *fields) for name, *fields in json.loads(body))
                yield from (event for event in found if not kinds or event.kind in kinds)
            else:
                yield Event(Kind(kind), at, node, item, attempt, None if body is None else json.loads(body))

    def forget(self, run: str) -> None:
        """The journal is asked again which attempts have ended."""
        self._ended.pop(run, None)

    def _take_outcomes(self, run: str, events: Sequence[Event], epoch: int) -> None:
        ended = self._ended.get(run)
        for kind, _, node, item, attempt, _ in events:
            if kind in _OUTCOMES:
                if ended is None or ended.epoch != epoch:
                    ended = self._ended[run] = self._found(run, epoch)
                if not ended.take(node, item, attempt):
                    detail = f"attempt {attempt} of {node} has ended before" + (f", item {item}" if item != WHOLE else "")
                    raise LedgerUnusableError(path=self._path, detail=detail)
        if events and events[-1].kind is Kind.RUN_FINISHED:
            self.forget(run)

    def _found(self, run: str, epoch: int) -> _Ended:
        """What the journal says, of the time since the run was last resumed."""
        ended = _Ended(epoch)
        sql = "SELECT node, item, attempt FROM events WHERE run = ? AND epoch = ? AND kind IN (?, ?, ?)"
        for node, item, attempt in self._db.query(sql, (run, epoch, *map(str, CALL_OUTCOMES))):
            ended.take(node, item, attempt)
        return ended


class _Ended:
    """The attempts of one run that have ended since it was last resumed.

    Args:
        epoch: how often it had been resumed.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._items: dict[tuple[str, int], set[int]] = {}

    def take(self, node: str, item: int, attempt: int) -> bool:
        """False for one that is known to have ended."""
        items = self._items.setdefault((node, attempt), set())
        count = len(items)
        items.add(item)
        return len(items) > count


def _parts(events: Sequence[Event]) -> Iterator[tuple[Sequence[Event], bool]]:
    """The events in pieces, with whether those of a piece are of frequent kinds."""
    if len(events) <= _MOST and ROUTINE.issuperset([event.kind for event in events]):
        yield events, True  # as in most transactions
        return
    for are_frequent, group in groupby(events, lambda event: event.kind in ROUTINE):
        found = list(group)
        for start in range(0, len(found), _MOST):
            yield found[start : start + _MOST], are_frequent


def _packed(run: str, events: Sequence[Event], first: int, epoch: int) -> Sequence[tuple[object, ...]]:
    """One row; or a row for each, if there is one alone, or what SQLite cannot read."""
    if len(events) > 1:
        try:
            row = run, first, SEVERAL, events[0].at, "", WHOLE, 0, epoch, _encode(events)
        except ValueError:
            pass
        else:
            return [row]
    return rows_of(run, events, first, epoch)
