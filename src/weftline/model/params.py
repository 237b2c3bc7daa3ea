"""Parameters: values bound to nodes when the plan is made, each with where it came from."""

from __future__ import annotations

import enum
import json
import pathlib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from weftline.errors import brief
from weftline.model.contract import conforms, is_unknown
from weftline.model.gate import FieldSpec, Scalar
from weftline.model.node import Origin


class Bound(NamedTuple):
    """A bound value.

    Attributes:
        value: of the declared type.
        origin: `default`, or who has given it.
    """

    value: Any
    origin: Origin


class Text(str):
    """A value as typed on a command line, still to be read by the declared type."""

    __slots__ = ()


def read(value: Any, kind: Any) -> Any:
    """A given value as the declared type wants it.

    Text from a command line is read by the type; a string is taken for a path where a path is wanted; all else is left
    as it is.

    Raises:
        ValueError: the value does not fit the type.
    """
    if isinstance(value, Text):
        value = _from_text(str(value), kind)
    elif isinstance(value, str) and _is_path(kind):
        value = pathlib.Path(value)
    if not conforms(value, kind):
        raise ValueError(f"{brief(repr(value), 200)} ({type(value).__name__})")
    return value


def read_fields(values: Mapping[str, Any], known: Mapping[str, FieldSpec]) -> dict[str, Scalar]:
    """Values as the fields want them: text is read, `null` as no value; what does not fit is left as it is."""
    found: dict[str, Scalar] = {}
    for name, value in values.items():
        found[name] = value
        if isinstance(value, Text) and name in known:
            try:
                found[name] = None if value == "null" else read(value, known[name].kind)
            except ValueError:
                found[name] = str(value)
    return found


def _from_text(text: str, kind: Any) -> Any:
    origin = typing.get_origin(kind) or kind
    if origin is typing.Annotated:
        return _from_text(text, typing.get_args(kind)[0])
    if isinstance(kind, typing.NewType):
        return _from_text(text, kind.__supertype__)
    if origin in {typing.Union, types.UnionType}:
        return _first_that_fits(text, typing.get_args(kind))
    if origin is Literal:
        return next((item for item in typing.get_args(kind) if str(item) == text), text)
    if is_unknown(kind):
        return _json_or_text(text)
    if kind is type(None):
        return None if text in {"none", "None", "null"} else text
    if origin is bool:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower(), text)
    if origin is str:
        return text
    if origin in {int, float}:
        return _number(text, origin)
    if isinstance(origin, type) and issubclass(origin, enum.Enum):
        return origin.__members__.get(text, text)
    if isinstance(origin, type) and issubclass(origin, pathlib.PurePath):
        return origin(text)
    found = _json_or_text(text)
    return tuple(found) if origin is tuple and isinstance(found, list) else found


def _first_that_fits(text: str, kinds: tuple[Any, ...]) -> Any:
    """Tries the members of a union, text last, so that `3` is a number where both are allowed."""
    for kind in sorted(kinds, key=_is_text):
        found = _from_text(text, kind)
        if conforms(found, kind):
            return found
    return text


def _is_text(kind: Any) -> bool:
    return kind is str or (isinstance(kind, typing.NewType) and _is_text(kind.__supertype__))


def _number(text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        return text


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_path(kind: Any) -> bool:
    parts = typing.get_args(kind) or (kind,)
    return any(isinstance(part, type) and issubclass(part, pathlib.PurePath) for part in parts)
