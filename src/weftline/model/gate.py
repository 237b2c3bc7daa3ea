"""Gates and fields: what a run waits for, as a predicate over small values that others may set while it waits.

A gate without clauses waits for somebody's approval, which is a field as well: `gate.NAME`, `approved` or `rejected`. It fails
closed: a clause about a field that has no value is not met, whatever it compares, unless it asks for just that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

Scalar = bool | int | float | str | None

#: What a field may hold, by the word for it.
KINDS: dict[str, type] = {"boolean": bool, "integer": int, "number": float, "string": str}

Operator = Literal[
    "equals",
    "not_equals",
    "exists",
    "not_exists",
    "changed",
    "in",
    "not_in",
    "greater_than",
    "less_than",
    "at_least",
    "at_most",
]
OPERATORS: tuple[str, ...] = get_args(Operator)
#: Operators that compare with nothing.
UNARY = frozenset({"exists", "not_exists", "changed"})

_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, wanted: value == wanted,
    "not_equals": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: value in wanted,
    "not_in": lambda value, wanted: value not in wanted,
    "greater_than": lambda value, wanted: value > wanted,
    "less_than": lambda value, wanted: value < wanted,
    "at_least": lambda value, wanted: value >= wanted,
    "at_most": lambda value, wanted: value <= wanted,
}
_SHOWN = {
    "equals": "=",
    "not_equals": "!=",
    "greater_than": ">",
    "less_than": "<",
    "at_least": ">=",
    "at_most": "<=",
    "in": "in",
    "not_in": "not in",
}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field that runs of a pipeline have.

    Attributes:
        kind: what it holds.
        default: its value until somebody sets it; None for none.
        key: what a node provides under that key becomes its value; empty if only others set it.

    Example:
        >>> FieldSpec(bool, default=False).fits(True), FieldSpec(bool).fits("yes")
        (True, False)
    """

    kind: type = bool
    default: Scalar = None
    key: str = ""

    def fits(self, value: object) -> bool:
        """Whether it can hold a value; every field can hold none."""
        if value is None or type(value) is self.kind:
            return True
        return self.kind is float and type(value) is int

    @property
    def word(self) -> str:
        """The word for what it holds, as manifests have it."""
        return next((word for word, kind in KINDS.items() if kind is self.kind), self.kind.__name__)


class FieldValue(NamedTuple):
    """What a field holds.

    Attributes:
        value: None for nothing.
        was: what it held before that, if it ever held something else.
        number: of the change, counted over all runs; 0 if nobody has set it.
        at: when it was set, in seconds since the epoch.
        by: who set it.
        why: what they said.
    """

    value: Scalar
    was: Scalar = None
    number: int = 0
    at: float = 0.0
    by: str = ""
    why: str = ""


_UNSET = FieldValue(None)


def initial(declared: Mapping[str, FieldSpec], given: Mapping[str, Scalar]) -> dict[str, FieldValue]:
    """What fields hold before anybody has set one."""
    found = {name: FieldValue(spec.default) for name, spec in declared.items()}
    return found | {name: FieldValue(value) for name, value in given.items()}


