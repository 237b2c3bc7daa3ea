"""Guards in a database that speaks SQL: a place is held by a run, and is worth what the claim of that run is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weftline.errors import RunTakenOverError
from weftline.store import holder

if TYPE_CHECKING:
    from weftline.store.claims import Claims
    from weftline.store.journals import Database

_INSIDE = """
    SELECT guards.run, claims.holder FROM guards LEFT JOIN claims USING (run) WHERE key = ? ORDER BY taken_at, guards.run
"""
_ENTER = "INSERT INTO guards (key, run, taken_at) VALUES (?, ?, ?) ON CONFLICT (key, run) DO NOTHING"


class SqlGuards:
    """Fits `weftline.ports.schedules.Guards`: the table `guards`."""

    def __init__(self, db: Database, claims: Claims) -> None:
        self._db = db
        self._claims = claims

    def enter(self, key: str, run: str, at_most: int, *, at: float) -> Sequence[str]:
        """Takes a place for a run that was claimed here; else the runs that have all places."""
        others: list[str] = []

        def take(_: bool) -> None:
            nonlocal others
            self._claims.check_mine(run)
            found = self._inside(key)
            dead = [(key, name) for name, is_held in found if not is_held]
            if dead:
                self._db.many("DELETE FROM guards WHERE key = ? AND run = ?", dead)
            others = [name for name, is_held in found if is_held and name != run]
            if len(others) < at_most:
                others = []
                self._db.query(_ENTER, (key, run, at))

        self._db.transact(take, f"guard/{key}", run)
        return others

    def leave(self, run: str) -> None:
        """Gives back all places of a run; nothing happens if it is not claimed here any more."""

        def give(_: bool) -> None:
            try:
                self._claims.check_mine(run)
            except RunTakenOverError:
                return  # whoever has it now has its places too
            self._db.query("DELETE FROM guards WHERE run = ?", (run,))

        self._db.transact(give, run)

    def inside(self, key: str) -> Sequence[str]:
        """The runs that have places, those that came first before the others."""
        return [name for name, is_held in self._inside(key) if is_held]

    def _inside(self, key: str) -> list[tuple[str, bool]]:
        """Runs with places, and whether somebody has them still."""
        rows = self._db.query(_INSIDE, (key,))
        return [(run, found is not None and holder.may_be_alive(found)) for run, found in rows]
