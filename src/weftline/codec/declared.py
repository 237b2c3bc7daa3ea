"""What a declared type says of storing: the classes that it reaches, and whether there is a codec for it."""

from __future__ import annotations

import dataclasses
import enum
import pathlib
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from weftline.codec.artifact import Artifact
from weftline.codec.content import Content
from weftline.codec.plain import WRITERS, full_name

STORED = frozenset({object, float, list, dict, bytes, pathlib.Path, pathlib.PurePath, type(None), bool, int, str})


class ForeignCodec(Protocol):
    """Stores the values of one other library; implemented in `ext/`."""

    name: str

    def encode(self, value: Any) -> Content:
        """The value in its natural format; a large one may come in pieces, so that it is not copied."""
        ...

    def decode(self, content: bytes | memoryview) -> Any:
        """The value again, equal to what was encoded; it may use the memory of the content, which nobody changes."""
        ...


class ForeignCodecs(Protocol):
    """Finds who can store a type of another library, or who wrote a format; None when nobody is registered."""

    def advice(self, kind: type) -> str | None:
        """What to hand on instead of a value that cannot be stored."""
        ...

    def for_type(self, kind: type) -> ForeignCodec | None:
        """By the type of a value."""
        ...

    def for_name(self, name: str) -> ForeignCodec | None:
        """By the codec name in a stored entry."""
        ...


def classes_in(declared: Any) -> Iterator[type]:
    """The classes that may be stored under a declared type: those it names, and those that their fields name."""
    seen: dict[int, Any] = {}  # with the types themselves, so that no number is given to a second one
    stack = [declared]
    while stack:
        found = stack.pop()
        if id(found) in seen:
            continue
        seen[id(found)] = found
        if isinstance(found, typing.NewType) or hasattr(found, "__value__"):  # the latter by `type X = ...`
            stack.append(found.__value__ if hasattr(found, "__value__") else found.__supertype__)
            stack.extend(typing.get_args(found))
            continue
        arguments = typing.get_args(found)
        if typing.get_origin(found) is typing.Literal:
            stack.extend({type(item) for item in arguments})
            continue
        if arguments:
            stack.extend(arguments)
            found = typing.get_origin(found)
        if typing.is_typeddict(found):
            stack.extend(field_types(found))
        if isinstance(found, type) and is_record(found):
            yield found
            stack.extend(found.__subclasses__())
            if not issubclass(found, enum.Enum):
                stack.extend(field_types(found))


def by_name(classes: Iterator[type]) -> dict[str, type]:
    """Classes by their own name, so that moving one to another module changes nothing; by their full name where two agree."""
    found = list(dict.fromkeys(classes))
    counts = Counter(kind.__qualname__ for kind in found)
    return {
        kind.__qualname__ if counts[kind.__qualname__] == 1 else f"{kind.__module__}.{kind.__qualname__}": kind
        for kind in found
    }


def is_storable(declared: Any, foreign: ForeignCodecs) -> bool:
    """Whether a codec is known for a declared type; unknown types may still prove storable by their values."""
    if hasattr(declared, "__value__"):  # `type X = ...`
        return is_storable(declared.__value__, foreign)
    origin = typing.get_origin(declared) or declared
    arguments = [argument for argument in typing.get_args(declared) if isinstance(argument, type) or typing.get_args(argument)]
    if not isinstance(origin, type) or origin is types.UnionType:
        return all(is_storable(argument, foreign) for argument in arguments)
    if issubclass(origin, Callable):  # type: ignore[arg-type]  # an abstract class at run time
        return False
    if issubclass(origin, Artifact) or is_record(origin) or foreign.for_type(origin) is not None:
        return True
    if typing.is_typeddict(origin):
        return all(is_storable(kind, foreign) for kind in field_types(origin))
    if origin in STORED or origin.__module__ in {"collections.abc", "typing"} or full_name(origin) in WRITERS:
        return all(is_storable(argument, foreign) for argument in arguments)
    return getattr(origin, "_is_protocol", False)


def advice_for(declared: Any, foreign: ForeignCodecs) -> str | None:
    """What to declare instead, where a library knows it of a type that cannot be stored, or of one inside it."""
    if isinstance(declared, type) and not typing.get_args(declared):
        return foreign.advice(declared)
    return next(filter(None, (advice_for(argument, foreign) for argument in typing.get_args(declared))), None)


def reaches_artifact(declared: Any) -> bool:
    """Whether a file or a folder may be in a value of a declared type."""
    if isinstance(declared, type) and issubclass(declared, Artifact):
        return True
    parts = [*typing.get_args(declared), *(part for kind in classes_in(declared) for part in field_types(kind))]
    return any(isinstance(part, type) and issubclass(part, Artifact) for part in parts) or any(
        reaches_artifact(part) for part in typing.get_args(declared) if typing.get_args(part)
    )


def is_record(kind: type) -> bool:
    """Whether values of a class are stored by their fields."""
    return (
        dataclasses.is_dataclass(kind)
        or issubclass(kind, enum.Enum)
        or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
        or hasattr(kind, "__pydantic_fields__")
    )


def field_types(kind: type) -> list[Any]:
    """The types of a class's fields; none where a name in them exists for the type checker only."""
    try:
        return list(typing.get_type_hints(kind).values())
    except NameError:  # its values are refused when they are met
        return []
