"""What a class statement declares beyond its members: fields with their factories, limits and metadata, and their types."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints


def is_record(kind: type) -> bool:
    """Whether a decorator or a base wrote some of the methods."""
    return (
        "__dataclass_fields__" in kind.__dict__
        or "__attrs_attrs__" in kind.__dict__
        or (issubclass(kind, tuple) and "_fields" in kind.__dict__)
    )


def declared_in(kind: type) -> Iterator[tuple[str, Any]]:
    """The declarations of a class as it lives now, by name: they decide what the generated methods do."""
    own = kind.__dict__
    for name, field in own.get("__dataclass_fields__", {}).items():
        yield f"field {name}", _of_field(field)
    if "__dataclass_params__" in own:
        yield "dataclass", _slots_of(own["__dataclass_params__"])
    for attribute in own.get("__attrs_attrs__", ()):
        yield f"field {attribute.name}", _slots_of(attribute, without=("type", "eq_key", "order_key"))
    for name, field in own.get("__pydantic_fields__", {}).items():
        yield f"field {name}", [_without_missing(field.default), field.default_factory, list(field.metadata), repr(field)]
    for name, private in own.get("__private_attributes__", {}).items():
        yield f"private {name}", [_without_missing(private.default), private.default_factory]
    for name, annotation in sorted(_annotations(kind).items()):
        parts = list(_parts_of(annotation))
        if parts:
            yield f"annotation {name}", parts


def _of_field(field: dataclasses.Field[Any]) -> list[Any]:
    flags = [field.name, field.init, field.repr, field.hash, field.compare, field.kw_only]
    return [*flags, _without_missing(field.default), _without_missing(field.default_factory), dict(field.metadata)]


def _without_missing(value: Any) -> Any:
    return ... if value is dataclasses.MISSING or type(value).__name__ == "PydanticUndefinedType" else value


def _slots_of(thing: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    names = getattr(type(thing), "__slots__", None) or vars(thing)
    return {name: getattr(thing, name) for name in names if name not in without and hasattr(thing, name)}


def _annotations(kind: type) -> dict[str, Any]:
    own = inspect.get_annotations(kind)
    try:
        hints = get_type_hints(kind, include_extras=True)
    except Exception:  # noqa: BLE001 - a name that exists for the type checker only; its text is in the class body's digest
        return own
    return {name: hints.get(name, annotation) for name, annotation in own.items()}


def _parts_of(annotation: Any) -> Iterator[Any]:
    """The classes in a type, and what `Annotated` adds to it."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and not arguments:
        yield annotation
    metadata = getattr(annotation, "__metadata__", ())
    yield from metadata
    for part in arguments:
        if not any(part is known for known in metadata) and (isinstance(part, type) or get_origin(part) is not None):
            yield from _parts_of(part)
