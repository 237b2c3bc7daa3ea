"""The ports to what schedules need to remember: where each stands, what became of its moments, who minds them; and guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from weftline.model.schedule import FireState


class Kept(NamedTuple):
    """Where a schedule stands.

    Attributes:
        timing: when it fires, in words; empty for one that was paused before anybody has minded it.
        since: everything up to this moment is decided.
        version: of its declaration.
        is_paused: whether somebody has paused it.
        by: who did, or let it go on.
        at: when, in seconds since the epoch; 0 for never.
    """

    timing: str = ""
    since: int = 0
    version: str = ""
    is_paused: bool = False
    by: str = ""
    at: float = 0.0


class Fire(NamedTuple):
    """A moment of a schedule, and what became of it.

    Attributes:
        schedule: its name.
        due_at: the moment, in seconds since the epoch; not a whole number for one that somebody has started by hand.
        state: what became of it.
        why: for what reason.
        run: the id of its run; empty for one that has none.
        since: where it stands for earlier moments as well: all after this one.
        tries: how often its run was started again.
        decided_at: when it was met.
        ended_at: when it was over; None while it is not.
    """

    schedule: str
    due_at: float
    state: FireState
    why: str
    run: str = ""
    since: int | None = None
    tries: int = 0
    decided_at: float = 0.0
    ended_at: float | None = None


class Lease(NamedTuple):
    """Who does a duty.

    Attributes:
        duty: its name.
        holder: who does it.
        epoch: how often it has changed hands; who took it when this number was lower writes nothing more.
        beats: how often the holder has shown that it lives.
    """

    duty: str
    holder: str
    epoch: int
    beats: int


class Schedules(Protocol):
    """What is remembered of schedules. Those who mind them take turns; who has lost its turn writes nothing more."""

    def lead(self, duty: str, holder: str, *, instead_of: Lease | None = None) -> Lease:
        """Takes a duty that nobody has, or shows that its holder lives; else tells who has it.

        Args:
            duty: its name.
            holder: who wants it; a name that nobody else ever has.
            instead_of: a lease whose holder is dead; it is taken if nothing was heard of that one since.
        """
        ...

    def resign(self, lease: Lease) -> None:
        """Gives a duty back; nothing happens if somebody else has it."""
        ...

    def states(self) -> Mapping[str, Kept]:
        """Where every schedule stands that anybody has minded or paused."""
        ...

    def pause(self, schedule: str, is_paused: bool, *, at: float, by: str) -> bool:
        """Stops a schedule, or lets it go on; whether that changed anything."""
        ...

    def record(self, lease: Lease, schedule: str, was: Kept, since: Kept, fires: Sequence[Fire]) -> bool:
        """What was decided about moments, in one transaction; each moment is decided once, whoever does it.

        Args:
            lease: of who decides.
            schedule: its name.
            was: where it stood; an empty one for a schedule that nobody has minded.
            since: where it stands then.
            fires: what becomes of the moments in between.

        Returns:
            False if it stands elsewhere by now, or was paused or let go on; nothing was written then.

        Raises:
            LeaseLostError: somebody else has the duty.
        """
        ...

    def start(self, fire: Fire) -> None:
        """Somebody starts a schedule by hand."""
        ...

    def follow(self, lease: Lease | None, fires: Sequence[Fire]) -> None:
        """What became of moments; those that are over stay as they are.

        Args:
            lease: of who has looked; None for the process that runs them itself.
            fires: as they are now.

        Raises:
            LeaseLostError: somebody else has the duty.
        """
        ...

    def fires(self, schedule: str = "", *, is_live: bool = False, limit: int = 1000) -> Sequence[Fire]:
        """What became of moments, the newest first.

        Args:
            schedule: of this one alone.
            is_live: only those that are not over.
            limit: how many at most.
        """
        ...


class Guards(Protocol):
    """Who goes on at the same time. A place is held by a run, as long as somebody has the run: nothing has to be renewed."""

    def enter(self, key: str, run: str, at_most: int, *, at: float) -> Sequence[str]:
        """Takes a place for a run that was claimed here, if there is one: those of runs that nobody has any more are free.

        Args:
            key: what the runs have in common.
            run: its id.
            at_most: how many places there are.
            at: seconds since the epoch.

        Returns:
            The runs that have all places; empty if it has one now, or had it already.

        Raises:
            RunTakenOverError: the run is not claimed here.
        """
        ...

    def leave(self, run: str) -> None:
        """Gives back all places of a run; nothing happens if it is not claimed here any more."""
        ...

    def inside(self, key: str) -> Sequence[str]:
        """The runs that have places, those that came first before the others."""
        ...
