"""A group as one pipeline: the nodes of all its steps, with names, keys and parameters of their own.

Theory of operation. The nodes of a step are called `STEP/NODE`, or as the step if there is only one; their keys have the step's
name before them, which their code does not see. A key that a step's own nodes do not provide is taken from the steps that it
depends on. The first nodes of a step come after the last ones of these. So everything that plans and runs pipelines plans and
runs groups, and a workflow is the same once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from weftline.author.group import PipelineGroup, Step
from weftline.author.pipeline import Pipeline
from weftline.errors import (
    CycleError,
    GroupStepError,
    InvalidPipelineError,
    ParameterTypeError,
    WeftlineError,
    brief,
    did_you_mean,
    listing,
)
from weftline.model.contract import render
from weftline.model.gate import FieldSpec
from weftline.model.graph import Graph, Grouped
from weftline.model.guard import Guarded
from weftline.model.keys import is_pattern
from weftline.model.node import Input, NodeSpec, Parameter
from weftline.model.order import circles, topological
from weftline.model.params import read
from weftline.model.resources import Resources

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_TEMPLATE = re.compile(r"\{\{\s*params\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}", re.ASCII)
_BRACES = re.compile(r"\{\{.*?\}\}", re.DOTALL)

#: Gives what a name of a kind stands for, or raises a `WeftlineError`.
Finder = Callable[[Literal["pipeline", "group"], str], "Pipeline | PipelineGroup"]


@dataclass(slots=True)
class Composed:
    """What became of a group.

    Attributes:
        nodes: of all steps, in the order of the steps.
        inputs: keys that a run must be given, with their types.
        fields: of all steps, with the step's name before theirs.
        scopes: names of the nodes of each step; steps of steps are called `OUTER/INNER`.
        asked: names of parameters that templates and conditions have asked for.
        left_out: steps whose conditions are not met, or that depend on such a one, with the reason.
        shared: how much there is of the named resources by which the group bounds its concurrency.
        guards: how many runs of the group, and of the groups in it, go on at the same time.
        findings: what is wrong.
    """

    nodes: list[NodeSpec] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, FieldSpec] = field(default_factory=dict)
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)
    shared: dict[str, float] = field(default_factory=dict)
    guards: list[Guarded] = field(default_factory=list)
    findings: list[WeftlineError] = field(default_factory=list)


@dataclass(slots=True)
class _Placed:
    """A step whose nodes are in the pipeline."""

    keys: dict[str, str]  # as its pipeline calls them -> as the whole does
    ends: tuple[str, ...]


def composed(group: PipelineGroup, find: Finder, params: Mapping[str, Any] | None = None) -> Composed:
    """The pipeline that a group means.

    Args:
        group: the group, or workflow.
        find: gives what the steps name.
        params: of the run, for templates and conditions; nodes are bound to them later.
    """
    found = Composed()
    _Composer(find, found, dict(params or {})).compose(group, "", (group.name,))
    return found


class _Composer:
    def __init__(self, find: Finder, found: Composed, params: Mapping[str, Any]) -> None:
        self._find = find
        self._found = found
        self._params = params
        self._bounded: dict[tuple[int, str], Resources] = {}

    def compose(self, group: PipelineGroup, outer: str, chain: tuple[str, ...]) -> _Placed:
        """Places the steps of a group; gives its keys and its ends."""
        steps = {step.name: step for step in group.steps}
        order = self._order(group, steps)
        values = {**group.defaults, **self._params}
        defaults = {name: self._filled(value, values, group.name, group.place) for name, value in group.defaults.items()}
        self._guard(group, values)
        placed: dict[str, _Placed] = {}
        first = len(self._found.nodes)
        for step in order:
            why = self._left_out(step, outer, values)
            if why:
                self._found.left_out[outer + step.name] = why
                continue
            given = {name: self._filled(value, values, step.name, step.place) for name, value in step.params.items()}
            before = [placed[name] for name in step.depends_on if name in placed]
            made = self._place(group.of, step, outer, defaults, given, before, chain)
            if made is not None:
                placed[step.name] = made
        self._bound(group, outer, first)
        read_by = {name for step in steps.values() if step.name in placed for name in step.depends_on}
        ends = tuple(end for name, made in placed.items() if name not in read_by for end in made.ends)
        keys = {f"{name}.{key}": whole for name, made in placed.items() for key, whole in made.keys.items()}
        return _Placed(keys, ends)

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
        upstream = [sorted({index[name] for name in step.depends_on if name in index}) for step in steps.values()]
        named = list(steps.values())
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
        outer: str,
        defaults: Mapping[str, Any],
        given: Mapping[str, Any],
        before: Sequence[_Placed],
        chain: tuple[str, ...],
    ) -> _Placed | None:
        try:
            runs = self._find(kind, step.runs) if isinstance(step.runs, str) else step.runs
            graph = None if isinstance(runs, PipelineGroup) else runs.graph
        except WeftlineError as error:
            error.place = error.place or step.place
            self._found.findings.append(error)
            return None
        first = len(self._found.nodes)
        scope = outer + step.name
        if isinstance(runs, PipelineGroup):
            if runs.name in chain:
                self._found.findings.append(CycleError(nodes=chain[chain.index(runs.name) :], place=step.place))
                return None
            made = self.compose(runs, f"{scope}/", (*chain, runs.name))
        else:
            assert graph is not None
            made = self._add(graph, scope, before)
        nodes = self._found.nodes[first:]
        self._found.nodes[first:] = self._parametrised(step, nodes, defaults, given)
        self._found.scopes[scope] = tuple(node.name for node in nodes)
        ends = tuple(end for earlier in before for end in earlier.ends)
        if ends:
            self._put_after(ends, first, made)
        return made

    def _put_after(self, ends: tuple[str, ...], first: int, made: _Placed) -> None:
        """Nodes of a step that wait for none of it come after the ends of what the step depends on."""
        nodes, inside = self._found.nodes, set(made.keys.values())
        names = {node.name for node in nodes[first:]}
        for number in range(first, len(nodes)):
            node = nodes[number]
            if names.isdisjoint(node.after) and not any(read.key in inside for read in node.inputs):
                nodes[number] = replace(node, after=(*node.after, *ends))

    def _add(self, graph: Graph, scope: str, before: Sequence[_Placed]) -> _Placed:
        """Takes the nodes of a pipeline in."""
        prefix = scope.replace("/", ".") + "."
        keys = {key: prefix + key for key in graph.producers}
        taken = {key: whole for earlier in before for key, whole in earlier.keys.items()}
        names = {node.name: scope if len(graph.nodes) == 1 else f"{scope}/{node.name}" for node in graph.nodes}
        self._found.inputs |= {prefix + key: kind for key, kind in graph.inputs.items() if key not in taken}
        for name, spec in graph.fields.items():
            self._found.fields[prefix + name] = replace(spec, key=keys.get(spec.key, spec.key))
        for node in graph.nodes:
            self._found.nodes.append(_scoped(node, prefix, names, keys, taken))
        ends = tuple(names[node.name] for number, node in enumerate(graph.nodes) if not graph.downstream[number])
        return _Placed(keys, ends)

    def _parametrised(
        self, step: Step, nodes: Sequence[NodeSpec], defaults: Mapping[str, Any], given: Mapping[str, Any]
    ) -> Iterator[NodeSpec]:
        known = {name for node in nodes for name in node.parameters}
        for name in given:
            if name not in known:
                detail = f"nothing in it has a parameter {brief(name)!r}"
                self._wrong(step, detail, f"it has: {listing(sorted(known))}", did_you_mean(name, known))
        for node in nodes:
            if node.parameters and (given or defaults):
                bound = {name: self._bind(step, node, name, found, defaults, given) for name, found in node.parameters.items()}
                yield replace(node, parameters=bound)
            else:
                yield node

    def _bind(
        self,
        step: Step,
        node: NodeSpec,
        name: str,
        found: Parameter,
        defaults: Mapping[str, Any],
        given: Mapping[str, Any],
    ) -> Parameter:
        """A parameter with what its step or its group gives it: what is nearer to the node counts."""
        if name in given and found.origin != "step":
            value, found = given[name], found._replace(origin="step")
        elif name in defaults and found.origin == "default":
            value, found = defaults[name], found._replace(origin="group")
        else:
            return found
        try:
            return found._replace(default=read(value, found.kind))
        except ValueError as error:
            place = step.place or node.place
            self._found.findings.append(
                ParameterTypeError(name=name, node=node.name, wanted=render(found.kind), given=str(error), place=place)
            )
            return found

    def _filled(self, value: Any, values: Mapping[str, Any], where: str, place: Any) -> Any:
        """A value with its templates filled in; one that is nothing but a template keeps the type of what it names."""
        if isinstance(value, dict):
            return {key: self._filled(inner, values, where, place) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, values, where, place) for inner in value]
        if not isinstance(value, str) or "{{" not in value:
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

    def _bound(self, group: PipelineGroup, outer: str, first: int) -> None:
        """Bounds how many calls of a group run at the same time: each takes one of a named resource."""
        most = 1 if group.policy.execution == "sequential" else group.policy.max_concurrency
        name = f"calls of {outer}{group.name}"
        self._found.shared[name] = float(most)
        for number in range(first, len(self._found.nodes)):
            node = self._found.nodes[number]
            known = (id(node.resources), name)
            if known not in self._bounded:
                self._bounded[known] = replace(node.resources, tags={**node.resources.tags, name: 1.0})
            self._found.nodes[number] = replace(node, resources=self._bounded[known])


def _scoped(
    node: NodeSpec, prefix: str, names: Mapping[str, str], keys: Mapping[str, str], taken: Mapping[str, str]
) -> NodeSpec:
    """A node as a part of the whole: other names outside, the same inside."""

    def whole(key: str) -> str:
        return keys.get(key) or (prefix + key if is_pattern(key) else taken.get(key, prefix + key))

    return replace(
        node,
        name=names[node.name],
        inputs=tuple(Input(read.name, whole(read.key), read.kind, read.optional) for read in node.inputs),
        outputs=tuple(output._replace(key=keys[output.key]) for output in node.outputs),
        over=None if node.over is None else whole(node.over),
        after=tuple(names.get(name, name) for name in node.after),
        gate=None if node.gate is None else node.gate.within(prefix),
        scope=prefix + node.scope,
    )


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
        self.group = group
        self.find = find
        self.composed = composed(group, find, params)
        super().__init__(self.composed.nodes, name=group.name)

    def for_params(self, params: Mapping[str, Any]) -> GroupPipeline:
        """The same group for a run with these parameters."""
        if self.composed.asked.isdisjoint(params):
            return self
        made = GroupPipeline(self.group, self.find, params)
        made.target = self.target
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
            tuple(made.guards),
            self.group.defaults,
        )
        return Graph(self.name, tuple(made.nodes), made.inputs, self.target, made.fields, told)

    def graph_for(self, params: Mapping[str, Any]) -> Graph:
        """The graph of a run with these parameters: templates and conditions may ask for them."""
        return self.for_params(params).graph
