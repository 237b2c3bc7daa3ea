"""Values to bytes and back by declared type; pickle only where it was asked for, and marked so.

Theory of operation. A value is written as one JSON text, the *skeleton*, and the byte strings and arrays found in it as
separate *parts* behind it, so that binary content is never copied through text. What JSON has no word for is written as an
object with one key that begins with `$`. Classes are written by name, and read back only if the declared type reaches them:
no stored name ever causes an import. The codecs:

======== ===========================================================================================
name     bytes
======== ===========================================================================================
json     the skeleton alone
tree     a skeleton and its parts: `WEFT2`, the number of parts, their lengths, then one after the other; those that
         are not small begin at multiples of 64, so that arrays can be used where they lie
bytes    the value itself
file:... a file of that name, its bytes; folder:... a folder, as `artifact.py` packs it
array... a value of another library, in the format which that library's file in `ext/` names
pickle   Python's own; only for nodes that say `codec="pickle"`
======== ===========================================================================================
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import json
import math
import pickle
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from weftline.codec.artifact import Artifact, File, Folder, Shelf, codec_of, from_shelf
from weftline.codec.content import Content, Pieces, sha256_of, whole
from weftline.codec.declared import ForeignCodec, ForeignCodecs, advice_for, by_name, classes_in, is_storable, reaches_artifact
from weftline.codec.plain import READERS, WRITERS, UnknownTypeError, full_name
from weftline.errors import UnencodableError, WeftlineError

Parts = list[bytes | memoryview]

_MAGIC = b"WEFT2"
#: Parts of at least so many bytes begin at a multiple of the other, counted from the start of the content; 64 is what the
#: formats of arrays ask for: https://arrow.apache.org/docs/format/Columnar.html#buffer-alignment-and-padding
_ALIGNED_BYTES = 512
_ALIGNMENT = 64
#: Content of more bytes is not put together in memory.
_APART_BYTES = 1 << 16
_ARTIFACTS = (f"{File.kind}:", f"{Folder.kind}:")
_JSON_READY = frozenset({type(None), bool, int, str})
_written = json.JSONEncoder(separators=(",", ":")).encode


class Encoded(NamedTuple):
    """A value as bytes: the codec's name and the content."""

    codec: str
    content: Content | memoryview


