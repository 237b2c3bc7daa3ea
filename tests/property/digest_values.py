"""Values for tests of digests: a seeded stream of specifications of values, near misses next to each other.

A specification is a nested tuple of texts and numbers that says exactly which value is meant; equal values have one
specification. `build` makes the value, each time in another way: members in another order, arrays in another piece of memory,
durations of other parts. So a digest must be the same for each building of one specification, and for no two.

Standard library only, but for arrays, so that any Python can make them. Run as a program, it prints the digests of the first
values of each family.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import math
import pathlib
import random
import re
import struct
import sys
import typing
import uuid
import zoneinfo
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from weftline.digest import canonical, of

Spec = tuple[Any, ...]
Random = random.Random


@dataclasses.dataclass(frozen=True)
class Left:
    x: Any
    y: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Right:
    x: Any
    y: Any = None


class Pair(typing.NamedTuple):
    x: Any
    y: Any = None


class Twin(typing.NamedTuple):
    x: Any
    y: Any = None


class Colour(enum.Enum):
    ONE = 1
    A = "a"
    EMPTY = ""


class Level(enum.IntEnum):
    ONE = 1


class Word(enum.StrEnum):
    A = "a"
    EMPTY = ""


class Rights(enum.Flag):
    ONE = 1
    TWO = 2


@dataclasses.dataclass(frozen=True)
class Saying:
    """A class that says itself what it is worth; what it carries beside that does not count."""

    worth: Any
    beside: Any = None

    def __weftline_digest__(self) -> Any:
        return self.worth


CLASSES = {kind.__name__: kind for kind in (Left, Right, Pair, Twin, Saying)}
MEMBERS = {f"{kind.__name__}.{member.name}": member for kind in (Colour, Level, Word, Rights) for member in kind}
ZONES = ("Europe/Berlin", "Europe/Paris", "Africa/Lagos")
NOTHING: Spec = ("none",)

# --- from a specification to a value ------------------------------------------------------------------------------------


def build(spec: Spec, rng: Random) -> Any:
    """A value as it is specified, made in one of many ways."""
    return BUILDERS[spec[0]](rng, *spec[1:])


def built(specs: Iterable[Spec], rng: Random) -> list[Any]:
    return [build(spec, rng) for spec in specs]


def shuffled(things: Iterable[Any], rng: Random) -> list[Any]:
    found = list(things)
    rng.shuffle(found)
    return found


def a_nan(rng: Random) -> float:
    bits = rng.choice((0x7FF8, 0xFFF8)) << 48 | rng.getrandbits(48) | 1
    return struct.unpack(">d", bits.to_bytes(8))[0]


def a_dict(rng: Random, *pairs: tuple[Spec, Spec]) -> dict[Any, Any]:
    made = {build(key, rng): build(value, rng) for key, value in shuffled(pairs, rng)}
    if rng.random() < 0.5:  # as it is after something was taken out of it
        marker = object()
        made = {marker: 0, **made}
        del made[marker]
    return made


def a_set(rng: Random, *specs: Spec) -> set[Any]:
    before = {f"taken out again {number}" for number in range(rng.choice((0, rng.randrange(60))))}
    made = set(before)  # a larger table has another order
    made |= set(built(shuffled(specs, rng), rng))
    return made - before


def a_bytearray(rng: Random, content: bytes) -> bytearray:
    made = bytearray(b"x" + content)
    del made[0]
    return made if rng.random() < 0.5 else bytearray(content)


def a_view(rng: Random, content: bytes) -> memoryview:
    if rng.random() < 0.5:
        return memoryview(content)
    apart = bytearray(2 * len(content))
    apart[::2] = content
    return memoryview(apart)[::2]


def a_duration(rng: Random, microseconds: int) -> dt.timedelta:
    if rng.random() < 0.5:
        return dt.timedelta(microseconds=microseconds)
    seconds, rest = divmod(microseconds, 10**6)
    return dt.timedelta(seconds=seconds + 3600, microseconds=rest) - dt.timedelta(hours=1)


def a_zone(rng: Random, kind: str, *more: Any) -> dt.tzinfo | None:
    if kind == "none":
        return None
    if kind == "zoneinfo":
        return zoneinfo.ZoneInfo(more[0]) if rng.random() < 0.5 else zoneinfo.ZoneInfo.no_cache(more[0])
    minutes, name = more
    return dt.timezone(dt.timedelta(minutes=minutes)) if name is None else dt.timezone(dt.timedelta(minutes=minutes), name)


def a_moment(rng: Random, text: str, zone: Spec, fold: int = 0) -> dt.datetime:
    when = dt.datetime.fromisoformat(text).replace(tzinfo=a_zone(rng, *zone), fold=fold)
    return when if rng.random() < 0.5 else dt.datetime.combine(when.date(), when.time(), when.tzinfo)


def a_time(rng: Random, text: str, zone: Spec, fold: int = 0) -> dt.time:
    return dt.time.fromisoformat(text).replace(tzinfo=a_zone(rng, *zone), fold=fold)


def a_path(rng: Random, text: str) -> pathlib.PurePath:
    if text.startswith("/") or rng.random() < 0.5:
        return rng.choice((pathlib.Path, pathlib.PurePosixPath))(text)
    return pathlib.PurePosixPath(".").joinpath(*text.split("/"))


def a_fraction(rng: Random, top: int, bottom: int) -> fractions.Fraction:
    by = rng.randrange(1, 9)
    return fractions.Fraction(top * by, bottom * by)


def an_instance(rng: Random, name: str, x: Spec, y: Spec) -> Any:
    kind = CLASSES[name]
    if kind is Saying:
        return Saying(build(x, rng), rng.random())
    first, second = build(x, rng), build(y, rng)
    return kind(first, second) if rng.random() < 0.5 else kind(y=second, x=first)


BUILDERS: dict[str, Callable[..., Any]] = {
    "none": lambda rng: None,
    "bool": lambda rng, value: value,
    "int": lambda rng, value: int(str(value)),
    "float": lambda rng, text: float.fromhex(text),
    "nan": a_nan,
    "complex": lambda rng, *parts: complex(*map(float.fromhex, parts)),
    "str": lambda rng, text: "".join(list(text)),
    "bytes": lambda rng, content: bytes(bytearray(content)),
    "bytearray": a_bytearray,
    "memoryview": a_view,
    "ellipsis": lambda rng: ...,
    "list": lambda rng, *specs: built(specs, rng),
    "tuple": lambda rng, *specs: tuple(built(specs, rng)),
    "dict": a_dict,
    "set": a_set,
    "frozenset": lambda rng, *specs: frozenset(a_set(rng, *specs)),
    "ordered": lambda rng, *pairs: OrderedDict((build(key, rng), build(value, rng)) for key, value in pairs),
    "deque": lambda rng, longest, *specs: deque(built(specs, rng), longest),
    "range": lambda rng, *parts: range(*parts),
    "slice": lambda rng, *parts: slice(*parts),
    "date": lambda rng, text: dt.date.fromisoformat(text),
    "datetime": a_moment,
    "time": a_time,
    "timedelta": a_duration,
    "zone": a_zone,
    "decimal": lambda rng, text: decimal.Decimal(text),
    "fraction": a_fraction,
    "pattern": lambda rng, text, flags: re.compile(text, flags),
    "uuid": lambda rng, number: uuid.UUID(int=number),
    "path": a_path,
    "member": lambda rng, name: MEMBERS[name],
    "instance": an_instance,
}

# --- the stream of specifications ---------------------------------------------------------------------------------------


def stream(seed: int, families: Iterable[Callable[[Random], Iterable[Spec]]] | None = None) -> Iterator[Spec]:
    """Specifications without end; some come again."""
    rng = Random(seed)
    chosen = list(FAMILIES if families is None else families)
    while True:
        yield from rng.choice(chosen)(rng)


def numbers(rng: Random) -> Iterator[Spec]:
    """One number in all its types, and what lies next to it."""
    value = rng.choice((rng.randrange(-2, 3), rng.randrange(10**6), rng.getrandbits(70) - (1 << 69), 1 << rng.randrange(300)))
    yield from as_number(value)
    yield from (("int", value + 1), ("int", -value), ("int", value << 8), ("timedelta", value % 10**15))
    close = float(value)
    for found in (-close, math.nextafter(close, math.inf), 1 / close if close else -0.0):
        yield from (("float", found.hex()), ("complex", found.hex(), (0.0).hex()), ("complex", (0.0).hex(), found.hex()))
    yield from (("uuid", abs(value) % (1 << 128)), ("range", 0, value, 1), ("range", value, 0, 1), ("range", 0, value, 2))
    yield from (("slice", None, value, None), ("slice", value, None, None), ("slice", 0, value, None), ("slice", 0, value, 1))


def as_number(value: int) -> Iterator[Spec]:
    yield from (
        ("int", value),
        ("str", str(value)),
        ("str", f"{value}.0"),
        ("str", f"{value:x}"),
        ("bytes", str(value).encode()),
    )
    yield from (("bytearray", str(value).encode()), ("memoryview", str(value).encode()), ("float", float(value).hex()))
    yield from (("decimal", f"{value}"), ("decimal", f"{value}.0"), ("decimal", f"{value}E+1"), ("decimal", f"{value * 10}"))
    yield from (("complex", float(value).hex(), (0.0).hex()), ("complex", float(value).hex(), (-0.0).hex()))
    yield from (("fraction", value, 1), *([("fraction", 1, abs(value))] if abs(value) > 1 else []))
    if value in {0, 1}:
        yield ("bool", bool(value))


def oddities(rng: Random) -> Iterator[Spec]:
    """What is nothing, or the same as something else in another type."""
    yield from (
        NOTHING,
        ("ellipsis",),
        ("nan",),
        ("bool", True),
        ("bool", False),
        ("bytes", b""),
        ("str", ""),
        ("bytearray", b""),
    )
    yield from (("float", text) for text in ("0x0.0p+0", "-0x0.0p+0", "inf", "-inf"))
    yield from (
        ("decimal", text) for text in ("0", "-0", "0.0", "NaN", "-NaN", "NaN1", "sNaN", "Infinity", "-Infinity", "0E+1")
    )
    yield from (("str", text) for text in ("None", "True", "nan", "NaN", "inf", "...", "\0", " "))
    yield from ((kind,) for kind in ("list", "tuple", "dict", "set", "frozenset", "ordered"))
    yield from (("deque", None), ("deque", 0), ("range", 0, 0, 1), ("slice", None, None, None), ("memoryview", b""))
    yield from (("member", name) for name in MEMBERS)
    yield from (("list", ("member", name)) for name in MEMBERS)


def texts(rng: Random) -> Iterator[Spec]:
    """A text, cut in all ways, alone and in containers, as text and as bytes."""
    alphabet = rng.choice(("ab", "01:", "s1:a;", "é\U0001f600e\u0301", "/.", "\0\ud800x"))
    text = "".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 9)))
    content = text.encode("utf-8", "surrogatepass")
    yield from (("str", text), ("bytes", content), ("bytearray", content), ("memoryview", content), ("str", repr(content)))
    cuts = sorted(rng.sample(range(len(text) + 1), min(3, len(text))))
    for at in cuts:
        one, two = ("str", text[:at]), ("str", text[at:])
        yield from (("list", one, two), ("tuple", one, two), ("dict", (one, two)), ("ordered", (one, two)))
        yield from (
            ("list", one, ("list", two)),
            ("list", ("list", one), two),
            ("list", ("list", one, two)),
            ("deque", None, one, two),
        )
        yield from (("list", ("bytes", one[1].encode("utf-8", "surrogatepass")), two), ("instance", "Pair", one, two))
        yield from (("list", one, two, ("str", "")), ("list", ("str", ""), one, two), ("list", two, one))
    yield from (("pattern", re.escape(text), int(flag)) for flag in (re.UNICODE, re.UNICODE | re.IGNORECASE))
    yield ("pattern", re.escape(content), 0)
    if "\0" not in text and "\ud800" not in text:
        name = str(pathlib.PurePosixPath(text))
        yield from (("path", name), ("str", name), ("list", ("path", name)))


def containers(rng: Random) -> Iterator[Spec]:
    """The same few members in every container, in other orders, one less, one more, one deeper."""
    members = [leaf(rng) for _ in range(rng.randrange(5))]
    yield from in_sequences(members)
    if len(members) > 1:
        yield from in_sequences([*members[1:], members[0]])
        yield from (("list", members[0], ("list", *members[1:])), ("list", ("list", *members[:-1]), members[-1]))
        yield from (("list", *(("list", member) for member in members)), ("list", ("tuple", *members[:1]), *members[1:]))
    unique = without_equals(members, rng)
    yield from in_sets(unique)
    yield from in_sets(unique[1:])
    values = [*members[1:], *members[:1]]
    pairs = [(key, value) for key, value in zip(unique, values, strict=False)]
    for found in (pairs, pairs[1:], [(key, ("list", value)) for key, value in pairs]):
        yield ("dict", *sorted(found, key=repr))
        yield ("ordered", *found)
        yield ("list", *(("tuple", *pair) for pair in found))
        yield ("list", *(part for pair in found for part in pair))
    if len(pairs) > 1:
        yield ("ordered", *pairs[::-1])


def in_sequences(members: list[Spec]) -> Iterator[Spec]:
    yield from ((kind, *members) for kind in ("list", "tuple"))
    yield from (("deque", longest, *members) for longest in (None, len(members), len(members) + 1))
    yield from (("list", (kind, *members)) for kind in ("list", "tuple"))
    yield from (("tuple", ("list", *members)), ("tuple", ("list", *members), NOTHING), ("list", *members, NOTHING))


def in_sets(members: list[Spec]) -> Iterator[Spec]:
    members = sorted(members, key=repr)
    yield from (("set", *members), ("frozenset", *members), ("set", ("frozenset", *members)), ("list", ("set", *members)))
    yield ("dict", *((member, NOTHING) for member in members))
    yield ("dict", *((member, ("bool", True)) for member in members))


def without_equals(specs: Iterable[Spec], rng: Random) -> list[Spec]:
    """Those of which a set keeps all: 1, 1.0 and True are one member there."""
    found: dict[Any, Spec] = {}
    for spec in dict.fromkeys(specs):
        found.setdefault(build(spec, rng), spec)
    return list(found.values())


def classes(rng: Random) -> Iterator[Spec]:
    """Two values in every class that has two fields, and in what looks like one."""
    x, y = leaf(rng), leaf(rng)
    for one, two in ((x, y), (y, x), (x, NOTHING), (("tuple", x, y), NOTHING)):
        yield from (("instance", name, one, two) for name in CLASSES if name != "Saying")
        yield ("dict", *sorted(((("str", "x"), one), (("str", "y"), two)), key=repr))
        yield from (("tuple", one, two), ("tuple", ("str", "Left"), one, two), ("instance", "Saying", one, NOTHING))
        yield ("instance", "Left", ("instance", "Left", one, two), NOTHING)
        yield ("instance", "Right", ("instance", "Left", one, two), NOTHING)


def times(rng: Random) -> Iterator[Spec]:
    """One moment in many zones, of which some have the same offset, and its parts."""
    second = rng.choice(
        (rng.randrange(946_684_800, 1_767_225_600), 1_729_989_000 + rng.randrange(7200))
    )  # 2000-2025; end of a summer
    text = dt.datetime.fromtimestamp(second, dt.UTC).replace(tzinfo=None, microsecond=rng.choice((0, 1, 999_999))).isoformat()
    day, clock = text.split("T")
    yield from (("str", text), ("date", day), ("str", day), ("datetime", f"{day}T00:00:00", ("none",)), ("timedelta", second))
    zones = [("none",), ("fixed", 0, None), ("fixed", 60, None), ("fixed", 60, "X"), ("fixed", 120, "X"), ("fixed", 60, "CET")]
    zones += [("fixed", -60, None), ("fixed", 60, ZONES[0]), ("fixed", 120, ZONES[0]), *(("zoneinfo", name) for name in ZONES)]
    yield from (("zone", *zone) for zone in zones[1:])
    for zone in zones:
        yield from (("datetime", text, zone), ("time", clock, zone))
        summer, winter = (a_moment(rng, text, zone, fold) for fold in (0, 1))
        if zone[0] == "none" or summer.utcoffset() != winter.utcoffset():  # else it says nothing
            yield ("datetime", text, zone, 1)
        if zone[0] != "fixed":
            yield ("time", clock, zone, 1)


def encodings(rng: Random) -> Iterator[Spec]:
    """What imitates the encoding of something else: its bytes as bytes and as text, cut, beside it."""
    spec = anything(rng)
    content = canonical(build(spec, rng))
    at = rng.randrange(len(content))
    for part in (content, content[:at], content[at:], b"l1:" + content, content * 2):
        yield from (("bytes", part), ("str", part.decode("latin-1")), ("list", ("bytes", part)), ("bytearray", part))
    yield from (
        spec,
        ("list", spec),
        ("list", spec, ("bytes", content)),
        ("tuple", ("bytes", content[:at]), ("bytes", content[at:])),
    )


def trees(rng: Random) -> Iterator[Spec]:
    """A nested value, and the same with one leaf changed."""
    spec = anything(rng, depth=4)
    yield from (spec, ("list", spec), ("tuple", spec), ("instance", "Left", spec, NOTHING), ("dict", (("str", ""), spec)))
    yield from (("list", spec, spec), ("list", ("list", spec), spec), ("deque", None, spec))


def anything(rng: Random, depth: int = 2) -> Spec:
    """Some value, of leaves and containers of all kinds."""
    if not depth or rng.random() < 0.3:
        return rng.choice(list(rng.choice((numbers, oddities, texts, times))(rng))) if rng.random() < 0.3 else leaf(rng)
    parts = [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    kind = rng.choice(("list", "tuple", "deque", "dict", "ordered", "instance"))
    if kind == "deque":
        return ("deque", None, *parts)
    if kind == "instance":
        return ("instance", rng.choice(("Left", "Right", "Pair", "Twin")), *[*parts, NOTHING, NOTHING][:2])
    if kind in {"list", "tuple"}:
        return (kind, *parts)
    pairs = list(zip(without_equals((leaf(rng) for _ in parts), rng), parts, strict=False))
    return (kind, *(sorted(pairs, key=repr) if kind == "dict" else pairs))


def leaf(rng: Random) -> Spec:
    """A value that a set may have: of few kinds, so that equal and nearly equal ones come up often."""
    kind = rng.randrange(10)
    if kind < 6:
        return LEAVES[kind](rng.choice((0, 1, 2, rng.randrange(256), rng.getrandbits(32))))
    if kind == 6:
        return rng.choice(FEW)
    if kind == 7:
        return ("tuple", *(leaf(rng) for _ in range(rng.randrange(3))))
    if kind == 8:
        return ("frozenset", *sorted(without_equals([leaf(rng) for _ in range(rng.randrange(3))], rng), key=repr))
    return ("instance", rng.choice(("Left", "Right", "Pair", "Twin")), leaf(rng), NOTHING)


LEAVES: list[Callable[[int], Spec]] = [
    lambda value: ("int", value),
    lambda value: ("float", float(value).hex()),
    lambda value: ("str", str(value)),
    lambda value: ("bytes", str(value).encode()),
    lambda value: ("decimal", str(value)),
    lambda value: ("timedelta", value),
]
FEW: list[Spec] = [
    NOTHING, ("bool", True), ("bool", False), ("nan",), ("ellipsis",), ("str", ""), ("bytes", b""), ("tuple",), ("frozenset",),
    ("str", "a"), ("str", "b"), ("str", "ab"), ("bytes", b"a"), ("float", "-0x0.0p+0"), *(("member", name) for name in MEMBERS),
]  # fmt: skip
FAMILIES = [numbers, numbers, oddities, texts, texts, containers, containers, containers, classes, times, encodings, trees]


# --- arrays, where numpy is installed ------------------------------------------------------------------------------------


def arrays(rng: Random) -> Iterator[Spec]:
    """The same bytes as arrays of every type and shape, in both orders, and as what is no array."""
    content = rng.randbytes(8 * rng.randrange(4)) if rng.random() < 0.7 else bytes(8 * rng.randrange(4))
    for dtype in (
        "<i8",
        "<u8",
        ">i8",
        "<f8",
        "<i4",
        "<f4",
        "<c8",
        "|u1",
        "|i1",
        "|S1",
        "|S8",
        "<U2",
        "<M8[s]",
        "<M8[ns]",
        "<m8[s]",
        "|V8",
    ):
        count = len(content) // int(re.sub(r"\[.*|\D", "", dtype.replace("U2", "8")))
        for shape in {(count,), (1, count), (count, 1), (2, count // 2), (count // 2, 2), (0, count)}:
            if math.prod(shape) == count:
                yield ("array", dtype, shape, False, content)
                if len(shape) > 1 and min(shape) > 1:
                    yield ("array", dtype, shape, True, content)
        if count == 1:
            yield from (("array", dtype, (), False, content), ("list", ("array", dtype, (), False, content)))
            if dtype[1] not in "SUV" and dtype[0] != ">":  # scalars have the order of the machine
                yield ("scalar", dtype, content)
    yield from (("bytes", content), ("memoryview", content), ("list", *(("int", each) for each in content)))


def an_array(rng: Random, dtype: str, shape: tuple[int, ...], fortran: bool, content: bytes) -> Any:
    import numpy as np

    plain = np.frombuffer(content, dtype, math.prod(shape)).reshape(shape, order="F" if fortran else "C")
    way = rng.randrange(4)
    if fortran or not shape:
        return plain if way else plain.copy(order="K")
    if way == 0:  # every second one of a larger array
        larger = np.empty((*shape[:-1], 2 * shape[-1]), plain.dtype)
        larger[..., ::2] = plain
        return larger[..., ::2]
    if way == 1:
        return plain[::-1].copy()[::-1]
    return plain.copy() if way == 2 else plain


def a_scalar(rng: Random, dtype: str, content: bytes) -> Any:
    import numpy as np

    return np.frombuffer(content, dtype)[0]


BUILDERS |= {"array": an_array, "scalar": a_scalar}

# --- the first of the stream, in any Python ------------------------------------------------------------------------------


def first_digests() -> dict[str, list[str]]:
    """The digests of the first values of each family, shortened."""
    rng = Random(2026)
    found = {}
    for seed, family in enumerate(dict.fromkeys(FAMILIES)):
        specs = stream(seed, [family])
        found[family.__name__] = [of(build(next(specs), rng)).hex()[:16] for _ in range(60)]
    return found


if __name__ == "__main__":
    json.dump(first_digests(), sys.stdout, indent=1)
