"""The ports to journals: what happened in every run, kept; and what earlier runs tell of the next one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.model.transitions import RunStatus
from weftline.ports.fields import Fields
from weftline.ports.schedules import Guards, Schedules


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the list of runs.

    Attributes:
        run: its id.
        pipeline: name of the pipeline.
        status: `running` also for a run whose process is gone.
        started_at: seconds since the epoch.
        ended_at: None while it has no end.
        counts: numbers of nodes by state.
    """

    run: str
    pipeline: str
    status: RunStatus
    started_at: float
    ended_at: float | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LastTime:
    """What a node was like when it was last started.

    Attributes:
        recipe: what decided its result.
        inputs: digests in hex by input name.
        took_s: how long the node took for each call that ran, the last time that any did; None if none ever did.
        finished: whether it had a result the last time.
    """

    recipe: Recipe
    inputs: Mapping[str, str]
    took_s: float | None
    finished: bool = True


class Use(NamedTuple):
    """A result that a run made or took.

    Attributes:
        key: of its entry, in hex.
        run: id of the run.
        at: when, in seconds since the epoch.
    """

    key: str
    run: str
    at: float


class Wanted(NamedTuple):
    """A run that is to be claimed; see `Ledger.claim`."""

    run: str
    holder: str
    instead_of: str | None = None


class Ledger(Protocol):
    """An append-only journal for each run."""

    def append(self, run: str, events: Sequence[Event], recipes: Sequence[Recipe] = ()) -> None:
        """Adds events in one transaction; they survive a power failure once this returns.

        Recipes that the events name by digest are kept once each. Of a recipe that is new here the texts of the symbols are
        kept with it, each once; of others they are not asked for.

        A run that is claimed takes events from where it was claimed alone, and one that was claimed here and was taken over
        or given back since takes none: that is decided in the same transaction.

        Raises:
            LedgerUnusableError: the journal cannot be written.
            RunTakenOverError: another process works on the run; nothing was added.
        """
        ...

    def events(self, run: str, kinds: Collection[Kind] = ()) -> Iterator[Event]:
        """The journal of a run in order; empty for an unknown run.

        Args:
            run: its id.
            kinds: only events of these kinds; empty for all.
        """
        ...

    def runs(self, limit: int = 20) -> Sequence[RunSummary]:
        """The newest runs first."""
        ...

    def remove(self, run: str) -> None:
        """Removes the journal of a run, a part at a time, so that others can write in between.

        The run is gone at once. A removal that was cut off is ended by the next one, whatever run that is about.
        What earlier runs tell of the next one stays, but for `uses`.

        Args:
            run: its id. The caller has claimed it, and seen that it has ended.
        """
        ...

    def claim(self, run: str, holder: str, *, instead_of: str | None = None) -> str | None:
        """Takes a run for one process. Returns the present holder instead when another one has it.

        Args:
            run: its id.
            holder: names the process.
            instead_of: a holder that is dead; the run is taken from that one, or if nobody has it. The same as `holder` for a
                run that another process has claimed in its name.
        """
        ...

    def release(self, run: str, holder: str) -> None:
        """Gives a claimed run back; nothing happens if another process has it."""
        ...

    def holder(self, run: str) -> str | None:
        """Which process works on a run, as far as is known here."""
        ...

    def close(self) -> None:
        """Frees files and connections."""
        ...


class History(Protocol):
    """What earlier runs tell of the next one."""

    def uses(self) -> Iterator[Use]:
        """Every stored result that some run made or took, once for each run."""
        ...

    def recipes(self, digests: Collection[str]) -> Mapping[str, Recipe]:
        """Recipes by their digests in hex, as events name them; those that nobody kept are missing.

        They give the texts of their symbols as long as the ledger is open.
        """
        ...

    def last_keys(self, pipeline: str) -> Sequence[bytes]:
        """Keys of what the newest run of a pipeline made or took that has ended; a guess at what the next one will want.

        Of nodes over items there are none.
        """
        ...

    def last_times(self, pipeline: str, nodes: Sequence[str]) -> Mapping[str, LastTime]:
        """For each of these nodes that was ever started in a pipeline of that name, the last time.

        The recipes give the texts of their symbols as long as the ledger is open.
        """
        ...

    def durations(self, pipeline: str, nodes: Sequence[str]) -> Mapping[str, Sequence[float]]:
        """How long calls took, in seconds, by node: the newest 50 that succeeded in runs of that pipeline, the newest last.

        Nodes without any are missing.
        """
        ...


class Journals(Ledger, History, Fields, Protocol):
    """A place where journals are kept: it is written to as a ledger, read as a history, and holds the fields of runs."""

    def claim_all(self, wanted: Sequence[Wanted]) -> Mapping[str, str]:
        """Takes several runs in one transaction, each as `claim` does, if it can be taken; tells who has each of them then."""
        ...

    @property
    def schedules(self) -> Schedules:
        """What is remembered of schedules."""
        ...

    @property
    def guards(self) -> Guards:
        """Who goes on at the same time."""
        ...
