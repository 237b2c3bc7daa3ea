"""Groups: pipelines in an order, with parameters that they share; and workflows, which are the same over groups.

A group is a declaration. `weftline.author.compose` turns it into one pipeline, whose nodes are those of all steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from weftline.errors import Place
from weftline.model.guard import Guard

if TYPE_CHECKING:
    from weftline.author.pipeline import Pipeline

Execution = Literal["sequential", "parallel"]


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """How the steps of a group run.

    Attributes:
        execution: `sequential` runs one call at a time, in the order of the steps as far as their dependencies allow.
        max_concurrency: calls at the same time, when they run in parallel.
        on_failure: `stop` starts nothing new after a failure; `continue` skips only what depends on it.
        timeout_s: how long the whole group may take; None for ever.
    """

    execution: Execution = "sequential"
    max_concurrency: int = 4
    on_failure: Literal["stop", "continue"] = "stop"
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a group.

    Attributes:
        name: unique in the group.
        runs: a pipeline, or the name of one; in a workflow, of a group.
        depends_on: steps that must have succeeded before.
        params: parameters that this step alone is given; a run cannot change them but by `STEP.name`.
        when: conditions on the group's parameters, by name; the step is left out, with what depends on it, if one is not met.
        place: where it is written.
    """

    name: str
    runs: str | Pipeline | PipelineGroup
    depends_on: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    when: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class PipelineGroup:
    """Pipelines in an order, with parameters that they share.

    Attributes:
        name: of the group.
        steps: the order decides ties.
        defaults: parameters of all steps that have one of the name; a run may change them.
        policy: how the steps run.
        domain: what it is about.
        version: counted by its author.
        description: for people.
        tags: further words.
        of: what its steps run: pipelines, or, in a workflow, groups.
        guard: how many runs of it go on at the same time, whoever starts them; None for any number.
        place: where it is written.

    Example:
        >>> group = PipelineGroup("sales.nightly").add("pull", "sales.pull").add("clean", "sales.clean", depends_on="pull")
        >>> [step.name for step in group.steps]
        ['pull', 'clean']
    """

    name: str
    steps: tuple[Step, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    policy: GroupPolicy = GroupPolicy()
    domain: str = ""
    version: int = 1
    description: str = ""
    tags: tuple[str, ...] = ()
    of: Literal["pipeline", "group"] = "pipeline"
    guard: Guard | None = None
    place: Place | None = None

    @classmethod
    def from_steps(cls, name: str, steps: Iterable[Step], **fields: Any) -> PipelineGroup:
        """A group of steps that are there already."""
        return cls(name, tuple(steps), **fields)

    def add(
        self,
        name: str,
        runs: str | Pipeline | PipelineGroup,
        *,
        depends_on: str | Iterable[str] = (),
        params: Mapping[str, Any] | None = None,
        when: Mapping[str, Any] | None = None,
    ) -> PipelineGroup:
        """The group with one step more."""
        before = (depends_on,) if isinstance(depends_on, str) else tuple(depends_on)
        return replace(self, steps=(*self.steps, Step(name, runs, before, params or {}, when or {})))


def workflow(name: str, **fields: Any) -> PipelineGroup:
    """A workflow: a group whose steps are groups."""
    return PipelineGroup(name, of="group", **fields)
