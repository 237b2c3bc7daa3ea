"""Binds parameters and given keys: every value with its origin, every misfit a finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from weftline.errors import (
    AmbiguousParameterError,
    FixedParameterError,
    GivenTypeError,
    ParameterTypeError,
    UnknownGivenError,
    UnknownParameterError,
    WeftlineError,
    did_you_mean,
)
from weftline.model.contract import mismatch, render
from weftline.model.graph import BATCH, Graph
from weftline.model.keys import is_pattern, matches
from weftline.model.params import Bound, Text, read


@dataclass(slots=True)
class Bindings:
    """What was bound.

    Attributes:
        params: by node number, then by parameter name; shared by nodes that are bound alike, so nobody writes to them.
        given: values of keys from outside.
        unfit: keys that were given, but not as they are wanted.
        findings: what does not fit.
    """

    params: list[Mapping[str, Bound]]
    given: dict[str, Any] = field(default_factory=dict)
    unfit: set[str] = field(default_factory=set)
    findings: list[WeftlineError] = field(default_factory=list)


def bind(graph: Graph, params: Mapping[str, Any], given: Mapping[str, Any]) -> Bindings:
    """Binds what a run was given.

    Args:
        graph: the graph.
        params: by `name` where one node has it, or by `node.name`; a name of a key that nothing provides gives that key.
        given: values of keys that nothing provides.
    """
    found = Bindings(_defaults(graph))
    by_name: dict[str, list[int]] = defaultdict(list)
    if params:
        for number, node in enumerate(graph.nodes):
            for name in node.parameters:
                by_name[name].append(number)
    wanted = _wanted_from_outside(graph) if params or given else {}
    for name, value in params.items():
        numbers, own = _owners(graph, by_name, name)
        if not numbers and name in wanted:
            _give(graph, found, wanted, name, value)
        elif not numbers and (graph.group is None or (name not in graph.group.asked and name != BATCH)):
            found.findings.append(_unknown(graph, by_name, wanted, name))
        elif len(numbers) > 1 and graph.group is None:
            names = [graph.nodes[number].name for number in numbers]
            example = f"{names[0]}.{own}"
            found.findings.append(AmbiguousParameterError(name=name, nodes=", ".join(names), example=example))
        else:
            for number in numbers:
                _set(graph, found, number, own, value)
    for key, value in given.items():
        _give(graph, found, wanted, key, value)
    return found


_NO_PARAMETERS: Mapping[str, Bound] = MappingProxyType({})


def _defaults(graph: Graph) -> list[Mapping[str, Bound]]:
    """What each node has if nothing is given; made once for nodes that share their declaration, as steps of a group do."""
    known: dict[int, Mapping[str, Bound]] = {}  # by the declaration itself, which the graph holds
    found = []
    for node in graph.nodes:
        declared = node.parameters
        bound = known.get(id(declared)) if declared else _NO_PARAMETERS
        if bound is None:
            bound = {name: Bound(default, origin) for name, (_, default, origin) in declared.items()}
            known[id(declared)] = bound
        found.append(bound)
    return found


def _owners(graph: Graph, by_name: Mapping[str, Sequence[int]], name: str) -> tuple[Sequence[int], str]:
    if name in by_name:
        numbers = by_name[name]
        if graph.group is not None:  # what a step gives is above what the run gives; only `STEP.name` is above that
            numbers = [number for number in numbers if graph.nodes[number].parameters[name].origin != "step"]
        return numbers, name
    node, _, own = name.rpartition(".")
    names = (node,) if graph.group is None else graph.group.scopes.get(node, (node,))
    numbers = [graph.index[each] for each in names if each in graph.index]
    return [number for number in numbers if own in graph.nodes[number].parameters], own


def _wanted_from_outside(graph: Graph) -> dict[str, Any]:
    """Keys that may be given, with the type that is wanted: of the first node that reads it."""
    found = dict(graph.inputs)
    for node in graph.nodes:
        for wanted in node.inputs:
            if wanted.key not in graph.producers and not is_pattern(wanted.key):
                kind = Sequence[wanted.kind] if node.over == wanted.key else wanted.kind  # type: ignore[name-defined]  # run time
                found.setdefault(wanted.key, kind)
    return found


def _set(graph: Graph, found: Bindings, number: int, name: str, value: Any) -> None:
    node = graph.nodes[number]
    kind = node.parameters[name].kind
    try:
        found.params[number] = {**found.params[number], name: Bound(read(value, kind), "run")}
    except ValueError as error:
        found.findings.append(
            ParameterTypeError(name=name, node=node.name, wanted=render(kind), given=str(error), place=node.place)
        )


def _give(graph: Graph, found: Bindings, wanted: Mapping[str, Any], key: str, value: Any) -> None:
    if key in graph.producers:
        owner = graph.nodes[graph.producers[key]]
        found.findings.append(UnknownGivenError(key=key, reason=f"node {owner.name!r} provides it", place=owner.place))
        return
    consumed = any(matches(pattern, key) for node in graph.nodes for pattern in node.consumed)
    if key not in wanted and not consumed:
        found.findings.append(UnknownGivenError(key=key, reason="no node reads it", hint=did_you_mean(key, wanted)))
        return
    kind = wanted.get(key, Any)
    try:
        found.given[key] = read(value, kind)
    except ValueError:
        shown = str(value) if isinstance(value, Text) else value
        found.unfit.add(key)
        found.findings.append(GivenTypeError(key=key, wanted=render(kind), detail=mismatch(shown, kind)))


def _unknown(graph: Graph, by_name: Mapping[str, Sequence[int]], wanted: Mapping[str, Any], name: str) -> WeftlineError:
    if name in by_name:
        return FixedParameterError(name=name, node=graph.nodes[by_name[name][0]].name)
    full = [f"{graph.nodes[number].name}.{own}" for own, numbers in by_name.items() for number in numbers]
    known = [*by_name, *full, *wanted]
    listing = ", ".join([*sorted(by_name), *sorted(wanted)]) or "none: this pipeline has no parameters"
    return UnknownParameterError(name=name, known=listing, hint=did_you_mean(name, known))
