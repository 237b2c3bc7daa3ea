"""Journals in a database that speaks SQL: everything that is the same for SQLite and for a server.

Theory of operation. An append is one transaction: it looks whether the run is still claimed here, adds the events, and keeps
up what stands beside them.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from weftline.digest import DIGEST_BYTES
from weftline.errors import LedgerUnusableError, RunTakenOverError
from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.model.restored import unpacked
from weftline.model.transitions import RunStatus
from weftline.ports.fields import Watch
from weftline.ports.ledger import LastTime, RunSummary, Use, Wanted
from weftline.store.claims import Claims
from weftline.store.fields import SqlFields
from weftline.store.guards import SqlGuards
from weftline.store.notes import DURATIONS_WIDTH, Notes, Unnoted
from weftline.store.recipes import Recipes
from weftline.store.rows import PlainRows, Rows, encode
from weftline.store.schedules import SqlSchedules

_LAST = """
    INSERT INTO last_times (pipeline, node, recipe, inputs, took_s, finished) VALUES (?, ?, ?, ?, NULL, ?)
    ON CONFLICT (pipeline, node)
    DO UPDATE SET recipe = excluded.recipe, inputs = excluded.inputs, finished = excluded.finished
"""
_DONE = """
    UPDATE last_times SET finished = 1, took_s = coalesce(?, took_s) WHERE pipeline = ? AND node = ?
"""
_LAST_KEYS = """
    INSERT INTO last_keys (pipeline, keys) VALUES (?, ?) ON CONFLICT (pipeline) DO UPDATE SET keys = excluded.keys
"""
_DURATIONS = f"""
    INSERT INTO durations (pipeline, node, newest) VALUES (?, ?, ?) ON CONFLICT (pipeline, node) DO UPDATE SET newest =
    CASE WHEN length(durations.newest) + length(excluded.newest) <= {DURATIONS_WIDTH}
    THEN durations.newest || excluded.newest ELSE substr(durations.newest || excluded.newest,
    length(durations.newest) + length(excluded.newest) - {DURATIONS_WIDTH - 1}) END
"""  # noqa: S608 - of a constant
_RUNS = "SELECT run, opening, started_at, ended_at, ending FROM runs ORDER BY started_at DESC, run DESC LIMIT ?"
#: Nodes that one query asks for; SQLite allows 999 values in any build (https://www.sqlite.org/limits.html).
_AT_ONCE = 500
#: Events that are removed in one transaction: some milliseconds, for which others wait.
_REMOVED_AT_ONCE = 1000


class Database(Protocol):
    """What is asked in SQL, with `?` for values; whatever goes wrong is a `LedgerUnusableError`."""

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of an answer; none of a statement that only changes something."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for each row of values."""
        ...

    def transact(self, body: Callable[[bool], None], *names: str, is_passing: bool = False) -> None:
        """Does all of it or nothing. Those that share a name exclude each other, and find what the last one left.

        Args:
            body: asks in one transaction. It is told whether it runs once more because nobody knows how the last time ended:
                a server went away before it said so.
            names: what it excludes others from.
            is_passing: whether it may be lost together with all processes that could know of it.
        """
        ...

    def watch(self) -> Watch:
        """Something that wakes up when anybody writes what others may wait for."""
        ...

    def wake(self) -> None:
        """To be called in a transaction: those who watch are woken when it is over."""
        ...

    def close(self) -> None:
        """Frees files and connections."""
        ...


