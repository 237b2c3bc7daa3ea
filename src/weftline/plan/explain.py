"""Why a node will run, or not: everything that decides it, beside what it was last time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from weftline.model.fingerprint import Part, Recipe
from weftline.model.params import Bound
from weftline.model.plan import Plan, ReasonCode, Step
from weftline.plan.difference import Text, changed_lines
from weftline.ports.ledger import LastTime

#: Numbers of items that are listed in the table.
_MOST_ITEMS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that decides a result.

    Attributes:
        topic: `code`, `param`, `input`, `library` or `depends`.
        name: of the symbol, parameter, key, distribution or dependency.
        now: its value, or where it is defined; empty for what is gone.
        state: `same`, `new`, `changed`, `gone`, or `?` if it is not known now.
        was: what it was last time, where that can be told.
        origin: of a parameter: `default`, or `run` for a value that was given for this run.
        items: of a list that the node runs over: how many items it has, and the numbers of those without a result.
        diff: of a symbol that changed: the lines of a unified diff; None where one of the texts is not known.
    """

    topic: str
    name: str
    now: str
    state: str
    was: str = ""
    origin: str = ""
    items: tuple[int, Sequence[int]] | None = None
    diff: tuple[str, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The shape in `weftline why --json`."""
        return {
            "topic": self.topic,
            "name": self.name,
            "now": self.now or None,
            "state": self.state,
            "was": self.was or None,
            "origin": self.origin or None,
            "items": None if self.items is None else {"total": self.items[0], "new": list(self.items[1])},
            "diff": None if self.diff is None else list(self.diff),
        }


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
            yield f"  {head:<9} {line.name:<{width}}  {'  '.join(self._cells(line))}".rstrip()
            yield from (f"              {text}" for text in line.diff or ())
        same = len(self.lines) - len(shown)
        if same:
            yield f"  the same as last time: {same} more (--closure lists them)"
        for text in self.not_followed:
            yield f"  not followed: {text}; name it in depends= if it decides the result"

    def _cells(self, line: Line) -> Iterator[str]:
        """What is said of one thing after its name."""
        if line.diff and line.was:  # a long constant: its beginning says less than its lines
            yield line.state
            return
        if line.now:
            yield f"{line.now} ({line.origin})" if line.origin else line.now
        if line.state != "same" and self.seen_before:
            yield f"{line.state} (was {line.was})" if line.was and line.state in {"changed", "gone"} else line.state
        if line.items is not None:
            total, new = line.items
            listed = ", ".join(map(str, new[:_MOST_ITEMS])) + (" ..." if len(new) > _MOST_ITEMS else "")
            yield f"{len(new):,} of {total:,} items without a result: {listed}"

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
            "parts": [line.as_dict() for line in self.lines],
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
        lines += _symbols(recipe, before)
        lines += _params(recipe.params, None if before is None else before.params, step.params)
        lines += _inputs(plan, step, last)
        lines += _parts("depends", recipe.depends, None if before is None else before.depends)
        lines += _libraries(recipe.env, {} if before is None else before.env)
    return Explanation(step, tuple(lines), () if recipe is None else recipe.not_followed, last is not None)


def differences(was: Recipe, now: Recipe) -> tuple[Line, ...]:
    """What of two recipes is not the same; symbols with their lines."""
    lines = [*_symbols(now, was), *_parts("param", now.params, was.params), *_parts("depends", now.depends, was.depends)]
    lines += _libraries(now.env, was.env)
    if was.version != now.version:
        lines.append(Line("version", "version", now.version or "", "changed" if now.version else "gone", was.version or ""))
    if was.shape != now.shape:
        lines.append(Line("code", "the declared keys", ", ".join(now.shape), "changed", ", ".join(was.shape)))
    return tuple(line for line in lines if line.state != "same")


def _parts(topic: str, now: Sequence[Part], before: Sequence[Part] | None) -> Iterator[Line]:
    """One line for each part, those that are gone last."""
    known = {part.name: part for part in before or ()}
    named = {part.name: part for part in reversed(now)}
    for name in dict.fromkeys(part.name for part in now):
        part, old = named[name], known.get(name)
        state = _state("" if old is None else old.digest, part.digest) if before is not None else "new"
        was = "" if old is None else old.text
        if state == "changed" and was == part.text:
            was = ""  # an environment variable that was set and is, or the content of a file: the words say nothing
        yield Line(topic, name, part.text or part.place or part.digest[:12], state, was)
    for name, old in known.items():
        if name not in named:
            yield Line(topic, name, "", "gone", old.text or old.place)


def _symbols(recipe: Recipe, before: Recipe | None) -> Iterator[Line]:
    """The code, with the lines that changed."""
    named = {part.name: part for part in reversed(recipe.symbols)}
    known = {} if before is None else {part.name: part for part in before.symbols}
    for line in _parts("code", recipe.symbols, None if before is None else before.symbols):
        if line.state != "changed" or before is None:
            yield line
        else:
            old, new = known[line.name], named[line.name]
            texts = Text(before.source(old), old.place), Text(recipe.source(new), new.place)
            yield replace(line, diff=tuple(changed_lines(*texts)) if all(text.text for text in texts) else None)


def _params(now: Sequence[Part], before: Sequence[Part] | None, bound: Mapping[str, Bound]) -> Iterator[Line]:
    for line in _parts("param", now, before):
        origin = bound[line.name].origin if line.name in bound and line.state != "gone" else ""
        yield replace(line, origin=origin)


def _inputs(plan: Plan, step: Step, last: LastTime | None) -> Iterator[Line]:
    node = plan.graph.nodes[plan.graph.index[step.node]]
    for read in node.inputs:
        found = step.inputs.get(read.name)
        was = "" if last is None else last.inputs.get(read.name, "")
        label = read.key if read.key == read.name else f"{read.name} = {read.key}"
        items = _items(step) if read.name == node.over_name else None
        if found is None:
            yield Line("input", label, "not known before what makes it has run", "?", items=items)
        else:
            yield Line("input", label, found.hex()[:12], _state(was, found.hex()), was[:12], items=items)


def _items(step: Step) -> tuple[int, Sequence[int]] | None:
    """The items that are new or changed, where those alone are the reason to run."""
    if step.keys is None or step.changes or step.reason.code not in {ReasonCode.INPUT, ReasonCode.MISSING_OUTPUT}:
        return None
    return len(step.keys), [at for at, key in enumerate(step.keys) if key is not None and at not in step.entries]


def _libraries(now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[Line]:
    for name, version in now.items():
        yield Line("library", name, version, _state(before.get(name, ""), version), before.get(name, ""))
    for name, version in before.items():
        if name not in now:
            yield Line("library", name, "", "gone", version)


def _state(was: str, now: str) -> str:
    if not was:
        return "new"
    return "same" if was == now else "changed"
