"""What a user asks of a plan, and the findings about it and the graph; nothing is looked up or read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from weftline.errors import MissingKeyError, UnknownNodeError, WeftlineError, did_you_mean
from weftline.model.gate import Gate, Scalar, Verdict
from weftline.model.graph import Graph
from weftline.plan.bind import Bindings, bind
from weftline.plan.gates import unfit_fields
from weftline.plan.place import misfits
from weftline.plan.recorded import Recorded
from weftline.plan.select import select
from weftline.plan.validate import findings as graph_findings
from weftline.plan.validate import notes as graph_notes
from weftline.plan.validate import unstorable
from weftline.ports.backend import Capabilities


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks of a plan.

    Attributes:
        params: parameters by name or `node.name`.
        given: values of keys from outside.
        targets: a selection; empty for everything.
        force: nodes to run even if their result is there.
        refresh: whether that holds for everything that is selected.
        now: seconds since the epoch, for results that expire.
        backend: where calls will run.
        capabilities: what that backend can do.
        storable: whether a type can be stored; None when nothing will be.
        advice: what to declare instead of a type that cannot be stored.
        fields: what the request sets of the fields of the run.
        look: says whether a gate is open.
        recorded: a run whose outputs are read in place of those of nodes that are left out; None for what is stored now.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    targets: Sequence[str] = ()
    force: Sequence[str] = ()
    refresh: bool = False
    now: float = 0.0
    backend: str = "threads"
    capabilities: Capabilities = field(default_factory=Capabilities)
    storable: Callable[[Any], bool] | None = None
    advice: Callable[[Any], str | None] = lambda _: None
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    look: Callable[[Gate], Verdict] = lambda gate: gate.look({})
    recorded: Recorded | None = None


class Checked(NamedTuple):
    """A graph and a wish, as far as they can be looked at without a cache.

    Attributes:
        graph: with what it is given.
        bound: what was bound.
        selected: numbers of nodes.
        goals: keys that the run is for.
        errors, notes: findings that stop a plan, and others.
    """

    graph: Graph
    bound: Bindings
    selected: frozenset[int]
    goals: tuple[str, ...]
    errors: list[WeftlineError]
    notes: list[WeftlineError]


def checked(graph: Graph, wish: Wish) -> Checked:
    """Binds, selects and validates."""
    bound = bind(graph, wish.params, wish.given)
    given = {*bound.given, *bound.unfit}
    graph = graph.with_given(given)
    errors = list(graph.remembered("findings", lambda: tuple(graph_findings(graph))))
    selected, goals, more = select(graph, wish.targets)
    errors += [*bound.findings, *more, *_unknown_nodes(graph, wish.force)]
    errors += misfits(graph, sorted(selected), wish.backend, wish.capabilities)
    errors += _not_given(graph, selected, given)
    errors += unfit_fields(graph.fields, wish.fields)
    if wish.storable is not None:
        errors += unstorable(graph, selected, wish.storable, wish.advice)
    notes = list(graph.remembered("notes", lambda: tuple(graph_notes(graph))))
    return Checked(graph, bound, selected, goals, errors, notes)


def _unknown_nodes(graph: Graph, names: Sequence[str]) -> list[WeftlineError]:
    known = ", ".join(graph.index) or "none"
    return [
        UnknownNodeError(name=name, known=known, hint=did_you_mean(name, graph.index))
        for name in names
        if name not in graph.index
    ]


def _not_given(graph: Graph, selected: frozenset[int], given: Collection[str]) -> Iterator[WeftlineError]:
    """Declared inputs that a selected node needs and that this run is not given."""
    for key in graph.inputs:
        if key not in given:
            reader = next((graph.nodes[number] for number in sorted(selected) if key in graph.nodes[number].required), None)
            if reader is not None:
                yield MissingKeyError(node=reader.name, key=key, target=graph.target or "FILE", place=reader.place)
