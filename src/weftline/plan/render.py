"""Plans and graphs as text, JSON, Mermaid and DOT."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, Self

from weftline.digest import of_parts
from weftline.errors import listing
from weftline.model.estimate import Effort
from weftline.model.graph import Graph
from weftline.model.plan import Decision, Items, Plan, Step

#: Puts a decision or a dim remark in colour; the identity where there is none.
Paint = Callable[[str, str], str]
#: Nodes of the longest path that are named.
_PATH = 6
#: From here on it is told how long a plan takes, and what the cache saves.
_WORTH_TELLING_S = 0.1
_WORTH_SAVING_S = 1.0
_ORDER = (Decision.RUN, Decision.MAY_RUN, Decision.BLOCKED, Decision.CACHED, Decision.SKIP)


def plain(text: str, style: str) -> str:
    """No colour."""
    del style
    return text


def as_text(plan: Plan, *, command: str = "", where: str = "", paint: Paint = plain, verbose: bool = False) -> Iterator[str]:
    """The plan as lines: one for each step, the total, and the next command.

    Args:
        plan: the plan.
        command: what to type next, when there is work.
        where: the home, for the first line.
        paint: colours.
        verbose: also keys and parameters, with where they came from.
    """
    yield "   ".join(part for part in (plan.graph.name, counted(len(plan.steps), "step"), where) if part)
    yield ""
    names = [step.node + _times(step.items) for step in plan.steps]
    width = max(map(len, names), default=0)
    states = [_state(step) for step in plan.steps]
    state_width = max(map(len, states), default=0)
    for step, name, state in zip(plan.steps, names, states, strict=True):
        shown = paint(state.ljust(state_width), str(step.decision))
        reason = "" if step.decision is Decision.CACHED and not step.reason.detail else str(step.reason)
        yield f"  {name.ljust(width)}   {shown}   {paint(reason, 'dim')}".rstrip()
        if verbose:
            yield from (f"      {paint(line, 'dim')}" for line in _details(step))
    for name, why in ({} if plan.graph.group is None else plan.graph.group.left_out).items():
        yield f"  {name} is no part of this: {why}"
    yield ""
    yield "  " + total(plan)
    if told := times(plan):
        yield "  " + told
    if plan.batch_id:
        yield f"  batch {plan.batch_id}"
    if command and plan.is_work_pending:
        yield f"  next: {command}"


class PrintedPlan(Plan):
    """A plan that is shown as text when it is printed."""

    __slots__ = ()

    @classmethod
    def of(cls, plan: Plan, **more: Any) -> Self:
        """The same plan, with what a subclass adds."""
        return cls(**{field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}, **more)

    def __str__(self) -> str:
        return "\n".join(as_text(self))


def _times(items: Items | None) -> str:
    if items is None:
        return ""
    return " x ?" if items.total is None else f" x {items.total:,}"


def _state(step: Step) -> str:
    """The decision; for a node over items the decisions of its items, if they differ."""
    if step.items is None or len(step.items.counts) < 2 or step.decision is Decision.SKIP:
        return str(step.decision)
    counts = step.items.counts
    return "  ".join(f"{counts[decision]:,} {decision}" for decision in _ORDER if counts.get(decision))


def _details(step: Step) -> Iterator[str]:
    yield f"{', '.join(step.requires) or 'nothing'} -> {', '.join(step.provides) or 'nothing'}"
    for name, bound in step.params.items():
        yield f"{name} = {bound.value!r}   ({bound.origin})"
    if step.key:
        yield f"key {step.key[:16]}"


def total(plan: Plan) -> str:
    """The summary line: how many steps have which decision."""
    counts = plan.counts
    parts = ", ".join(f"{counts[decision]} {decision}" for decision in _ORDER if counts.get(decision))
    if not plan.is_work_pending:
        return f"{counted(len(plan.steps), 'step')}: {parts}; nothing to do"
    return f"{counted(len(plan.steps), 'step')}: {parts}"


def times(plan: Plan) -> str:
    """How long it will take, judged by the past, and what the cache saves; empty where nothing is known."""
    found = plan.times()
    least, most = found.least.wall, found.most.wall
    parts = []
    if least.p50_s and most.p50_s >= _WORTH_TELLING_S:
        on = f"on {counted(plan.slots, 'slot')}"
        if found.unknown or found.unsure:
            parts.append(f"at least {seconds(least.p50_s)} {on}, not counting {listing(found.unknown + found.unsure, 3)}")
        else:
            low, high, late = seconds(least.p50_s), seconds(most.p50_s), seconds(most.p95_s)
            about = f"about {low}" if low == high else f"at least {low}, at most {high}"
            parts.append(about + (f" (95 %: {late})" if late != high else "") + f" {on}")
            if len(found.most.path) > 1:
                parts.append(f"longest path: {_path([plan.graph.nodes[number].name for number in found.most.path])}")
    if found.saved_s >= _WORTH_SAVING_S:
        parts.append(f"the cache saves {seconds(found.saved_s)}")
    return "; ".join(parts)


def _path(names: list[str]) -> str:
    return " -> ".join(names if len(names) <= _PATH else [*names[: _PATH - 2], "...", names[-1]])


def seconds(value: float) -> str:
    """A duration for people."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 100:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d} min"