def latest(before: Mapping[str, FieldValue], since: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """What fields hold when some have been set; of one that had held nothing but its default, that is what it was."""
    found = dict(before)
    for name, value in since.items():
        is_first = value.was is None and name in before
        found[name] = value._replace(was=before[name].value) if is_first else value
    return found


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition on one field.

    Attributes:
        field: its name.
        operator: how it compares; see `OPERATORS`.
        value: with what: a list for `in` and `not_in`; nothing for `exists`, `not_exists` and `changed`.
        previous_value: for `changed`: what it must have changed from; None for anything.
    """

    field: str
    operator: Operator = "equals"
    value: Any = None
    previous_value: Scalar = None

    def holds(self, found: FieldValue, before: Scalar) -> bool:
        """Whether it is met.

        Args:
            found: what the field holds.
            before: what it held when the run came to the gate.
        """
        if self.operator == "exists":
            return found.value is not None
        if self.operator == "not_exists":
            return found.value is None
        if self.operator == "changed":
            if self.previous_value is not None:
                return found.number > 0 and found.was == self.previous_value and found.value != self.previous_value
            return found.value != before
        return found.value is not None and _HOLDS[self.operator](found.value, self.value)

    def __str__(self) -> str:
        if self.operator in UNARY:
            start = "" if self.previous_value is None else f" from {self.previous_value!r}"
            return f"{self.field} {self.operator.replace('_', ' ')}{start}"
        return f"{self.field} {_SHOWN[self.operator]} {self.value!r}"


@dataclass(frozen=True, slots=True)
class Gate:
    """What has to be so before a node runs.

    Attributes:
        name: of the gate; nodes of one pipeline may share it.
        clauses: conditions on fields; none for a gate that waits for somebody's approval.
        match: whether all of them must hold, or any.
        timeout_s: how long a run waits there, from when it comes to the gate; None for ever. Then it has failed.

    Example:
        >>> gate = Gate("ready", (Clause("pages", "at_least", 1),))
        >>> gate.look({"pages": FieldValue(0)}).why
        'pages is 0, not >= 1'
        >>> gate.look({"pages": FieldValue(3)}).is_open
        True
    """

    name: str
    clauses: tuple[Clause, ...] = ()
    match: Literal["all", "any"] = "all"
    timeout_s: float | None = None

    @property
    def approval(self) -> str:
        """The field that holds what somebody said of it."""
        return f"gate.{self.name}"

    def look(self, fields: Mapping[str, FieldValue], before: Mapping[str, Scalar] | None = None) -> Verdict:
        """What is to be said of it.

        Args:
            fields: what the fields of the run hold; those that are missing hold nothing.
            before: what they held when the run came to the gate; None if it comes just now.
        """
        said = fields.get(self.approval, _UNSET)
        if said.value == "rejected":
            return Verdict(False, f"{self.name} was rejected" + (f": {said.why}" if said.why else ""), is_final=True)
        if said.value == "approved":
            return Verdict(True, f"{said.by} approved it" + (f": {said.why}" if said.why else ""))
        if not self.clauses:
            return Verdict(False, f"{self.name} is not approved")
        met: list[Clause] = []
        unmet: list[Clause] = []
        for clause in self.clauses:
            found = fields.get(clause.field, _UNSET)
            earlier = found.value if before is None else before.get(clause.field)
            (met if clause.holds(found, earlier) else unmet).append(clause)
        if not unmet or (met and self.match == "any"):
            return Verdict(True, " and ".join(map(str, met)))
        return Verdict(False, _why(unmet, fields))

    def snapshot(self, fields: Mapping[str, FieldValue]) -> dict[str, Scalar]:
        """What the fields that it asks for hold."""
        return {clause.field: fields.get(clause.field, _UNSET).value for clause in self.clauses}

    def within(self, prefix: str) -> Gate:
        """The gate in a part of a pipeline, whose fields and gates have something before their names."""
        clauses = tuple(replace(clause, field=prefix + clause.field) for clause in self.clauses)
        return replace(self, name=prefix + self.name, clauses=clauses)

    def as_fields(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "clauses": [asdict(clause) for clause in self.clauses]}

    @classmethod
    def of_fields(cls, found: Mapping[str, Any]) -> Gate:
        """The gate that `as_fields` was made of."""
        return cls(**{**found, "clauses": tuple(Clause(**clause) for clause in found["clauses"])})


class Verdict(NamedTuple):
    """What is to be said of a gate.

    Attributes:
        is_open: whether what waits there may run.
        why: what opened it, or what keeps it closed.
        is_final: whether it stays closed, whatever happens.
    """

    is_open: bool
    why: str
    is_final: bool = False


def _why(unmet: list[Clause], fields: Mapping[str, FieldValue]) -> str:
    parts = []
    for clause in unmet:
        value = fields.get(clause.field, _UNSET).value
        if clause.operator in UNARY:
            has_not = "has a value" if clause.operator == "not_exists" else "has no value"
            parts.append(f"{clause.field} " + ("has not changed" if clause.operator == "changed" else has_not))
        elif value is None:
            parts.append(f"{clause.field} has no value")
        else:
            parts.append(f"{clause.field} is {value!r}, not {_SHOWN[clause.operator]} {clause.value!r}")
    return ", ".join(parts)
