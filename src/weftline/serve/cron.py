"""The duty that minds schedules: starts what is due, and follows what became of it.

Theory of operation. What is due is decided by `weftline.model.schedule`, and written with the id of its run before anything is
started; the process that runs it claims that id. So whoever dies at whatever moment, the next one finds what was decided, and
starts what nobody has begun or has been left behind, under the same id: of two such processes one gets the run.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from weftline.app import schedules as app
from weftline.app.home import Home
from weftline.errors import LeaseLostError, WeftlineError
from weftline.model.ids import run_id
from weftline.model.schedule import Decision, FireState, Schedule, Standing, decide
from weftline.ports.schedules import Fire, Kept, Lease
from weftline.serve.leading import BEAT_S, DEAD_AFTER_S, Leading

_log = logging.getLogger(__name__)
#: The most moments that are over and still looked at; more of them than can run at the same time.
_MOST_LIVE = 100_000


class Launcher(Protocol):
    """What starts runs in processes of their own."""

    def start(self, run: str, schedule: Schedule) -> None:
        """Starts a run, or goes on with it; returns at once."""
        ...

    def is_starting(self, run: str) -> bool:
        """Whether a process that was started here for a run lives."""
        ...


class CronDuty:
    """Minds schedules. Any number of daemons may; one at a time does.

    Args:
        home: where journals are.
        declared: gives the schedules as they are declared now, by name.
        launcher: starts runs.
        beat_s, dead_after_s: see `Leading`.
    """

    def __init__(
        self,
        home: Home,
        declared: Callable[[], Mapping[str, Schedule]],
        launcher: Launcher,
        beat_s: float = BEAT_S,
        dead_after_s: float = DEAD_AFTER_S,
    ) -> None:
        assert home.journals is not None
        self._home = home
        self._kept = kept = home.journals.schedules
        self._declared = declared
        self._launcher = launcher
        self._beat_s = beat_s
        self._started: set[str] = set()  # of those that are not over
        self._leading = Leading(kept, "schedules", beat_s, dead_after_s)

    def look(self, now: float) -> float | None:
        """Does what is due; gives when to look again."""
        soon = now + self._beat_s
        lease = self._leading.look(self._home.clock.monotonic())
        if lease is None:
            self._started.clear()
            return soon
        try:
            declared = self._declared()
            live = self._follow(lease, declared, now)
            states = self._kept.states()
            nexts = [
                self._mind(lease, schedule, states.get(name, Kept()), live[name], now) for name, schedule in declared.items()
            ]
        except LeaseLostError:
            self._leading.lost()
            return soon
        return min([soon, *(at for at in nexts if at is not None)])

    def close(self) -> None:
        """Another one may do it at once."""
        self._leading.resign()

    # --- what was started ---

    def _follow(self, lease: Lease, declared: Mapping[str, Schedule], now: float) -> Counter[str]:
        """Looks what became of runs, and starts those again that nobody works on; how many go on, by schedule."""
        ledger = self._home.ledger
        assert ledger is not None
        changed, again = [], []
        live: Counter[str] = Counter()
        for fire in self._kept.fires(is_live=True, limit=_MOST_LIVE):
            is_starting = self._launcher.is_starting(fire.run)
            was_started = fire.run in self._started
            found, is_wanted = app.became(
                fire, app.seen(fire.run, ledger), now, is_starting=is_starting, was_started=was_started
            )
            if is_wanted and fire.schedule not in declared:
                why = "nobody works on it, and the schedule is not declared any more"
                found, is_wanted = found._replace(state=FireState.FAILED, why=why, ended_at=now), False
            if found != fire:
                changed.append(found)
            if found.state.is_over:
                self._started.discard(fire.run)
            if is_wanted:
                again.append(found)
            live[fire.schedule] += not found.state.is_over
        self._kept.follow(lease, changed)
        for fire in again:
            _log.info("starts run %s of %s again", fire.run, fire.schedule)
            self._start(fire.run, declared[fire.schedule])
        return live

    def _start(self, run: str, schedule: Schedule) -> None:
        self._started.add(run)
        try:
            self._launcher.start(run, schedule)
        except (WeftlineError, OSError) as error:  # it is tried again, as if its process had ended at once
            _log.error("run %s of %s could not be started: %s", run, schedule.name, error)

    # --- what is due ---

    def _mind(self, lease: Lease, schedule: Schedule, was: Kept, running: int, now: float) -> float | None:
        """Decides about the moments that have come, and starts what is to be started; when the next one comes."""
        stands = was if was.timing == schedule.timing else was._replace(timing=schedule.timing, since=schedule.begin(now))
        decision = decide(schedule, Standing(stands.since, running, was.is_paused), now)
        since = stands._replace(since=decision.since, version=str(schedule.version))
        fires = self._fires(schedule, decision, now)
        if since != was and not self._kept.record(lease, schedule.name, was, since, fires):
            return now  # somebody has paused it, or let it go on
        for fire in fires:
            _log.info("%s at %d: %s, %s", schedule.name, fire.due_at, fire.state, fire.why)
            if fire.state is FireState.PENDING:
                self._start(fire.run, schedule)
        return decision.next_at

    def _fires(self, schedule: Schedule, decision: Decision, now: float) -> list[Fire]:
        found = []
        for due in decision.dues:
            is_over = due.state.is_over
            run = "" if is_over else self._new_run(now)
            ended_at = now if is_over else None
            found.append(Fire(schedule.name, float(due.at), due.state, due.why, run, due.since, 0, now, ended_at))
        return found

    def _new_run(self, now: float) -> str:
        """An id that no other run of this moment has, however many there are."""
        while (run := run_id(now, os.urandom(3))) in self._started:
            pass
        self._started.add(run)
        return run
