"""Older spellings of manifests: what they are in the new one, and a note for each thing that is spelled otherwise.

- the header `spine.io/v1`,
- a group without `metadata` and `spec`, its steps in `steps` or `pipelines`,
- a topology of stages and gates (`older_topology`),
- a schedule whose fields are columns of a table (`older_schedule`),
- policies without a header, nested or flat (`older_policies`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from typing import Any, NamedTuple

from weftline.author.manifest.draft import Draft
from weftline.author.manifest.located import Located, Path
from weftline.author.manifest.older_policies import fill_policies
from weftline.author.manifest.older_schedule import fill_schedule, is_older
from weftline.author.manifest.older_topology import fill_pipeline
from weftline.author.manifest.strict import API_VERSION
from weftline.errors import OlderSpellingNote, Place, WeftlineError

OLD_VERSION = "spine.io/v1"
_METADATA = ("name", "domain", "version", "description", "tags")


class Modern(NamedTuple):
    """A document in the spelling of today.

    Attributes:
        document: the same object if nothing in it is older.
        notes: what was spelled otherwise, in its order.
        findings: what could not be carried over.
        added: paths of what has nothing that it was made of.
    """

    document: Located
    notes: Sequence[OlderSpellingNote] = ()
    findings: Sequence[WeftlineError] = ()
    added: Set[Path] = frozenset()


def modern(document: Located, types: Callable[[], Collection[str]] = tuple) -> Modern:
    """A document in the spelling of today.

    Args:
        document: in any spelling.
        types: gives the names of registered nodes; a stage whose type is one of them keeps it.
    """
    value = document.value
    if not isinstance(value, Mapping):
        return Modern(document)
    is_flat = not {"metadata", "spec"} & set(value)
    if is_flat and "stages" in value and "kind" not in value:
        draft = Draft(document)
        fill_pipeline(draft, types)
    elif is_flat and isinstance(value.get("policies"), Mapping) and "kind" not in value:
        draft = Draft(document)
        fill_policies(draft)
    elif is_flat and value.get("kind", "PipelineGroup") == "PipelineGroup" and {"steps", "pipelines"} & set(value):
        draft = Draft(document)
        _fill_group(draft, value)
    elif is_older(value):
        draft = Draft(document)
        fill_schedule(draft)
        _head(draft, ("apiVersion",))
    elif value.get("apiVersion") == OLD_VERSION:
        draft = Draft(document)
        _fill_same(draft, value)
    else:
        return Modern(document)
    notes = sorted(draft.notes, key=lambda note: note.place or Place(document.file))
    for note in notes[:1]:
        note.hint = f"weftline migrate {document.file} rewrites the file"
    return Modern(draft.new, notes, draft.findings, draft.added)


def _fill_same(draft: Draft, value: Mapping[str, Any]) -> None:
    """Another header, and all else as it is."""
    for field in value:
        draft.move((field,), (field,))
    _head(draft, ("apiVersion",))


def _head(draft: Draft, at: Path) -> None:
    if draft.value(("apiVersion",)) == OLD_VERSION:
        draft.note(at, f"apiVersion: {OLD_VERSION}", f"apiVersion: {API_VERSION}")
        draft.put(("apiVersion",), API_VERSION, at)


def _fill_group(draft: Draft, value: Mapping[str, Any]) -> None:
    """A group whose fields stand side by side."""
    steps = "pipelines" if "pipelines" in value else "steps"
    first = next(iter(value))
    draft.note((first,), "a group without metadata and spec", "metadata: {name: ...} and spec: {pipelines: [...]}", key=True)
    for field, new in (("apiVersion", API_VERSION), ("kind", "PipelineGroup")):
        if field in value:
            draft.move((field,), (field,))
        else:
            draft.put((field,), new, (first,), is_added=True)
    _head(draft, ("apiVersion",))
    if steps == "steps":
        draft.note(("steps",), "steps", "spec.pipelines", key=True)
    for field in value:
        if field in {"apiVersion", "kind"}:
            continue
        target = ("metadata", field) if field in _METADATA else ("spec", "pipelines" if field == steps else field)
        draft.move((field,), target)
