"""Values to bytes and back by declared type; pickle only where it was asked for, and marked so.

Theory of operation. A value is written as one JSON text, the *skeleton*, and the byte strings and arrays found in it as
separate *parts* behind it, so that binary content is never copied through text. What JSON has no word for is written as an
object with one key that begins with `$`. Classes are written by name, and read back only if the declared type reaches them:
no stored name ever causes an import. The codecs:

======== ===========================================================================================
name     bytes
======== ===========================================================================================
json     the skeleton alone
tree     a skeleton and its parts: `WEFT1`, the number of parts, their lengths, then one after the other
bytes    the value itself
array... a value of another library, in the format which that library's file in `ext/` names
pickle   Python's own; only for nodes that say `codec="pickle"`
======== ===========================================================================================
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import pathlib
import pickle
import struct
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from weftline.errors import UnencodableError

_MAGIC = b"WEFT1"
_JSON_READY = frozenset({type(None), bool, int, str})


class Encoded(NamedTuple):
    """A value as bytes: the codec's name and the content."""

    codec: str
    content: bytes


class ForeignCodec(Protocol):
    """Stores the values of one other library; implemented in `ext/`."""

    name: str

    def encode(self, value: Any) -> bytes:
        """The value in its natural format."""
        ...

    def decode(self, content: bytes) -> Any:
        """The value again, equal to what was encoded."""
        ...


class ForeignCodecs(Protocol):
    """Finds who can store a type of another library, or who wrote a format; None when nobody is registered."""

    def for_type(self, kind: type) -> ForeignCodec | None:
        """By the type of a value."""
        ...

    def for_name(self, name: str) -> ForeignCodec | None:
        """By the codec name in a stored entry."""
        ...


class Codec:
    """Encodes and decodes the values of one declared type.

    Args:
        declared: the type as annotated; classes that it reaches (through generics, unions, fields of dataclasses, named
            tuples and models) are the ones that may be stored.
        foreign: codecs of other libraries.
        trusted_pickle: use pickle for everything; only for nodes that ask for it.
    """

    def __init__(self, declared: Any, foreign: ForeignCodecs, *, trusted_pickle: bool = False) -> None:
        self._foreign = foreign
        self._classes = _named(classes_in(declared))
        self._names = {kind: name for name, kind in self._classes.items()}
        self._pickle = trusted_pickle

    def encode(self, value: Any, *, path: str = "value") -> Encoded:
        """The value as bytes.

        Raises:
            UnencodableError: a part of the value has a type that neither JSON, the declared type nor a library knows.
        """
        kind = type(value)
        if kind in _JSON_READY:
            return Encoded("json", json.dumps(value).encode())
        if kind is bytes:
            return Encoded("bytes", value)
        if self._pickle:
            return Encoded("pickle", pickle.dumps(value, protocol=5))
        foreign = self._foreign.for_type(kind)
        if foreign is not None:
            return Encoded(foreign.name, foreign.encode(value))
        parts: list[tuple[str, bytes]] = []
        try:
            skeleton = _Skeleton(self._names, self._foreign, parts).write(value)
        except _UnknownTypeError as unknown:
            raise UnencodableError(path=path + unknown.path, kind=unknown.kind) from None
        text = json.dumps(skeleton, separators=(",", ":")).encode()
        return Encoded("tree", _join(text, parts)) if parts else Encoded("json", text)

    def decode(self, encoded: Encoded) -> Any:
        """The value again.

        Raises:
            ValueError: the bytes are not what the codec writes, or name a class that the declared type does not reach.
        """
        codec, content = encoded
        if codec == "json":
            return self._read(json.loads(content), [])
        if codec == "bytes":
            return content
        if codec == "tree":
            text, parts = _split(content)
            return self._read(json.loads(text), parts)
        if codec == "pickle":
            if not self._pickle:
                raise ValueError("a pickled value, but the node does not say codec='pickle'")
            return pickle.loads(content)  # noqa: S301 - the node asked for it, and the store vouches for its folder
        return self._foreign_codec(codec).decode(content)

    def _foreign_codec(self, name: str) -> ForeignCodec:
        found = self._foreign.for_name(name)
        if found is None:
            raise ValueError(f"unknown codec {name!r}")
        return found

    def _read(self, skeleton: Any, parts: list[bytes]) -> Any:
        kind = type(skeleton)
        if kind is list:
            return [self._read(item, parts) for item in skeleton]
        if kind is not dict:
            return skeleton
        if len(skeleton) == 1:
            ((tag, content),) = skeleton.items()
            if tag.startswith("$"):
                return self._tagged(tag, content, parts)
        return {key: self._read(item, parts) for key, item in skeleton.items()}

    def _tagged(self, tag: str, content: Any, parts: list[bytes]) -> Any:
        if tag == "$part":
            name, position = content
            return parts[position] if name == "bytes" else self._foreign_codec(name).decode(parts[position])
        if tag == "$object":
            name, fields = content
            return self._object(name, fields, parts)
        reader = _READERS.get(tag)
        if reader is None:
            raise ValueError(f"unknown tag {tag!r}")
        return reader(self._read(content, parts))

    def _object(self, name: str, fields: Any, parts: list[bytes]) -> Any:
        kind = self._classes.get(name)
        if kind is None:
            raise ValueError(f"the entry holds a {name!r}, which the declared type does not name")
        content = self._read(fields, parts)
        if issubclass(kind, enum.Enum):
            return kind[content]
        if issubclass(kind, tuple):
            return kind(*content)
        if dataclasses.is_dataclass(kind):
            return _rebuilt(kind, content)
        return kind.model_construct(**content)  # type: ignore[attr-defined]  # the only kind left: a pydantic model


