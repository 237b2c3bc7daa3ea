"""The only source of time and of sleep; whoever needs either is given a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rest of the program knows of time."""

    def now(self) -> float:
        """Seconds since the epoch, for records that people and other machines read."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards, for durations and timers."""
        ...


class SystemClock:
    """The machine's clocks."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.perf_counter)


def as_utc(seconds: float) -> datetime:
    """The aware UTC time of a record's timestamp."""
    return datetime.fromtimestamp(seconds, UTC)
