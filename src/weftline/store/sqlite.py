"""The default ledger: an append-only journal in one SQLite file, flushed at each commit."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from weftline.digest import DIGEST_BYTES
from weftline.errors import LedgerTooNewError, LedgerUnusableError
from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.model.ids import WHOLE
from weftline.model.restored import unpacked
from weftline.model.transitions import RunStatus
from weftline.ports.ledger import LastTime, RunSummary, Use
from weftline.store.database import opened
from weftline.store.recipes import Fresh, Recipes
from weftline.store.staged import Staged

_LATEST = 4
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_INSERT = "INSERT INTO events (run, seq, kind, at, node, item, attempt, epoch, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LAST = """
    INSERT INTO last_times (pipeline, node, recipe, inputs, took_s, finished) VALUES (?, ?, ?, ?, NULL, ?)
    ON CONFLICT (pipeline, node)
    DO UPDATE SET recipe = excluded.recipe, inputs = excluded.inputs, finished = excluded.finished
"""
_DONE = """
    UPDATE last_times SET finished = 1, took_s = coalesce(?, took_s) WHERE pipeline = ? AND node = ?
"""


#: How often notes are taken of what the journal tells of the last time, in seconds, by the times of its events: at the end of a
#: run, of all; after a crash, of those that are younger they are missing.
_NOTED_EACH_S = 0.2
#: Nodes that one query asks for; SQLite allows 999 values in any build (https://www.sqlite.org/limits.html).
_AT_ONCE = 500
#: Calls whose durations are kept for each node, and how one is written.
_NEWEST = 50
_DURATION = "{:.5e} ".format
_WIDTH = len(_DURATION(0.0))
_DURATIONS = """
    INSERT INTO durations (pipeline, node, newest) VALUES (?, ?, ?)
    ON CONFLICT (pipeline, node) DO UPDATE SET newest = substr(newest || excluded.newest, ?)
