"""The port to places where calls run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from weftline.model.call import Call, Handle, Report


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do, so that the planner can say no before anything runs.

    Attributes:
        slots: calls of one CPU that run at the same time.
        can_kill: whether a running call can be stopped; only then a timeout is accepted.
        ships: whether calls leave this process, so that nodes must be importable and values are copied.
        queue: calls that it is glad to have waiting, so that small ones do not wait for the engine.
        one_by_one: whether calls run one after the other, whatever number of slots there is.
        memory_gb: main memory of the machine in GiB, which one call may not exceed; infinite where it is not known.
    """

    slots: int = 1
    can_kill: bool = False
    ships: bool = False
    queue: int = 0
    one_by_one: bool = False
    memory_gb: float = math.inf


@runtime_checkable
class Backend(Protocol):
    """A place where calls run.

    Every method but `poll` returns at once. What became of a call is told by `poll` alone, so that one thread can drive
    thousands of calls. A backend never retries: that is the core's decision.
    """

    name: str
    capabilities: Capabilities

    def submit(self, call: Call) -> None:
        """Takes a call; it starts as soon as there is room, in the order of submission."""
        ...

    def poll(self, wait_s: float) -> Sequence[Report]:
        """What has ended since the last time; waits for the first report, but not longer than `wait_s`."""
        ...

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call: one that has not begun never will, and is reported as cancelled.

        One that runs goes on; with `kill` it is stopped, if the backend can, and reported as cancelled too.
        """
        ...

    def close(self) -> None:
        """Frees everything; calls that still run are stopped where possible."""
        ...
