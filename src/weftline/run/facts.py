"""What the core is told, and what it wishes for: the only words between the core and the engine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from weftline.model.call import Failure, Handle
from weftline.model.gate import Gate
from weftline.model.policy import Policy
from weftline.model.transitions import NodeState
from weftline.run.demand import Demand

Body = Mapping[str, Any]


#: How a node begins that does not simply run; a state, for one that stays as an earlier life of the run left it.
Start = Literal["run", "hit", "skip"] | NodeState


class Shape(NamedTuple):
    """What the core knows of a node; a tuple, since a graph may have 100,000 of them.

    Attributes:
        name: for the journal.
        upstream: numbers of the nodes that it needs.
        downstream: numbers of those that need it.
        rank: a number of its own; lower starts first.
        demands: what a call occupies in its first attempt, its second and so on; the last one holds for all that follow.
        policy: of its attempts.
        fans_out: whether it has a call for each item.
        tolerant: whether failed items are left out rather than failing the node.
        min_success: the share of items that must succeed then.
        gate: what has to be so before it is prepared, unless its result is known; None for nothing.
    """

    name: str
    upstream: tuple[int, ...]
    downstream: tuple[int, ...]
    rank: int
    demands: tuple[Demand, ...]
    policy: Policy
    fans_out: bool = False
    tolerant: bool = False
    min_success: float = 0.0
    gate: Gate | None = None


# --- facts --------------------------------------------------------------------------------------------------------


class Prepared(NamedTuple):
    """A node's calls are known.

    Attributes:
        at: seconds since the epoch, as in all facts.
        node: its number.
        total: how many calls there are.
        restored: those whose result is there, with its key; None for one that the journal has already.
        body: for the event of the node's start, or of its end if everything is restored; None if the journal has that.
        left_out: those that failed in an earlier life of the run, and are not tried again in this one.
    """

    at: float
    node: int
    total: int
    restored: Mapping[int, bytes | None]
    body: Body | None
    left_out: Mapping[int, Failure] = MappingProxyType({})


class Unprepared(NamedTuple):
    """A node's calls cannot be made: its input is not what it must be."""

    at: float
    node: int
    failure: Failure


class Succeeded(NamedTuple):
    """An attempt succeeded, and its result is kept."""

    at: float
    handle: Handle
    body: Body | None = None


class Failed(NamedTuple):
    """An attempt failed.

    Attributes:
        entropy: between 0 and 1, for the jitter of a pause.
        body: what the call was given, for the event that tells of its end.
        used: what the attempt took of the machine, for its event.
    """

    at: float
    handle: Handle
    failure: Failure
    entropy: float = 0.0
    body: Body | None = None
    used: Body | None = None


class Elsewhere(NamedTuple):
    """An attempt did not begin: another process computes the same.

    Attributes:
        holder: who, in words.
    """

    at: float
    handle: Handle
    holder: str = ""


class Found(NamedTuple):
    """The result of a call that was about to start, or that another process computed, is there.

    Attributes:
        body: for the event.
    """

    at: float
    handle: Handle
    body: Body | None = None


class Freed(NamedTuple):
    """Nobody computes a call any more that was computed elsewhere, and its result is not there."""

    at: float
    handle: Handle


class Stopped(NamedTuple):
    """An attempt was stopped, or never began, because the run is ending."""

    at: float
    handle: Handle


class Lost(NamedTuple):
    """A stored output proved to be gone or damaged when it was wanted; its node is part of the run and can make it again.

    Attributes:
        node: who made it.
        wanted_by: who needs it.
        handle: the call that was about to start, or None if the whole node was being prepared.
    """

    at: float
    node: int
    wanted_by: int
    handle: Handle | None


class TimerFired(NamedTuple):
    """Time has passed."""

    at: float


class GateSeen(NamedTuple):
    """Somebody looked at a gate at which nodes wait.

    Attributes:
        gate: its name.
        is_open: whether they may go on.
        body: for the event of that, or of the run's coming there; None if the journal has that.
        failure: what becomes of them if it stays closed for good.
        until: when it does so by time alone; None for never.
    """

    at: float
    gate: str
    is_open: bool
    body: Body | None = None
    failure: Failure | None = None
    until: float | None = None


class GatesShut(NamedTuple):
    """The run has nothing else to do than to wait at gates: it ends, and somebody goes on with it later.

    Attributes:
        why: what keeps them closed, by gate.
    """

    at: float
    why: Mapping[str, str]


class CancelRequested(NamedTuple):
    """Somebody wants the run to end: once to let running calls finish, with `kill` to stop them."""

    at: float
    kill: bool = False


class QueueSized(NamedTuple):
    """How many calls of at most one CPU may wait in the backend besides those that run."""

    at: float
    calls: int


Fact = (
    Prepared
    | Unprepared
    | Succeeded
    | Failed
    | Elsewhere
    | Found
    | Freed
    | Stopped
    | Lost
    | GateSeen
    | GatesShut
    | TimerFired
    | CancelRequested
    | QueueSized
)


# --- wishes -------------------------------------------------------------------------------------------------------


class Prepare(NamedTuple):
    """Find out a node's calls and which of them are done already."""

    node: int


class Ask(NamedTuple):
    """Look at a gate."""

    gate: str


class Submit(NamedTuple):
    """Start an attempt.

    Attributes:
        devices: ids of the GPUs that it has.
    """

    handle: Handle
    devices: tuple[str, ...] = ()


class Cancel(NamedTuple):
    """Do not begin an attempt; with `kill`, stop it also if it runs."""

    handle: Handle
    kill: bool = False


class Conclude(NamedTuple):
    """A node has ended, and what it made is complete; comes before the wishes of those that need it."""

    node: int


Wish = Prepare | Ask | Submit | Cancel | Conclude
