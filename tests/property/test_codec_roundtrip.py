"""Whatever a codec writes it reads again as the same value; whatever else it is given is a `ValueError`."""

import contextlib
import datetime as dt
import decimal
import enum
import json
import pathlib
import zoneinfo
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from weftline.codec import Codec, Encoded
from weftline.digest import of
from weftline.ports.plugins import InstalledValues

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FOREIGN = InstalledValues()


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Right(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Key:
    name: str
    colour: Colour = Colour.RED


@dataclass
class Tree:
    label: Any
    raw: bytes = b""
    children: "list[Tree]" = field(default_factory=list)


class Pair(NamedTuple):
    left: Any
    right: Any


#: What the declared type names; the values themselves are of any type.
DECLARED = Tree | Pair | Key | Colour | Right | list[Any]
ZONES = st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=-3, minutes=-30)), zoneinfo.ZoneInfo("Europe/Berlin")])
HASHABLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4), st.binary(max_size=4),
    st.dates(), st.datetimes(timezones=ZONES), st.timedeltas(), st.decimals(allow_nan=False), st.uuids(),
    st.complex_numbers(allow_nan=False),
    st.sampled_from([pathlib.Path("a/b"), pathlib.Path("c")]),
    st.sampled_from([*Colour, *Right, Right.READ | Right.WRITE, Right(0)]),
    st.builds(Key, st.text(max_size=3), st.sampled_from(Colour)),
)  # fmt: skip
NESTED_KEYS = st.recursive(
    HASHABLE, lambda inner: st.lists(inner, max_size=2).map(tuple) | st.frozensets(inner, max_size=2), max_leaves=3
)
NAMES = st.sampled_from(["a", "$", "$part", "$object", "$map", "$float", "$set", "", "b"])
ARRAYS = npst.arrays(
    st.sampled_from(["f8", "i4", "?", "c16", "U2", "M8[s]", ">i2"]),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
VALUES = st.recursive(
    HASHABLE | ARRAYS | st.binary(max_size=4).map(bytearray) | st.floats(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(NAMES, inner, max_size=3),
        st.dictionaries(NESTED_KEYS, inner, max_size=3),
        st.sets(NESTED_KEYS, max_size=3),
        st.builds(Tree, inner, st.binary(max_size=4), st.lists(st.builds(Tree, inner), max_size=2)),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=6,
)


def digest(value):
    return of(value, FOREIGN.digester)


@QUICK
@given(VALUES)
def test_what_is_written_is_read_again(value):
    codec = Codec(DECLARED, FOREIGN)
    encoded = codec.encode(value)
    again = Codec(DECLARED, FOREIGN).decode(Encoded(encoded.codec, bytes(encoded.content)))
    assert type(again) is type(value)
    assert digest(again) == digest(value)
    assert codec.encode(again) == encoded


@QUICK
@given(VALUES)
def test_the_skeleton_is_text_and_binary_content_is_not_copied_through_it(value):
    encoded = Codec(DECLARED, FOREIGN).encode([b"\xf0\x9f\x00binary", value])
    assert encoded.codec == "tree"
    assert b"\xf0\x9f\x00binary" in encoded.content


def edited(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    for kind, share, piece in edits:
        at = int(share * len(content))
        end = at if kind == "insert" else at + len(piece)
        content = content[:at] + (b"" if kind == "cut" else piece) + content[end:]
    return content


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "cut", "overwrite"]), st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)
    ),
    min_size=1,
    max_size=3,
)
SAMPLE = Tree(
    {"a": [1.5, (1,)], 2: {Colour.RED}}, b"raw", [Tree(np.arange(3)), Tree(Pair(dt.datetime(2026, 1, 1), decimal.Decimal(1)))]
)


@settings(QUICK, max_examples=300)
@given(EDITS)
def test_damaged_bytes_are_a_value_error_or_a_value(edits):
    codec = Codec(DECLARED, FOREIGN)
    name, content = codec.encode(SAMPLE)
    with contextlib.suppress(ValueError):
        codec.decode(Encoded(name, edited(content, edits)))


@QUICK
@given(st.sampled_from(["json", "tree", "numpy-npy", "bytes", "pickle", "zip"]), st.binary(max_size=60))
def test_any_bytes_are_a_value_error_or_a_value(name, content):
    with contextlib.suppress(ValueError):
        Codec(DECLARED, FOREIGN).decode(Encoded(name, content))


TAGS = st.sampled_from(["$set", "$map", "$tuple", "$object", "$part", "$datetime", "$date", "$decimal", "$complex", "a"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TAGS, inner, max_size=2),
        st.tuples(st.sampled_from(["Tree", "Pair", "Key", "Colour", "bytes"]), inner).map(lambda pair: {"$object": list(pair)}),
    ),
    max_leaves=6,
)


@QUICK
@given(JSON)
def test_any_skeleton_is_a_value_error_or_a_value(skeleton):
    with contextlib.suppress(ValueError):
        Codec(DECLARED, FOREIGN).decode(Encoded("json", json.dumps(skeleton).encode()))
