"""A plan: for every node, what will happen and why, before anything happens."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from weftline.errors import WeftlineError
from weftline.model.entry import Entry
from weftline.model.estimate import Effort, Outlook, outlook
from weftline.model.fingerprint import Change, Recipe, call_keys
from weftline.model.graph import Graph
from weftline.model.params import Bound
from weftline.model.topology import Topology


class Decision(StrEnum):
    """What will happen to a node."""

    RUN = "RUN"
    MAY_RUN = "MAY RUN"
    CACHED = "CACHED"
    BLOCKED = "BLOCKED"
    SKIP = "SKIP"


class ReasonCode(StrEnum):
    """Why; the list is closed."""

    NEW = "new"
    CODE = "code"
    INPUT = "input"
    PARAM = "param"
    ENV = "env"
    MISSING_OUTPUT = "missing-output"
    EXPIRED = "expired"
    FORCED = "forced"
    NEVER_CACHED = "never-cached"
    HIT = "hit"
    UPSTREAM = "upstream"
    GATE = "gate"
    NOT_SELECTED = "not-selected"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class Reason:
    """The code, and words that name the thing."""

    code: ReasonCode
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else str(self.code)


@dataclass(frozen=True, slots=True)
class Items:
    """The calls of a node that runs over items.

    Attributes:
        total: how many, or None while the list is not known.
        counts: how many of them have which decision.
    """

    total: int | None
    counts: Mapping[Decision, int] = field(default_factory=dict)


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Step(NamedTuple):
    """A planned node; a tuple, since a plan may have 100,000 of them.

    Attributes:
        node: its name.
        decision: what will happen; for a node over items, the most work that any of them means.
        reason: why.
        requires: keys that it reads.
        provides: keys that it makes.
        has_key: whether the cache key of the only call is known already.
        items: for a node over items.
        params: bound parameters.
        recipe: what decides the result besides the inputs; None where nothing is cached.
        changes: everything that is different from the last time, not only what the reason names.
        inputs: digests by input name, None where one is not known yet.
        files: paths whose content counts in the keys, with their signatures at the time when it was read.
        entry: the hit of a single call.
        entries: hits by item number, for a node over items.
        keys: the cache keys of the items, None for one that is not known, or as a whole; for a node over items.
        stands: whether the hits stand for their calls whatever the keys of these are: when failed calls alone are made again.
        last_s: how long the calls that will run took last time, in seconds, where that is known.
        effort: what the calls mean that will run; None if none will, or nothing is known of them.
        most: the same for the calls that will run or may run.
    """

    node: str
    decision: Decision
    reason: Reason
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    has_key: bool = False
    items: Items | None = None
    params: Mapping[str, Bound] = _NOTHING
    recipe: Recipe | None = None
    changes: tuple[Change, ...] = ()
    inputs: Mapping[str, bytes | None] = _NOTHING
    files: Mapping[Path, bytes] = _NOTHING
    entry: Entry | None = None
    entries: Mapping[int, Entry] = _NOTHING
    keys: Sequence[bytes | None] | None = None
    stands: bool = False
    last_s: float | None = None
    effort: Effort | None = None
    most: Effort | None = None

    @property
    def key(self) -> str | None:
        """The cache key of the only call in hex, where it is known already; made when somebody asks."""
        if not self.has_key:
            return None
        if self.entry is not None:
            return self.entry.key.hex()
        assert self.recipe is not None
        (found,) = call_keys(self.recipe.digest, self.inputs, None, None) or (None,)
        return None if found is None else found.hex()


@dataclass(frozen=True, slots=True)
class Times:
    """How long a plan will take.

    Attributes:
        least: what will run, as far as anything is known of it.
        most: the same with everything that may run.
        unknown: nodes that will run, of which nothing is known.
        unsure: nodes that may run, of which nothing is known.
        saved_s: how long the results took to make that are taken from the cache.
    """

    least: Outlook
    most: Outlook
    unknown: tuple[str, ...]
    unsure: tuple[str, ...]
    saved_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps in order of execution.

    Attributes:
        graph: what is planned.
        steps: in order of execution.
        given: values of keys that come from outside.
        goals: keys that the run is for.
        notes: findings that do not stop the plan.
        backend: where calls will run.
        slots: calls of one CPU that run there at the same time.
        topology: the texts that declare the pipeline; None for one of a program.
        batch_id: what a run of this plan is called to the steps of a group; empty for what is no group.
    """

    graph: Graph
    steps: tuple[Step, ...]
    given: Mapping[str, Any] = field(default_factory=dict)
    goals: tuple[str, ...] = ()
    notes: tuple[WeftlineError, ...] = ()
    backend: str = "threads"
    slots: int = 1
    topology: Topology | None = None
    batch_id: str = ""

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {decision}" for decision, count in self.counts.items())
        return f"<plan {self.graph.name}: {counts or 'nothing to do'}>"

    def __getitem__(self, node: str) -> Step:
        """The step of a node.

        Raises:
            KeyError: there is no such node.
        """
        for step in self.steps:
            if step.node == node:
                return step
        raise KeyError(node)

    @property
    def counts(self) -> dict[Decision, int]:
        """Number of steps by decision."""
        return dict(Counter(step.decision for step in self.steps))

    @property
    def is_work_pending(self) -> bool:
        """Whether running it would do anything."""
        return any(step.decision in {Decision.RUN, Decision.MAY_RUN, Decision.BLOCKED} for step in self.steps)

    def times(self) -> Times:
        """How long it will take, judged by the past."""
        graph, index = self.graph, self.graph.index
        least = {index[step.node]: step.effort for step in self.steps if step.effort is not None}
        most = {index[step.node]: step.most for step in self.steps if step.most is not None}
        taken = (step for step in self.steps if step.decision is not Decision.SKIP)
        return Times(
            least=outlook(least, graph.order, graph.upstream, self.slots),
            most=outlook(most, graph.order, graph.upstream, self.slots),
            unknown=tuple(step.node for step in self.steps if step.decision is Decision.RUN and step.effort is None),
            unsure=tuple(step.node for step in self.steps if step.decision is Decision.MAY_RUN and step.most is None),
            saved_s=math.fsum(
                entry.took_s
                for step in taken
                for entry in (*step.entries.values(), *(() if step.entry is None else (step.entry,)))
            ),
        )
