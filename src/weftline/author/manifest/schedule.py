"""What schedules look like in manifests."""

from __future__ import annotations

import os
import zoneinfo
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from weftline.author.manifest.guard import GuardShape
from weftline.author.manifest.located import Located
from weftline.author.manifest.source import SUFFIXES
from weftline.author.manifest.strict import Header, Strict
from weftline.errors import did_you_mean
from weftline.model import cron
from weftline.model.quantity import duration_s
from weftline.model.schedule import MOST_AT_ONCE, CatchUp, Schedule

#: The longest interval, in seconds: a hundred years.
_LONGEST_S = 100 * 366 * 86_400
#: Names that the system knows and that are no place: the first is another zone on each machine that serves.
_NOWHERE = frozenset({"localtime", "Factory"})


class ScheduleSpec(Strict):
    """What runs when."""

    target: str = Field(
        min_length=1,
        description="A pipeline, group or workflow: of this folder by its name, or as `weftline run` takes it, "
        "with files as they are named from this file.",
    )
    params: dict[str, Any] = Field(default={}, description="Parameters of each run.")
    cron: str | None = Field(default=None, description="`minute hour day month weekday`, or such as `@daily`.")
    every: int | str | None = Field(default=None, description="An interval, such as 90s, 15m or 12h; a number is in seconds.")
    at: str | None = Field(default=None, description="One moment, such as 2026-07-14T06:30, in the time zone.")
    timezone: str = Field(default="UTC", description="An IANA name, such as Europe/Berlin.")
    enabled: bool = True
    max_instances: int = Field(default=1, ge=1, le=10_000, description="Runs of it that may go on at the same time.")
    misfire_grace_seconds: float = Field(default=60, ge=0, allow_inf_nan=False, description="Later than this is too late.")
    catch_up: CatchUp = Field(
        default="none", description="Of what could not run in time: nothing, one run for all of it, or a run for each."
    )
    catch_up_limit: int = Field(default=100, ge=1, le=MOST_AT_ONCE, description="The most runs that `all` makes good.")
    guard: GuardShape | None = None

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        if value is not None:
            cron.parse(value)
        return value

    @field_validator("every")
    @classmethod
    def _is_interval(cls, value: int | str | None) -> int | None:
        seconds = duration_s(value) if isinstance(value, str) else value
        if seconds is not None and (seconds != int(seconds) or not 1 <= seconds <= _LONGEST_S):
            raise ValueError("an interval is a whole number of seconds, from 1 on")
        return None if seconds is None else int(seconds)

    @field_validator("at")
    @classmethod
    def _is_moment(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                found = datetime.fromisoformat(value)
            except ValueError:
                raise ValueError("write a date and a time, such as 2026-07-14T06:30") from None
            if not 1970 < found.year < 9000:  # with a day on each side for the time zone
                raise ValueError("write a year from 1971 to 8999")
        return value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            zoneinfo.ZoneInfo("" if value in _NOWHERE else value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            known = zoneinfo.available_timezones() - _NOWHERE
            if not known:
                raise ValueError("this machine knows no time zones: install the package tzdata") from None
            hint = did_you_mean(value, known) or "write such as Europe/Berlin"
            raise ValueError(f"there is no such time zone; {hint}") from None
        return value

    @model_validator(mode="after")
    def _has_one_time(self) -> ScheduleSpec:
        given = [name for name in ("cron", "every", "at") if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"it has {' and '.join(given)}" if given else "it has none of them"
            raise ValueError(f"a schedule has one of cron, every and at: {found}")
        return self


class ScheduleManifest(Header):
    """What runs when."""

    kind: Literal["Schedule"]
    spec: ScheduleSpec


def schedule_of(manifest: ScheduleManifest, document: Located) -> Schedule:
    """The schedule that a manifest declares."""
    spec, told = manifest.spec, manifest.metadata
    assert not isinstance(spec.every, str)
    return Schedule(
        name=told.name,
        target=_target(spec.target, document.file),
        params=spec.params,
        cron=spec.cron or "",
        every_s=spec.every or 0,
        at=None if spec.at is None else _moment(spec.at, spec.timezone),
        timezone=spec.timezone,
        enabled=spec.enabled,
        max_instances=spec.max_instances,
        misfire_grace_s=spec.misfire_grace_seconds,
        catch_up=spec.catch_up,
        catch_up_limit=spec.catch_up_limit,
        version=told.version,
        description=told.description,
        guard=None if spec.guard is None else spec.guard.guard(),
        place=document.place(("metadata", "name")),
    )


def _moment(text: str, zone: str) -> int:
    found = datetime.fromisoformat(text)
    return cron.moment_of(found, zoneinfo.ZoneInfo(zone)) if found.tzinfo is None else int(found.timestamp())


def _target(target: str, file: str) -> str:
    """A target as it is from the working directory: files are named from where the manifest is."""
    where, sign, name = target.partition(":")
    if not where.endswith((".py", *SUFFIXES)) or Path(where).is_absolute():
        return target
    return os.path.normpath(Path(file).parent / where) + sign + name
