"""From located data to a manifest: every misfit a finding with its line and column, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from weftline.author.manifest.located import Located
from weftline.author.manifest.shapes import KINDS, Manifest
from weftline.author.manifest.strict import API_VERSION
from weftline.errors import (
    ManifestError,
    MissingManifestFieldError,
    NotBuiltError,
    UnfitManifestValueError,
    UnknownManifestFieldError,
    WeftlineError,
    brief,
    did_you_mean,
)

#: What is wrong with one document is told up to here; to look for words that were meant takes time.
MOST_FINDINGS = 1000
Steps = tuple[str | int, ...]


def checked(document: Located) -> tuple[Manifest | None, list[WeftlineError]]:
    """The manifest that a document is, if nothing is wrong with it; and what is."""
    value = document.value
    if not isinstance(value, Mapping):
        detail = "this is no manifest: it is no mapping"
        return None, [ManifestError(detail=detail, advice=_header(), place=document.place(()))]
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        return None, [_wrong_kind(document, value, kind)]
    unbuilt = [NotBuiltError(what_is="fleets", kind=kind, place=document.place(("kind",)))] if kind == "Fleet" else []
    try:
        manifest = KINDS[kind].model_validate(value)
    except ValidationError as error:
        found = list(islice(_findings(document, KINDS[kind], error), MOST_FINDINGS))
        if error.error_count() > len(found) == MOST_FINDINGS:
            detail = f"there are {error.error_count() - len(found):,} more findings"
            found.append(ManifestError(detail=detail, advice="mend these first", place=document.place(())))
        return None, [*unbuilt, *found]
    return (None, [*unbuilt]) if unbuilt else (manifest, [])  # type: ignore[return-value]  # KINDS holds just these


def _header() -> str:
    return f"begin with apiVersion: {API_VERSION} and kind: {' | '.join(KINDS)}"


def _wrong_kind(document: Located, value: Mapping[str, Any], kind: object) -> WeftlineError:
    if "kind" not in value:
        return MissingManifestFieldError(field="kind", where="the manifest", place=document.place(()), advice=_header())
    hint = did_you_mean(kind, KINDS) if isinstance(kind, str) else None
    place, advice = document.place(("kind",)), f"use one of: {', '.join(KINDS)}"
    return ManifestError(detail=f"there is no kind {brief(repr(kind))}", advice=advice, place=place, hint=hint)


def _findings(document: Located, model: type[BaseModel], error: ValidationError) -> Iterator[WeftlineError]:
    unfit: dict[Steps, list[Mapping[str, Any]]] = {}
    for found in error.errors(include_url=False):
        kind, steps = found["type"], _in_document(document, found["loc"])
        if kind == "extra_forbidden":
            where, known = _shown(steps[:-1]) or "the manifest", _fields_at(model, steps[:-1])
            hint, place = did_you_mean(str(steps[-1]), known), document.place(steps, key=True)
            listed = ", ".join(known) or "none"
            yield UnknownManifestFieldError(field=brief(str(steps[-1])), where=where, known=listed, place=place, hint=hint)
        elif kind == "missing":
            field, where = str(found["loc"][-1]), _shown(steps) or "the manifest"
            advice = f"add it: {field}: ..."
            yield MissingManifestFieldError(field=field, where=where, advice=advice, place=document.place(steps))
        else:
            unfit.setdefault(steps, []).append(found)
    for steps, members in unfit.items():
        yield _unfit(document, steps, members)


def _unfit(document: Located, steps: Steps, members: Sequence[Mapping[str, Any]]) -> WeftlineError:
    """What does not fit; the members of a union each say what they would have taken."""
    found, hint = members[0], None
    value, is_key = found.get("input"), found["loc"][-1] == "[key]"
    if found["type"] == "literal_error" and isinstance(value, str):
        expected = str(found["ctx"]["expected"]).replace(" or ", ",").split(",")
        hint = did_you_mean(value, [word.strip("' ") for word in expected])
    wants = dict.fromkeys(member["msg"].removeprefix("Value error, ").removeprefix("Input should be ") for member in members)
    start = "input should be " if found["msg"].startswith("Input should be ") else ""
    message = start + " or ".join(wants)
    return UnfitManifestValueError(
        field="the key" if is_key else _shown(steps) or "the manifest",
        value=brief(repr(value)),
        wanted=message[0].lower() + message[1:],
        place=document.place(steps, key=is_key),
        hint=hint,
    )


def _in_document(document: Located, loc: Sequence[str | int]) -> Steps:
    """The part of an error's location that is in the document; pydantic puts names of types between."""
    steps: list[str | int] = []
    value = document.value
    for step in loc:
        inside = isinstance(value, Mapping) and step in value
        if inside or (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            steps.append(step)
            value = value[step]
    return tuple(steps)


def _fields_at(model: Any, steps: Steps) -> list[str]:
    """The fields that the model has at a place."""
    for step in steps:
        if isinstance(model, type) and issubclass(model, BaseModel) and isinstance(step, str) and step in model.model_fields:
            model = model.model_fields[step].annotation
        elif get_origin(model) in {list, dict}:
            model = get_args(model)[-1]
        model = next((part for part in get_args(model) if _is_model(part)), model) if not _is_model(model) else model
    return list(model.model_fields) if _is_model(model) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _shown(steps: Steps) -> str:
    """A place as people write it: `spec.pipelines[2].name`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{brief(step)}" if text else brief(str(step))
    return text
