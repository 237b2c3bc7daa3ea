"""Goes on with runs whose gates have opened, or are closed for good: when a field is set, or when their time is over.

A run that has been at a gate is the daemon's to end: if its process is gone, the daemon goes on with it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable

from weftline.app.claims import is_abandoned
from weftline.app.gates import at_gates, turn_away
from weftline.app.home import Home
from weftline.app.verbs import outline_of, tells_all
from weftline.errors import RunBusyError
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.ports.fields import Wait
from weftline.serve.errand import Errand
from weftline.serve.launcher import Launcher
from weftline.serve.words import last_words

#: How soon a run is looked at again that has not ended although its gate is open, in seconds: somebody works on it, or it could
#: not be gone on with. As long as somebody else has it, so many times: that may be a daemon that was killed just then. Then
#: twice as long after each time, up to the last.
_FIRST_S, _LAST_S = 0.02, 60.0
_FIRST_LOOKS = 5


class GateSensor:
    """Fits `weftline.serve.duty.Duty`.

    Args:
        home: where runs wait.
        launcher: goes on with them.
        tell: is told in words what is done.
    """

    name = "gates"

    def __init__(self, home: Home, launcher: Launcher, tell: Callable[[str], None]) -> None:
        self._home = home
        self._launcher = launcher
        self._tell = tell
        self._number = 0
        self._known: dict[tuple[str, str], float] = {}  # gates at which runs wait, and since when
        self._until: dict[tuple[str, str], float] = {}  # those that are closed for good at some time
        self._tries: dict[str, int] = {}  # of runs that are to be looked at again
        self._again: dict[str, float] = {}
        self._told: dict[str, str] = {}  # what was told of a run last

    def look(self, now: float) -> float | None:
        """Goes on with what is ready; the next deadline of a gate."""
        fields = self._home.fields
        assert fields is not None
        number, changed = fields.changed_since(self._number)
        waits = fields.waits()
        self._number = number
        new = self._take(waits)
        for run in new.union(changed):
            self._tries.pop(run, None)
        expired = {run for (run, _), until in self._until.items() if until <= now and run not in self._tries}
        due = {run for run, at in self._again.items() if at <= now}
        waiting = dict.fromkeys(wait.run for wait in waits)  # those that came first before the others
        self._tries = {run: count for run, count in self._tries.items() if run in waiting}
        looked_at = (due | new | expired).union(changed)
        wanted = [run for run in waiting if run in looked_at]
        for run in wanted:  # before the ledger is asked of each: if it goes away meanwhile, none is forgotten
            self._tries.setdefault(run, -1)
            self._again[run] = now
        errands: list[Errand] = []
        try:
            for run in wanted:
                if self._is_settled(run, errands):
                    del self._tries[run]
                else:
                    self._tries[run] += 1
                    self._again[run] = now + _rest_s(self._tries[run])
        finally:  # also those that were found before the ledger went away
            if errands:
                self._launcher.start(*errands)
        self._again = {run: at for run, at in self._again.items() if run in self._tries}
        self._told = {run: text for run, text in self._told.items() if run in self._tries}
        later = [until for until in self._until.values() if until > now]
        return min([*later, *self._again.values()], default=None)

    def _take(self, waits: Iterable[Wait]) -> set[str]:
        """Runs that have come to a gate since."""
        known = {(wait.run, wait.gate): wait.at for wait in waits}
        new = {key for key, at in known.items() if self._known.get(key) != at}
        for wait in waits:
            if (wait.run, wait.gate) in new:
                limit_s = wait.body["gate"]["timeout_s"]
                self._until.pop((wait.run, wait.gate), None)
                if limit_s is not None:
                    self._until[wait.run, wait.gate] = wait.at + limit_s
        self._until = {key: until for key, until in self._until.items() if key in known}
        self._known = known
        return {run for run, _ in new}

    def _is_settled(self, run: str, errands: list[Errand]) -> bool:
        """Whether nothing is left to do about a run until something changes; if it is to be gone on with, that is added."""
        assert self._home.ledger is not None
        if run in self._launcher.runs or not is_abandoned(run, self._home.ledger):
            return False  # whoever works on it looks at its gates himself
        record = outline_of(run, self._home)
        if record is None:
            return True
        if record.status is RunStatus.RUNNING:
            news = "its process is gone"
        else:
            ready = [each for each in at_gates(record, self._home) if each.verdict.is_open or each.verdict.is_final]
            if not ready:
                return True
            state = "is open" if ready[0].verdict.is_open else "is closed for good"
            news = f"{ready[0].gate} {state}: {ready[0].verdict.why}"
        if not tells_all(record.opening):
            return self._leave(record, news)
        self._tell_of(run, news)
        errands.append(Errand(run))
        self._tries[run] = max(self._tries[run], _FIRST_LOOKS - 2)  # if it fails, it would fail again at once
        return False

    def _leave(self, record: RunRecord, news: str) -> bool:
        """A run that only its program can go on with; whose gate is closed for good has failed without it."""
        if closed := [each.gate for each in at_gates(record, self._home) if each.verdict.is_final]:
            with contextlib.suppress(RunBusyError):
                turn_away(self._home, record.run, closed[0])
            self._tell(f"{record.run}: {news}; it has failed")
        else:
            how = f"pipeline.resume({record.run!r}, ...); what Pipeline.load(FILE).run() begins, others can go on with"
            self._tell(f"{record.run}: {news}; only the program that began it can go on with it: {how}")
        return True

    def _tell_of(self, run: str, news: str) -> None:
        """Tells why a run is gone on with; or why it could not be, the time before; each once."""
        assert self._home.logs is not None
        log = self._home.logs.of_process(run)
        said = last_words(log) if self._tries.get(run, -1) >= 0 else ""
        text = (
            f"{run}: {news}; it could not be gone on with, and is tried again: {said}   (see {log})"
            if said
            else f"{run}: {news}"
        )
        if self._told.get(run) != text:
            self._tell(text)
            self._told[run] = text


def _rest_s(tries: int) -> float:
    """How long a run is left alone that was looked at so many times before."""
    doublings = max(0, tries - _FIRST_LOOKS + 1)
    return _LAST_S if doublings >= math.log2(_LAST_S / _FIRST_S) else float(_FIRST_S * 2**doublings)
