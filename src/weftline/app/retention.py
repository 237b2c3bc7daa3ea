"""Which journals may go, and their removal with the logs that belong to them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import NamedTuple

from weftline.app.claims import claimed
from weftline.app.home import Home
from weftline.errors import RunBusyError
from weftline.model.transitions import RunStatus
from weftline.ports.ledger import Ledger, RunSummary

#: More runs than any ledger has.
_ALL = 1_000_000_000
#: Runs that are claimed at the same time while they are looked at once more and removed.
_AT_ONCE = 50


class Removed(NamedTuple):
    """What a removal of journals did, or would do.

    Attributes:
        removed: the runs whose journals went.
        kept: how many stay.
    """

    removed: Sequence[RunSummary]
    kept: int


def remove_runs(home: Home, *, older_s: float = 0.0, keep_runs: int = 0, trial: bool = False) -> Removed:
    """Removes the journals and the logs of runs that have ended; results stay.

    Args:
        home: whose.
        older_s: keep what ended later than so many seconds ago.
        keep_runs: keep so many of the newest.
        trial: change nothing.

    Raises:
        LedgerUnusableError: the ledger cannot be used.
        OSError: logs cannot be removed.
    """
    ledger = home.ledger if home.has_journals else None
    if ledger is None:
        return Removed((), 0)
    runs = ledger.runs(_ALL)
    before = home.clock.now() - older_s
    chosen = expendable(runs, before, keep_runs, _makers_of_pinned(home) | _of_open_moments(home))
    if trial:
        return Removed(chosen, len(runs) - len(chosen))
    removed = []
    for first in range(0, len(chosen), _AT_ONCE):
        removed += _removed(home, ledger, chosen[first : first + _AT_ONCE])
    return Removed(removed, len(runs) - len(removed))


def expendable(runs: Sequence[RunSummary], before: float, keep_runs: int, needed: Collection[str]) -> list[RunSummary]:
    """The runs that may go, of all that there are.

    Args:
        runs: the newest first.
        before: those that ended later stay; in seconds since the epoch.
        keep_runs: so many of the newest stay.
        needed: those stay. So do those that wait at a gate, and the newest of each pipeline, of which the next plan tells what
            is different.
    """
    newest = {run.pipeline: run.run for run in reversed(runs)}
    return [
        run
        for run in runs[keep_runs:]
        if run.status not in {RunStatus.RUNNING, RunStatus.BLOCKED}
        and run.ended_at is not None
        and run.ended_at < before
        and run.run not in needed
        and newest[run.pipeline] != run.run
    ]


def _removed(home: Home, ledger: Ledger, chosen: Sequence[RunSummary]) -> list[RunSummary]:
    """Removes those that nobody has taken up again meanwhile."""
    with contextlib.ExitStack() as claims:
        held = set()
        for run in chosen:
            with contextlib.suppress(RunBusyError):
                claims.enter_context(claimed(run.run, ledger))
                held.add(run.run)
        as_they_were = set(map(_identity, chosen))
        gone = [run for run in ledger.runs(_ALL) if run.run in held and _identity(run) in as_they_were]
        for run in gone:
            if home.logs is not None:
                home.logs.remove(run.run)  # first: a run without logs is seen, and goes with the next removal
            ledger.remove(run.run)
    return gone


def _identity(run: RunSummary) -> tuple[str, float | None]:
    return run.run, run.ended_at


def _makers_of_pinned(home: Home) -> frozenset[str]:
    """Runs that made results which somebody wants to keep: their journals tell how."""
    if not home.has_results or home.cache is None:
        return frozenset()
    return frozenset(held.entry.made_by.partition("/")[0] for held in home.cache.held() if held.pinned)


def _of_open_moments(home: Home) -> frozenset[str]:
    """Runs of schedules that nobody has looked at since they ended: one without a journal would be started again."""
    assert home.journals is not None
    return frozenset(fire.run for fire in home.journals.schedules.fires(is_live=True, limit=_ALL))
