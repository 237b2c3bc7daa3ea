"""What all kinds of manifests share: names, the header, and that nothing is in them that they do not know."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

API_VERSION = "weftline.dev/v1"
Name = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=200, description="Letters, digits, `_`, `.`, `-`.")
]
StepName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=200, description="A word without dots.")]
KeyName = Annotated[str, Field(max_length=400)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _listed(value: object) -> object:
    """One word is a list of one."""
    return [value] if isinstance(value, str) else value


Names = Annotated[list[StepName], BeforeValidator(_listed, json_schema_input_type=StepName | list[StepName])]


class Strict(BaseModel):
    """What knows its fields and takes no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Metadata(Strict):
    """What a manifest says of itself."""

    name: Name
    domain: str = ""
    version: int | str = Field(default=1, description="Counted or dated by the author.")
    description: str = ""
    tags: list[str] = []


class Header(Strict):
    """What every manifest begins with."""

    apiVersion: Literal["weftline.dev/v1"]  # noqa: N815 - as the file has it
    kind: str
    metadata: Metadata
