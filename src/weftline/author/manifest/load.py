"""Reads files of manifests, and finds the pipeline that one means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weftline.author.compose import GroupPipeline
from weftline.author.group import PipelineGroup
from weftline.author.manifest import shapes
from weftline.author.manifest.build import group_of, pipeline_of, policies_of
from weftline.author.manifest.check import checked
from weftline.author.manifest.located import Located, read
from weftline.author.manifest.named import shipped_policies
from weftline.author.manifest.older import modern
from weftline.author.manifest.policy import PoliciesManifest
from weftline.author.manifest.schedule import ScheduleManifest, schedule_of
from weftline.author.manifest.source import text_of
from weftline.author.pipeline import Pipeline
from weftline.author.registry import REGISTRY, Registry
from weftline.errors import (
    InvalidManifestError,
    ManifestError,
    TargetNotFoundError,
    UnreadableManifestError,
    WeftlineError,
    did_you_mean,
    listing,
)
from weftline.model.policy import Policy
from weftline.model.schedule import Schedule
from weftline.model.topology import ManifestText, Topology
from weftline.ports import plugins

#: The file of named policies that is read beside a manifest.
POLICIES = "policies.yaml"


@dataclass(slots=True)
class Loaded:
    """What some files declare.

    Attributes:
        pipelines, groups: by name; workflows are groups.
        policies: by name.
        schedules: by name.
        findings: what is wrong with the files.
        notes: what they spell otherwise than today.
        sources: where each policy stands.
        texts: what was read.
    """

    pipelines: dict[str, tuple[shapes.PipelineManifest, Located]] = field(default_factory=dict)
    groups: dict[str, PipelineGroup] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    findings: list[WeftlineError] = field(default_factory=list)
    notes: list[WeftlineError] = field(default_factory=list)
    sources: dict[str, Located] = field(default_factory=dict)
    texts: tuple[ManifestText, ...] = ()


def load_files(files: Iterable[Path], registry: Registry = REGISTRY) -> Loaded:
    """Everything that files declare; what their parts name is not looked up yet."""
    texts, findings = [], []
    for file in files:
        try:
            texts.append(ManifestText(str(file), text_of(file)))
        except UnreadableManifestError as error:
            findings.append(error)
    loaded = load_texts(texts, registry)
    loaded.findings[:0] = findings
    loaded.texts = tuple(texts)
    return loaded


def load_texts(texts: Iterable[ManifestText], registry: Registry = REGISTRY) -> Loaded:
    """Everything that the texts of files declare; see `load_files`."""
    loaded = Loaded(texts=tuple(texts))
    for file, text in loaded.texts:
        documents, findings = read(text, file)
        loaded.findings += findings
        for document in documents:
            document, notes, unfit, _ = modern(document, registry.nodes.names)
            manifest, findings = checked(document)
            loaded.notes += notes
            loaded.findings += [*unfit, *findings]
            if manifest is not None:
                _take(loaded, manifest, document)
    return loaded


def load_text(text: str, file: str, registry: Registry = REGISTRY) -> tuple[Loaded, list[WeftlineError]]:
    """Everything that the text of one file declares, and what is wrong with it; for `weftline.author.manifest.watched`."""
    loaded = load_texts([ManifestText(file, text)], registry)
    return loaded, loaded.findings


def _take(loaded: Loaded, manifest: shapes.Manifest, document: Located) -> None:
    name = manifest.metadata.name
    if isinstance(manifest, PoliciesManifest):
        _take_policies(loaded, manifest, document)
        return
    known: Mapping[str, object] = loaded.groups
    if isinstance(manifest, (shapes.PipelineManifest, ScheduleManifest)):
        known = loaded.pipelines if isinstance(manifest, shapes.PipelineManifest) else loaded.schedules
    if name in known:
        place = document.place(("metadata", "name"))
        detail = f"another {manifest.kind} is called {name!r}"
        loaded.findings.append(ManifestError(detail=detail, advice="rename one of the two", place=place))
    elif isinstance(manifest, shapes.PipelineManifest):
        loaded.pipelines[name] = (manifest, document)
    elif isinstance(manifest, ScheduleManifest):
        loaded.schedules[name] = schedule_of(manifest, document)
    else:
        loaded.groups[name] = group_of(manifest, document)


def _take_policies(loaded: Loaded, manifest: PoliciesManifest, document: Located) -> None:
    """Policies of a file go before those of the files after it; in one file each name stands once."""
    for name, policy in policies_of(manifest).items():
        before = loaded.sources.setdefault(name, document)
        if before is document:
            loaded.policies[name] = policy
        elif before.file == document.file:
            place = document.place(("spec", "policies", name), key=True)
            detail = f"another policy is called {name!r}"
            loaded.findings.append(ManifestError(detail=detail, advice="rename one of the two", place=place))


def load_manifest(path: Path, name: str = "", registry: Registry = REGISTRY) -> Pipeline:
    """The pipeline, group or workflow of a file.

    What it names is looked up in the file itself, then in the registry; policies also in a file `policies.yaml` beside it, then
    among those that are shipped.

    Args:
        path: the file.
        name: which of several; empty for the only one, or for the last, which those before it belong to.
        registry: what names stand for.

    Raises:
        InvalidManifestError: it carries all findings.
        TargetNotFoundError: the file has none of that name.
    """
    return pipeline_in(load_files(with_policies(path), registry), path, name, registry)


def with_policies(path: Path) -> list[Path]:
    """A file, and the policies beside it."""
    beside = path.with_name(POLICIES)
    return [path, *([beside] if beside.exists() and beside != path else [])]


def pipeline_in(loaded: Loaded, path: Path, name: str = "", registry: Registry = REGISTRY) -> Pipeline:
    """The pipeline, group or workflow of what was loaded; see `load_manifest`."""
    if loaded.findings:
        raise InvalidManifestError(file=str(path), findings=tuple(loaded.findings))
    names = [*loaded.pipelines, *loaded.groups]
    wanted = name or (names[-1] if names else "")
    finder = _Finder(loaded, registry)
    found: Pipeline | None = None
    if wanted in loaded.groups:
        found = GroupPipeline(loaded.groups[wanted], finder.find)
    elif wanted in loaded.pipelines:
        found = finder.pipeline(wanted)
    if found is not None:
        found.notes = tuple(loaded.notes)
        found.topology = Topology(wanted, loaded.texts)
        return found
    detail = f"it holds no pipeline {name!r}: it has {listing(names)}" if name else "it holds no pipeline, group or workflow"
    if loaded.schedules:
        detail += f", but schedules: weftline schedule run {next(iter(loaded.schedules))}"
    known = ", ".join(plugins.offered("weftline.pipelines")) or "none are installed"
    raise TargetNotFoundError(target=str(path), detail=detail, shipped=known, hint=did_you_mean(name, names))


class _Finder:
    """Looks names up: in the files first, then in the registry."""

    def __init__(self, loaded: Loaded, registry: Registry) -> None:
        self._loaded = loaded
        self._registry = registry
        self._made: dict[str, Pipeline] = {}
        self._policies = shipped_policies() | loaded.policies

    def find(self, kind: str, name: str) -> Pipeline | PipelineGroup:
        """What a step of a group names."""
        if kind == "group":
            return self._loaded.groups.get(name) or self._registry.groups.get(name)
        return self.pipeline(name) if name in self._loaded.pipelines else self._registry.pipelines.get(name)

    def pipeline(self, name: str) -> Pipeline:
        """A pipeline of the files.

        Raises:
            InvalidManifestError: it carries all findings.
        """
        if name not in self._made:
            manifest, document = self._loaded.pipelines[name]
            made, findings = pipeline_of(manifest, document, self._registry.nodes.get, self._policies)
            if findings:
                raise InvalidManifestError(file=document.file, findings=tuple(findings))
            self._made[name] = made
        return self._made[name]
