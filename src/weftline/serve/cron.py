"""The duty that minds schedules: starts what is due, and follows what became of it.

Theory of operation. What is due is decided by `weftline.model.schedule`, and written with the id of its run before anything is
started; the process that runs it claims that id. So whoever dies at whatever moment, the next one finds what was decided, and
starts what nobody has begun or has been left behind, under the same id: of two such processes one gets the run.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from weftline.app import schedules as app
from weftline.app.declared import Declared
from weftline.app.home import Home
from weftline.errors import LeaseLostError
from weftline.model.ids import run_id
from weftline.model.schedule import Decision, FireState, Schedule, Standing, decide
from weftline.ports.schedules import Fire, Kept, Lease
from weftline.serve.errand import Errand
from weftline.serve.leading import BEAT_S, DEAD_AFTER_S, Leading
from weftline.serve.words import changes, last_words, moment

#: How often runs are looked at while nothing is due, in seconds: a ledger may change a hundred times a second.
_LOOKS_EACH_S = 0.25
#: The most moments that are not over and are looked at; more of them than can run at the same time.
_MOST_LIVE = 100_000
#: The timing of a schedule that is not declared any more.
_GONE = "never: it is not declared"
#: From how many seconds on it is told that a run starts late.
_LATE_S = 2.0


class Starts(Protocol):
    """What starts runs in processes of their own; `weftline.serve.launcher` does."""

    @property
    def runs(self) -> Collection[str]:
        """Runs that were begun here or wait to be, and have not ended."""
        ...

    def start(self, wanted: Errand) -> None:
        """Begins a run, or goes on with it; returns at once."""
        ...


class CronDuty:
    """Fits `weftline.serve.duty.Duty`. Any number of daemons may mind schedules; one at a time does.

    Args:
        home: where journals are.
        declared: gives the schedules as they are declared now.
        launcher: starts runs.
        tell: is told in words what is done.
        beat_s, dead_after_s: see `Leading`.
    """

    name = "schedules"

    def __init__(
        self,
        home: Home,
        declared: Callable[[], Declared],
        launcher: Starts,
        tell: Callable[[str], None],
        beat_s: float = BEAT_S,
        dead_after_s: float = DEAD_AFTER_S,
    ) -> None:
        assert home.journals is not None
        self._home = home
        self._kept = kept = home.journals.schedules
        self._declared = declared
        self._launcher = launcher
        self._tell = tell
        self._told: Declared | None = None
        self._cwd = str(Path.cwd())
        self._is_led: bool | None = None  # by another daemon
        self._beat_s = beat_s
        self._started: set[str] = set()  # of those that are not over
        self._quiet: dict[str, tuple[Schedule, Standing, int | None]] = {}  # where nothing is to be done, and until when
        self._looked_at = -_LOOKS_EACH_S
        self._again_at = 0.0
        self._leading = Leading(kept, "schedules", beat_s, dead_after_s)

    def look(self, now: float) -> float | None:
        """Does what is due; gives when to look again."""
        at = self._home.clock.monotonic()
        if at - self._looked_at < _LOOKS_EACH_S and now < self._again_at:
            return self._again_at
        self._looked_at = at
        self._again_at = self._look(now, at)
        return self._again_at

    def _look(self, now: float, at: float) -> float:
        soon = now + self._beat_s
        lease = self._leading.look(at)
        if lease is None:
            self._started.clear()
            self._be_led()
            return soon
        try:
            declared = self._sound(now)
            live = self._follow(lease, declared, now)
            states = self._kept.states()
            self._take_leave(lease, declared, states)
            nexts = [
                self._mind(lease, schedule, states.get(name, Kept()), live[name], now) for name, schedule in declared.items()
            ]
        except LeaseLostError:
            self._leading.lost()
            return soon
        return min([soon, *(each for each in nexts if each is not None)])

    def _be_led(self) -> None:
        if self._is_led is not True:
            self._is_led, self._told = True, None
            self._tell("another daemon minds the schedules; this one takes its place when it ends")

    def _sound(self, now: float) -> Mapping[str, Schedule]:
        """The schedules as they are declared; what has changed of them, and what is wrong with their files, is told once."""
        declared, told = self._declared(), self._told
        self._is_led = False
        if told is None and not declared.schedules:
            self._tell(f"no schedules in {declared.folder or 'sight'}")
        for text in changes({} if told is None else told.schedules, declared.schedules, now):
            self._tell(text)
        findings = [] if told is None else list(map(str, told.findings))
        if findings != list(map(str, declared.findings)):
            for finding in declared.findings:
                self._tell(str(finding))
            if not declared.findings:
                self._tell("all files of schedules are valid again")
        self._told = declared
        return declared.schedules

    def close(self) -> None:
        """Records what became of runs meanwhile; then another one may do it at once."""
        lease = self._leading.look(self._home.clock.monotonic())
        if lease is not None:
            with contextlib.suppress(LeaseLostError):
                self._follow(lease, None, self._home.clock.now())
        self._leading.resign()

    # --- what was started ---

    def _follow(self, lease: Lease, declared: Mapping[str, Schedule] | None, now: float) -> Counter[str]:
        """Looks what became of runs, and starts those again that nobody works on; how many go on, by schedule.

        Without schedules it starts none.
        """
        ledger = self._home.ledger
        assert ledger is not None
        changed, again = [], []
        live: Counter[str] = Counter()
        starting = self._launcher.runs
        for fire in self._kept.fires(is_live=True, limit=_MOST_LIVE):
            is_starting = fire.run in starting
            was_started = fire.run in self._started
            life = app.seen(fire.run, ledger)
            found, is_wanted = app.became(fire, life, now, is_starting=is_starting, was_started=was_started)
            if is_wanted and declared is None:
                found, is_wanted = fire, False
            if found.state is FireState.FAILED and life.life is not app.Life.ENDED:
                found = found._replace(why=self._explained(found))
            if is_wanted and declared is not None and fire.schedule not in declared:
                why = "nobody works on it, and the schedule is not declared any more"
                found, is_wanted = found._replace(state=FireState.FAILED, why=why, ended_at=now), False
            if found != fire:
                changed.append(found)
            if found.state.is_over:
                self._tell(f"{found.schedule}: {_shown(found)}")
                self._started.discard(fire.run)
            if is_wanted:
                again.append(found)
            live[fire.schedule] += not found.state.is_over
        self._kept.follow(lease, changed)
        for fire in again:
            assert declared is not None
            self._tell(f"{fire.schedule}: starts run {fire.run} again")
            self._start(fire, declared[fire.schedule])
        return live

    def _explained(self, fire: Fire) -> str:
        """Why a moment has failed, with what the run's process said last and where the rest of it is."""
        assert self._home.logs is not None
        log = self._home.logs.of_process(fire.run)
        said = last_words(log)
        return f"{fire.why}: {said}   (see {log})" if said else fire.why

    def _start(self, fire: Fire, schedule: Schedule) -> None:
        """Begins a run in the folder in which the daemon was started."""
        self._started.add(fire.run)
        self._launcher.start(
            Errand(fire.run, schedule.target, self._cwd, app.asked_by(schedule, "scheduler"), app.told_of(fire))
        )

    # --- what is due ---

    def _take_leave(self, lease: Lease, declared: Mapping[str, Schedule], states: Mapping[str, Kept]) -> None:
        """What is not declared any more begins anew if it comes back; what a broken file declares nobody knows."""
        if self._told is not None and self._told.findings:
            return
        for name, was in states.items():
            if name not in declared and was.timing != _GONE:
                self._kept.record(lease, name, was, was._replace(timing=_GONE), [])

    def _mind(self, lease: Lease, schedule: Schedule, was: Kept, running: int, now: float) -> float | None:
        """Decides about the moments that have come, and starts what is to be started; when the next one comes."""
        stands = was if was.timing == schedule.timing else was._replace(timing=schedule.timing, since=schedule.begin(now))
        decision = self._decided(schedule, Standing(stands.since, running, was.is_paused), now)
        since = stands._replace(since=decision.since, version=str(schedule.version))
        fires = self._fires(schedule, decision, now)
        if since != was and not self._kept.record(lease, schedule.name, was, since, fires):
            return now  # somebody has paused it, or let it go on
        for fire in fires:
            if fire.state is FireState.PENDING:
                late = f", {now - fire.due_at:.0f} s late" if now - fire.due_at >= _LATE_S else ""
                self._tell(f"{schedule.name}: starts run {fire.run}, {fire.why} at {moment(fire.due_at)}{late}")
                self._start(fire, schedule)
            else:
                self._tell(f"{schedule.name}: {_shown(fire)}")
        return decision.next_at

    def _decided(self, schedule: Schedule, standing: Standing, now: float) -> Decision:
        """What is to be done; looked for again when something has changed or a moment has come: there may be many schedules."""
        known = self._quiet.get(schedule.name)
        if known is not None and known[:2] == (schedule, standing) and (known[2] is None or now < known[2]):
            return Decision((), standing.since, known[2])
        decision = decide(schedule, standing, now)
        if not decision.dues:
            self._quiet[schedule.name] = schedule, standing, decision.next_at
        return decision

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
        while (run := run_id(now, self._home.entropy(3))) in self._started:
            pass
        self._started.add(run)
        return run


def _shown(fire: Fire) -> str:
    run = f" (run {fire.run})" if fire.run else ""
    return f"{moment(fire.due_at)} {fire.state}: {fire.why}{run}"