def classes_in(declared: Any) -> Iterator[type]:
    """The classes that may be stored under a declared type: those it names, and those that their fields name."""
    seen: dict[int, Any] = {}  # with the types themselves, so that no number is given to a second one
    stack = [declared]
    while stack:
        found = stack.pop()
        if id(found) in seen:
            continue
        seen[id(found)] = found
        arguments = typing.get_args(found)
        if arguments:
            stack.extend(arguments)
            found = typing.get_origin(found)
        if isinstance(found, type) and _is_record(found):
            yield found
            stack.extend(found.__subclasses__())
            if not issubclass(found, enum.Enum):
                stack.extend(_field_types(found))


def _named(classes: Iterator[type]) -> dict[str, type]:
    """Classes by their own name, so that moving one to another module changes nothing; by their full name where two agree."""
    found = list(dict.fromkeys(classes))
    counts = Counter(kind.__qualname__ for kind in found)
    return {
        kind.__qualname__ if counts[kind.__qualname__] == 1 else f"{kind.__module__}.{kind.__qualname__}": kind
        for kind in found
    }


def is_storable(declared: Any, foreign: ForeignCodecs) -> bool:
    """Whether a codec is known for a declared type; unknown types may still prove storable by their values."""
    origin = typing.get_origin(declared) or declared
    arguments = [argument for argument in typing.get_args(declared) if isinstance(argument, type) or typing.get_args(argument)]
    if not isinstance(origin, type):
        return all(is_storable(argument, foreign) for argument in arguments)
    if issubclass(origin, Callable):  # type: ignore[arg-type]  # an abstract class at run time
        return False
    if _is_record(origin) or foreign.for_type(origin) is not None:
        return True
    if origin.__module__ in {"builtins", "datetime", "collections.abc", "typing", "types", "decimal", "uuid", "pathlib"}:
        return all(is_storable(argument, foreign) for argument in arguments)
    return getattr(origin, "_is_protocol", False)


class _Skeleton:
    """Writes one value as what JSON can say, and its binary parts beside it."""

    def __init__(self, names: dict[type, str], foreign: ForeignCodecs, parts: list[tuple[str, bytes]]) -> None:
        self._names = names
        self._foreign = foreign
        self._parts = parts

    def write(self, value: Any) -> Any:
        kind = type(value)
        if kind in _JSON_READY:
            return value
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        if kind is list:
            return self._sequence(value)
        if kind is dict:
            return self._mapping(value)
        if kind is bytes:
            return self._part("bytes", value)
        writer = _WRITERS.get(f"{kind.__module__}.{kind.__qualname__}")
        if writer is not None:
            return {writer[0]: self.write(writer[1](value))}
        if isinstance(value, pathlib.PurePath):
            return {"$path": str(value)}
        foreign = self._foreign.for_type(kind)
        if foreign is not None:
            return self._part(foreign.name, foreign.encode(value))
        return self._object(kind, value)

    def _sequence(self, values: list[Any]) -> list[Any]:
        return [value if type(value) in _JSON_READY else self._inside(value, f"[{at}]") for at, value in enumerate(values)]

    def _inside(self, value: Any, step: str) -> Any:
        try:
            return self.write(value)
        except _UnknownTypeError as unknown:
            unknown.path = step + unknown.path
            raise

    def _mapping(self, values: dict[Any, Any]) -> Any:
        plain = all(type(key) is str for key in values) and not (len(values) == 1 and next(iter(values)).startswith("$"))
        if plain:
            return {key: self._inside(value, f"[{key!r}]") for key, value in values.items()}
        return {"$map": [[self.write(key), self._inside(value, f"[{key!r}]")] for key, value in values.items()]}

    def _part(self, codec: str, content: bytes) -> dict[str, Any]:
        self._parts.append((codec, content))
        return {"$part": [codec, len(self._parts) - 1]}

    def _object(self, kind: type, value: Any) -> dict[str, Any]:
        name = self._names.get(kind)
        if name is None:
            raise _UnknownTypeError(kind)
        if isinstance(value, enum.Enum):
            return {"$object": [name, value.name]}
        if isinstance(value, tuple):
            return {"$object": [name, self._sequence(list(value))]}
        if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        else:
            fields = {**value.__dict__, **(getattr(value, "__pydantic_extra__", None) or {})}
        content = {field: self._inside(part, f".{field}") for field, part in fields.items()}
        return {"$object": [name, content]}


