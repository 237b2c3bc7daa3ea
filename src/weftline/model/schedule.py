"""Schedules: what is to run when; and what is to be done about the moments that have come, decided from the time alone.

A moment is a whole number of seconds since the epoch. What `decide` makes of each is told in docs/explain/schedules.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import count, islice, takewhile
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from weftline.errors import Place
from weftline.model import cron
from weftline.model.guard import Guard

CatchUp = Literal["none", "latest", "all"]
#: The most moments that one decision looks at; those before them stand together.
MOST_AT_ONCE = 1000


class FireState(StrEnum):
    """What has become of a moment."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    MISSED = "MISSED"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self not in {FireState.PENDING, FireState.RUNNING}


class Why(StrEnum):
    """Why a moment is met as it is."""

    DUE = "due"
    CAUGHT_UP = "caught up"
    BY_HAND = "by hand"
    MISFIRED = "misfired: later than its grace"
    COALESCED = "coalesced: a later one runs for it"
    MAX_INSTANCES = "as many as may run are running"
    PAUSED = "paused"
    TOO_MANY = "too many to catch up"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is to run when.

    Attributes:
        name: unique.
        target: a pipeline, group or workflow, as `weftline run` takes it.
        params: of each run.
        cron: five fields; see `weftline.model.cron`. Exactly one of this and the next two is given.
        every_s: seconds between moments; they are counted from the epoch, so that they never drift.
        at: the only moment.
        timezone: in whose local time `cron` is; an IANA name.
        enabled: whether it fires at all.
        max_instances: runs of it that may go on at the same time.
        misfire_grace_s: a moment that is met later than this is missed, unless it is caught up.
        catch_up: what becomes of moments that could not be met: `none` leaves them; `latest` makes one run for all of them;
            `all` makes a run for each.
        catch_up_limit: the most that `all` makes good.
        version: counted by its author.
        description: for people.
        guard: how many runs of equal keys go on at the same time, whoever starts them.
        place: where it is written.
    """

    name: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict)
    cron: str = ""
    every_s: int = 0
    at: int | None = None
    timezone: str = "UTC"
    enabled: bool = True
    max_instances: int = 1
    misfire_grace_s: float = 60.0
    catch_up: CatchUp = "none"
    catch_up_limit: int = 100
    version: int | str = 1
    description: str = ""
    guard: Guard | None = None
    place: Place | None = None

    def __post_init__(self) -> None:
        if sum((bool(self.cron), self.every_s != 0, self.at is not None)) != 1:
            raise ValueError("a schedule has exactly one of cron, every and at")
        if self.every_s < 0 or self.max_instances < 1 or self.misfire_grace_s < 0:
            raise ValueError(f"times must not be negative, and one run at least may go on: {self}")
        if not 1 <= self.catch_up_limit <= MOST_AT_ONCE:
            raise ValueError(f"catch_up_limit is a number from 1 to {MOST_AT_ONCE}, not {self.catch_up_limit}")
        if self.cron:
            cron.parse(self.cron)

    @property
    def timing(self) -> str:
        """When it fires, in words; another timing begins anew."""
        if not self.enabled:
            return "never: it is disabled"
        if self.cron:
            return f"cron {self.cron} in {self.timezone}"
        return f"every {self.every_s} s" if self.every_s else f"at {self.at}"

    @property
    def shown(self) -> str:
        """When it fires, for people."""
        if not self.enabled or self.at is None:
            return self.timing
        return f"at {datetime.fromtimestamp(self.at, ZoneInfo(self.timezone)):%Y-%m-%dT%H:%M:%S} {self.timezone}"

    def after(self, moment: float) -> Iterator[int]:
        """The moments after one, in order."""
        if self.cron:
            return cron.after(cron.parse(self.cron), ZoneInfo(self.timezone), moment)
        if self.every_s:
            return count((int(moment // self.every_s) + 1) * self.every_s, self.every_s)
        return iter([self.at] if self.at is not None and self.at > moment else [])

    def until(self, moment: float) -> Iterator[int]:
        """The moments up to one, the newest first, for as long as anybody asks."""
        if self.cron:
            return cron.until(cron.parse(self.cron), ZoneInfo(self.timezone), moment)
        if self.every_s:
            return count(int(moment // self.every_s) * self.every_s, -self.every_s)
        return iter([self.at] if self.at is not None and self.at <= moment else [])

    def begin(self, now: float) -> int:
        """Up to when moments do not count, for a schedule that is seen for the first time: a date counts even if it is over."""
        return int(now) if self.at is None else min(int(now), self.at - 1)


class Standing(NamedTuple):
    """Where a schedule stands.

    Attributes:
        since: everything up to this moment is decided.
        running: runs of it that have not ended.
        is_paused: whether somebody has paused it.
    """

    since: int
    running: int = 0
    is_paused: bool = False


class Due(NamedTuple):
    """What is to be done about a moment that has come.

    Attributes:
        at: the moment.
        state: `PENDING` is to be started; `SKIPPED` and `MISSED` are over.
        why: for what reason.
        since: where it stands for earlier ones as well: all after this moment; None for itself alone.
    """

    at: int
    state: FireState
    why: Why
    since: int | None = None


class Decision(NamedTuple):
    """What is to be done now.

    Attributes:
        dues: in the order of their moments.
        since: everything up to this moment is decided then; moments after it that have come wait for a run to end.
        next_at: when the next moment comes; None if none does.
    """

    dues: tuple[Due, ...]
    since: int
    next_at: int | None


def decide(schedule: Schedule, standing: Standing, now: float) -> Decision:
    """What becomes of the moments that have come since the last decision."""
    if not schedule.enabled:
        return Decision((), standing.since, None)
    next_at = next(schedule.after(max(now, standing.since)), None)
    come = list(islice(takewhile(lambda moment: moment > standing.since, schedule.until(now)), MOST_AT_ONCE + 2))
    come.reverse()
    if not come:
        return Decision((), standing.since, next_at)
    if standing.is_paused:
        return Decision(_together(come, standing.since, FireState.SKIPPED, Why.PAUSED), come[-1], next_at)
    decided = {"none": _each_in_time, "latest": _the_latest, "all": _all}[schedule.catch_up](schedule, standing, come, now)
    return Decision(tuple(decided), decided[-1].at if decided else standing.since, next_at)


def _together(come: list[int], since: int, state: FireState, why: Why) -> tuple[Due, ...]:
    """One entry for several moments: the last of them stands for the others."""
    return (Due(come[-1], state, why, since if len(come) > 1 else None),) if come else ()


def _each_in_time(schedule: Schedule, standing: Standing, come: list[int], now: float) -> list[Due]:
    """Those within their grace are started, as far as they may be; none waits."""
    in_time = [moment for moment in come[-MOST_AT_ONCE:] if now - moment <= schedule.misfire_grace_s]
    late = come[: len(come) - len(in_time)]
    why = Why.MISFIRED if late and now - late[-1] > schedule.misfire_grace_s else Why.TOO_MANY
    found = [*_together(late, standing.since, FireState.MISSED, why)]
    room = max(schedule.max_instances - standing.running, 0)
    found += [Due(moment, FireState.PENDING, Why.DUE) for moment in in_time[:room]]
    return found + [Due(moment, FireState.SKIPPED, Why.MAX_INSTANCES) for moment in in_time[room:]]


def _the_latest(schedule: Schedule, standing: Standing, come: list[int], now: float) -> list[Due]:
    """The newest is started for all of them; where no more may run, it waits."""
    found = [*_together(come[:-1], standing.since, FireState.SKIPPED, Why.COALESCED)]
    return found + _as_many_as_may_run(schedule, standing, come[-1:], now)


def _all(schedule: Schedule, standing: Standing, come: list[int], now: float) -> list[Due]:
    """Each is started, the oldest first, up to the limit; where no more may run, they wait."""
    kept = come[-schedule.catch_up_limit :]
    found = [*_together(come[: len(come) - len(kept)], standing.since, FireState.MISSED, Why.TOO_MANY)]
    return found + _as_many_as_may_run(schedule, standing, kept, now)


def _as_many_as_may_run(schedule: Schedule, standing: Standing, come: list[int], now: float) -> list[Due]:
    room = max(schedule.max_instances - standing.running, 0)
    late_s = schedule.misfire_grace_s
    return [Due(moment, FireState.PENDING, Why.DUE if now - moment <= late_s else Why.CAUGHT_UP) for moment in come[:room]]
