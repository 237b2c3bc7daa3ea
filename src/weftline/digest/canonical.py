"""Canonical bytes of values: type-tagged, length-prefixed, independent of order, process and Python version.

Theory of operation. Every value is written as one tag byte, then its content in a form that ends by itself (a length or a
terminator), so that no two different values share an encoding. Sets and mappings are written in the order of their
members' encodings. A type that is not known is an error that names the path inside the value: a digest made of less than
the value would let two different values share one cache entry.

What counts as different: `1`, `1.0`, `True`, `"1"` and `b"1"`; `0.0` and `-0.0` (they print and divide differently); a list
and a tuple; two classes with equal fields. What counts as equal: mappings and sets in any order of construction, every NaN.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import math
import pathlib
import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from weftline.errors import UndigestableError

DIGEST_BYTES = 32
_DOMAIN = b"weftline.value/1\0"
_ITEMS_DOMAIN = b"weftline.items/1\0"
_PARTS_DOMAIN = b"weftline.parts/1\0"

Write = Callable[[bytes], None]


class ForeignDigests(Protocol):
    """Finds who can digest a type of another library (arrays, frames), or None."""

    def __call__(self, kind: type, /) -> Callable[[Any], bytes] | None:
        """What turns a value of that type into bytes that identify it."""
        ...


def knows(kind: type) -> bool:
    """Whether this is one of the built-in types whose encoding is written down here."""
    return (
        kind in _SIMPLE
        or kind in {list, tuple, dict, set, frozenset, OrderedDict, deque}
        or _full_name(kind) in _COMPOUND
        or kind.__module__.partition(".")[0] == "pathlib"
    )


def no_foreign_types(kind: type, /) -> None:
    """The lookup that knows built-in types only."""
    del kind


def of(value: object, foreign: ForeignDigests = no_foreign_types, *, path: str = "value") -> bytes:
    """The digest of a value: 32 bytes, equal for equal values in every process.

    Args:
        value: anything made of built-in types, dataclasses, enums, attrs or pydantic models, types with a method
            `__weftline_digest__(self)` that returns such values, and types that `foreign` knows.
        foreign: looks up digests for types of other libraries.
        path: what the value is called in an error message.

    Raises:
        UndigestableError: a part of the value has an unknown type; the message has the path to it.
    """
    simple = _SIMPLE.get(type(value))
    written = canonical(value, foreign, path=path) if simple is None else simple(value)
    return hashlib.sha256(_DOMAIN + written).digest()


def of_foreign(identity: bytes) -> bytes:
    """The digest of a value that is known by what another library says of it."""
    return hashlib.sha256(_DOMAIN + _foreign_token(identity)).digest()


def of_items(digests: Iterable[bytes]) -> bytes:
    """The digest of a sequence that is known by the digests of its items."""
    return hashlib.sha256(_ITEMS_DOMAIN + b"".join(digests)).digest()


def of_parts(*parts: bytes) -> bytes:
    """The digest of several byte strings, each with its length, so that no two lists of parts run together."""
    return of_counted(counted(parts))


#: As `counted` writes them; most parts are digests and names.
_LENGTHS = tuple(b"%x:" % size for size in range(256))


def counted(parts: Iterable[bytes]) -> bytes:
    """Byte strings, each with its length before it; what some lists of parts have in common is written once."""
    chunks = []
    for part in parts:
        size = len(part)
        chunks.append(_LENGTHS[size] if size < len(_LENGTHS) else b"%x:" % size)
        chunks.append(part)
    return b"".join(chunks)


def of_counted(written: bytes) -> bytes:
    """The digest of the parts that `counted` wrote."""
    return hashlib.sha256(_PARTS_DOMAIN + written).digest()


def canonical(
    value: object, foreign: ForeignDigests = no_foreign_types, *, path: str = "value", ordered: bool = False
) -> bytes:
    """The canonical bytes of a value; see `of` for the other arguments and the errors.

    Args:
        value: see `of`.
        foreign: see `of`.
        path: see `of`.
        ordered: let the order of mappings count, for those that code is written with: a table of steps, a list of columns.
    """
    out: list[bytes] = []
    try:
        _Encoder(foreign, ordered=ordered).write(value, out.append)
    except _UnknownTypeError as unknown:
        raise UndigestableError(path=path + unknown.path, kind=unknown.kind, hint=unknown.advice) from None
    except RecursionError:
        raise UndigestableError(path=path, kind="a structure that contains itself or is nested too deeply") from None
    return b"".join(out)


class _UnknownTypeError(Exception):
    """A part without an encoding; its path grows while the error travels outwards."""

    def __init__(self, kind: str, path: str = "", advice: str | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.path = path
        self.advice = advice

    def inside(self, step: str) -> _UnknownTypeError:
        self.path = step + self.path
        return self


class _Encoder:
    """One walk over a value."""

    def __init__(self, foreign: ForeignDigests, *, ordered: bool) -> None:
        self._foreign = foreign
        self._ordered = ordered

    def write(self, value: Any, out: Write) -> None:
        kind = type(value)
        simple = _SIMPLE.get(kind)
        if simple is not None:
            out(simple(value))
        elif kind is list:
            self._sequence(b"l", value, out)
        elif kind is tuple:
            self._sequence(b"t", value, out)
        elif kind is dict:
            self._mapping(b"d", value, out)
        else:
            self._rare(kind, value, out)

    def _rare(self, kind: type, value: Any, out: Write) -> None:
        if (foreign := self._foreign(kind)) is not None:
            out(_foreign_token(_asked(foreign, value)))
        elif has_member(kind, "__weftline_digest__"):
            self._named(b"h", kind, hooked(value), out)
        elif isinstance(value, enum.Enum):
            self._named(b"e", kind, (value.name, value.value), out)
        elif dataclasses.is_dataclass(kind) and not issubclass(kind, _CONTENTFUL):
            names = [field.name for field in dataclasses.fields(value)]
            self._fields(b"D", kind, [*names, *further_attributes(value, names)], value, out)
        elif isinstance(value, tuple) and has_member(kind, "_fields"):
            names = getattr(kind, "_fields")  # noqa: B009 - typing knows tuples without it
            self._fields(b"n", kind, [*names, *further_attributes(value, names)], value, out)
        elif has_member(kind, "__attrs_attrs__"):
            self._fields(b"A", kind, [attribute.name for attribute in value.__attrs_attrs__], value, out)
        elif has_member(kind, "__pydantic_fields__"):
            self._named(b"P", kind, model_fields(value), out)
        else:
            self._structured(kind, value, out)

    def _structured(self, kind: type, value: Any, out: Write) -> None:
        """Built-in types that are seldom values: exact types only, since a subclass may mean anything."""
        if kind is set or kind is frozenset:
            members = sorted(self._alone(member, "{...}") for member in value)
            out((b"S" if kind is set else b"Z") + b"%x:" % len(members) + b"".join(members))
        elif kind is OrderedDict:
            if vars(value):  # torch keeps the versions of modules there
                self._mapping(b"a", vars(value), out)
            self._sequence(b"O", list(value.items()), out)
        elif kind is deque:
            if value.maxlen is not None:
                self._counted(b"m", b"%d" % value.maxlen, out)
            self._sequence(b"q", list(value), out)
        elif (compound := _COMPOUND.get(f"{kind.__module__}.{kind.__qualname__}")) is not None:
            self._named(b"c", kind, compound(value), out)
        elif isinstance(value, pathlib.PurePath) and kind.__module__.partition(".")[0] == "pathlib":
            self._counted(b"p", value.as_posix().encode("utf-8", "surrogatepass"), out)
        else:
            raise _UnknownTypeError(_full_name(kind))

    def _alone(self, value: Any, step: str) -> bytes:
        out: list[bytes] = []
        try:
            self.write(value, out.append)
        except _UnknownTypeError as unknown:
            raise unknown.inside(step) from None
        return b"".join(out)

    def _sequence(self, tag: bytes, values: Sequence[Any], out: Write) -> None:
        out(tag + b"%x:" % len(values))
        write = self.write
        simple = _SIMPLE
        for position, value in enumerate(values):
            encode = simple.get(type(value))
            if encode is not None:
                out(encode(value))
                continue
            try:
                write(value, out)
            except _UnknownTypeError as unknown:
                raise unknown.inside(f"[{position}]") from None

    def _mapping(self, tag: bytes, values: Mapping[Any, Any], out: Write) -> None:
        pairs = [(self._alone(key, ".keys()"), key) for key in values]
        if self._ordered:
            tag = b"o"
        elif len(dict(pairs)) == len(pairs):
            pairs.sort(key=lambda pair: pair[0])
        else:  # keys that only a dictionary tells apart, such as several NaN
            pairs.sort(key=lambda pair: (pair[0], self._alone(values[pair[1]], f"[{pair[1]!r}]")))
        out(tag + b"%x:" % len(pairs))
        for encoded, key in pairs:
            out(encoded)
            try:
                self.write(values[key], out)
            except _UnknownTypeError as unknown:
                raise unknown.inside(f"[{key!r}]") from None

    def _fields(self, tag: bytes, kind: type, names: Iterable[str], value: Any, out: Write) -> None:
        self._counted(tag, kind.__qualname__.encode(), out)
        for name in names:
            self._counted(b".", name.encode(), out)
            if not hasattr(value, name):
                raise _UnknownTypeError("a field that was never set", f".{name}")
            try:
                self.write(getattr(value, name), out)
            except _UnknownTypeError as unknown:
                raise unknown.inside(f".{name}") from None
        out(b";")

    def _named(self, tag: bytes, kind: type, content: Any, out: Write) -> None:
        self._counted(tag, kind.__qualname__.encode(), out)
        self.write(content, out)

    @staticmethod
    def _counted(tag: bytes, content: bytes, out: Write) -> None:
        out(tag + b"%x:" % len(content) + content)


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _foreign_token(identity: bytes) -> bytes:
    return b"x%x:" % len(identity) + identity


def _asked(foreign: Callable[[Any], bytes], value: Any) -> bytes:
    """What another library says of a value; the path in its error begins at that value."""
    try:
        return foreign(value)
    except UndigestableError as error:
        raise _UnknownTypeError(error.kind, error.path, error.hint) from None


def has_member(kind: type, name: str) -> bool:
    """Whether a class or a base of it has a member, without asking a metaclass that makes members up."""
    return any(name in part.__dict__ for part in kind.__mro__)


def hooked(value: Any) -> Any:
    """What an object says of itself.

    Raises:
        UndigestableError: it raises instead.
    """
    try:
        return value.__weftline_digest__()
    except Exception as error:  # the project's own code; told as what it means here
        kind = f"{_full_name(type(value))}, whose __weftline_digest__ raises {type(error).__name__}: {error}"
        raise UndigestableError(path="", kind=kind) from error


def further_attributes(value: Any, fields: Collection[str]) -> list[str]:
    """What was set on an instance beyond its fields, sorted; not what a cached property keeps for speed."""
    kind = type(value)
    own = getattr(value, "__dict__", {})
    slots = [name for name in slots_of(kind) if name not in fields and hasattr(value, name)]
    if not slots and len(own) <= len(fields) and own.keys() <= set(fields):
        return []
    kept = {name for name in own if not isinstance(getattr(kind, name, None), functools.cached_property)}
    return sorted(kept.union(slots) - set(fields))


def slots_of(kind: Any) -> tuple[str, ...]:
    """The slots of a class and its bases, under the names that their attributes have."""
    return _slots_of(kind)


@functools.lru_cache(maxsize=1024)
def _slots_of(kind: type) -> tuple[str, ...]:
    found = []
    for part in kind.__mro__:
        slots = part.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            is_private = slot.startswith("__") and not slot.endswith("__")
            found.append(f"_{part.__name__.lstrip('_')}{slot}" if is_private else slot)
    return tuple(name for name in found if name not in {"__dict__", "__weakref__"})


def model_fields(value: Any) -> dict[str, Any]:
    """What a pydantic model holds: fields, extra and private ones, but not what a cached property keeps for speed."""
    kind = type(value)
    fields = {name: found for name, found in value.__dict__.items() if name in kind.__pydantic_fields__}
    return {**fields, **(value.__pydantic_extra__ or {}), **(value.__pydantic_private__ or {})}


#: One of the many; `struct.pack(">d", nan)` would keep the payload and the sign.
_NAN = b"f\x7f\xf8\0\0\0\0\0\0"


def _float(value: float) -> bytes:
    return _NAN if math.isnan(value) else b"f" + struct.pack(">d", value)


def _text(value: str) -> bytes:
    content = value.encode("utf-8", "surrogatepass")
    return b"s%x:" % len(content) + content


def _zone(value: Any) -> tuple[Any, ...]:
    """Name and offset; of what is no fixed offset also its class, and the fold where no offset says which hour is meant."""
    offset, zone = value.utcoffset(), value.tzinfo
    seconds = None if offset is None else offset.total_seconds()
    if zone is None:
        return ("fold" if value.fold else "", None)
    kind = type(zone)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if name == "datetime.timezone":
        return (str(zone), seconds)
    if name == "zoneinfo.ZoneInfo":
        said = _zone_key(zone)
    else:
        has_name = getattr(kind, "__repr__", None) is not object.__repr__  # else it would count by its address
        said = str(zone) if has_name else kind.__qualname__
    return (said, seconds, kind.__qualname__, value.fold if offset is None else 0)


def _zone_key(zone: Any) -> str:
    if zone.key is None:
        raise _UnknownTypeError("a ZoneInfo without a key")
    return str(zone.key)


#: A class with fields that is one of these as well has more content than its fields.
_CONTENTFUL = (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, deque)

_SIMPLE: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: lambda value: b"i%x;" % value,
    float: _float,
    str: _text,
    bytes: lambda value: b"b%x:" % len(value) + value,
    bytearray: lambda value: b"B%x:" % len(value) + bytes(value),
    type(...): lambda _: b".e",
}

#: By name, so that none of these modules is imported for a value that never comes.
_COMPOUND: dict[str, Callable[[Any], Any]] = {
    "builtins.complex": lambda value: (value.real, value.imag),
    "builtins.memoryview": lambda value: (value.format, list(value.shape or ()), value.tobytes()),
    "builtins.range": lambda value: (value.start, value.stop, value.step),
    "builtins.slice": lambda value: (value.start, value.stop, value.step),
    "datetime.date": lambda value: value.isoformat(),
    "datetime.datetime": lambda value: (value.replace(tzinfo=None).isoformat(), *_zone(value)),
    "datetime.time": lambda value: (value.replace(tzinfo=None).isoformat(), *_zone(value)),
    "datetime.timedelta": lambda value: (value.days, value.seconds, value.microseconds),
    "datetime.timezone": lambda value: (str(value), value.utcoffset(None).total_seconds()),
    "decimal.Decimal": str,
    "fractions.Fraction": lambda value: (value.numerator, value.denominator),
    "re.Pattern": lambda value: (value.pattern, value.flags),
    "uuid.UUID": lambda value: value.bytes,
    "zoneinfo.ZoneInfo": _zone_key,
}
