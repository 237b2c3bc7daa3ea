"""What manifests look like: one model for each kind, which is also its JSON Schema."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from weftline.author.manifest.fleet import FleetManifest
from weftline.author.manifest.gate import FieldName, FieldShape, GateShape
from weftline.author.manifest.guard import GuardShape
from weftline.author.manifest.policy import PoliciesManifest
from weftline.author.manifest.schedule import ScheduleManifest
from weftline.author.manifest.strict import Header, KeyName, Name, Names, Positive, StepName, Strict


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
    guard: GuardShape | None = None


class WorkflowSpec(Strict):
    """Groups in an order."""

    defaults: dict[str, Any] = Field(default={}, description="Parameters of all groups that have one of the name.")
    groups: list[WorkflowStepShape] = Field(min_length=1)
    policy: GroupPolicyShape = GroupPolicyShape()
    guard: GuardShape | None = None


class NodeShape(Strict):
    """One node of a pipeline."""

    name: StepName
    type: Name = Field(description="A registered node.")
    policy: str | None = Field(default=None, max_length=200, description="A named policy.")
    depends_on: Names = Field(
        default=[], description="Nodes that must have their result before, although nothing of it is read."
    )
    params: dict[str, Any] = Field(default={})
    requires: dict[KeyName, KeyName] = Field(default={}, description="Keys by what the node calls them.")
    provides: dict[KeyName, KeyName] = Field(default={}, description="Keys by what the node calls them.")
    priority: int | None = None
    tags: list[str] = Field(default=[])
    gate: str | None = Field(
        default=None, max_length=200, description="A gate of this manifest, which has to open before the node runs."
    )


class PipelineSpec(Strict):
    """Nodes joined by the keys that they share."""

    nodes: list[NodeShape] = Field(min_length=1)
    params: dict[str, Any] = Field(default={})
    fields: dict[FieldName, FieldShape] = Field(default={}, description="What is known of a run, for gates to ask.")
    gates: dict[StepName, GateShape] = Field(default={}, description="What nodes may wait for.")


class GroupManifest(Header):
    """Pipelines in an order, with parameters that they share."""

    kind: Literal["PipelineGroup"]
    spec: GroupSpec


class WorkflowManifest(Header):
    """Groups in an order."""

    kind: Literal["Workflow"]
    spec: WorkflowSpec


class PipelineManifest(Header):
    """Registered nodes, joined by keys."""

    kind: Literal["Pipeline"]
    spec: PipelineSpec


#: What a file may declare; files of the kind `Fleet` are refused.
Manifest = GroupManifest | WorkflowManifest | PoliciesManifest | PipelineManifest | ScheduleManifest
KINDS: dict[str, type[Header]] = {
    "Pipeline": PipelineManifest,
    "PipelineGroup": GroupManifest,
    "Workflow": WorkflowManifest,
    "Policies": PoliciesManifest,
    "Schedule": ScheduleManifest,
    "Fleet": FleetManifest,
}