def counted(count: int, what: str) -> str:
    """`1 step`, `1,200 steps`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


# --- JSON ---------------------------------------------------------------------------------------------------------


def as_dict(plan: Plan) -> dict[str, Any]:
    """The shape that `weftline plan --json` prints: `weftline.plan/v1`."""
    return {
        "schema": "weftline.plan/v1",
        "pipeline": plan.graph.name,
        "batch_id": plan.batch_id or None,
        "steps": [_step(step) for step in plan.steps],
        "summary": {
            "run": plan.counts.get(Decision.RUN, 0),
            "may_run": plan.counts.get(Decision.MAY_RUN, 0),
            "cached": plan.counts.get(Decision.CACHED, 0),
            "blocked": plan.counts.get(Decision.BLOCKED, 0),
            "skip": plan.counts.get(Decision.SKIP, 0),
            "goals": list(plan.goals),
            "backend": plan.backend,
            **_times_as_dict(plan),
        },
        "notes": [note.as_dict() for note in plan.notes],
    }


def _times_as_dict(plan: Plan) -> dict[str, Any]:
    """What is known of the time; what is not known is None."""
    found = plan.times()
    least, most = found.least.wall, found.most.wall
    is_known, is_bounded = not found.unknown, not found.unknown and not found.unsure
    return {
        "slots": plan.slots,
        "estimate_s": least.p50_s if is_known else None,
        "estimate_p95_s": least.p95_s if is_known else None,
        "at_least_s": least.p50_s if is_known or least.p50_s else None,
        "at_most_s": most.p50_s if is_bounded else None,
        "at_most_p95_s": most.p95_s if is_bounded else None,
        "work_s": found.least.work.p50_s if is_known else None,
        "critical_path": [plan.graph.nodes[number].name for number in found.most.path],
        "unknown": [*found.unknown, *found.unsure],
        "saved_s": found.saved_s,
    }


def _effort(found: Effort | None) -> dict[str, float] | None:
    return None if found is None else found.wall._asdict()


def _step(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {
        "node": step.node,
        "decision": str(step.decision),
        "reason": {"code": str(step.reason.code), "detail": step.reason.detail},
        "requires": list(step.requires),
        "provides": list(step.provides),
        "key": step.key,
        "recipe": None if step.recipe is None else step.recipe.digest.hex(),
        "inputs": {name: None if found is None else found.hex() for name, found in step.inputs.items()},
        "params": {name: {"value": _jsonable(bound.value), "origin": bound.origin} for name, bound in step.params.items()},
        "changes": [{"code": change.code, "detail": change.detail} for change in step.changes],
        "last_s": step.last_s,
        "estimate": _effort(step.effort),
        "at_most": _effort(step.most),
    }
    if step.items is not None:
        counts = {str(decision): count for decision, count in step.items.counts.items()}
        keys = None if step.keys is None else of_parts(*(key or b"" for key in step.keys)).hex()
        found["items"] = {"total": step.items.total, "counts": counts, "keys": keys}
    return found


def _jsonable(value: Any) -> Any:
    """A value as JSON can say it; as text, where it cannot."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return str(value)


