"""From manifests to what they declare: pipelines, groups, workflows, policies; names are looked up, and no code is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from weftline.author.group import GroupPolicy, PipelineGroup, Step
from weftline.author.manifest import shapes
from weftline.author.manifest.gate import gate_findings
from weftline.author.manifest.located import Located
from weftline.author.manifest.policy import PoliciesManifest, PolicyShape
from weftline.author.pipeline import Pipeline
from weftline.errors import (
    ManifestError,
    NotRegisteredError,
    ParameterTypeError,
    UndeclaredGateError,
    UnknownPolicyError,
    WeftlineError,
    brief,
    did_you_mean,
    listing,
)
from weftline.model.contract import render
from weftline.model.node import NodeSpec
from weftline.model.params import read
from weftline.model.policy import Breaker, Budget, Limiter, Policy

Group = shapes.GroupManifest | shapes.WorkflowManifest


def group_of(manifest: Group, document: Located) -> PipelineGroup:
    """The group, or workflow, that a manifest declares."""
    steps: Sequence[tuple[shapes.StepShape | shapes.WorkflowStepShape, str]]
    if isinstance(manifest, shapes.GroupManifest):
        steps, listed = [(step, step.pipeline) for step in manifest.spec.pipelines], "pipelines"
    else:
        steps, listed = [(step, step.group) for step in manifest.spec.groups], "groups"
    policy, told = manifest.spec.policy, manifest.metadata
    places = [document.place(("spec", listed, number, "name")) for number in range(len(steps))]
    return PipelineGroup(
        name=told.name,
        steps=tuple(
            Step(step.name, runs, tuple(step.depends_on), step.params, step.when, place)
            for (step, runs), place in zip(steps, places, strict=True)
        ),
        defaults=manifest.spec.defaults,
        policy=GroupPolicy(
            policy.execution,
            policy.max_concurrency,
            policy.on_failure,
            None if policy.timeout_minutes is None else 60 * policy.timeout_minutes,
        ),
        domain=told.domain,
        version=told.version if isinstance(told.version, int) else 1,
        description=told.description,
        tags=tuple(told.tags),
        of="pipeline" if listed == "pipelines" else "group",
        guard=None if manifest.spec.guard is None else manifest.spec.guard.guard(),
        place=document.place(("metadata", "name")),
    )


def policies_of(manifest: PoliciesManifest) -> dict[str, Policy]:
    """Policies by name; what they share is known by the policy's name."""
    return {name: _policy(name, shape) for name, shape in manifest.spec.policies.items()}


def _policy(name: str, shape: PolicyShape) -> Policy:
    breaker, rate, pause = shape.circuit_breaker, shape.rate_limit, shape.backoff
    return Policy(
        max_attempts=shape.max_attempts,
        backoff=pause.strategy,
        initial_s=pause.initial,
        maximum_s=pause.maximum,
        jitter=pause.jitter,
        timeout_s=shape.timeout_seconds,
        breaker=None if breaker is None else Breaker(name, breaker.failure_threshold, breaker.recovery_timeout),
        limiter=None if rate is None else Limiter(name, rate.rate_limit_per_second, rate.burst),
        budget=None if shape.retry_budget is None else Budget(name, shape.retry_budget),
    )


def pipeline_of(
    manifest: shapes.PipelineManifest,
    document: Located,
    find: Callable[[str], NodeSpec],
    policies: Mapping[str, Policy],
) -> tuple[Pipeline, list[WeftlineError]]:
    """The pipeline that a manifest declares, and what is wrong with it.

    Args:
        manifest: the declaration.
        document: where its parts stand.
        find: a registered node by name.
        policies: named policies.
    """
    findings: list[WeftlineError] = [*gate_findings(manifest.spec.gates, manifest.spec.fields, document)]
    nodes = []
    for number, shape in enumerate(manifest.spec.nodes):
        at = ("spec", "nodes", number)
        try:
            spec = find(shape.type)
        except NotRegisteredError as error:
            error.place = document.place((*at, "type"))
            findings.append(error)
            continue
        nodes.append(_node(shape, spec, document, at, manifest.spec, policies, findings))
    fields = {name: field.spec() for name, field in manifest.spec.fields.items()}
    return Pipeline(nodes, name=manifest.metadata.name, fields=fields), findings


