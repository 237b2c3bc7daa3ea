"""A group as one pipeline: the nodes of all its steps, with names, keys and parameters of their own.

Theory of operation. The nodes of a step are called `STEP/NODE`, or as the step if there is only one; their keys have the step's
name before them, which their code does not see. A key that a step's own nodes do not provide is taken from the steps that it
depends on. The first nodes of a step come after the last ones of these. So everything that plans and runs pipelines plans and
runs groups, and a workflow is the same once more. What the groups around a step say is handed down to it, so that each node is
made once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

from weftline.author.group import PipelineGroup, Step
from weftline.author.part import Around, Composed, Given, Part
from weftline.author.pipeline import Pipeline
from weftline.errors import (
    CycleError,
    GroupStepError,
    InvalidPipelineError,
    Place,
    WeftlineError,
    brief,
    did_you_mean,
    listing,
)
from weftline.model.graph import Graph, Grouped, GroupStep
from weftline.model.guard import Guarded
from weftline.model.order import circles, is_ordered, topological

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_TEMPLATE = re.compile(r"\{\{\s*params\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}", re.ASCII)
_BRACES = re.compile(r"\{\{.*?\}\}", re.DOTALL)
#: Groups of groups of groups: more than anybody can read, and less than Python's stack takes.
_DEEPEST = 50

#: Gives what a name of a kind stands for, or raises a `WeftlineError`.
Finder = Callable[[Literal["pipeline", "group"], str], "Pipeline | PipelineGroup"]


class _Placed(NamedTuple):
    """A step whose nodes are in the pipeline: its ends, and its parameters; its keys, as it calls them and as the whole does.

    The keys of a step that nobody depends on are not looked at.
    """

    keys: Mapping[str, str]
    ends: tuple[str, ...]
    parameters: frozenset[str]


def composed(group: PipelineGroup, find: Finder, params: Mapping[str, Any] | None = None) -> Composed:
    """The pipeline that a group means.

    Args:
        group: the group, or workflow.
        find: gives what the steps name.
        params: of the run, for templates and conditions; nodes are bound to them later.
    """
    found = Composed()
    _Composer(find, found, dict(params or {})).compose(group, "", Around.nothing(), (group.name,))
    return found


class _Composer:
    def __init__(self, find: Finder, found: Composed, params: Mapping[str, Any]) -> None:
        self._find = find
        self._found = found
        self._params = params
        self._parts: dict[int, Part] = {}
        self._named: dict[tuple[str, str], Part | PipelineGroup] = {}

    def compose(self, group: PipelineGroup, outer: str, around: Around, chain: tuple[str, ...]) -> _Placed:
        """Places the steps of a group; gives its keys, its ends and its parameters."""
        steps = {step.name: step for step in group.steps}
        order = self._order(group, steps)
        values = {**group.defaults, **self._params}
        defaults = self._given(group.defaults, values, group.name, group.place)
        bound = f"calls of {outer}{group.name}"
        self._found.shared[bound] = 1.0 if group.policy.execution == "sequential" else float(group.policy.max_concurrency)
        inside = around.within(defaults, bound)
        self._guard(group, values)
        placed: dict[str, _Placed] = {}
        read_by: set[str] = set()
        parameters: set[frozenset[str]] = set()
        is_read = {name for step in order for name in step.depends_on}
        for step in order:
            scope = outer + step.name
            runs = step.runs if isinstance(step.runs, str) else step.runs.name
            before = tuple([outer + name for name in step.depends_on] if outer else step.depends_on)
            self._found.steps[scope] = GroupStep(runs, before)
            why = self._left_out(step, outer, values) if step.when or self._found.left_out else ""
            if why:
                self._found.left_out[scope] = why
                continue
            here = inside
            if step.params:
                here = here.given_also(self._given(step.params, values, step.name, step.place))
            if step.depends_on:
                here = here.after([placed[name][:2] for name in step.depends_on if name in placed])
            made = self._place(group.of, step, scope, here, chain, tells=bool(outer) or step.name in is_read)
            if made is not None:
                placed[step.name] = made
                read_by.update(step.depends_on)
                parameters.add(made.parameters)
        ends = tuple([end for name, made in placed.items() if name not in read_by for end in made.ends])
        keys = {f"{name}.{key}": whole for name, made in placed.items() for key, whole in made.keys.items()} if outer else {}
        return _Placed(keys, ends if placed else inside.ends, frozenset().union(*parameters))

    def _guard(self, group: PipelineGroup, values: Mapping[str, Any]) -> None:
        """Its key is made when it is run, of all parameters; that it can be made is looked at now."""
        if group.guard is not None:
            self._found.guards.append(Guarded(group.name, group.guard, group.defaults))
            self._found.asked |= group.guard.asked
            for name in sorted(group.guard.asked.difference(values)):
                detail = f"its guard asks for {name!r}, which is no parameter"
                advice, hint = "give the group a default for it", did_you_mean(name, values)
                self._found.findings.append(
                    GroupStepError(step=group.name, detail=detail, advice=advice, place=group.place, hint=hint)
                )

    # --- which steps, and in which order ---

    def _order(self, group: PipelineGroup, steps: Mapping[str, Step]) -> Sequence[Step]:
        """The steps that can be placed, each after what it depends on."""
        add = self._found.findings.append
        index = {name: number for number, name in enumerate(steps)}
        seen: set[str] = set()
        for step in group.steps:
            if step.name in seen:
                self._wrong(step, "another step has the name", "rename one of the two")
            seen.add(step.name)
            if not _NAME.fullmatch(step.name):
                self._wrong(step, "this is no name", "begin with a letter, and use letters, digits, - and _")
            for name in step.depends_on:
                if name not in index:
                    detail = f"it depends on {name!r}, and there is no such step"
                    self._wrong(step, detail, f"name one of: {listing(index)}", did_you_mean(name, index))
        upstream = [
            sorted({index[name] for name in step.depends_on if name in index}) if step.depends_on else []
            for step in steps.values()
        ]
        named = list(steps.values())
        if is_ordered(upstream):
            return named
        order = _ordered(upstream)
        if len(order) < len(named):
            left = sorted(set(range(len(named))).difference(order))
            for circle in circles(upstream, left):
                add(CycleError(nodes=tuple(named[number].name for number in circle), place=named[circle[0]].place))
        return [named[number] for number in order]

    def _left_out(self, step: Step, outer: str, values: Mapping[str, Any]) -> str:
        """Why a step does not run; empty if it does."""
        for name in step.depends_on:
            if outer + name in self._found.left_out:
                return f"{name} is left out"
        for name, wanted in step.when.items():
            self._found.asked.add(name)
            if name not in values:
                detail = f"its condition asks for {name!r}, which is no parameter"
                self._wrong(step, detail, "give the group a default for it", did_you_mean(name, values))
            elif values[name] not in (wanted if isinstance(wanted, (list, tuple)) else (wanted,)):
                return f"its condition is not met: {name} is {values[name]!r}"
        return ""

    # --- one step ---

    def _place(
        self,
        kind: Literal["pipeline", "group"],
        step: Step,
        scope: str,
        around: Around,
        chain: tuple[str, ...],
        *,
        tells: bool,
    ) -> _Placed | None:
        findings, nodes = self._found.findings, self._found.nodes
        try:
            runs = self._runs(kind, step.runs)
        except WeftlineError as error:
            error.place = error.place or step.place
            findings.append(error)
            return None
        first = len(nodes)
        if isinstance(runs, Part):
            ends = runs.place(scope, around, self._found)
            made = _Placed(runs.keys(scope) if tells else {}, ends, runs.parameters)
        else:
            if runs.name in chain:
                findings.append(CycleError(nodes=chain[chain.index(runs.name) :], place=step.place))
                return None
            if len(chain) == _DEEPEST:
                self._wrong(step, f"it is a group within {_DEEPEST} others", "put groups beside each other in one workflow")
                return None
            made = self.compose(runs, f"{scope}/", around, (*chain, runs.name))
        self._found.scopes[scope] = (
            (nodes[first].name,) if len(nodes) == first + 1 else tuple(node.name for node in nodes[first:])
        )
        for name in step.params:
            if name not in made.parameters:
                detail = f"nothing in it has a parameter {brief(name)!r}"
                self._wrong(step, detail, f"it has: {listing(sorted(made.parameters))}", did_you_mean(name, made.parameters))
        return made

    def _runs(self, kind: Literal["pipeline", "group"], runs: str | Pipeline | PipelineGroup) -> Part | PipelineGroup:
        """What a step runs, of a pipeline what such steps share; each name, and each pipeline, is looked at once."""
        known = self._named.get((kind, runs)) if isinstance(runs, str) else None
        if known is not None:
            return known
        found = self._find(kind, runs) if isinstance(runs, str) else runs
        if isinstance(found, PipelineGroup):
            made: Part | PipelineGroup = found
        else:
            graph = found.graph
            made = self._parts.get(id(graph)) or self._parts.setdefault(id(graph), Part(graph))
        if isinstance(runs, str):
            self._named[kind, runs] = made
        return made

    # --- values ---

    def _given(
        self, found: Mapping[str, Any], values: Mapping[str, Any], where: str, place: Place | None
    ) -> Mapping[str, Given]:
        return {name: Given(self._filled(value, values, where, place), place) for name, value in found.items()}

    def _filled(self, value: Any, values: Mapping[str, Any], where: str, place: Place | None) -> Any:
        """A value with its templates filled in; one that is nothing but a template keeps the type of what it names."""
        if not isinstance(value, (str, dict, list)):
            return value
        if isinstance(value, dict):
            return {key: self._filled(inner, values, where, place) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, values, where, place) for inner in value]
        if "{{" not in value:
            return value
        for braces in _BRACES.findall(value):
            name = _TEMPLATE.fullmatch(braces)
            if name is not None:
                self._found.asked.add(name[1])
            if name is None or name[1] not in values or values[name[1]] == value:
                advice = "write {{ params.NAME }}, and give the group or the run a parameter of the name"
                hint = None if name is None else did_you_mean(name[1], values)
                finding = GroupStepError(
                    step=where, detail=f"{braces} stands for nothing", advice=advice, place=place, hint=hint
                )
                self._found.findings.append(finding)
                return value
        whole = _TEMPLATE.fullmatch(value)
        if whole is not None:
            return values[whole[1]]
        return _TEMPLATE.sub(lambda match: str(values[match[1]]), value)

    def _wrong(self, step: Step, detail: str, advice: str, hint: str | None = None) -> None:
        self._found.findings.append(GroupStepError(step=step.name, detail=detail, advice=advice, place=step.place, hint=hint))


def _ordered(upstream: Sequence[Sequence[int]]) -> list[int]:
    """Numbers after what they depend on, otherwise ascending; those on or behind a circle are missing."""
    downstream: list[list[int]] = [[] for _ in upstream]
    for number, sources in enumerate(upstream):
        for source in sources:
            downstream[source].append(number)
    return topological(upstream, downstream, [0] * len(upstream))


class GroupPipeline(Pipeline):
    """A group, or a workflow, as what can be planned and run.

    Args:
        group: the declaration.
        find: gives what its steps name.
        params: of the run, for templates and conditions.
    """

    def __init__(self, group: PipelineGroup, find: Finder, params: Mapping[str, Any] | None = None) -> None:
        super().__init__((), name=group.name)
        self.group = group
        self.group_of = group.of
        self.find = find
        self._params = dict(params or {})

    @cached_property
    def composed(self) -> Composed:
        """What became of the group; looked at when somebody asks, since the parameters of a run may change it."""
        return composed(self.group, self.find, self._params)

    @property
    def nodes(self) -> tuple[object, ...]:
        """The nodes of all steps."""
        return tuple(self.composed.nodes)

    def for_params(self, params: Mapping[str, Any]) -> GroupPipeline:
        """The same group for a run with these parameters."""
        is_known = "composed" in self.__dict__
        if is_known and self.composed.asked.isdisjoint(params):
            return self
        made = GroupPipeline(self.group, self.find, params)
        made.target = self.target
        if not is_known and made.composed.asked.isdisjoint(params):
            self.__dict__["composed"] = made.composed
            return self
        return made

    @cached_property
    def graph(self) -> Graph:
        """The graph that all steps mean together.

        Raises:
            InvalidPipelineError: the group cannot be composed; all findings are told.
        """
        if self.composed.findings:
            raise InvalidPipelineError(pipeline=self.name, findings=tuple(self.composed.findings))
        made = self.composed
        policy = self.group.policy
        told = Grouped(
            made.scopes,
            frozenset(made.asked),
            made.left_out,
            made.shared,
            policy.on_failure,
            policy.timeout_s,
            made.steps,
            self.group.of,
            self.group.domain,
            self.group.version,
            tuple(made.guards),
            self.group.defaults,
        )
        return Graph(self.name, tuple(made.nodes), made.inputs, self.target, made.fields, told)

    def graph_for(self, params: Mapping[str, Any]) -> Graph:
        """The graph of a run with these parameters: templates and conditions may ask for them."""
        return self.for_params(params).graph