# --- pictures -----------------------------------------------------------------------------------------------------


def graph_as(form: Literal["text", "mermaid", "dot"], graph: Graph, plan: Plan | None = None) -> str:
    """The graph as text, or as Mermaid or DOT source.

    Args:
        form: which.
        graph: what to draw.
        plan: colours the nodes by decision, where it is known.
    """
    if form == "mermaid":
        return "\n".join(_mermaid(graph, plan))
    if form == "dot":
        return "\n".join(_dot(graph, plan))
    return "\n".join(_outline(graph))


def _outline(graph: Graph) -> Iterator[str]:
    in_order = set(graph.order)
    for number in (*graph.order, *(number for number in range(len(graph.nodes)) if number not in in_order)):
        node = graph.nodes[number]
        over = f"   over {node.over}" if node.over else ""
        reads = ", ".join(read.key for read in node.inputs) or "-"
        yield f"{node.name}: {reads} -> {', '.join(node.provided) or '-'}{over}"


_COLOURS = {Decision.RUN: "#ffd966", Decision.MAY_RUN: "#cfe2f3", Decision.CACHED: "#b6d7a8", Decision.BLOCKED: "#ea9999"}


def _mermaid(graph: Graph, plan: Plan | None) -> Iterator[str]:
    yield "flowchart TD"
    for number, node in enumerate(graph.nodes):
        name = _mermaid_text(node.name)
        shape = f'[["{name}"]]' if node.over else f'["{name}"]'
        yield f"    n{number}{shape}"
    for source, target, key in graph.edges():
        yield f"    n{source} -->|{_mermaid_text(key)}| n{target}"
    for source, target in graph.orders():
        yield f"    n{source} -.-> n{target}"
    for step in plan.steps if plan is not None else ():
        if step.decision in _COLOURS:
            yield f"    style n{graph.index[step.node]} fill:{_COLOURS[step.decision]}"


def _mermaid_text(text: str) -> str:
    return re.sub(r'["|\n\r\[\]]', "_", text)


def _dot(graph: Graph, plan: Plan | None) -> Iterator[str]:
    yield f"digraph {_dot_text(graph.name)} {{"
    yield "    rankdir=TB; node [shape=box, style=filled, fillcolor=white];"
    colours = {} if plan is None else {step.node: _COLOURS.get(step.decision, "white") for step in plan.steps}
    for number, node in enumerate(graph.nodes):
        shape = ", shape=box3d" if node.over else ""
        yield f'    n{number} [label={_dot_text(node.name)}, fillcolor="{colours.get(node.name, "white")}"{shape}];'
    for source, target, key in graph.edges():
        yield f"    n{source} -> n{target} [label={_dot_text(key)}];"
    for source, target in graph.orders():
        yield f"    n{source} -> n{target} [style=dashed];"
    yield "}"


def _dot_text(text: str) -> str:
    """A quoted string of the DOT language (https://graphviz.org/doc/info/lang.html)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def graph_as_dict(graph: Graph) -> dict[str, Any]:
    """The shape that `weftline graph --json` prints: `weftline.graph/v1`."""
    return {
        "schema": "weftline.graph/v1",
        "pipeline": graph.name,
        "nodes": [
            {
                "node": node.name,
                "requires": list(node.required),
                "consumes": list(node.consumed),
                "provides": list(node.provided),
                "after": list(node.after),
                "over": node.over,
                "tags": sorted(node.tags),
                "params": sorted(node.parameters),
                "place": None if node.place is None else str(node.place),
            }
            for node in graph.nodes
        ],
        "edges": [
            {"from": graph.nodes[source].name, "to": graph.nodes[target].name, "key": key}
            for source, target, key in graph.edges()
        ],
    }
