"""Schedules: what becomes of the runs that they have started, and what somebody does about them by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any, Literal, NamedTuple

from weftline.app import verbs
from weftline.app.asking import user
from weftline.app.claims import claimed, is_abandoned
from weftline.app.home import Home, Request
from weftline.app.pipeline import load
from weftline.errors import GuardSkippedError, InvalidPipelineError, WeftlineError
from weftline.model.event import Event, Kind
from weftline.model.graph import Graph
from weftline.model.ids import run_id
from weftline.model.schedule import FireState, Schedule, Why
from weftline.model.transitions import RunStatus
from weftline.ports.ledger import Ledger
from weftline.ports.schedules import Fire, Schedules
from weftline.ports.sink import Sink
from weftline.run.result import RunResult

#: How often a run is started again whose process came to no good end: one that had begun, and one that never did.
MOST_TRIES, MOST_STARTS = 10, 3
_BOUNDS = (Kind.RUN_STARTED, Kind.RUN_RESUMED, Kind.RUN_FINISHED)


class Life(Enum):
    """What is known of the run of a moment."""

    UNKNOWN = "nobody has begun it, and nobody has claimed it"
    CLAIMED = "somebody has claimed it"
    ABANDONED = "somebody has begun it, and is gone"
    ENDED = "it has come to an end"


class Seen(NamedTuple):
    """How a run is doing.

    Attributes:
        life: in short.
        ending: the fields of its last event, if it has ended.
    """

    life: Life
    ending: Mapping[str, Any] = {}


def seen(run: str, ledger: Ledger) -> Seen:
    """How a run is doing, from its journal and from who has it."""
    is_free = is_abandoned(run, ledger)  # before the journal: who ends a run lets go of it afterwards
    bounds: Sequence[Event] = list(ledger.events(run, _BOUNDS))
    if bounds and bounds[-1].kind is Kind.RUN_FINISHED:
        return Seen(Life.ENDED, bounds[-1].body or {})
    if not is_free:
        return Seen(Life.CLAIMED)
    return Seen(Life.ABANDONED if bounds else Life.UNKNOWN)


def became(fire: Fire, found: Seen, now: float, *, is_starting: bool, was_started: bool = False) -> tuple[Fire, bool]:
    """A moment as it is now, and whether its run is to be started again.

    Args:
        fire: a moment that is not over.
        found: how its run is doing.
        now: seconds since the epoch.
        is_starting: whether a process that was started here for it lives.
        was_started: whether one was.
    """
    if found.life is Life.ENDED:
        state, why = _ended(found.ending)
        return fire._replace(state=state, why=why, ended_at=now if state.is_over else None), False
    if found.life is Life.CLAIMED or is_starting:
        is_begun = found.life is not Life.UNKNOWN or fire.state is FireState.RUNNING
        return fire._replace(state=FireState.RUNNING if is_begun else FireState.PENDING), False
    is_begun = found.life is Life.ABANDONED
    tries = fire.tries + (is_begun or was_started)
    if tries < (MOST_TRIES if is_begun else MOST_STARTS):
        return fire._replace(tries=tries), True
    when = f"in the middle of it: weftline resume {fire.run}" if is_begun else "before it began"
    why = f"its process ended {tries} times {when}"
    return fire._replace(state=FireState.FAILED, why=why, ended_at=now), False


def _ended(ending: Mapping[str, Any]) -> tuple[FireState, str]:
    status = RunStatus(ending["status"])
    if status is RunStatus.BLOCKED:
        return FireState.RUNNING, "its run waits at a gate"
    if "guard" in ending:
        return FireState.SKIPPED if status is RunStatus.CANCELLED else FireState.FAILED, str(ending["why"])
    return FireState.COMPLETED if status is RunStatus.COMPLETED else FireState.FAILED, f"its run is {status}"


def run_now(
    schedule: Schedule,
    home: Home,
    sink: Callable[[Graph], Sink | None] = lambda _: None,
    waits: Callable[[str], None] | None = None,
) -> RunResult:
    """Runs what a schedule runs, now and here; it counts among its runs.

    Args:
        schedule: which.
        home: where journals are.
        sink: makes what is told of events.
        waits: is told if the run has to wait for others.

    Raises:
        WeftlineError: it cannot be run; the moment has failed then.
    """
    assert home.journals is not None
    kept = home.journals.schedules
    now, run = home.clock.now(), run_id(home.clock.now(), home.entropy(3))
    moment = int(now) + max(now % 1.0, 1e-6)  # so that it is none of the schedule's own
    fire = Fire(schedule.name, moment, FireState.RUNNING, f"{Why.BY_HAND} of {user()}", run, None, 0, now)
    with claimed(run, home.ledger):  # before the moment is there, so that no daemon starts it as well
        kept.start(fire)
        try:
            pipeline, request = load(schedule.target), Request(**asked_by(schedule, "cli"))
            planned = verbs.plan(pipeline, home, request)
            shown = sink(planned.graph)
            sinks = [] if shown is None else [shown]
            result = verbs.run(pipeline, home, request, sinks, planned=planned, run=run, told=told_of(fire), waits=waits)
        except WeftlineError as error:
            state = FireState.SKIPPED if isinstance(error, GuardSkippedError) else FireState.FAILED
            kept.follow(None, [fire._replace(state=state, why=error.message, ended_at=home.clock.now())])
            raise
    follow(fire, home, kept)
    return result


def check(schedule: Schedule, home: Home) -> list[WeftlineError]:
    """What is wrong with what a schedule runs; nothing runs."""
    try:
        return list(verbs.check(load(schedule.target), home, Request(**asked_by(schedule, "cli"))).errors)
    except InvalidPipelineError as error:
        return list(error.findings)
    except WeftlineError as error:
        return [error]


def follow(fire: Fire, home: Home, kept: Schedules) -> None:
    """Records what became of a moment whose run has ended here."""
    assert home.ledger is not None
    found, _ = became(fire, seen(fire.run, home.ledger), home.clock.now(), is_starting=True)
    kept.follow(None, [found])


def asked_by(schedule: Schedule, trigger: Literal["cli", "scheduler"]) -> dict[str, Any]:
    """What a run of a schedule is asked for: fields of a `Request`, of plain values."""
    guard = None if schedule.guard is None else asdict(schedule.guard)
    return {"params": dict(schedule.params), "guard": guard, "trigger": trigger}


def told_of(fire: Fire) -> dict[str, Any]:
    """What the first event of a moment's run says of it."""
    return {"schedule": fire.schedule, "due_at": fire.due_at}


def pause(name: str, home: Home, *, is_paused: bool) -> bool:
    """Stops a schedule, or lets it go on; whether that changed anything."""
    assert home.journals is not None
    return home.journals.schedules.pause(name, is_paused, at=home.clock.now(), by=user())
