"""From located data to a manifest: every misfit a finding with its line and column, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from weftline.author.manifest.located import Located
from weftline.author.manifest.shapes import API_VERSION, KINDS, Manifest
from weftline.errors import (
    ManifestError,
    MissingManifestFieldError,
    UnfitManifestValueError,
    UnknownManifestFieldError,
    WeftlineError,
    did_you_mean,
)

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
    try:
        return KINDS[kind].model_validate(value), []  # type: ignore[return-value]  # KINDS holds just these
    except ValidationError as error:
        return None, list(_findings(document, KINDS[kind], error))


def _header() -> str:
    return f"begin with apiVersion: {API_VERSION} and kind: {' | '.join(KINDS)}"


def _wrong_kind(document: Located, value: Mapping[str, Any], kind: object) -> WeftlineError:
    if "kind" not in value:
        return MissingManifestFieldError(field="kind", where="the manifest", place=document.place(()), advice=_header())
    hint = did_you_mean(kind, KINDS) if isinstance(kind, str) else None
    place, advice = document.place(("kind",)), f"use one of: {', '.join(KINDS)}"
    return ManifestError(detail=f"there is no kind {kind!r}", advice=advice, place=place, hint=hint)


def _findings(document: Located, model: type[BaseModel], error: ValidationError) -> Iterator[WeftlineError]:
    seen = set()
    for found in error.errors(include_url=False):
        steps = _in_document(document, found["loc"])
        kind = found["type"]
        if (steps, kind) in seen:
            continue  # another member of a union says the same
        seen.add((steps, kind))
        where = _shown(steps[:-1]) or "the manifest"
        if kind == "extra_forbidden":
            known = _fields_at(model, steps[:-1])
            hint = did_you_mean(str(steps[-1]), known)
            place = document.place(steps, key=True)
            yield UnknownManifestFieldError(
                field=str(steps[-1]), where=where, known=", ".join(known) or "none", place=place, hint=hint
            )
        elif kind == "missing":
            advice = f"add it: {steps[-1]}: ..."
            yield MissingManifestFieldError(
                field=str(found["loc"][-1]), where=where, advice=advice, place=document.place(steps[:-1])
            )
        else:
            yield _unfit(document, steps, found)


def _unfit(document: Located, steps: Steps, found: Mapping[str, Any]) -> WeftlineError:
    value, hint = found.get("input"), None
    expected = str(found.get("ctx", {}).get("expected", ""))
    if found["type"] == "literal_error" and isinstance(value, str):
        hint = did_you_mean(value, [word.strip("' ") for word in expected.replace(" or ", ",").split(",")])
    message = found["msg"][0].lower() + found["msg"][1:]
    return UnfitManifestValueError(
        field=_shown(steps) or "the manifest", value=_brief(value), wanted=message, place=document.place(steps), hint=hint
    )


def _in_document(document: Located, loc: Sequence[str | int]) -> Steps:
    """The part of an error's location that is in the document; pydantic puts names of types between."""
    steps: list[str | int] = []
    value = document.value
    for number, step in enumerate(loc):
        inside = isinstance(value, Mapping) and step in value
        if inside or (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            steps.append(step)
            value = value[step]
        elif number == len(loc) - 1:
            steps.append(step)
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
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
