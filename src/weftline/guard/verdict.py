"""Decides what a use of memory or CPU means: pure, without clock, processes or signals.

A level is reached at once and left only when the use has fallen clearly below its threshold, so that a use that wavers about
a threshold changes nothing. Each level is told once in a call. Killed stays killed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from math import inf

from weftline.model.resources import Resources


class Level(IntEnum):
    """How near the limit a call is."""

    OK = 0
    WARN = 1
    THROTTLE = 2
    KILL = 3


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where levels begin, as shares of what was asked for.

    Attributes:
        warn: it is told.
        throttle: it is told again; for CPU, the processes' priority is lowered.
        kill: the call is stopped.
        margin: by how much the use has to fall below a threshold for the level to end.
    """

    warn: float
    throttle: float
    kill: float
    margin: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.margin < self.warn <= self.throttle <= self.kill:
            raise ValueError(f"thresholds rise, from above the margin: {self}")

    def level(self, share: float) -> Level:
        """The highest level whose threshold a share has reached."""
        if share >= self.kill:
            return Level.KILL
        if share >= self.throttle:
            return Level.THROTTLE
        return Level.WARN if share >= self.warn else Level.OK


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """What a guard watches, and what it does.

    Attributes:
        memory: shares of `Resources.memory_gb`. A call that declares none is observed only.
        cpu: shares of `Resources.cpu`. Nobody is killed for CPU.
        at_once: a share of memory from which there is no grace.
        grace_s: between asking a call's processes to end and ending them.
        interval_s: between samples while nothing is near a limit.
        shortest_s: between samples, when memory grows fast.
        fastest_bytes_per_s: growth of memory that is expected without warning.
        most_cost: the share of a processor that exact readings, and looking for new processes, may each cost while a call is
            far from its limit.
        cpu_time_constant_s: over which CPU is averaged.
    """

    memory: Thresholds = field(default_factory=lambda: Thresholds(0.70, 0.85, 1.0))
    cpu: Thresholds = field(default_factory=lambda: Thresholds(1.25, 1.5, inf))
    at_once: float = 1.1
    grace_s: float = 5.0
    interval_s: float = 1.0
    shortest_s: float = 0.005
    fastest_bytes_per_s: float = 2e9
    most_cost: float = 0.0025
    cpu_time_constant_s: float = 5.0


class Machine:
    """The level of one call and one resource.

    Args:
        thresholds: where levels begin.
    """

    __slots__ = ("_thresholds", "_told", "level")

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._told = Level.OK
        self.level = Level.OK

    def take(self, share: float) -> Level | None:
        """One use more.

        Args:
            share: of what was asked for.

        Returns:
            The level, if it is higher than any that was told before: it is to be told now.
        """
        if self.level is Level.KILL:
            return None
        reached = self._thresholds.level(share)
        if reached < self.level:
            reached = min(self.level, self._thresholds.level(share + self._thresholds.margin))
        self.level = reached
        if reached <= self._told:
            return None
        self._told = reached
        return reached


class Ending:
    """How a call that is killed comes to its end: asked first, unless it goes on growing or takes too long.

    Args:
        policy: how much patience there is.
        at: when it was decided, in monotonic seconds.
    """

    __slots__ = ("_at", "_policy")

    def __init__(self, policy: GuardPolicy, at: float) -> None:
        self._policy = policy
        self._at = at

    def is_over(self, at: float, share: float) -> bool:
        """Whether the processes are ended now, asked or not."""
        return share >= self._policy.at_once or at - self._at >= self._policy.grace_s


def allowed_gb(asked: Resources, attempt: int, machine_gb: float) -> float | None:
    """The memory that an attempt may have, in GiB; None if none was asked for.

    Args:
        asked: by its node.
        attempt: which, counted from 1.
        machine_gb: what there is: no attempt gets more.
    """
    found = asked.memory_of(attempt)
    return None if found is None else min(found, machine_gb)


def may_grow(asked: Resources, attempt: int, machine_gb: float) -> bool:
    """Whether the attempt after this one gets more memory, so that it may succeed where this one took too much."""
    allowed = allowed_gb(asked, attempt, machine_gb)
    return allowed is not None and asked.memory_step_gb > 0 and allowed < machine_gb
