"""A pipeline as a part of a group: what steps that run it share, and its nodes as they are called in one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableSequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, NamedTuple

from weftline.errors import ParameterTypeError, Place, WeftlineError
from weftline.model.contract import render
from weftline.model.gate import FieldSpec
from weftline.model.graph import Graph, GroupStep
from weftline.model.guard import Guarded
from weftline.model.keys import is_pattern
from weftline.model.node import Input, NodeSpec, Origin, Output, Parameter
from weftline.model.params import read
from weftline.model.resources import Resources


@dataclass(slots=True)
class Composed:
    """What became of a group.

    Attributes:
        nodes: of all steps, in the order of the steps.
        inputs: keys that a run must be given, with their types.
        fields: of all steps, with the step's name before theirs.
        scopes: names of the nodes of each step; steps of steps are called `OUTER/INNER`.
        asked: names of parameters that templates and conditions have asked for.
        steps: what was declared of each, in their order.
        left_out: steps whose conditions are not met, or that depend on such a one, with the reason.
        shared: how much there is of the named resources by which the group bounds its concurrency.
        guards: how many runs of the group, and of the groups in it, go on at the same time.
        findings: what is wrong.
    """

    nodes: list[NodeSpec] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, FieldSpec] = field(default_factory=dict)
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    steps: dict[str, GroupStep] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)
    shared: dict[str, float] = field(default_factory=dict)
    guards: list[Guarded] = field(default_factory=list)
    findings: list[WeftlineError] = field(default_factory=list)


class Given(NamedTuple):
    """The value that a step or a group gives a parameter, and where that is written."""

    value: Any
    place: Place | None


class Around(NamedTuple):
    """What the groups around a step, and the step itself, say to its nodes. It is shared by steps that are told the same.

    Attributes:
        defaults: of the groups; the nearest counts.
        given: by steps, whose own parameters they are; the nearest counts.
        bounds: one of each of these named resources is taken by every call.
        keys: that the steps before it provide: as a step calls them, and as the whole does.
        ends: names of nodes that come before.
        bounded: resources that were asked for, by address, with what they became.
        bound: parameters that were bound already, by the node's address.
    """

    defaults: Mapping[str, Given]
    given: Mapping[str, Given]
    bounds: Mapping[str, float]
    keys: Mapping[str, str]
    ends: tuple[str, ...]
    bounded: dict[int, tuple[Resources, Resources]]
    bound: dict[int, Mapping[str, Parameter]]

    @classmethod
    def nothing(cls) -> Around:
        """For a group that is in no other."""
        return cls({}, {}, {}, {}, (), {}, {})

    def within(self, defaults: Mapping[str, Given], bound: str) -> Around:
        """The same for the steps of a group."""
        return Around({**self.defaults, **defaults}, self.given, {bound: 1.0, **self.bounds}, self.keys, self.ends, {}, {})

    def given_also(self, given: Mapping[str, Given]) -> Around:
        """The same for a step that has parameters."""
        found = {**self.given, **given} if self.given else given
        return Around(self.defaults, found, self.bounds, self.keys, self.ends, self.bounded, {})

    def after(self, before: Iterable[tuple[Mapping[str, str], tuple[str, ...]]]) -> Around:
        """The same for a step that comes after others: their keys and their ends."""
        keys = dict(self.keys)
        ends: tuple[str, ...] = ()
        for found, last in before:
            keys.update(found)
            ends += last
        return Around(self.defaults, self.given, self.bounds, keys, ends or self.ends, self.bounded, self.bound)

    def resources(self, asked: Resources) -> Resources:
        """What calls of a node take, with what bounds them; nodes that take the same share it."""
        known = self.bounded.get(id(asked))
        if known is None:  # with the object itself, so that no other one is ever at its address
            known = self.bounded[id(asked)] = asked, replace(asked, tags={**asked.tags, **self.bounds})
        return known[1]

    def parameters(self, node: NodeSpec, step: str, findings: MutableSequence[WeftlineError]) -> Mapping[str, Parameter]:
        """The parameters of a node, with what is given to them: what is nearer to the node counts."""
        if not (self.given or self.defaults):
            return node.parameters
        found = self.bound.get(id(node))
        if found is None:
            before = len(findings)
            found = {name: self._bind(node, step, name, declared, findings) for name, declared in node.parameters.items()}
            if len(findings) == before:
                self.bound[id(node)] = found
        return found

    def _bind(
        self, node: NodeSpec, step: str, name: str, found: Parameter, findings: MutableSequence[WeftlineError]
    ) -> Parameter:
        given = self.given.get(name)
        origin: Origin = "step"
        if given is None or found.origin == "step":
            given, origin = self.defaults.get(name), "group"
            if given is None or found.origin != "default":
                return found
        try:
            return Parameter(found.kind, read(given.value, found.kind), origin)
        except ValueError as error:
            place, wanted = given.place or node.place, render(found.kind)
            findings.append(ParameterTypeError(name=name, node=step, wanted=wanted, given=str(error), place=place))
            return found


_FIELDS = tuple(found.name for found in fields(NodeSpec))
_NAME, _INPUTS, _OUTPUTS, _OVER, _AFTER, _GATE, _PARAMETERS, _RESOURCES, _SCOPE = map(
    _FIELDS.index, ("name", "inputs", "outputs", "over", "after", "gate", "parameters", "resources", "scope")
)
_values_of = attrgetter(*_FIELDS)


class Part:
    """A pipeline that steps of a group run.

    Args:
        graph: its graph.

    Attributes:
        parameters: names of those that its nodes have.
    """

    def __init__(self, graph: Graph) -> None:
        self.parameters = frozenset(name for node in graph.nodes for name in node.parameters)
        self._graph = graph
        self._names = tuple(dict.fromkeys(node.name for node in graph.nodes))
        self._nodes = tuple((node, _values_of(node), not graph.upstream[number]) for number, node in enumerate(graph.nodes))
        self._ends = tuple(node.name for number, node in enumerate(graph.nodes) if not graph.downstream[number])

    def keys(self, scope: str) -> Mapping[str, str]:
        """Its keys as it calls them, and as the whole does in a step."""
        prefix = _prefix(scope)
        return {key: prefix + key for key in self._graph.producers}

    def place(
        self,
        scope: str,
        around: Around,
        found: Composed,
    ) -> tuple[str, ...]:
        """Adds its nodes as a step has them, and the keys that a run must give them.

        Returns:
            The names of the last ones; where it has no nodes, of those that come before the step.
        """
        prefix = _prefix(scope)
        for key, kind in self._graph.inputs.items():
            if key not in around.keys:
                found.inputs[prefix + key] = kind
        for name, spec in self._graph.fields.items():
            key = prefix + spec.key if spec.key in self._graph.producers else spec.key
            found.fields[prefix + name] = replace(spec, key=key)
        if not self._nodes:
            return around.ends
        names = (
            dict.fromkeys(self._names, scope) if len(self._nodes) == 1 else {name: f"{scope}/{name}" for name in self._names}
        )
        for node, values, begins in self._nodes:
            found.nodes.append(self._placed(node, values, names, prefix, around, found.findings, begins=begins))
        return tuple([names[name] for name in self._ends])

    def _placed(
        self,
        node: NodeSpec,
        values: tuple[Any, ...],
        names: Mapping[str, str],
        prefix: str,
        around: Around,
        findings: MutableSequence[WeftlineError],
        *,
        begins: bool,
    ) -> NodeSpec:
        """A node as a part of the whole: other names outside, the same inside."""
        own = list(values)
        own[_NAME] = name = names[node.name]
        own[_OUTPUTS] = tuple([Output(prefix + made.key, made.kind, made.check) for made in node.outputs])
        if node.inputs:
            own[_INPUTS] = tuple(
                [Input(read.name, self._whole(read.key, prefix, around), read.kind, read.optional) for read in node.inputs]
            )
        if node.over is not None:
            own[_OVER] = self._whole(node.over, prefix, around)
        after = tuple([names.get(other, other) for other in node.after]) if node.after else ()
        own[_AFTER] = after + around.ends if begins else after
        if node.parameters:
            own[_PARAMETERS] = around.parameters(node, name, findings)
        if node.gate is not None:
            own[_GATE] = node.gate.within(prefix)
        own[_RESOURCES] = around.resources(node.resources)
        own[_SCOPE] = prefix + node.scope
        return NodeSpec(*own)

    def _whole(self, key: str, prefix: str, around: Around) -> str:
        if key in self._graph.producers or is_pattern(key):
            return prefix + key
        return around.keys.get(key, prefix + key)


def _prefix(scope: str) -> str:
    return scope.replace("/", ".") + "."
