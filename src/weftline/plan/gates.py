"""Gates and fields in a plan: what waits at a closed gate, everything behind it, and declarations that make no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from weftline.errors import (
    ConflictingNameError,
    UnfitFieldError,
    UnfitFieldSourceError,
    UnknownFieldError,
    WeftlineError,
    did_you_mean,
    listing,
)
from weftline.model.contract import render
from weftline.model.gate import ORDERED, UNARY, Clause, FieldSpec, Gate, Scalar, Verdict
from weftline.model.graph import Graph
from weftline.model.node import NodeSpec
from weftline.model.plan import Decision, Reason, ReasonCode, Step

_PENDING = {Decision.RUN, Decision.MAY_RUN}


def behind_gates(graph: Graph, steps: Sequence[Step], look: Callable[[Gate], Verdict]) -> tuple[Step, ...]:
    """The steps; those that would run at a closed gate, or behind one, are blocked.

    Args:
        graph: the nodes.
        steps: in the order of execution.
        look: says whether a gate is open.
    """
    if not _has_gates(graph):
        return tuple(steps)
    blocked: dict[int, str] = {}
    found = []
    for step in steps:
        number = graph.index[step.node]
        gate = graph.nodes[number].gate
        if step.decision in _PENDING:
            source = next((blocked[each] for each in graph.upstream[number] if each in blocked), "")
            verdict = None if gate is None else look(gate)
            if verdict is not None and not verdict.is_open:
                blocked[number] = step.node
                step = step._replace(decision=Decision.BLOCKED, reason=Reason(ReasonCode.GATE, verdict.why))
            elif source:
                blocked[number] = source
                step = step._replace(decision=Decision.BLOCKED, reason=Reason(ReasonCode.GATE, f"behind the gate of {source}"))
        found.append(step)
    return tuple(found)


def _has_gates(graph: Graph) -> bool:
    return graph.remembered("has_gates", lambda: any(node.gate is not None for node in graph.nodes))


def unsound_gates(graph: Graph) -> Iterator[WeftlineError]:
    """Clauses about fields that nobody has declared, or that cannot hold; one name for two gates; fields from nowhere."""
    for name, spec in graph.fields.items():
        yield from _unsound_source(graph, name, spec)
    if not _has_gates(graph):
        return
    seen: dict[str, NodeSpec] = {}
    for node in graph.nodes:
        if node.gate is None:
            continue
        first = seen.setdefault(node.gate.name, node)
        if first is node:
            for clause in node.gate.clauses:
                yield from _unsound_clause(graph, node, clause)
        elif first.gate != node.gate:
            yield ConflictingNameError(
                kind="gate",
                name=node.gate.name,
                node=node.name,
                node_before=first.name,
                first=_shown(first.gate),
                second=_shown(node.gate),
                other=str(first.place or first.name),
                place=node.place,
            )


def unfit_fields(declared: Mapping[str, FieldSpec], values: Mapping[str, Scalar]) -> Iterator[WeftlineError]:
    """Fields that there are not, and values that they cannot hold."""
    for name, value in values.items():
        if name not in declared:
            yield UnknownFieldError(field=name, known=listing(declared), hint=did_you_mean(name, declared))
        elif not declared[name].fits(value):
            yield UnfitFieldError(field=name, wanted=declared[name].word, given=repr(value))


def _shown(gate: Gate | None) -> str:
    assert gate is not None
    return "; ".join(map(str, gate.clauses)) or "an approval"


def _unsound_clause(graph: Graph, node: NodeSpec, clause: Clause) -> Iterator[WeftlineError]:
    spec = graph.fields.get(clause.field)
    if spec is None:
        yield UnknownFieldError(
            field=clause.field, known=listing(graph.fields), place=node.place, hint=did_you_mean(clause.field, graph.fields)
        )
        return
    if clause.operator in {"in", "not_in"}:
        is_list = isinstance(clause.value, (list, tuple)) and bool(clause.value)
        wrong = [value for value in clause.value if not spec.fits(value)] if is_list else [clause.value]
    elif clause.operator in UNARY:
        wrong = [] if spec.fits(clause.previous_value) else [clause.previous_value]
    elif clause.value is None or (clause.operator in ORDERED and spec.kind is bool):
        wrong = [clause.value]
    else:
        wrong = [] if spec.fits(clause.value) else [clause.value]
    for value in wrong:
        wanted = f"{spec.word}, and the clause is {clause.operator}"
        yield UnfitFieldError(field=clause.field, wanted=wanted, given=repr(value), place=node.place)


def _unsound_source(graph: Graph, name: str, spec: FieldSpec) -> Iterator[WeftlineError]:
    if not spec.fits(spec.default):
        yield UnfitFieldError(field=name, wanted=spec.word, given=repr(spec.default))
    if not spec.key:
        return
    if spec.key not in graph.producers:
        detail = "no node provides it"
        yield UnfitFieldSourceError(field=name, key=spec.key, detail=detail, hint=did_you_mean(spec.key, graph.producers))
        return
    node = graph.nodes[graph.producers[spec.key]]
    output = next(found for found in node.outputs if found.key == spec.key)
    if node.kind_of_output(output) is not spec.kind:
        detail = f"it is {render(node.kind_of_output(output))}, and the field holds {spec.kind.__name__}"
        yield UnfitFieldSourceError(field=name, key=spec.key, detail=detail, place=node.place)
