"""The ports of a simulated run: they do what real ones do, tell what passes through them, and let incidents happen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from weftline.errors import LedgerUnusableError
from weftline.model.call import Call, Handle, Report
from weftline.model.entry import Entry
from weftline.model.event import CALL_OUTCOMES, Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.model.resources import Device
from weftline.ports.ledger import RunSummary
from weftline.store.memory import MemoryCache
from weftline.testing.clock import ManualClock
from weftline.testing.scripted import Act, ScriptedBackend
from weftline.testing.simulation.scenario import LICENCE, Scenario


class Watcher(Protocol):
    """Who is told what passes through the ports."""

    def reached(self, moment: str) -> None:
        """A moment at which something may happen to the process."""
        ...

    def submits(self, call: Call) -> None:
        """A call is about to be submitted."""
        ...

    def waits(self, wait_s: float) -> None:
        """The engine is about to wait."""
        ...

    def reports(self, reports: Sequence[Report]) -> None:
        """The engine is about to be given these."""
        ...

    def stores(self, entries: Sequence[Entry]) -> None:
        """Results are about to be stored."""
        ...

    def cancels(self, handle: Handle, *, kill: bool) -> None:
        """A call was withdrawn."""
        ...

    def appends(self, run: str, events: Sequence[Event]) -> None:
        """Records are about to be appended."""
        ...

    def appended(self, run: str, events: Sequence[Event]) -> None:
        """Records are safe."""
        ...


class SimulatedBackend(ScriptedBackend):
    """A scripted backend of a process that may die.

    Args:
        clock: the time.
        scenario: what it is like.
        watcher: is told.
        otherwise: what becomes of each attempt.
    """

    name = "simulated"

    def __init__(self, clock: ManualClock, scenario: Scenario, watcher: Watcher, otherwise: Callable[[Call], Act]) -> None:
        super().__init__(clock, scenario.slots, queue=scenario.queue, can_kill=scenario.can_kill, otherwise=otherwise)
        self.capabilities = replace(
            self.capabilities,
            sets_env=True,
            memory_gb=math.inf if scenario.memory_gb is None else scenario.memory_gb,
            devices=[Device(f"gpu{number}", size) for number, size in enumerate(scenario.devices)],
            named={LICENCE: scenario.licences},
        )
        self._watcher = watcher

    def submit(self, call: Call) -> None:
        """Starts a call, or lets it wait for a slot."""
        self._watcher.reached("before submit")
        self._watcher.submits(call)
        super().submit(call._replace(env={}))  # each of its calls has an environment of its own, which this process has not
        self._watcher.reached("after submit")

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Moves the clock to the next report, but not further than `wait_s`."""
        self._watcher.waits(wait_s)
        self._watcher.reached("before poll")
        reports = super().poll(wait_s)
        self._watcher.reached("after poll")
        self._watcher.reports(reports)
        return reports

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call."""
        super().cancel(handle, kill=kill)
        self._watcher.cancels(handle, kill=kill)


class SimulatedCache(MemoryCache):
    """A store of a process that may die while it writes."""

    watcher: Watcher | None = None

    def store(self, entries: Sequence[Entry]) -> None:
        """Keeps entries, the second half later than the first."""
        if self.watcher is None:
            super().store(entries)
            return
        self.watcher.stores(entries)
        self.watcher.reached("before store")
        half = (len(entries) + 1) // 2
        super().store(entries[:half])
        self.watcher.reached("within store")
        super().store(entries[half:])
        self.watcher.reached("after store")


class SimulatedLedger:
    """Journals in lists; fits `weftline.ports.ledger.Ledger`, and knows nothing of earlier runs."""

    def __init__(self) -> None:
        self.journals: dict[str, list[Event]] = {}
        self.watcher: Watcher | None = None
        self._outcomes: set[tuple[str, str, int, int, int]] = set()
        self._resumed: Counter[str] = Counter()

    def append(self, run: str, events: Sequence[Event], recipes: Sequence[Recipe] = ()) -> None:
        """Adds events; all of them, or none."""
        del recipes
        if self.watcher is not None:
            self.watcher.reached("before append")
            self.watcher.appends(run, events)
        journal = self.journals.setdefault(run, [])
        for event in events:
            if event.kind is Kind.RUN_RESUMED:
                self._resumed[run] += 1
            elif event.kind in CALL_OUTCOMES:
                outcome = (run, event.node, event.item, event.attempt, self._resumed[run])
                if outcome in self._outcomes:
                    raise LedgerUnusableError(path="memory", detail=f"there is an outcome of {outcome}")
                self._outcomes.add(outcome)
        journal += events
        if self.watcher is not None:
            self.watcher.appended(run, events)
            self.watcher.reached("after append")

    def events(self, run: str, kinds: Collection[Kind] = ()) -> Iterator[Event]:
        """The journal of a run."""
        return (event for event in self.journals.get(run, ()) if not kinds or event.kind in kinds)

    def runs(self, limit: int = 20) -> Sequence[RunSummary]:
        """Nothing."""
        del limit
        return ()

    def remove(self, run: str) -> None:
        """Forgets a run."""
        self.journals.pop(run, None)

    def claim(self, run: str, holder: str, *, instead_of: str | None = None) -> str | None:
        """There is one process only."""
        del run, holder, instead_of
        return None

    def release(self, run: str, holder: str) -> None:
        """There is one process only."""

    def holder(self, run: str) -> str | None:
        """There is one process only."""
        del run
        return None

    def close(self) -> None:
        """Nothing to free."""