class SqlJournals(SqlFields):
    """Fits `weftline.ports.ledger.Journals`, on tables that its maker has brought to the latest schema.

    Attributes:
        schedules, guards: what stands beside the journals.
    """

    #: Between two parts of a removal; for a database that does not let those go first who have waited longest.
    _pause_s = 0.0
    #: How often notes are taken of what a journal tells of the last time, in seconds; after a crash, of younger events they are
    #: missing. Of the end of a run they are taken at once.
    _noted_each_s = 0.0

    def __init__(self, db: Database, rows: Rows | None = None) -> None:
        super().__init__(db)
        self._rows = rows or PlainRows(db)
        self._next: dict[str, tuple[int, int]] = {}
        self._pipelines: dict[str, str] = {}
        self._keys: dict[str, list[str]] = {}
        self._claims = Claims(db)
        self._recipes = Recipes(db)
        self._unnoted = Unnoted(self._noted_each_s)
        self.schedules = SqlSchedules(db)
        self.guards = SqlGuards(db, self._claims)

    # --- the journal ---

    def append(self, run: str, events: Sequence[Event], recipes: Sequence[Recipe] = ()) -> None:
        """Adds events in one transaction."""
        fresh = self._recipes.fresh(recipes)  # files are read before others have to wait
        due = self._unnoted.due(run, events)
        notes = due or Notes()
        pipeline = notes.pipeline or (self._pipeline(run) if notes.are_written else "")
        first = self._next.get(run)
        after = (0, 0)

        def write(again: bool) -> None:
            nonlocal first, after
            self._claims.check(run)
            found = self._rows.place(run) if first is None or again else first
            if again and events and first is not None and found[0] == first[0] + len(events):
                after = found
                return  # it had succeeded
            first = found
            epoch = found[1] + [event.kind for event in events].count(Kind.RUN_RESUMED)
            self._rows.write(run, events, found[0], epoch)
            self.note_waits(run, events, lambda: self._rows.read(run, [Kind.GATE_REACHED]))
            after = found[0] + len(events), epoch
            if fresh.recipes:
                self._recipes.write(fresh)
            if notes.are_written:
                self._write_notes(run, pipeline, notes)

        try:
            self._db.transact(write, *([run, pipeline] if notes.are_written else [run]))
        except BaseException:  # raised again
            self._next.pop(run, None)
            self._rows.forget(run)
            raise
        self._next[run] = after
        if due is None:
            self._unnoted.take(run, events)
        else:
            self._noted(run, due, events)
        self._recipes.written(recipes, fresh)

    def _write_notes(self, run: str, pipeline: str, notes: Notes) -> None:
        if notes.seen:
            rows = [(pipeline, node, recipe, encode(inputs), int(ended)) for node, recipe, inputs, ended in notes.seen]
            self._db.many(_LAST, rows)
        if notes.done:
            self._db.many(_DONE, [(took, pipeline, node) for took, node in notes.done])
        if notes.took_s:
            self._db.many(_DURATIONS, [(pipeline, node, newest) for node, newest in notes.durations().items()])
        if notes.is_end:
            keys = [*self._keys.get(run, ()), *notes.keys]
            self._db.query(_LAST_KEYS, (pipeline, bytes.fromhex("".join(keys))))

    def _noted(self, run: str, notes: Notes, events: Sequence[Event] = ()) -> None:
        self._unnoted.noted(run, events)
        if notes.pipeline is not None:
            self._pipelines[run] = notes.pipeline
        self._keys.setdefault(run, []).extend(notes.keys)
        if notes.is_end:
            del self._keys[run]

    def _note_rest(self) -> None:
        """Takes the notes that were put off; for somebody who wants to read them."""
        for run in self._unnoted.runs():
            notes = self._unnoted.rest(run)
            pipeline = notes.pipeline or self._pipeline(run)

            def write(_: bool, run: str = run, pipeline: str = pipeline, notes: Notes = notes) -> None:
                self._claims.check(run)
                self._write_notes(run, pipeline, notes)

            if notes.are_written:
                with contextlib.suppress(RunTakenOverError):  # whoever has it now knows more
                    self._db.transact(write, run, pipeline)
            self._noted(run, notes)

    def _pipeline(self, run: str) -> str:
        if run not in self._pipelines:
            rows = self._db.query("SELECT opening FROM runs WHERE run = ?", (run,))
            self._pipelines[run] = json.loads(rows[0][0])["pipeline"] if rows else ""
        return self._pipelines[run]

    def events(self, run: str, kinds: Collection[Kind] = ()) -> Iterator[Event]:
        """The journal of a run in order, or what of it is of these kinds."""
        yield from self._rows.read(run, kinds)

    def runs(self, limit: int = 20) -> Sequence[RunSummary]:
        """The newest runs first."""
        return [_summary(*row) for row in self._db.query(_RUNS, (limit,))]

    def remove(self, run: str) -> None:
        """First what makes the run known, and a note of what is to be removed; then the rest in parts."""

        def begin(_: bool) -> None:
            self._claims.check(run)
            self._db.query("INSERT INTO removals (run) VALUES (?) ON CONFLICT (run) DO NOTHING", (run,))
            self._db.query(f"DELETE FROM {self._rows.table} WHERE run = ? AND kind = 'RunStarted'", (run,))  # noqa: S608
            self.remove_fields(run)

        self._db.transact(begin, run)
        for (known,) in self._db.query("SELECT run FROM removals"):
            while self._remove_part(known):
                time.sleep(self._pause_s)
            for known_things in (self._next, self._pipelines, self._keys):
                known_things.pop(known, None)
            self._unnoted.forget(known)
            self._rows.forget(known)

    def _remove_part(self, run: str) -> bool:
        """Whether there is more."""
        is_over, table = False, self._rows.table

        def remove(_: bool) -> None:
            nonlocal is_over
            first = self._db.query(f"SELECT min(seq) FROM {table} WHERE run = ?", (run,))[0][0]  # noqa: S608 - a constant
            is_over = first is None
            if is_over:
                self._claims.forget(run)
                self._db.query("DELETE FROM removals WHERE run = ?", (run,))
            else:
                sql = f"DELETE FROM {table} WHERE run = ? AND seq < ?"  # noqa: S608 - a constant
                self._db.query(sql, (run, first + _REMOVED_AT_ONCE))

        self._db.transact(remove, run)
        return not is_over

    # --- who works on a run ---

    def claim(self, run: str, holder: str, *, instead_of: str | None = None) -> str | None:
        """Takes a run for one holder, or tells who has it."""
        found = self.claim_all([Wanted(run, holder, instead_of)])[run]
        return None if found == holder else found

    def claim_all(self, wanted: Sequence[Wanted]) -> Mapping[str, str]:
        """Takes several runs in one transaction, as far as they can be taken; tells who has each of them then."""
        for run, _, _ in wanted:
            self._next.pop(run, None)  # another process may have written since
            self._rows.forget(run)
        return self._claims.claim(wanted)

    def release(self, run: str, holder: str) -> None:
        """Gives a run back, if that holder has it, and no namesake has taken it since."""
        self._claims.release(run, holder)

    def holder(self, run: str) -> str | None:
        """Who has a run."""
        found = self._claims.find(run)
        return None if found is None else found.holder

    # --- what earlier runs tell of the next one ---

    def uses(self) -> Iterator[Use]:
        """Results by run; what a run made and then took counts once."""
        for row in self._db.query("SELECT key, run, at FROM uses"):
            yield Use(*row)
        sql = f"SELECT run, at, body FROM {self._rows.table} WHERE kind = 'CallsRestored'"  # noqa: S608 - a constant
        for run, at, body in self._db.query(sql):
            yield from (Use(key, run, at) for _, key in unpacked(json.loads(body)))

    def recipes(self, digests: Collection[str]) -> Mapping[str, Recipe]:
        """Those of them that were kept."""
        sql = "SELECT body FROM recipes WHERE recipe = ?"
        return {digest: self._recipes.read(body) for digest in digests for (body,) in self._db.query(sql, (digest,))}

    def last_keys(self, pipeline: str) -> Sequence[bytes]:
        """The keys of the newest run that has ended."""
        rows = self._db.query("SELECT keys FROM last_keys WHERE pipeline = ?", (pipeline,))
        keys = rows[0][0] if rows else b""
        return [keys[start : start + DIGEST_BYTES] for start in range(0, len(keys), DIGEST_BYTES)]

    def last_times(self, pipeline: str, nodes: Sequence[str]) -> Mapping[str, LastTime]:
        """The last time of each node; nodes that were never started are missing."""
        self._note_rest()
        found: dict[str, LastTime] = {}
        known: dict[str, Recipe] = {}
        sql = """
            SELECT node, recipes.body, inputs, took_s, finished FROM last_times JOIN recipes USING (recipe)
            WHERE pipeline = ? AND node IN ({})
        """
        for node, body, inputs, took_s, finished in _by_node(self._db, "last_times", sql, pipeline, nodes):
            if body not in known:
                known[body] = self._recipes.read(body)
            found[node] = LastTime(known[body], json.loads(inputs), took_s, bool(finished))
        return found

    def durations(self, pipeline: str, nodes: Sequence[str]) -> Mapping[str, Sequence[float]]:
        """How long the newest calls of each node took; nodes without any are missing."""
        self._note_rest()
        sql = "SELECT node, newest FROM durations WHERE pipeline = ? AND node IN ({})"
        return {
            node: [float(word) for word in newest.split()]
            for node, newest in _by_node(self._db, "durations", sql, pipeline, nodes)
        }

    def close(self) -> None:
        """Frees files and connections."""
        with contextlib.suppress(LedgerUnusableError):  # the journal is complete
            self._note_rest()
        self._db.close()


def _by_node(db: Database, table: str, sql: str, pipeline: str, nodes: Sequence[str]) -> Iterator[Any]:
    """Rows about nodes of a pipeline; where there are none about it at all, one question is enough."""
    if len(nodes) > _AT_ONCE:
        known = db.query(f"SELECT 1 FROM {table} WHERE pipeline = ? LIMIT 1", (pipeline,))  # noqa: S608 - a constant
        if not known:
            return
    for first in range(0, len(nodes), _AT_ONCE):
        asked = nodes[first : first + _AT_ONCE]
        yield from db.query(sql.format(", ".join("?" * len(asked))), (pipeline, *asked))


def _summary(run: str, opening: str, started_at: float, ended_at: float | None, ending: str | None) -> RunSummary:
    """A line of the list of runs; JSON is read here, since databases know no NaN in it."""
    end = {} if ending is None else json.loads(ending)
    status = RunStatus(end.get("status", RunStatus.RUNNING))
    return RunSummary(run, json.loads(opening)["pipeline"], status, started_at, ended_at, end.get("counts", {}))
