"""The ports of a simulated run: they do what real ones do, tell what passes through them, and let incidents happen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from weftline.errors import LedgerUnusableError
from weftline.model.call import Call, Handle, Report
from weftline.model.entry import Entry, Stored
from weftline.model.event import CALL_OUTCOMES, Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.model.gate import FieldValue, Scalar
from weftline.model.resources import Device
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.ports.fields import Wait, Watch
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

    def misses(self, node: str) -> None:
        """The engine is about to learn that what a node has made is gone."""
        ...

    def sets(self, values: Mapping[str, Scalar], by: str) -> None:
        """Others are about to be told what a node has said of fields."""
        ...

    def reads(self) -> None:
        """The engine is about to be told what fields hold."""
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
        super().__init__(
            clock,
            scenario.slots,
            queue=scenario.queue,
            can_kill=scenario.can_kill,
            ships=not scenario.in_process,
            otherwise=otherwise,
        )
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
    """A store of a process that may die while it writes; it may lose what it has.

    Args:
        is_bulky: whether it gives contents only when asked for them, as one does whose values are large.
    """

    watcher: Watcher | None = None

    def __init__(self, *, is_bulky: bool = False) -> None:
        super().__init__()
        self.lost: dict[bytes, str] = {}  # what is gone, and the node that has made it
        self._is_bulky = is_bulky

    def find(self, keys: Sequence[bytes]) -> Mapping[bytes, Entry]:
        """The entries that are there."""
        found = super().find(keys)
        if not self._is_bulky:
            return found
        self._tell(keys)
        return {
            key: entry._replace(outputs=tuple(stored._replace(content=None) for stored in entry.outputs))
            for key, entry in found.items()
        }

    def load(self, stored: Stored, key: bytes) -> bytes | memoryview:
        """The content, if it is there."""
        self._tell([key])
        return super().load(stored, key)

    def _tell(self, keys: Sequence[bytes]) -> None:
        for key in keys if self.lost and self.watcher is not None else ():
            if key in self.lost and key not in self._entries:
                assert self.watcher is not None
                self.watcher.misses(self.lost[key])

    def made_by(self, node: str) -> list[bytes]:
        """The keys of what a node has made."""
        return [key for key, entry in self._entries.items() if entry.made_by.rpartition("/")[2] == node]

    def lose(self, node: str, keys: Collection[bytes]) -> None:
        """Loses something that a node has made."""
        self.lost.update(dict.fromkeys(keys, node))
        self.remove(keys)

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


class SimulatedFields:
    """Fields of runs in a list of changes; fits `weftline.ports.fields.Fields` together with the journals."""

    def __init__(self) -> None:
        self.watcher: Watcher | None = None
        self._changes: list[tuple[str, str]] = []
        self._held: dict[str, dict[str, FieldValue]] = {}

    def set_fields(self, run: str, values: Mapping[str, Scalar], *, at: float, by: str, why: str = "") -> int:
        """Sets them, as a node of the run has said."""
        if self.watcher is None:
            return self.hear(run, values, at=at, by=by, why=why)
        self.watcher.reached("before set")
        self.watcher.sets(values, by)
        count = self.hear(run, values, at=at, by=by, why=why)
        self.watcher.reached("after set")
        return count

    def hear(self, run: str, values: Mapping[str, Scalar], *, at: float, by: str, why: str = "") -> int:
        """Sets them, as others say; how many have changed."""
        held, count = self._held.setdefault(run, {}), len(self._changes)
        for field, value in values.items():
            was = held[field].value if field in held else None
            if field not in held or value != was or type(value) is not type(was):
                self._changes.append((run, field))
                held[field] = FieldValue(value, was, len(self._changes), at, by, why)
        return len(self._changes) - count

    def fields(self, run: str) -> Mapping[str, FieldValue]:
        """What they hold."""
        if self.watcher is None:
            return dict(self._held.get(run, {}))
        self.watcher.reached("before fields")
        self.watcher.reads()
        found = dict(self._held.get(run, {}))
        self.watcher.reached("after fields")
        return found

    def changed_since(self, number: int) -> tuple[int, Sequence[str]]:
        """The newest change, and the runs that have changed since."""
        found = len(self._changes), list(dict.fromkeys(run for run, _ in self._changes[number:]))
        if self.watcher is not None:
            self.watcher.reached("after look")
        return found

    def watch(self) -> Watch:
        """Nobody sleeps here."""
        raise NotImplementedError


class SimulatedLedger(SimulatedFields):
    """Journals in lists; fits `weftline.ports.ledger.Ledger`, and knows nothing of earlier runs."""

    def __init__(self) -> None:
        super().__init__()
        self.journals: dict[str, list[Event]] = {}
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

    def waits(self) -> Sequence[Wait]:
        """What the journals amount to."""
        records = [RunRecord.fold(run, events) for run, events in self.journals.items()]
        at_gates = [record for record in records if record.status in {RunStatus.RUNNING, RunStatus.BLOCKED}]
        return [Wait(record.run, gate, at, "") for record in at_gates for gate, (at, _) in record.reached.items()]

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
