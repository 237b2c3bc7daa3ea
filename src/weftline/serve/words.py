"""What the daemon says: the last words of a run's process, and how schedules have changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from weftline.clock import as_utc
from weftline.model.schedule import Schedule

#: The first line of an error of ours.
_ERROR = re.compile(r"\[[A-Z]\d{3}\] ")
#: How much of the end of a log is read.
_END_BYTES = 8192


def last_words(log: Path) -> str:
    """The last error in a log, or else its last line; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _END_BYTES))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    except OSError:
        return ""
    written = [line for line in lines if line]
    errors = [line for line in written if _ERROR.match(line)]
    return [*written[-1:], *errors[-1:]][-1] if written else ""


def changes(before: Mapping[str, Schedule], after: Mapping[str, Schedule], now: float) -> Iterator[str]:
    """What is different between two readings of the schedules, a line for each."""
    for name, schedule in after.items():
        if name not in before or replace(before[name], place=None) != replace(schedule, place=None):
            following = next(schedule.after(now), None) if schedule.enabled else None
            upcoming = "no more moments" if following is None else f"next {moment(following)}"
            yield f"{name}: {schedule.shown}; runs {schedule.target}; {upcoming}"
    for name in before:
        if name not in after:
            yield f"{name}: is not declared any more"


def moment(at: float) -> str:
    """A moment, in UTC."""
    return f"{as_utc(at):%Y-%m-%dT%H:%M:%S} UTC"
