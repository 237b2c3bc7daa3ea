"""The port to places where calls run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from weftline.model.call import Call, Handle, Report
from weftline.model.resources import Device


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do, so that the planner can say no before anything runs.

    Attributes:
        slots: calls of one CPU that run at the same time.
        can_kill: whether a running call can be stopped; only then a timeout is accepted.
        kills_all: whether nothing survives then of what the call started, not even what has left its process group.
        sets_env: whether a call can have environment variables of its own.
        ships: whether calls leave this process, so that nodes must be importable and values are copied; and so that they may go
            on when it dies.
        queue: calls that it is glad to have waiting, so that small ones do not wait for the engine.
        one_by_one: whether calls run one after the other, whatever number of slots there is.
        memory_gb: main memory in GiB, which calls share that say how much they need; infinite where it is not known.
        devices: GPUs that calls share; a call finds its own by its environment.
        named: further resources that calls share, such as licences, and how much there is of each.
        is_remote: whether calls may run on another machine, so that the devices of this one are none of theirs.
        environment: what calls run in, where that is not this Python with these libraries; part of every cache key.
    """

    slots: int = 1
    can_kill: bool = False
    kills_all: bool = False
    sets_env: bool = False
    ships: bool = False
    queue: int = 0
    one_by_one: bool = False
    memory_gb: float = math.inf
    devices: Sequence[Device] = ()
    named: Mapping[str, float] = field(default_factory=dict)
    is_remote: bool = False
    environment: str = ""


@runtime_checkable
class Backend(Protocol):
    """A place where calls run.

    Every method but `poll` returns at once. What became of a call is told by `poll` alone, so that one thread can drive
    thousands of calls. A backend never retries: that is the core's decision.
    """

    name: str
    capabilities: Capabilities

    def submit(self, call: Call) -> None:
        """Takes a call; it starts as soon as there is room, in the order of submission.

        A call with variables that the backend cannot set fails; it never runs without them.
        """
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
