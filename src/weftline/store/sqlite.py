"""The default ledger: an append-only journal in one SQLite file, flushed at each commit."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from weftline.errors import LedgerTooNewError, LedgerUnusableError
from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.model.transitions import RunStatus
from weftline.ports.ledger import LastTime, RunSummary
from weftline.store.database import connect, migrate

_LATEST = 1
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_INSERT = "INSERT INTO events (run, seq, kind, at, node, item, attempt, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LAST = """
    INSERT INTO last_times (pipeline, node, recipe, inputs, took_s) VALUES (?, ?, ?, ?, NULL)
    ON CONFLICT (pipeline, node) DO UPDATE SET recipe = excluded.recipe, inputs = excluded.inputs
"""


class SqliteLedger:
    """A ledger in a file, or in memory for `":memory:"`."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._next: dict[str, int] = {}
        self._pipelines: dict[str, str] = {}
        self._recipes: set[bytes] = set()
        try:
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = connect(path)
            found = migrate(self._db, "ledger", _LATEST)
        except (sqlite3.Error, OSError) as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error
        if found > _LATEST:
            self._db.close()
            raise LedgerTooNewError(path=self._path, found=found, known=_LATEST)

    def append(self, run: str, events: Sequence[Event], recipes: Sequence[Recipe] = ()) -> None:
        """Adds events in one transaction."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._append(run, events, recipes)
                self._db.execute("COMMIT")
            except BaseException:
                self._next.pop(run, None)
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error

    def _append(self, run: str, events: Sequence[Event], recipes: Sequence[Recipe]) -> None:
        first = self._next.get(run)
        if first is None:
            row = self._db.execute("SELECT max(seq) FROM events WHERE run = ?", (run,)).fetchone()
            first = 0 if row[0] is None else row[0] + 1
        rows = [
            (run, seq, str(kind), at, node, item, attempt, None if body is None else _encode(body))
            for seq, (kind, at, node, item, attempt, body) in enumerate(events, first)
        ]
        self._db.executemany(_INSERT, rows)
        self._next[run] = first + len(rows)
        for recipe in recipes:
            if recipe.digest not in self._recipes:
                self._recipes.add(recipe.digest)
                row = (recipe.digest.hex(), _encode(recipe.as_dict()))
                self._db.execute("INSERT OR IGNORE INTO recipes VALUES (?, ?)", row)
        self._note_last_times(run, events)

    def _note_last_times(self, run: str, events: Sequence[Event]) -> None:
        started, took = [], []
        for event in events:
            body = event.body
            if body is None:
                continue
            if event.kind is Kind.RUN_STARTED:
                self._pipelines[run] = body["pipeline"]
            elif "recipe" in body:
                started.append((self._pipeline(run), event.node, body["recipe"], _encode(body.get("inputs", {}))))
            if event.kind is Kind.NODE_FINISHED and body.get("ran"):
                took.append((body["took_s"] / body["ran"], self._pipeline(run), event.node))
        if started:
            self._db.executemany(_LAST, started)
        if took:
            self._db.executemany("UPDATE last_times SET took_s = ? WHERE pipeline = ? AND node = ?", took)

    def _pipeline(self, run: str) -> str:
        if run not in self._pipelines:
            row = self._db.execute("SELECT pipeline FROM runs WHERE run = ?", (run,)).fetchone()
            self._pipelines[run] = "" if row is None else row[0]
        return self._pipelines[run]

    def events(self, run: str) -> Iterator[Event]:
        """The journal of a run in order."""
        sql = "SELECT kind, at, node, item, attempt, body FROM events WHERE run = ? ORDER BY seq"
        for kind, at, node, item, attempt, body in self._query(sql, (run,)):
            yield Event(Kind(kind), at, node, item, attempt, None if body is None else json.loads(body))

    def runs(self, limit: int = 20) -> Sequence[RunSummary]:
        """The newest runs first."""
        sql = "SELECT run, pipeline, status, started_at, ended_at, counts FROM runs ORDER BY started_at DESC LIMIT ?"
        return [
            RunSummary(run, pipeline, RunStatus(status), started_at, ended_at, json.loads(counts))
            for run, pipeline, status, started_at, ended_at, counts in self._query(sql, (limit,))
        ]

    def last_times(self, pipeline: str, nodes: Sequence[str]) -> Mapping[str, LastTime]:
        """The last time of each node; nodes that were never started are missing."""
        sql = """
            SELECT node, recipes.body, inputs, took_s FROM last_times JOIN recipes USING (recipe)
            WHERE pipeline = ? AND node = ?
        """
        found = {}
        known: dict[str, Recipe] = {}
        for name in nodes:
            for node, body, inputs, took_s in self._query(sql, (pipeline, name)):
                if body not in known:
                    known[body] = Recipe.from_dict(json.loads(body))
                found[node] = LastTime(known[body], json.loads(inputs), took_s)
        return found

    def claim(self, run: str, holder: str) -> str | None:
        """Takes a run for one holder, or tells who has it."""
        self._db.execute("INSERT OR IGNORE INTO claims VALUES (?, ?)", (run, holder))
        found = str(self._query("SELECT holder FROM claims WHERE run = ?", (run,))[0][0])
        return None if found == holder else found

    def release(self, run: str) -> None:
        """Gives a claimed run back."""
        self._db.execute("DELETE FROM claims WHERE run = ?", (run,))

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def _query(self, sql: str, values: Sequence[Any]) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error
