"""Fields of runs in a database that speaks SQL, and which runs wait at gates for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weftline.model.event import Event, Kind
from weftline.model.gate import FieldValue, Scalar
from weftline.model.transitions import RunStatus
from weftline.ports.fields import Wait, Watch

if TYPE_CHECKING:
    from weftline.store.journals import Database

_HELD = """
    SELECT field, value, was, number, at, by, why FROM field_changes AS newest WHERE run = ? AND number =
    (SELECT max(number) FROM field_changes AS later WHERE later.run = newest.run AND later.field = newest.field)
"""
_CHANGE = "INSERT INTO field_changes (run, field, value, was, at, by, why) VALUES (?, ?, ?, ?, ?, ?, ?)"
_WAIT = """
    INSERT INTO waits (run, gate, at, body) VALUES (?, ?, ?, ?)
    ON CONFLICT (run, gate) DO UPDATE SET at = excluded.at, body = excluded.body
"""
#: Whoever sets fields has this to himself, so that changes become visible in the order of their numbers.
ORDER = "fields"
_KINDS = frozenset({Kind.GATE_REACHED, Kind.RUN_RESUMED, Kind.RUN_FINISHED})


class SqlFields:
    """Fits `weftline.ports.fields.Fields`, on the tables `field_changes` and `waits`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def set_fields(self, run: str, values: Mapping[str, Scalar], *, at: float, by: str, why: str = "") -> int:
        """Sets fields in one transaction; how many have changed."""
        count = 0

        def write(_: bool) -> None:
            nonlocal count
            held = self.fields(run)
            rows = []
            for field, value in values.items():
                was = held[field].value if field in held else None
                if field not in held or value != was or type(value) is not type(was):
                    rows.append((run, field, json.dumps(value), json.dumps(was), at, by, why))
            if rows:
                self._db.many(_CHANGE, rows)
                self._db.wake()
            count = len(rows)

        self._db.transact(write, run, ORDER)
        return count

    def fields(self, run: str) -> dict[str, FieldValue]:
        """What somebody has set of a run."""
        rows = self._db.query(_HELD, (run,))
        return {field: FieldValue(json.loads(value), json.loads(was), *rest) for field, value, was, *rest in rows}

    def changed_since(self, number: int) -> tuple[int, Sequence[str]]:
        """The newest change, and the runs that have changed since."""
        rows = self._db.query("SELECT run, max(number) FROM field_changes WHERE number > ? GROUP BY run", (number,))
        return max([number, *(found for _, found in rows)]), [run for run, _ in rows]

    def waits(self) -> Sequence[Wait]:
        """Runs at gates, in the order in which they came."""
        rows = self._db.query("SELECT run, gate, at, body FROM waits ORDER BY at, run, gate")
        return [Wait(*row) for row in rows]

    def watch(self) -> Watch:
        """Wakes up when fields are set or runs come to gates."""
        return self._db.watch()

    # --- in the transaction that writes events ---

    def note_waits(self, run: str, events: Sequence[Event], earlier: Callable[[], Iterable[Event]]) -> None:
        """Keeps up which runs wait; to be called in the transaction that writes the events.

        Args:
            run: its id.
            events: the new ones.
            earlier: gives the `GATE_REACHED` of its journal, in order.
        """
        for kind, at, _, _, _, body in events:
            if kind not in _KINDS or body is None:
                continue
            if kind is Kind.RUN_RESUMED:  # it may have ended otherwise than by waiting, and comes to no gate twice
                for reached in earlier():
                    self._wait(run, reached.at, reached.body or {})
            elif kind is Kind.GATE_REACHED:
                self._wait(run, at, body)
                self._db.wake()
            elif body["status"] != RunStatus.BLOCKED:
                self._db.query("DELETE FROM waits WHERE run = ?", (run,))
            else:
                self._db.wake()  # what was set since it looked last is to be looked at by others

    def _wait(self, run: str, at: float, body: Mapping[str, Any]) -> None:
        self._db.query(_WAIT, (run, body["gate"]["name"], at, json.dumps(body)))

    def remove_fields(self, run: str) -> None:
        """Removes what is kept of a run; to be called in the transaction that removes it."""
        self._db.query("DELETE FROM waits WHERE run = ?", (run,))
        self._db.query("DELETE FROM field_changes WHERE run = ?", (run,))
