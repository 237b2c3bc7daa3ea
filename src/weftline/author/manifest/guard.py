"""What guards look like in manifests."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from weftline.author.manifest.strict import Strict
from weftline.model.guard import NAME_AND_PARAMS, Guard


class GuardShape(Strict):
    """How many runs go on at the same time, of all whose keys come out equal."""

    key: str = Field(
        default=NAME_AND_PARAMS,
        description="`{name}`, `{params}`, and `{params.x}` for a parameter x; all else is as it stands.",
    )
    at_most: int = Field(default=1, ge=1, le=10_000, description="Runs at the same time.")
    on_busy: Literal["wait", "skip", "fail"] = Field(default="wait", description="What a run does that is one too many.")

    @field_validator("key")
    @classmethod
    def _is_key(cls, value: str) -> str:
        Guard(value)
        return value

    def guard(self) -> Guard:
        """As runs have it."""
        return Guard(self.key, self.at_most, self.on_busy)