def _node(
    shape: shapes.NodeShape,
    spec: NodeSpec,
    document: Located,
    at: tuple[str | int, ...],
    whole: shapes.PipelineSpec,
    policies: Mapping[str, Policy],
    findings: list[WeftlineError],
) -> NodeSpec:
    """A registered node as it stands in a pipeline."""
    policy, gate = spec.policy, whole.gates.get(shape.gate or "")
    if shape.gate is not None and gate is None:
        place, hint, known = document.place((*at, "gate")), did_you_mean(shape.gate, whole.gates), listing(whole.gates)
        findings.append(UndeclaredGateError(node=shape.name, name=shape.gate, known=known, place=place, hint=hint))
    if shape.policy is not None:
        if shape.policy in policies:
            policy = policies[shape.policy]
        else:
            place, hint = document.place((*at, "policy")), did_you_mean(shape.policy, policies)
            known = listing(policies)
            findings.append(UnknownPolicyError(node=shape.name, name=shape.policy, known=known, place=place, hint=hint))
    taken = {word for found in spec.inputs for word in (found.name, found.key)}
    for field, renamed, words in (("requires", shape.requires, taken), ("provides", shape.provides, set(spec.provided))):
        for name in renamed:
            if name not in words:
                advice, hint = f"it has: {listing(sorted(words))}", did_you_mean(name, words)
                place = document.place((*at, field, name), key=True)
                detail = f"node type {shape.type!r} has no {name!r} to name otherwise"
                findings.append(ManifestError(detail=detail, advice=advice, place=place, hint=hint))
    inputs = tuple(
        found._replace(key=shape.requires.get(found.name, shape.requires.get(found.key, found.key))) for found in spec.inputs
    )
    over = next((new.key for old, new in zip(spec.inputs, inputs, strict=True) if old.key == spec.over), spec.over)
    return replace(
        spec,
        name=shape.name,
        inputs=inputs,
        outputs=tuple(output._replace(key=shape.provides.get(output.key, output.key)) for output in spec.outputs),
        over=over,
        after=(*spec.after, *shape.depends_on),
        gate=spec.gate if gate is None or shape.gate is None else gate.gate(shape.gate),
        policy=policy,
        priority=spec.priority if shape.priority is None else shape.priority,
        tags=spec.tags | frozenset(shape.tags),
        parameters=_parameters(shape, spec, document, at, whole.params, findings),
        place=document.place((*at, "name")),
    )


def _parameters(
    shape: shapes.NodeShape,
    spec: NodeSpec,
    document: Located,
    at: tuple[str | int, ...],
    params: Mapping[str, Any],
    findings: list[WeftlineError],
) -> dict[str, Any]:
    """Parameters with what the manifest gives them; the node's own are above the pipeline's."""
    for name in shape.params:
        if name not in spec.parameters:
            place, hint = document.place((*at, "params", name), key=True), did_you_mean(name, spec.parameters)
            advice = f"it has: {listing(sorted(spec.parameters))}"
            detail = f"node type {shape.type!r} has no parameter {brief(name)!r}"
            findings.append(ManifestError(detail=detail, advice=advice, place=place, hint=hint))
    found = dict(spec.parameters)
    for name, parameter in spec.parameters.items():
        value = shape.params.get(name, params.get(name, parameter.default))
        if name in shape.params or name in params:
            try:
                found[name] = parameter._replace(default=read(value, parameter.kind))
            except ValueError as error:
                place = document.place((*at, "params", name) if name in shape.params else ("spec", "params", name))
                wanted = render(parameter.kind)
                findings.append(ParameterTypeError(name=name, node=shape.name, wanted=wanted, given=str(error), place=place))
    return found
