"""What fields of runs, and gates that ask for them, look like in manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from weftline.author.manifest.located import Located
from weftline.author.manifest.strict import Positive, Strict
from weftline.errors import UndeclaredFieldError, UnfitManifestValueError, WeftlineError, brief, did_you_mean, listing
from weftline.model.gate import KINDS, UNARY, Clause, FieldSpec, Gate, Operator

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200, description="A word.")]
Value = bool | int | float | str
_ORDERED = {"greater_than", "less_than", "at_least", "at_most"}


class FieldShape(Strict):
    """One field of a run."""

    type: Literal["boolean", "integer", "number", "string"]
    key: str = Field(default="", description="What a node provides under that key becomes its value.")
    default: Value | None = Field(default=None, description="What it is before anybody sets it; nothing if it is left out.")
    description: str = ""

    @field_validator("default")
    @classmethod
    def _of_its_type(cls, value: Value | None, info: ValidationInfo) -> Value | None:
        kind = info.data.get("type")
        if kind is not None and not FieldSpec(KINDS[kind]).fits(value):
            raise ValueError(f"the field is of the type {kind}")
        return value

    def spec(self) -> FieldSpec:
        """As runs have it."""
        return FieldSpec(KINDS[self.type], self.default, self.key)


class ClauseShape(Strict):
    """One comparison of a gate."""

    field: FieldName = Field(description="A field of this manifest.")
    operator: Operator
    value: Value | list[Value] | None = Field(
        default=None,
        description="What it is compared with: a list for `in` and `not_in`, nothing for `exists`, `not_exists` and `changed`.",
    )
    previous_value: Value | None = Field(default=None, description="For `changed`: what it was before.")

    @model_validator(mode="after")
    def _comparable(self) -> ClauseShape:
        problem = self._problem()
        if problem:
            raise ValueError(problem)
        return self

    def _problem(self) -> str:
        """What is wrong with the operator's values, if anything."""
        if "previous_value" in self.model_fields_set and self.operator != "changed":
            return "only `changed` has a previous_value"
        if self.operator in UNARY:
            return f"`{self.operator}` has no value" if "value" in self.model_fields_set else ""
        if self.operator in {"in", "not_in"}:
            return "" if isinstance(self.value, list) and self.value else f"`{self.operator}` needs a list of values"
        if isinstance(self.value, list) or self.value is None:
            return f"`{self.operator}` needs one value"
        return (
            f"`{self.operator}` needs a number or a text" if self.operator in _ORDERED and isinstance(self.value, bool) else ""
        )

    def clause(self) -> Clause:
        """As runs have it."""
        return Clause(self.field, self.operator, self.value, self.previous_value)

    def values(self) -> list[tuple[tuple[str | int, ...], Any]]:
        """Every value that it names, with the path to it."""
        if isinstance(self.value, list):
            return [(("value", number), value) for number, value in enumerate(self.value)]
        single: dict[str, Any] = {"value": self.value, "previous_value": self.previous_value}
        return [((name,), value) for name, value in single.items() if value is not None]


class GateShape(Strict):
    """What has to be so before a node runs: comparisons of fields, or that somebody says so."""

    match: Literal["all", "any"] = Field(default="all", description="How many of the clauses must hold.")
    clauses: list[ClauseShape] = Field(default=[])
    manual: bool = Field(default=False, description="Opened by `weftline gate approve` alone; it has no clauses.")
    timeout_seconds: Positive | None = Field(default=None, description="How long a run waits; for ever if it is left out.")
    poll_interval_seconds: float = Field(
        default=10, ge=0.5, le=60, description="How often fields are looked at, where nothing tells that they changed."
    )
    description: str = ""

    @model_validator(mode="after")
    def _asks_something(self) -> GateShape:
        if self.manual == bool(self.clauses):
            raise ValueError("a gate has clauses, or `manual: true`")
        return self

    def gate(self, name: str) -> Gate:
        """As runs have it; how often its fields are looked at is the daemon's."""
        return Gate(name, tuple(clause.clause() for clause in self.clauses), self.match, self.timeout_seconds)


def gate_findings(
    gates: Mapping[str, GateShape], fields: Mapping[str, FieldShape], document: Located
) -> Iterator[WeftlineError]:
    """What is wrong between gates and the fields that they ask for."""
    for name, gate in gates.items():
        for number, clause in enumerate(gate.clauses):
            at = ("spec", "gates", name, "clauses", number)
            field = fields.get(clause.field)
            if field is None:
                place, hint = document.place((*at, "field")), did_you_mean(clause.field, fields)
                yield UndeclaredFieldError(gate=name, name=clause.field, known=listing(fields), place=place, hint=hint)
                continue
            for path, value in clause.values():
                if not field.spec().fits(value):
                    place, wanted = document.place((*at, *path)), f"the field {clause.field!r} is of the type {field.type}"
                    yield UnfitManifestValueError(field=str(path[0]), value=brief(repr(value)), wanted=wanted, place=place)