"""


class SqliteLedger:
    """A ledger in a file, or in memory for `":memory:"`.

    Attributes:
        staged: small results that its transactions take along.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._next: dict[str, tuple[int, int]] = {}
        self._pipelines: dict[str, str] = {}
        self._unnoted: dict[str, list[Event]] = {}
        self._noted_at = -math.inf
        self._keys: dict[str, list[str]] = {}
        try:
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db, found = opened(path, "ledger", _LATEST)
        except (sqlite3.Error, OSError) as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error
        if found > _LATEST:
            self._db.close()
            raise LedgerTooNewError(path=self._path, found=found, known=_LATEST)
        self._recipes = Recipes(self._db, self._query)
        self.staged = Staged(self._db, self._path)

    def append(self, run: str, events: Sequence[Event], recipes: Sequence[Recipe] = ()) -> None:
        """Adds events in one transaction."""
        try:
            fresh = self._recipes.fresh(recipes)  # files are read before others have to wait
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._append(run, events, fresh)
                self.staged.write()
                self._db.execute("COMMIT")
                self.staged.written()
                self._recipes.written(recipes, fresh)
            except BaseException:  # raised again
                self._next.pop(run, None)
                self._unnoted.clear()
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error

    def _append(self, run: str, events: Sequence[Event], fresh: Fresh) -> None:
        first, epoch = self._place(run)
        epoch += sum(event.kind is Kind.RUN_RESUMED for event in events)
        rows = [
            (run, seq, str(kind), at, node, item, attempt, epoch, None if body is None else _encode(body))
            for seq, (kind, at, node, item, attempt, body) in enumerate(events, first)
        ]
        self._db.executemany(_INSERT, rows)
        self._next[run] = (first + len(rows), epoch)
        if fresh.recipes:
            self._recipes.write(fresh)
        self._unnoted.setdefault(run, []).extend(events)
        if events and (events[-1].kind is Kind.RUN_FINISHED or not 0 <= events[-1].at - self._noted_at < _NOTED_EACH_S):
            self._noted_at = events[-1].at
            self._note_all()

    def _note_all(self) -> None:
        """Keeps up what is told of the last time of nodes; to be called inside of a transaction."""
        unnoted, self._unnoted = self._unnoted, {}
        for run, events in unnoted.items():
            self._note_last_times(run, events)

    def _note_rest(self) -> None:
        """Takes the notes that are due soon; for somebody who wants to read them."""
        if not self._unnoted:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._note_all()
                self._db.execute("COMMIT")
            except sqlite3.Error:  # raised again
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error

    def _place(self, run: str) -> tuple[int, int]:
        """The number of a run's next event, and how often it was resumed."""
        known = self._next.get(run)
        if known is None:
            sql = "SELECT coalesce(max(seq), -1) + 1, coalesce(max(epoch), 0) FROM events WHERE run = ?"
            known = self._db.execute(sql, (run,)).fetchone()
        return known

    def _note_last_times(self, run: str, events: Sequence[Event]) -> None:
        seen: list[tuple[Any, ...]] = []
        done: list[tuple[Any, ...]] = []
        took_s: dict[str, list[float]] = {}
        for event in events:
            body = event.body
            if body is None:
                continue
            if event.kind is Kind.CALL_SUCCEEDED or event.kind is Kind.CALL_RESTORED:
                self._note_call(run, event, body, took_s)
            elif event.kind is Kind.RUN_FINISHED:
                keys = bytes.fromhex("".join(self._keys.pop(run, ())))
                self._db.execute("INSERT OR REPLACE INTO last_keys VALUES (?, ?)", (self._pipeline(run), keys))
            elif event.kind is Kind.RUN_STARTED:
                self._pipelines[run] = body["pipeline"]
            elif "recipe" in body:
                is_end = event.kind is Kind.NODE_FINISHED
                seen.append((self._pipeline(run), event.node, body["recipe"], _encode(body.get("inputs", {})), is_end))
                if is_end and not body.get("ran"):
                    continue  # that says all of it
            if event.kind is Kind.NODE_FINISHED and body.get("state") in {"succeeded", "cached"}:
                took = body["took_s"] / body["ran"] if body.get("ran") else None
                done.append((took, self._pipeline(run), event.node))
        if seen:
            self._db.executemany(_LAST, seen)
        if done:
            self._db.executemany(_DONE, done)
        if took_s:
            pipeline = self._pipeline(run)
            newest = {node: "".join(map(_DURATION, found[-_NEWEST:])) for node, found in took_s.items()}
            rows = [(pipeline, node, text, -_NEWEST * _WIDTH) for node, text in newest.items()]
            self._db.executemany(_DURATIONS, rows)

    def _note_call(self, run: str, event: Event, body: Mapping[str, Any], took_s: dict[str, list[float]]) -> None:
        if "took_s" in body:
            took_s.setdefault(event.node, []).append(body["took_s"])
        if event.item == WHOLE and len(body.get("key", "")) == 2 * DIGEST_BYTES:
            self._keys.setdefault(run, []).append(body["key"])

    def last_keys(self, pipeline: str) -> Sequence[bytes]:
        """The keys of the newest run that has ended."""
        rows = self._query("SELECT keys FROM last_keys WHERE pipeline = ?", (pipeline,))
        keys = rows[0][0] if rows else b""
        return [keys[start : start + DIGEST_BYTES] for start in range(0, len(keys), DIGEST_BYTES)]

    def _pipeline(self, run: str) -> str:
        if run not in self._pipelines:
            row = self._db.execute("SELECT opening FROM runs WHERE run = ?", (run,)).fetchone()
            self._pipelines[run] = "" if row is None else json.loads(row[0])["pipeline"]
        return self._pipelines[run]

    def events(self, run: str) -> Iterator[Event]:
        """The journal of a run in order."""
        sql = "SELECT kind, at, node, item, attempt, body FROM events WHERE run = ? ORDER BY seq"
        for kind, at, node, item, attempt, body in self._query(sql, (run,)):
            yield Event(Kind(kind), at, node, item, attempt, None if body is None else json.loads(body))

    def runs(self, limit: int = 20) -> Sequence[RunSummary]:
        """The newest runs first."""
        sql = "SELECT run, opening, started_at, ended_at, ending FROM runs ORDER BY started_at DESC, run DESC LIMIT ?"
        return [_summary(*row) for row in self._query(sql, (limit,))]

    def uses(self) -> Iterator[Use]:
        """Results by run; what a run made and then took counts once."""
        sql = """
            SELECT json_extract(body, '$.key') AS key, run, max(at) FROM events
            WHERE kind IN ('CallSucceeded', 'CallRestored') AND key IS NOT NULL GROUP BY key, run
        """
        for row in self._query(sql, ()):
            yield Use(*row)
        for run, at, body in self._query("SELECT run, at, body FROM events WHERE kind = 'CallsRestored'", ()):
            yield from (Use(key, run, at) for _, key in unpacked(json.loads(body)))

    def last_times(self, pipeline: str, nodes: Sequence[str]) -> Mapping[str, LastTime]:
        """The last time of each node; nodes that were never started are missing."""
        self._note_rest()
        sql = """
            SELECT node, recipes.body, inputs, took_s, finished FROM last_times JOIN recipes USING (recipe)
            WHERE pipeline = ? AND node = ?
        """
        found = {}
        known: dict[str, Recipe] = {}
        for name in nodes:
            for node, body, inputs, took_s, finished in self._query(sql, (pipeline, name)):
                if body not in known:
                    known[body] = self._recipes.read(body)
                found[node] = LastTime(known[body], json.loads(inputs), took_s, bool(finished))
        return found

    def durations(self, pipeline: str, nodes: Sequence[str]) -> Mapping[str, Sequence[float]]:
        """How long the newest calls of each node took; nodes without any are missing."""
        self._note_rest()
        found: dict[str, Sequence[float]] = {}
        for first in range(0, len(nodes), _AT_ONCE):
            asked = nodes[first : first + _AT_ONCE]
            names = ", ".join("?" * len(asked))
            sql = f"SELECT node, newest FROM durations WHERE pipeline = ? AND node IN ({names})"  # noqa: S608 - of marks
            for node, newest in self._query(sql, (pipeline, *asked)):
                found[node] = [float(word) for word in newest.split()]
        return found

    def claim(self, run: str, holder: str, *, instead_of: str | None = None) -> str | None:
        """Takes a run for one holder, or tells who has it."""
        self._next.pop(run, None)  # another process may have written since
        if instead_of is None:
            self._query("INSERT OR IGNORE INTO claims VALUES (?, ?)", (run, holder))
        else:
            self._query("UPDATE claims SET holder = ? WHERE run = ? AND holder = ?", (holder, run, instead_of))
        found = str(self._query("SELECT holder FROM claims WHERE run = ?", (run,))[0][0])
        return None if found == holder else found

    def release(self, run: str, holder: str) -> None:
        """Gives a run back, if that holder has it."""
        self._query("DELETE FROM claims WHERE run = ? AND holder = ?", (run, holder))

    def holder(self, run: str) -> str | None:
        """Who has a run."""
        rows = self._query("SELECT holder FROM claims WHERE run = ?", (run,))
        return str(rows[0][0]) if rows else None

    def close(self) -> None:
        """Closes the file."""
        with contextlib.suppress(LedgerUnusableError):  # the journal is complete
            self._note_rest()
        self._db.close()

    def _query(self, sql: str, values: Sequence[Any]) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise LedgerUnusableError(path=self._path, detail=str(error)) from error


def _summary(run: str, opening: str, started_at: float, ended_at: float | None, ending: str | None) -> RunSummary:
    """A line of the list of runs; JSON is read here, since SQLite knows no NaN in it."""
    end = {} if ending is None else json.loads(ending)
    status = RunStatus(end.get("status", RunStatus.RUNNING))
    return RunSummary(run, json.loads(opening)["pipeline"], status, started_at, ended_at, end.get("counts", {}))