class Codec:
    """Encodes and decodes the values of one declared type.

    Args:
        declared: the type as annotated; classes that it reaches (through generics, unions, fields of dataclasses, named
            tuples and models) are the ones that may be stored.
        foreign: codecs of other libraries.
        trusted_pickle: use pickle for everything; only for nodes that ask for it.
        shelf: where files and folders lie that are read again.
    """

    def __init__(
        self, declared: Any, foreign: ForeignCodecs, *, trusted_pickle: bool = False, shelf: Shelf | None = None
    ) -> None:
        self._foreign = foreign
        self._shelf = shelf
        self._classes = by_name(classes_in(declared))
        self._names = {kind: name for name, kind in self._classes.items()}
        self._pickle = trusted_pickle

    def encode(self, value: Any, *, path: str = "value") -> Encoded:
        """The value as bytes.

        Raises:
            UnencodableError: a part of the value has a type that neither JSON, the declared type nor a library knows.
        """
        kind = type(value)
        if kind in _JSON_READY:
            return Encoded("json", _text(value, path))
        if kind is bytes:
            return Encoded("bytes", value)
        if isinstance(value, Artifact):
            return Encoded(codec_of(value), value.content())
        if self._pickle:
            return Encoded("pickle", pickle.dumps(value, protocol=5))
        parts: list[Content] = []
        try:
            foreign = self._foreign.for_type(kind)
            if foreign is not None:
                return Encoded(foreign.name, _asked(foreign, value))
            skeleton = _Skeleton(self._names, self._foreign, parts).write(value)
            text = _text(skeleton, path)
        except UnknownTypeError as unknown:
            raise UnencodableError(path=path + unknown.path, kind=unknown.kind, hint=unknown.advice) from None
        except RecursionError:
            raise UnencodableError(path=path, kind="a structure that contains itself or is nested too deeply") from None
        return Encoded("tree", _join(text, parts)) if parts else Encoded("json", text)

    def decode(self, encoded: Encoded, digest: bytes = b"") -> Any:
        """The value again; it may use the memory of the content.

        Args:
            encoded: what was written.
            digest: sha256 of the content, where it is known.

        Raises:
            ValueError: the bytes are not what the codec writes, or name a class that the declared type does not reach.
            MissingExtraError: they are of a library that is not installed.
        """
        try:
            content = encoded.content
            read = whole(content) if isinstance(content, Pieces) else content
            if encoded.codec.startswith(_ARTIFACTS):
                return self._artifact(encoded.codec, read, digest)
            return self._decoded(encoded.codec, read)
        except (ValueError, WeftlineError):
            raise
        except Exception as error:  # bytes that were altered may say anything, and what is made of them may raise anything
            raise ValueError(f"not what the codec writes: {type(error).__name__}: {error}") from error

    def _decoded(self, codec: str, content: bytes | memoryview) -> Any:
        if codec == "json":
            return self._read(json.loads(bytes(content)), [])
        if codec == "bytes":
            return bytes(content)
        if codec == "tree":
            text, parts = _split(content)
            return self._read(json.loads(bytes(text)), parts)
        if codec == "pickle":
            if not self._pickle:
                raise ValueError("a pickled value, but the node does not say codec='pickle'")
            return pickle.loads(content)  # noqa: S301 - the node asked for it, and the store vouches for its folder
        return self._foreign_codec(codec).decode(content)

    def _artifact(self, codec: str, content: bytes | memoryview, digest: bytes) -> Artifact:
        if self._shelf is None:
            raise ValueError("a file or folder, and no place to put it")
        return from_shelf(codec, digest or hashlib.sha256(content).digest(), content, self._shelf)

    def _foreign_codec(self, name: str) -> ForeignCodec:
        found = self._foreign.for_name(name)
        if found is None:
            raise ValueError(f"unknown codec {name!r}")
        return found

    def _read(self, skeleton: Any, parts: Parts) -> Any:
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

    def _tagged(self, tag: str, content: Any, parts: Parts) -> Any:
        if tag == "$part":
            name, position = content
            if name.startswith(_ARTIFACTS):
                return self._artifact(name, parts[position], b"")
            return bytes(parts[position]) if name == "bytes" else self._foreign_codec(name).decode(parts[position])
        if tag == "$object":
            name, fields = content
            return self._object(name, fields, parts)
        reader = READERS.get(tag)
        if reader is None:
            raise ValueError(f"unknown tag {tag!r}")
        return reader(self._read(content, parts))

    def _object(self, name: str, fields: Any, parts: Parts) -> Any:
        kind = self._classes.get(name)
        if kind is None:
            raise ValueError(f"the entry holds a {name!r}, which the declared type does not name")
        content = self._read(fields, parts)
        if issubclass(kind, enum.Enum):
            return kind(content[0]) if isinstance(content, list) else kind[content]
        if issubclass(kind, tuple):
            return kind(*content)
        if dataclasses.is_dataclass(kind):
            return _rebuilt(kind, content)
        return _rebuilt_model(kind, *content)


class _Skeleton:
    """Writes one value as what JSON can say, and its binary parts beside it."""

    def __init__(self, names: dict[type, str], foreign: ForeignCodecs, parts: list[Content]) -> None:
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
        if isinstance(value, Artifact):
            return self._part(codec_of(value), value.content())
        writer = WRITERS.get(full_name(kind))
        if writer is not None:
            return {writer[0]: self.write(writer[1](value))}
        foreign = self._foreign.for_type(kind)
        if foreign is not None:
            return self._part(foreign.name, _asked(foreign, value))
        return self._object(kind, value)

    def _sequence(self, values: list[Any]) -> list[Any]:
        return [value if type(value) in _JSON_READY else self._inside(value, f"[{at}]") for at, value in enumerate(values)]

    def _inside(self, value: Any, step: str) -> Any:
        try:
            return self.write(value)
        except UnknownTypeError as unknown:
            unknown.path = step + unknown.path
            raise

    def _mapping(self, values: dict[Any, Any]) -> Any:
        plain = all(type(key) is str for key in values) and not (len(values) == 1 and next(iter(values)).startswith("$"))
        if plain:
            return {key: self._inside(value, f"[{key!r}]") for key, value in values.items()}
        return {"$map": [[self.write(key), self._inside(value, f"[{key!r}]")] for key, value in values.items()]}

    def _part(self, codec: str, content: Content) -> dict[str, Any]:
        self._parts.append(content)
        return {"$part": [codec, len(self._parts) - 1]}

    def _object(self, kind: type, value: Any) -> dict[str, Any]:
        name = self._names.get(kind)
        if name is None:
            raise UnknownTypeError(kind, advice=self._foreign.advice(kind))
        if isinstance(value, enum.Enum):  # a combination of flags has no name to find it by
            return {"$object": [name, [value.value] if isinstance(value, enum.Flag) else value.name]}
        if isinstance(value, tuple):
            return {"$object": [name, self._sequence(list(value))]}
        if not dataclasses.is_dataclass(kind):
            fields = {field: value.__dict__[field] for field in value.__pydantic_fields__ if field in value.__dict__}
            groups = (fields, value.__pydantic_extra__, value.__pydantic_private__)
            content = [None if group is None else self._fields(group) for group in groups]
            return {"$object": [name, [*content, sorted(value.__pydantic_fields_set__)]]}
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if hasattr(value, field.name)}
        further = getattr(value, "__dict__", {})
        kept = {field for field in further if not isinstance(getattr(kind, field, None), functools.cached_property)}
        fields |= {field: part for field, part in further.items() if field in kept}
        return {"$object": [name, self._fields(fields)]}

    def _fields(self, fields: dict[str, Any]) -> Any:
        """Names are always texts; a plain object in the skeleton, or what stands for one."""
        content = {field: self._inside(part, f".{field}") for field, part in fields.items()}
        return content if len(content) != 1 or not next(iter(content)).startswith("$") else {"$map": [list(*content.items())]}


