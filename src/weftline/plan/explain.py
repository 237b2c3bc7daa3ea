"""Why a node will run, or not: everything that decides it, beside what it was last time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weftline.model.fingerprint import Part
from weftline.model.plan import Plan, Step
from weftline.ports.ledger import LastTime


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that decides a result.

    Attributes:
        topic: `code`, `param`, `input`, `library` or `depends`.
        name: of the symbol, parameter, key, distribution or dependency.
        now: its value, or where it is defined.
        state: `same`, `new`, `changed`, or `?` if it is not known now.
        was: what it was last time, where that can be told.
    """

    topic: str
    name: str
    now: str
    state: str
    was: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of `why`; as text, it is a table.

    Attributes:
        step: the planned node.
        lines: what decides its result.
        not_followed: what the key could not follow.
        seen_before: whether there is a last time to compare with.
    """

    step: Step
    lines: tuple[Line, ...]
    not_followed: tuple[str, ...]
    seen_before: bool

    def __str__(self) -> str:
        return self.text()

    def text(self, *, everything: bool = True) -> str:
        """The table.

        Args:
            everything: also what is the same as last time; otherwise that is counted only.
        """
        return "\n".join(self._rows(everything=everything))

    def _rows(self, *, everything: bool) -> Iterator[str]:
        step = self.step
        yield f"{step.node}   {step.decision}   {step.reason}"
        yield ""
        if step.key:
            yield f"  key       {step.key[:16]}"
        shown = [line for line in self.lines if everything or not self.seen_before or line.state != "same"]
        width = max((len(line.name) for line in shown), default=0)
        topic = ""
        for line in shown:
            head = line.topic if line.topic != topic else ""
            topic = line.topic
            state = "" if line.state == "same" or not self.seen_before else line.state
            was = f" (was {line.was})" if line.was and line.state == "changed" else ""
            yield f"  {head:<9} {line.name:<{width}}  {line.now}  {state}{was}".rstrip()
        same = len(self.lines) - len(shown)
        if same:
            yield f"  the same as last time: {same} more (--closure lists them)"
        for text in self.not_followed:
            yield f"  not followed: {text}; name it in depends= if it decides the result"

    def as_dict(self) -> dict[str, Any]:
        """The shape that `weftline why --json` prints."""
        step = self.step
        return {
            "schema": "weftline.why/v1",
            "node": step.node,
            "decision": str(step.decision),
            "reason": {"code": str(step.reason.code), "detail": step.reason.detail},
            "key": step.key,
            "changes": [{"code": change.code, "detail": change.detail} for change in step.changes],
            "parts": [
                {"topic": line.topic, "name": line.name, "now": line.now, "state": line.state, "was": line.was or None}
                for line in self.lines
            ],
            "not_followed": list(self.not_followed),
        }


def explain(plan: Plan, node: str, last: LastTime | None) -> Explanation:
    """Explains one step of a plan.

    Args:
        plan: the plan.
        node: which step.
        last: what the node was like last time, if it ran here before.

    Raises:
        KeyError: the plan has no such node.
    """
    step = plan[node]
    lines: list[Line] = []
    recipe = step.recipe
    if recipe is not None:
        before = last.recipe if last is not None else None
        lines += _parts("code", recipe.symbols, None if before is None else before.symbols)
        lines += _parts("param", recipe.params, None if before is None else before.params)
        lines += _inputs(plan, step, last)
        lines += _parts("depends", recipe.depends, None if before is None else before.depends)
        for name, version in recipe.env.items():
            was = "" if before is None else before.env.get(name, "")
            lines.append(Line("library", name, version, _state(was, version), was))
    return Explanation(step, tuple(lines), () if recipe is None else recipe.not_followed, last is not None)


def _parts(topic: str, now: tuple[Part, ...], before: tuple[Part, ...] | None) -> Iterator[Line]:
    known = {part.name: part for part in before or ()}
    seen: set[str] = set()
    for part in now:
        if part.name in seen:
            continue
        seen.add(part.name)
        old = known.get(part.name)
        state = _state("" if old is None else old.digest, part.digest) if before is not None else "new"
        yield Line(topic, part.name, part.text or part.place or part.digest[:12], state, "" if old is None else old.text)


def _inputs(plan: Plan, step: Step, last: LastTime | None) -> Iterator[Line]:
    node = plan.graph.nodes[plan.graph.index[step.node]]
    for read in node.inputs:
        found = step.inputs.get(read.name)
        was = "" if last is None else last.inputs.get(read.name, "")
        label = read.key if read.key == read.name else f"{read.name} = {read.key}"
        if found is None:
            yield Line("input", label, "not known before what makes it has run", "?")
        else:
            yield Line("input", label, found.hex()[:12], _state(was, found.hex()), was[:12])


def _state(was: str, now: str) -> str:
    if not was:
        return "new"
    return "same" if was == now else "changed"