class _UnknownTypeError(Exception):
    """A part that cannot be stored; its path grows while the error travels outwards."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind = f"{kind.__module__}.{kind.__qualname__}"
        self.path = ""


def _is_record(kind: type) -> bool:
    return (
        dataclasses.is_dataclass(kind)
        or issubclass(kind, enum.Enum)
        or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
        or hasattr(kind, "__pydantic_fields__")
    )


def _field_types(kind: type) -> list[Any]:
    try:
        return list(typing.get_type_hints(kind).values())
    except NameError:  # a name for the type checker only; its values are refused when they are met
        return []


def _rebuilt(kind: type, fields: dict[str, Any]) -> Any:
    """A dataclass from its fields, without running `__init__`: the value was valid when it was stored."""
    value: Any = object.__new__(kind)
    for name, content in fields.items():
        object.__setattr__(value, name, content)
    return value


def _join(text: bytes, parts: list[tuple[str, bytes]]) -> bytes:
    lengths = struct.pack(f"<{len(parts) + 2}Q", len(parts), len(text), *(len(content) for _, content in parts))
    return b"".join((_MAGIC, lengths, text, *(content for _, content in parts)))


def _split(content: bytes) -> tuple[bytes, list[bytes]]:
    start = len(_MAGIC)
    if content[:start] != _MAGIC:
        raise ValueError("not a tree")
    (count,) = struct.unpack_from("<Q", content, start)
    lengths = struct.unpack_from(f"<{count + 1}Q", content, start + 8)
    position = start + 8 * (count + 2)
    pieces = []
    for length in lengths:
        pieces.append(content[position : position + length])
        position += length
    if position != len(content):
        raise ValueError("a tree of another length than it says")
    return pieces[0], pieces[1:]


def _zoned(value: Any) -> list[Any]:
    """A time with the name of its zone, where it has one: an offset alone would not come back as the same zone."""
    return [value.isoformat(), getattr(value.tzinfo, "key", None), value.fold]


def _datetime(parts: list[Any]) -> dt.datetime:
    text, zone, fold = parts
    value = dt.datetime.fromisoformat(text)
    if zone is not None:
        import zoneinfo

        value = value.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return value.replace(fold=fold)


def _decimal(text: str) -> Any:
    import decimal

    return decimal.Decimal(text)


def _uuid(text: str) -> Any:
    import uuid

    return uuid.UUID(text)


#: By name, so that none of these modules is imported for a value that never comes.
_WRITERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "builtins.tuple": ("$tuple", list),
    "builtins.set": ("$set", lambda value: sorted(value, key=repr)),
    "builtins.frozenset": ("$frozenset", lambda value: sorted(value, key=repr)),
    "builtins.bytearray": ("$bytearray", bytes),
    "builtins.complex": ("$complex", lambda value: [value.real, value.imag]),
    "datetime.datetime": ("$datetime", _zoned),
    "datetime.date": ("$date", lambda value: value.isoformat()),
    "datetime.time": ("$time", lambda value: value.isoformat()),
    "datetime.timedelta": ("$timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    "decimal.Decimal": ("$decimal", str),
    "uuid.UUID": ("$uuid", str),
}

_READERS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$map": dict,
    "$path": pathlib.Path,
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$bytearray": bytearray,
    "$complex": lambda pair: complex(*pair),
    "$datetime": _datetime,
    "$date": dt.date.fromisoformat,
    "$time": dt.time.fromisoformat,
    "$timedelta": lambda parts: dt.timedelta(*parts),
    "$decimal": _decimal,
    "$uuid": _uuid,
}