def _rebuilt(kind: type, fields: dict[str, Any]) -> Any:
    """A dataclass from its fields, without running `__init__`: the value was valid when it was stored."""
    missing = {field.name for field in dataclasses.fields(kind)} - fields.keys()
    if missing:
        raise ValueError(f"a {kind.__qualname__} without {', '.join(sorted(missing))}")
    value: Any = object.__new__(kind)
    for name, content in fields.items():
        object.__setattr__(value, name, content)
    return value


def _rebuilt_model(kind: Any, fields: dict[str, Any], extra: Any, private: Any, given: list[str]) -> Any:
    """A pydantic model as it was, without validating it again; see `pydantic.BaseModel.model_construct`."""
    value = kind.__new__(kind)
    object.__setattr__(value, "__dict__", fields)
    object.__setattr__(value, "__pydantic_fields_set__", set(given))
    object.__setattr__(value, "__pydantic_extra__", extra)
    object.__setattr__(value, "__pydantic_private__", private)
    return value


def _asked(foreign: ForeignCodec, value: Any) -> Content:
    """What another library makes of a value; the path in its error begins at that value."""
    try:
        return foreign.encode(value)
    except UnencodableError as error:
        raise UnknownTypeError(error.kind, error.path, error.hint) from None


def _text(skeleton: Any, path: str) -> bytes:
    try:
        return (int.__repr__(skeleton) if type(skeleton) is int else _written(skeleton)).encode()  # as `_written` would
    except ValueError:  # https://docs.python.org/3/library/stdtypes.html#integer-string-conversion-length-limitation
        raise UnencodableError(path=path, kind="builtins.int with more digits than Python writes") from None


def _join(text: bytes, parts: list[Content]) -> Content:
    lengths = struct.pack(f"<{len(parts) + 2}Q", len(parts), len(text), *map(len, parts))
    pieces: list[bytes | memoryview] = [_MAGIC, lengths, text]
    position = sum(map(len, pieces))
    for content in parts:
        gap = _gap(position, len(content))
        pieces.append(b"\0" * gap)
        pieces.extend(content.parts if isinstance(content, Pieces) else (content,))
        position += gap + len(content)
    return Pieces(*_together(pieces)) if position > _APART_BYTES else whole(Pieces(*pieces))


def _together(pieces: list[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """The same with small neighbours put together, so that each is not written by itself."""
    small: list[bytes | memoryview] = []
    for piece in pieces:
        if len(piece) < _ALIGNED_BYTES:
            small.append(piece)
        else:
            yield from (b"".join(small), piece)
            small = []
    yield b"".join(small)


def _gap(position: int, length: int) -> int:
    """How many bytes are left out before a part."""
    return -position % _ALIGNMENT if length >= _ALIGNED_BYTES else 0


def _split(content: bytes | memoryview) -> tuple[bytes | memoryview, Parts]:
    start = len(_MAGIC)
    if content[:start] != _MAGIC:
        raise ValueError("not a tree")
    (count,) = struct.unpack_from("<Q", content, start)
    if count > len(content):
        raise ValueError("a tree of more parts than there are bytes")
    lengths = struct.unpack_from(f"<{count + 1}Q", content, start + 8)
    position = start + 8 * (count + 2)
    pieces = []
    for number, length in enumerate(lengths):
        position += _gap(position, length) if number else 0
        pieces.append(content[position : position + length])
        position += length
    if position != len(content):
        raise ValueError("a tree of another length than it says")
    return pieces[0], pieces[1:]


__all__ = [
    "Artifact",
    "Codec",
    "Content",
    "Encoded",
    "File",
    "Folder",
    "ForeignCodec",
    "ForeignCodecs",
    "Pieces",
    "Shelf",
    "advice_for",
    "classes_in",
    "is_storable",
    "reaches_artifact",
    "sha256_of",
    "whole",
]
