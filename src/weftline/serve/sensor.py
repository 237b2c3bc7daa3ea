"""Goes on with runs whose gates have opened, or are closed for good: when a field is set, or when their time is over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from weftline.app.claims import is_abandoned
from weftline.app.gates import at_gates
from weftline.app.home import Home
from weftline.app.verbs import record_of
from weftline.model.transitions import RunStatus
from weftline.ports.fields import Wait
from weftline.serve.errand import Errand
from weftline.serve.launcher import Launcher

#: How soon a run is looked at again that somebody works on although it waits at an open gate, in seconds.
_BUSY_S = 0.1


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
        self._until: dict[tuple[str, str], float] = {}
        self._due: set[str] = set()

    def look(self, now: float) -> float | None:
        """Goes on with what is ready; the next deadline of a gate."""
        fields = self._home.fields
        assert fields is not None
        self._number, changed = fields.changed_since(self._number)
        waits = fields.waits()
        new = self._take(waits)
        expired = {run for (run, _), until in self._until.items() if until <= now}
        runs = {wait.run for wait in waits}
        looked_at = (self._due | new | set(changed) | expired) & runs
        self._due = {run for run in looked_at if not self._go_on(run)}
        times = [until for until in self._until.values() if until > now]
        if self._due:
            times.append(now + _BUSY_S)
        return min(times, default=None)

    def _take(self, waits: Iterable[Wait]) -> set[str]:
        """Runs that have come to a gate since."""
        known = {(wait.run, wait.gate): wait.at for wait in waits}
        new = {key for key, at in known.items() if self._known.get(key) != at}
        for wait in waits:
            if (wait.run, wait.gate) in new:
                limit_s = wait.body["gate"]["timeout_s"]
                self._until[wait.run, wait.gate] = math.inf if limit_s is None else wait.at + limit_s
        self._until = {key: until for key, until in self._until.items() if key in known}
        self._known = known
        return {run for run, _ in new}

    def _go_on(self, run: str) -> bool:
        """Whether nothing is left to do about a run until something changes."""
        if run in self._launcher.runs:
            return False
        record = record_of(run, self._home)
        if record is None:
            return True
        ready = [each for each in at_gates(record, self._home) if each.verdict.is_open or each.verdict.is_final]
        if not ready:
            return True
        if record.status is not RunStatus.BLOCKED:
            assert self._home.ledger is not None
            return is_abandoned(run, self._home.ledger)  # whoever works on it looks at its gates himself
        self._tell(f"{run}: {ready[0].gate}: {ready[0].verdict.why}")
        self._launcher.start(Errand(run))
        return False
