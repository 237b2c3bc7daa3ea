"""The JSON Schema of each kind of manifest, for editors and other programs."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from weftline.author.manifest.shapes import KINDS

#: The name of the schema that takes every kind.
ANY = "Manifest"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def names() -> list[str]:
    """The names of all schemas: that of any manifest, then one for each kind."""
    return [ANY, *KINDS]


def schema_of(name: str) -> dict[str, Any]:
    """A schema, by the rules of draft 2020-12.

    It knows the shape of a document. What needs more than that is found by `weftline check` alone: names that stand for
    nothing, circles, values that do not fit a node's parameter.

    Args:
        name: one of `names()`.
    """
    kinds = list(KINDS) if name == ANY else [name]
    refs, found = models_json_schema([(KINDS[kind], "validation") for kind in kinds], ref_template="#/$defs/{model}")
    parts: dict[str, Any] = _tidied(found["$defs"])
    head = {"$schema": DRAFT, "$id": f"urn:weftline:manifest:{name}:v1"}
    if name == ANY:
        title = "Any manifest of weftline"
        body = {"required": ["kind"], "properties": {"kind": {"enum": kinds}}, "oneOf": list(refs.values())}
        return {**head, "title": title, "type": "object", **body, "$defs": parts}
    root = parts.pop(KINDS[name].__name__)
    return {**head, "title": f"A manifest of the kind {name}", **root, "$defs": parts}


def _tidied(part: Any) -> Any:
    """Without titles that only repeat the name of what they stand at; and names that fit no pattern are refused."""
    if isinstance(part, list):
        return [_tidied(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: _tidied(value) for key, value in part.items() if key != "title" or not isinstance(value, str)}
    for pattern, values in made.pop("patternProperties", {}).items():
        made["propertyNames"] = {**made.get("propertyNames", {}), "pattern": pattern}
        made["additionalProperties"] = values
    return made
