"""What manifests look like: one model for each kind, which is also its JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

API_VERSION = "weftline.dev/v1"
Name = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=200, description="Letters, digits, `_`, `.`, `-`.")
]
StepName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=200, description="A word without dots.")]
Positive = Annotated[float, Field(gt=0)]


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


class StepShape(Strict):
    """One step of a group."""

    name: StepName
    pipeline: Name = Field(description="A registered pipeline.")
    depends_on: Names = Field(default=[], description="Steps that must have succeeded before.")
    params: dict[str, Any] = Field(default={}, description="Parameters that only `STEP.name` changes; may hold {{ params.x }}.")
    when: dict[str, Any] = Field(default={}, description="Values, or lists of values, that parameters of the group must have.")


class WorkflowStepShape(Strict):
    """One step of a workflow."""

    name: StepName
    group: Name = Field(description="A registered group.")
    depends_on: Names = Field(default=[], description="Steps that must have succeeded before.")
    params: dict[str, Any] = Field(default={}, description="Parameters for the group; may hold {{ params.x }}.")
    when: dict[str, Any] = Field(
        default={}, description="Values, or lists of values, that parameters of the workflow must have."
    )


class GroupPolicyShape(Strict):
    """How the steps run."""

    execution: Literal["sequential", "parallel"] = "sequential"
    max_concurrency: int = Field(default=4, ge=1, le=10_000, description="Calls at the same time, in parallel.")
    on_failure: Literal["stop", "continue"] = "stop"
    timeout_minutes: Positive | None = Field(default=None, description="How long all of it may take.")


class GroupSpec(Strict):
    """Pipelines in an order."""

    defaults: dict[str, Any] = Field(default={}, description="Parameters of all steps that have one of the name.")
    pipelines: list[StepShape] = Field(min_length=1)
    policy: GroupPolicyShape = GroupPolicyShape()


class WorkflowSpec(Strict):
    """Groups in an order."""

    defaults: dict[str, Any] = Field(default={}, description="Parameters of all groups that have one of the name.")
    groups: list[WorkflowStepShape] = Field(min_length=1)
    policy: GroupPolicyShape = GroupPolicyShape()


class BackoffShape(Strict):
    """How the pause between attempts grows."""

    strategy: Literal["none", "linear", "exponential"] = "exponential"
    initial: float = Field(default=0.5, ge=0.1, le=10, description="Seconds.")
    maximum: float = Field(default=30, ge=1, le=300, description="Seconds.")
    jitter: bool = True


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

    policies: dict[str, PolicyShape] = Field(min_length=1)


class NodeShape(Strict):
    """One node of a pipeline."""

    name: StepName
    type: Name = Field(description="A registered node.")
    policy: str | None = Field(default=None, description="A named policy.")
    depends_on: Names = Field(
        default=[], description="Nodes that must have their result before, although nothing of it is read."
    )
    params: dict[str, Any] = {}
    requires: dict[str, str] = Field(default={}, description="Keys by what the node calls them.")
    provides: dict[str, str] = Field(default={}, description="Keys by what the node calls them.")
    priority: int | None = None
    tags: list[str] = []


class PipelineSpec(Strict):
    """Nodes joined by the keys that they share."""

    nodes: list[NodeShape] = Field(min_length=1)
    params: dict[str, Any] = {}


class GroupManifest(Strict):
    """Pipelines in an order, with parameters that they share."""

    apiVersion: Literal["weftline.dev/v1"]  # noqa: N815 - as the file has it
    kind: Literal["PipelineGroup"]
    metadata: Metadata
    spec: GroupSpec


class WorkflowManifest(Strict):
    """Groups in an order."""

    apiVersion: Literal["weftline.dev/v1"]  # noqa: N815 - as the file has it
    kind: Literal["Workflow"]
    metadata: Metadata
    spec: WorkflowSpec


class PoliciesManifest(Strict):
    """Named policies, which nodes refer to."""

    apiVersion: Literal["weftline.dev/v1"]  # noqa: N815 - as the file has it
    kind: Literal["Policies"]
    metadata: Metadata
    spec: PoliciesSpec


class PipelineManifest(Strict):
    """Registered nodes, joined by keys."""

    apiVersion: Literal["weftline.dev/v1"]  # noqa: N815 - as the file has it
    kind: Literal["Pipeline"]
    metadata: Metadata
    spec: PipelineSpec


Manifest = GroupManifest | WorkflowManifest | PoliciesManifest | PipelineManifest
KINDS: dict[str, type[Strict]] = {
    "Pipeline": PipelineManifest,
    "PipelineGroup": GroupManifest,
    "Workflow": WorkflowManifest,
    "Policies": PoliciesManifest,
}
