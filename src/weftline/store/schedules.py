"""Schedules in a database that speaks SQL: where they stand, what became of their moments, and who minds them.

Theory of operation. A moment is a row whose key is the schedule and the moment, so it is decided once, whoever does it. Who
minds the schedules has a lease, whose number rises when it changes hands; each write compares it in its own transaction, and
taking the lease excludes writing, so a process whose turn is over can never write again, however long it slept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weftline.errors import LeaseLostError
from weftline.model.schedule import FireState
from weftline.ports.schedules import Fire, Kept, Lease

if TYPE_CHECKING:
    from weftline.store.journals import Database

_LEASE = "SELECT duty, holder, epoch, beats FROM leases WHERE duty = ?"
_TAKE = """
    INSERT INTO leases (duty, holder, epoch, beats) VALUES (?, ?, 1, 0)
    ON CONFLICT (duty) DO UPDATE SET holder = excluded.holder, epoch = leases.epoch + 1, beats = 0
"""
_KEEP = """
    INSERT INTO schedules (name, timing, since, version, paused, by, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name)
    DO UPDATE SET timing = excluded.timing, since = excluded.since, version = excluded.version, paused = excluded.paused,
    by = excluded.by, at = excluded.at
"""
_FIRES = "SELECT schedule, due_at, state, why, run, since, tries, decided_at, ended_at FROM fires"
_FIRE = """
    INSERT INTO fires (schedule, due_at, state, why, run, since, tries, decided_at, ended_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (schedule, due_at) DO NOTHING
"""
_LIVE = "state IN ('PENDING', 'RUNNING')"
_FOLLOW = f"""
    UPDATE fires SET state = ?, why = ?, tries = ?, ended_at = ? WHERE schedule = ? AND due_at = ? AND {_LIVE}
"""  # noqa: S608 - of a constant
#: How many moments of each schedule are kept that are over; everything up to `since` is decided without them.
_KEPT_FIRES = 1000
_FORGET = f"""
    DELETE FROM fires WHERE schedule = ? AND NOT {_LIVE}
    AND due_at < (SELECT due_at FROM fires WHERE schedule = ? ORDER BY due_at DESC LIMIT 1 OFFSET {_KEPT_FIRES - 1})
"""  # noqa: S608 - of constants


class SqlSchedules:
    """Fits `weftline.ports.schedules.Schedules`: the tables `schedules`, `fires` and `leases`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # --- who minds them ---

    def lead(self, duty: str, holder: str, *, instead_of: Lease | None = None) -> Lease:
        """Takes a duty that nobody has, or shows that its holder lives; else tells who has it."""
        found: Lease | None = None

        def take(_: bool) -> None:
            nonlocal found
            found = self._lease(duty)
            if found is not None and found.holder == holder:
                self._db.query("UPDATE leases SET beats = beats + 1 WHERE duty = ?", (duty,))
            elif found is None or not found.holder or found == instead_of:
                self._db.query(_TAKE, (duty, holder))
            found = self._lease(duty)

        self._db.transact(take, _duty(duty))
        assert found is not None
        return found

    def resign(self, lease: Lease) -> None:
        """Gives a duty back; its number stays."""

        def give(_: bool) -> None:
            if self._has(lease):
                self._db.query("UPDATE leases SET holder = '' WHERE duty = ?", (lease.duty,))

        self._db.transact(give, _duty(lease.duty))

    def _lease(self, duty: str) -> Lease | None:
        rows = self._db.query(_LEASE, (duty,))
        return Lease(*rows[0]) if rows else None

    def _has(self, lease: Lease) -> bool:
        found = self._lease(lease.duty)
        return found is not None and (found.holder, found.epoch) == (lease.holder, lease.epoch)

    def _check(self, lease: Lease) -> None:
        if not self._has(lease):
            raise LeaseLostError(duty=lease.duty)

    # --- where they stand ---

    def states(self) -> Mapping[str, Kept]:
        """Where every schedule stands that anybody has minded or paused."""
        rows = self._db.query("SELECT name, timing, since, version, paused, by, at FROM schedules")
        return {name: _kept(*row) for name, *row in rows}

    def _state(self, schedule: str) -> Kept:
        rows = self._db.query("SELECT timing, since, version, paused, by, at FROM schedules WHERE name = ?", (schedule,))
        return _kept(*rows[0]) if rows else Kept()

    def pause(self, schedule: str, is_paused: bool, *, at: float, by: str) -> bool:
        """Stops a schedule, or lets it go on; whether that changed anything."""
        is_new = False

        def write(again: bool) -> None:
            nonlocal is_new
            found = self._state(schedule)
            is_new = found.is_paused != is_paused or (again and (found.by, found.at) == (by, at))
            if found.is_paused != is_paused:
                self._keep(schedule, found._replace(is_paused=is_paused, by=by, at=at))
                self._db.wake()

        self._db.transact(write, _schedule(schedule))
        return is_new

    def _keep(self, schedule: str, kept: Kept) -> None:
        values = (kept.timing, kept.since, kept.version, int(kept.is_paused), kept.by, kept.at)
        self._db.query(_KEEP, (schedule, *values))

    # --- what became of moments ---

    def record(self, lease: Lease, schedule: str, was: Kept, since: Kept, fires: Sequence[Fire]) -> bool:
        """What was decided about moments, in one transaction."""
        is_written = False

        def write(again: bool) -> None:
            nonlocal is_written
            self._check(lease)
            found = self._state(schedule)
            is_written = found == was or (again and found == since)
            if found == was:
                self._keep(schedule, since)
                if fires:
                    self._db.many(_FIRE, [_row(fire) for fire in fires])
                    self._db.query(_FORGET, (schedule, schedule))

        self._db.transact(write, _duty(lease.duty), _schedule(schedule))
        return is_written

    def start(self, fire: Fire) -> None:
        """Somebody starts a schedule by hand."""
        self._db.transact(lambda _: self._db.many(_FIRE, [_row(fire)]), _schedule(fire.schedule))

    def follow(self, lease: Lease | None, fires: Sequence[Fire]) -> None:
        """What became of moments; those that are over stay as they are."""
        rows = [(str(fire.state), fire.why, fire.tries, fire.ended_at, fire.schedule, fire.due_at) for fire in fires]

        def write(_: bool) -> None:
            if lease is not None:
                self._check(lease)
            self._db.many(_FOLLOW, rows)

        if fires:
            self._db.transact(write, *([] if lease is None else [_duty(lease.duty)]))

    def fires(self, schedule: str = "", *, is_live: bool = False, limit: int = 1000) -> Sequence[Fire]:
        """What became of moments, the newest first."""
        only = [word for word, asked in (("schedule = ?", schedule), (_LIVE, is_live)) if asked]
        where = f" WHERE {' AND '.join(only)}" if only else ""
        sql = f"{_FIRES}{where} ORDER BY due_at DESC, schedule LIMIT ?"
        rows = self._db.query(sql, (*([schedule] if schedule else []), limit))
        return [Fire(name, due_at, FireState(state), *rest) for name, due_at, state, *rest in rows]


def _kept(timing: str, since: int, version: str, paused: int, by: str, at: float) -> Kept:
    return Kept(timing, since, version, bool(paused), by, at)


def _row(fire: Fire) -> tuple[object, ...]:
    return tuple(str(value) if isinstance(value, FireState) else value for value in fire)


def _duty(duty: str) -> str:
    return f"duty/{duty}"


def _schedule(schedule: str) -> str:
    return f"schedule/{schedule}"
