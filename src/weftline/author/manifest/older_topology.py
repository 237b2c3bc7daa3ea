"""Topologies of stages and gates, in both of their dialects, as pipelines of nodes.

A stage of the type `gate` is no node: what depends on it waits at the gate, and depends on what the stage depended on. Its
condition stands in the stage (`condition`, `resume_stage`), or in a list `gates` beside the stages.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from weftline.author.manifest.draft import Draft
from weftline.author.manifest.located import Path
from weftline.author.manifest.strict import API_VERSION
from weftline.errors import did_you_mean, listing
from weftline.model.gate import OPERATORS

#: The domain whose nodes the stages of topologies are.
DOMAIN = "documents"
#: Further words for the types of stages.
_TYPES = {"kg": "knowledge", "knowledge-graph": "knowledge", "ir-validation": "validate", "validation": "validate"}
_WORDS = {bool: "boolean", int: "integer", float: "number", str: "string"}
#: What a gate's own part says that nodes and gates of today do without, with the reason.
_DROPPED = {
    "retry": "no retry: a gate is looked at whenever a field changes",
    "skip_download_on_resume": "nothing: what has succeeded is never done again",
    "policy": "nothing: a gate makes no attempts",
}
#: What a stage has that is a gate, and what else a gate has, there or in the list.
_STAGE = ("name", "type", "depends_on", "description")
_GATE = ("resume_stage", "condition")


def fill_pipeline(draft: Draft, types: Callable[[], Collection[str]]) -> None:
    """A topology.

    Args:
        draft: its old document has `stages`.
        types: gives the names of registered nodes.
    """
    old = draft.old.value
    draft.note(("stages",), "stages without a header", "kind: Pipeline, metadata and spec: {nodes: [...]}", key=True)
    for field, text in (("apiVersion", API_VERSION), ("kind", "Pipeline")):
        if field in old:
            draft.move((field,), (field,))
        else:
            draft.put((field,), text, ("stages",), is_added=True)
    for field in old:
        if field in {"name", "version", "description"}:
            draft.move((field,), ("metadata", field))
        elif field == "applicable_sources":
            draft.note((field,), field, "metadata.tags", key=True)
            draft.move((field,), ("metadata", "tags"))
        elif field not in {"stages", "gates", "apiVersion", "kind"}:
            draft.move((field,), ("spec", field))
    stages = old["stages"]
    if not isinstance(stages, list) or not all(isinstance(stage, Mapping) for stage in stages):
        draft.move(("stages",), ("spec", "nodes"))
        return
    gates = _Gates(draft)
    gates.fill()
    _fill_nodes(draft, frozenset(types()), gates)


class _Gates:
    """The gates of a topology, and who waits at them.

    Attributes:
        stages: the gate of each stage of the type `gate`, by the stage's name.
        resumed: the gate of each stage that a gate names, by the stage's name.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._at: dict[str, int] = {}
        for number, stage in enumerate(draft.old.value["stages"]):
            if isinstance(stage.get("name"), str):
                self._at.setdefault(stage["name"], number)
        self.stages: dict[str, str] = {}
        self.resumed: dict[str, str] = {}

    def fill(self) -> None:
        """Declares fields and gates."""
        listed = self._draft.value(("gates",))
        for number, gate in enumerate(listed if isinstance(listed, list) else []):
            self._listed(("gates", number), gate)
        if listed is not None and not isinstance(listed, list):
            self._draft.move(("gates",), ("spec", "gates"))
        for number, stage in enumerate(self._draft.value(("stages",))):
            at, name = ("stages", number), stage.get("name")
            if not is_gate(stage):
                continue
            if not isinstance(name, str) or self._at[name] != number:
                self._draft.refuse(at, "a gate has no name, or that of another stage", "give it a name of its own")
            elif name in self.stages:
                self._check(name, at, stage, _STAGE)
            else:
                self._check(name, at, stage, (*_STAGE, *_GATE))
                self._inline(name, at, stage)

    def _listed(self, at: Path, gate: Any) -> None:
        """A gate of the list beside the stages."""
        draft = self._draft
        if not isinstance(gate, Mapping) or not isinstance(gate.get("name"), str):
            draft.refuse(at, "a gate has no name", "give it a name and a condition")
            return
        draft.note(("gates",), "a list of gates", "spec.gates: {NAME: {clauses: [...]}}, and gate: NAME at a node", key=True)
        name, stage = gate["name"], gate.get("stage")
        if not isinstance(stage, str) or stage not in self._at or not is_gate(draft.value(("stages", self._at[stage]))):
            known = [found for found, number in self._at.items() if is_gate(draft.value(("stages", number)))]
            hint = did_you_mean(str(stage), known)
            draft.refuse(
                (*at, "stage"), f"gate {name!r} names no stage of the type gate", hint or f"there are: {listing(known)}"
            )
            return
        self._check(name, at, gate, ("name", "stage", "description", *_GATE))
        self._gate(name, stage, at, gate, gate.get("condition"))

    def _check(self, name: str, at: Path, gate: Mapping[str, Any], allowed: Sequence[str]) -> None:
        """Tells what gates of today do without, and what no gate has."""
        for field in gate:
            if field in _DROPPED:
                self._draft.note((*at, field), field, _DROPPED[field], key=True)
            elif field not in allowed:
                detail = f"gate {name!r} has no field {field!r} here"
                self._draft.refuse((*at, field), detail, f"use: {listing([*allowed, *_DROPPED])}", key=True)

    def _inline(self, name: str, at: Path, stage: Mapping[str, Any]) -> None:
        """A stage that is its own gate."""
        self._draft.note(
            (*at, "type"), "a stage of the type gate", "spec.gates: {NAME: {clauses: [...]}}, and gate: NAME at a node"
        )
        self._gate(name, name, at, stage, stage.get("condition"))

    def _gate(self, name: str, stage: str, at: Path, gate: Mapping[str, Any], condition: Any) -> None:
        draft, target = self._draft, ("spec", "gates", name)
        if not draft.has(("spec", "fields")):
            draft.put(("spec", "fields"), {}, at, is_added=True)
        if draft.has(target) or stage in self.stages:
            draft.refuse(at, f"another gate is called {name!r}, or stands at {stage!r}", "make one gate of the two")
            return
        draft.put(target, {}, at)
        self.stages[stage] = name
        if "description" in gate:
            draft.move((*at, "description"), (*target, "description"))
        self._resume(name, stage, at, gate.get("resume_stage"))
        if not isinstance(condition, Mapping) or not condition:
            draft.refuse(
                at, f"gate {name!r} has no condition", "give it one, such as condition: {ledger_field: NAME, equals: true}"
            )
            return
        inside = (*at, "condition")
        for field in condition:
            if field in {"match", "timeout_seconds", "poll_interval_seconds"}:
                draft.move((*inside, field), (*target, field))
            elif field == "timeout":
                draft.note((*inside, field), "timeout", "timeout_seconds", key=True)
                draft.move((*inside, field), (*target, "timeout_seconds"))
            elif field == "clauses" and isinstance(condition[field], list):
                for number in range(len(condition[field])):
                    self._clause((*inside, field, number), (*target, field, number))
        if not isinstance(condition.get("clauses"), list):
            self._clause(inside, (*target, "clauses", 0))

    def _clause(self, at: Path, target: Path) -> None:
        """A comparison: `field`, `operator` and `value`, or `ledger_field` and the operator with its value."""
        draft, clause = self._draft, self._draft.value(at)
        if not isinstance(clause, Mapping):
            draft.move(at, target)
            return
        self._declare(at, clause)
        draft.put(target, {}, at)
        shared = {"match", "timeout_seconds", "timeout", "poll_interval_seconds"} if at[-1] == "condition" else set()
        for field in clause:
            if field == "ledger_field":
                draft.note((*at, field), field, "field", key=True)
                draft.move((*at, field), (*target, "field"))
            elif field in OPERATORS:
                draft.note((*at, field), f"{field}: VALUE", f"operator: {field}, value: VALUE", key=True)
                draft.put((*target, "operator"), field, (*at, field))
                if field not in {"exists", "not_exists", "changed"}:
                    draft.move((*at, field), (*target, "value"))
            elif field not in shared:
                draft.move((*at, field), (*target, field))

    def _declare(self, at: Path, clause: Mapping[str, Any]) -> None:
        """The field that a clause asks for, with the type that its values have."""
        draft, name = self._draft, clause.get("ledger_field", clause.get("field"))
        if not isinstance(name, str):
            return
        values = [value for field, value in clause.items() if field in {"value", "previous_value", *OPERATORS}]
        flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
        kinds = {_WORDS[type(value)] for value in flat if type(value) in _WORDS}
        kind = "number" if kinds == {"integer", "number"} else kinds.pop() if len(kinds) == 1 else "boolean"
        if not draft.has(("spec", "fields", name)):
            source = (*at, "ledger_field" if "ledger_field" in clause else "field")
            draft.note(source, "a field that is not declared", f"spec.fields: {{{name}: {{type: {kind}}}}}")
            draft.put(("spec", "fields", name, "type"), kind, source, is_added=True)

    def _resume(self, gate: str, stage: str, at: Path, resumed: Any) -> None:
        """The stage that the gate resumes has to come after it."""
        if resumed is None:
            return
        place = (*at, "resume_stage")
        if not isinstance(resumed, str) or resumed not in self._at:
            hint = did_you_mean(str(resumed), self._at) or f"there are: {listing(self._at)}"
            self._draft.refuse(place, f"gate {gate!r} resumes {resumed!r}, which is no stage", hint)
        elif stage not in self._before(resumed):
            advice = f"let it depend on {stage!r}, or name a stage that does"
            self._draft.refuse(place, f"gate {gate!r} resumes {resumed!r}, which does not come after {stage!r}", advice)
        else:
            self.resumed[resumed] = gate

    def _before(self, name: str) -> set[str]:
        """All stages that come before one."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            stage = self._draft.value(("stages", self._at[waiting.pop()]))
            for each in listed_names(stage.get("depends_on")):
                if each in self._at and each not in found:
                    found.add(each)
                    waiting.append(each)
        return found


def is_gate(stage: Mapping[str, Any]) -> bool:
    """Whether a stage is a gate."""
    return _plain(stage.get("type")) == "gate"


def _plain(kind: Any) -> str:
    """A type of a stage without its dialect: `ChunkStage` and `chunk` are the same."""
    if not isinstance(kind, str):
        return ""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.removesuffix("Stage") or kind).lower().replace("_", "-")
    return _TYPES.get(words, words)


def listed_names(value: Any) -> list[str]:
    """Names of a field that takes one or several."""
    return (
        [value]
        if isinstance(value, str)
        else [each for each in value if isinstance(each, str)]
        if isinstance(value, list)
        else []
    )


def _fill_nodes(draft: Draft, types: Collection[str], gates: _Gates) -> None:
    """The stages that are no gates."""
    passed = _passed(draft, gates)
    count = 0
    for number, stage in enumerate(draft.old.value["stages"]):
        if is_gate(stage):
            continue
        at, target = ("stages", number), ("spec", "nodes", count)
        count += 1
        draft.put(target, {}, at)
        name, names = stage.get("name"), listed_names(stage.get("depends_on"))
        is_named = names in ([stage.get("depends_on")], stage.get("depends_on"))  # what is no name is told later
        for field in stage:
            if field == "type":
                _type(draft, at, target, types)
            elif field == "config":
                draft.note((*at, field), field, "params", key=True)
                draft.move((*at, field), (*target, "params"))
            elif field == "depends_on" and passed.keys() & set(names) and is_named:
                before = [each for word in names for each in (passed[word].before if word in passed else [word])]
                draft.put((*target, field), list(dict.fromkeys(before)), (*at, field))
            else:
                draft.move((*at, field), (*target, field))
        waits = {gate for word in names if word in passed for gate in passed[word].gates}
        if isinstance(name, str) and name in gates.resumed:
            waits.add(gates.resumed[name])
        if len(waits) > 1:
            detail = f"stage {name!r} waits at several gates: {listing(sorted(waits))}"
            draft.refuse(at, detail, "make one gate of them, with all their clauses")
        elif waits:
            draft.put((*target, "gate"), waits.pop(), (*at, "depends_on"), is_added=True)


def _type(draft: Draft, at: Path, target: Path, types: Collection[str]) -> None:
    kind = draft.value((*at, "type"))
    if not isinstance(kind, str) or kind in types or "." in kind:
        draft.move((*at, "type"), (*target, "type"))
        return
    name = f"{DOMAIN}.{_plain(kind)}"
    draft.note((*at, "type"), f"type: {kind}", f"type: {name}, and so for the others", once="type")
    draft.put((*target, "type"), name, (*at, "type"))


class _Passed(NamedTuple):
    """What a stage that depends on a gate has before it: gates, and stages that are none."""

    gates: list[str]
    before: list[str]


def _passed(draft: Draft, gates: _Gates) -> dict[str, _Passed]:
    """For each stage that is a gate, what is before those that depend on it."""
    stages = draft.old.value["stages"]
    depends = {
        stage["name"]: (number, listed_names(stage.get("depends_on")))
        for number, stage in enumerate(stages)
        if isinstance(stage.get("name"), str) and stage["name"] in gates.stages
    }
    found: dict[str, _Passed] = {}
    for name, (number, names) in depends.items():
        seen, waiting, passed = {name}, deque(names), _Passed([gates.stages[name]], [])
        while waiting:
            each = waiting.popleft()
            if each not in depends:
                passed.before.append(each)
            elif each == name:
                draft.refuse(("stages", number, "depends_on"), f"gate {name!r} waits for itself", "leave one dependency out")
            elif each not in seen:
                seen.add(each)
                passed.gates.append(gates.stages[each])
                waiting += depends[each][1]
        found[name] = passed
    return found
