"""What policies look like in manifests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from weftline.author.manifest.strict import Header, Name, Strict


class BackoffShape(Strict):
    """How the pause between attempts grows."""

    strategy: Literal["none", "linear", "exponential"] = "exponential"
    initial: float = Field(default=0.5, ge=0.1, le=10, description="Seconds.")
    maximum: float = Field(default=30, ge=1, le=300, description="Seconds.")
    jitter: bool | Annotated[float, Field(ge=0, le=5)] = Field(
        default=True,
        description="Whether a pause is drawn between half of it and the whole; or how many seconds at most are added to it.",
    )

    @field_validator("maximum")
    @classmethod
    def _not_below_the_first(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("initial", 0):
            raise ValueError(f"the longest pause is shorter than the first one, {info.data['initial']:g}")
        return value


class BreakerShape(Strict):
    """When calls stop for a while."""

    failure_threshold: int = Field(default=5, ge=3, le=10, description="Failed attempts in a row.")
    recovery_timeout: float = Field(default=60, ge=30, le=600, description="Seconds until one call is tried.")


class RateShape(Strict):
    """How fast attempts may follow each other."""

    rate_limit_per_second: float = Field(ge=0.1, le=100)
    burst: int = Field(default=1, ge=1, le=1000)


class PolicyShape(Strict):
    """One named policy."""

    max_attempts: int = Field(default=1, ge=1, le=10)
    timeout_seconds: float | None = Field(default=None, ge=1, le=600)
    backoff: BackoffShape = BackoffShape()
    circuit_breaker: BreakerShape | None = None
    rate_limit: RateShape | None = None
    retry_budget: int | None = Field(default=None, ge=0, description="Attempts that may be made again in one run.")


class PoliciesSpec(Strict):
    """Policies by name."""

    policies: dict[Name, PolicyShape] = Field(min_length=1)


class PoliciesManifest(Header):
    """Named policies, which nodes refer to."""

    kind: Literal["Policies"]
    spec: PoliciesSpec
