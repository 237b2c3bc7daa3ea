"""Values go to bytes and come back equal; what the declared type does not name is refused, in both directions."""

import dataclasses
import datetime as dt
import decimal
import enum
import functools
import json
import math
import pathlib
import struct
import sys
import typing
import uuid
import zoneinfo
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import numpy as np
import pydantic
import pytest

from weftline.codec import Codec, Encoded, Pieces, classes_in, is_storable, whole
from weftline.digest import of
from weftline.errors import UnencodableError
from weftline.ports.plugins import InstalledValues

FOREIGN = InstalledValues()
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    ROUGE = "red"  # noqa: PIE796 - an alias
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2


class Shape(enum.Enum):
    SQUARE = (1, 1)


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    colour: Colour = Colour.RED


@dataclasses.dataclass
class Weights:
    name: str
    raw: bytes
    matrix: np.ndarray
    parts: "list[Weights]" = dataclasses.field(default_factory=list)
    when: dt.datetime | None = None


@dataclasses.dataclass
class Box(Generic[T]):
    inner: T


@dataclasses.dataclass
class Base:
    a: int


@dataclasses.dataclass
class Derived(Base):
    b: Frozen


@dataclasses.dataclass
class Counted:
    text: str
    length: int = dataclasses.field(init=False)

    def __post_init__(self):
        self.length = len(self.text)


@dataclasses.dataclass
class Noted:
    text: str

    def __post_init__(self):
        self.words = self.text.split()


class Pair(NamedTuple):
    left: int
    right: "Pair | None" = None


class Row(TypedDict):
    point: Point


class Inner(pydantic.BaseModel):
    size: int = 0


class Model(pydantic.BaseModel):
    name: str
    inner: Inner = Inner()
    points: list[Point] = []


class Open(pydantic.BaseModel, extra="allow"):
    size: int = 0


class Aliased(pydantic.BaseModel):
    size: int = pydantic.Field(alias="Size")


class Crossed(pydantic.BaseModel):
    left: int = pydantic.Field(alias="right")
    right: int = pydantic.Field(alias="left")


class Validated(pydantic.BaseModel):
    size: int

    @pydantic.field_validator("size")
    @classmethod
    def double(cls, size):
        return size * 2


class Secretive(pydantic.BaseModel):
    size: int = 0
    _hidden: int = pydantic.PrivateAttr(0)


class Remembering(pydantic.BaseModel):
    size: int = 0

    @functools.cached_property
    def double(self):
        return self.size * 2


class Listed(pydantic.RootModel[list[int]]):
    pass


class Stranger:
    pass


class Tagged(np.ndarray):
    pass


UserId = NewType("UserId", Point)


def back(value, declared=Any):
    codec = Codec(declared, FOREIGN)
    codec_name, content = codec.encode(value)
    return Codec(declared, FOREIGN).decode(Encoded(codec_name, bytes(content)))


PLAIN = [
    None, True, False, 0, 1, -1, 2**70, -(10**400), 0.0, -0.0, 1.5, 1e-320, math.inf, -math.inf, 1j, complex(-0.0, math.inf),
    "", "a", "é\U0001f600", "\ud800", '"\\\n\0', b"", b"\0\xff", bytearray(b"ab"),
    [], [1, [2, [3]]], (), (1, (2,)), [(), []], set(), {1, "a", (1, 2)}, frozenset({frozenset({1}), frozenset()}),
    [{1}, {1.5}, {b"a"}],
    {}, {"a": 1}, {"a": {"b": [1]}}, {1: 2}, {1: "a", "1": "b"}, {None: 1, True: 2, 1.5: 3}, {(1, 2): [3]}, {b"a": 1},
    {frozenset({1}): {2}}, {"": ""},
    {"$": 1}, {"$float": "inf"}, {"$part": ["bytes", 0]}, {"$object": ["Point", {}]}, {"$map": [[1, 2]]}, {"$unknown": None},
    {"$tuple": 1, "b": 2}, [{"$set": [1]}], {"a": {"$path": "b"}}, {1: {"$map": []}},
    [b"a", {"x": [b"b", b""]}], {"a": b"x", "b": bytearray(b"y")}, (b"a",), {b"k": b"v"},
    dt.date(2026, 11, 20), dt.datetime(2026, 11, 20, 10, 15, 30, 250), dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
    dt.datetime(1, 1, 1), dt.datetime.max,
    dt.datetime(2026, 11, 20, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
    dt.datetime(2026, 7, 1, tzinfo=BERLIN), dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
    dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    dt.time(10, 15), dt.time(10, 15, 1, 5, tzinfo=dt.UTC), dt.timedelta(-1, 5, 7), dt.timedelta.max, [dt.date(2026, 1, 1)] * 2,
    decimal.Decimal("1.10"), decimal.Decimal("-0"), decimal.Decimal("inf"), uuid.UUID(int=7), pathlib.Path("a/b"),
    pathlib.Path("/"), {"p": [pathlib.Path("a")]},
]  # fmt: skip


def same(one, two):
    """Equal in value, type and sign, all the way down."""
    return type(one) is type(two) and of(one, FOREIGN.digester) == of(two, FOREIGN.digester)


@pytest.mark.parametrize("value", PLAIN, ids=[f"{at} {type(value).__name__}" for at, value in enumerate(PLAIN)])
def test_plain_values_come_back(value):
    again = back(value)
    assert same(again, value)
    assert again == value


def test_nan_comes_back():
    assert math.isnan(back(math.nan))
    assert math.isnan(back([1, {"a": math.nan}])[1]["a"])
    assert math.isnan(back(decimal.Decimal("nan")))


def test_the_order_of_a_mapping_comes_back():
    assert list(back({"b": 1, "a": 2})) == ["b", "a"]
    assert list(back({2: 1, 1: 2})) == [2, 1]


def test_a_zone_comes_back_as_that_zone():
    again = back(dt.datetime(2026, 7, 1, tzinfo=BERLIN))
    assert again.tzinfo is BERLIN
    assert (again + dt.timedelta(days=180)).utcoffset() == dt.timedelta(hours=1)


RECORDS = [
    (Point(1, "a"), Point), (Point(b"a", [1, (2,)]), Point), (Point(Frozen("a"), {Frozen("b"): 1}), Point | Frozen),
    ([Point(1), Point(2)], list[Point]), ({"a": Point(1)}, dict[str, Point]),
    ({Frozen("k"): Frozen("v")}, dict[Frozen, Frozen]),
    (Frozen("a", Colour.BLUE), Frozen), (Box(1), Box[int]), (Box(Point(1)), Box[Point]),
    ([Box(Box(Frozen("a")))], Sequence[Box[Box[Frozen]]]), (Derived(1, Frozen("a")), Derived),
    (Derived(1, Frozen("a")), Base), ([Base(1), Derived(2, Frozen("a"))], list[Base]),
    (Counted("abc"), Counted), (Pair(1), Pair), (Pair(1, Pair(2, Pair(3))), Pair), ((Pair(1), "a"), tuple[Pair, str]),
    (Colour.RED, Colour), (Colour.ROUGE, Colour), (Level.LOW, Level), ([Colour.RED, None], list[Colour | None]),
    ({Colour.RED: Level.LOW}, dict[Colour, Level]), (Shape.SQUARE, Shape), (Right.READ, Right),
    (Right.READ | Right.WRITE, Right), (Right(0), Right), (Access.READ | Access.WRITE, Access), (Access(8), Access),
    (Model(name="a"), Model), (Model(name="a", inner=Inner(size=1), points=[Point(1, b"x")]), Model),
    (Open(size=1, more=[1], name="b"), Open), (Aliased(Size=3), Aliased), (Crossed(left=1, right=2), Crossed),
    (Validated(size=2), Validated), (Listed([1, 2]), Listed), ([Inner(size=1)], list[Inner]),
    (Point(1), Annotated[Point, "m"]), ({"p": Point(1)}, Mapping[str, Annotated[Point, "m"]]), (Point(1), Point | None),
    (None, Point | None), (Point(1), UserId), ([Point(1)], list[UserId]), ({"point": Point(1)}, Row),
    ([{"point": Point(1)}], list[Row]),
    (Colour.RED, Literal[Colour.RED]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "declared"), RECORDS, ids=[f"{value!r} as {declared}"[:90] for value, declared in RECORDS])
def test_records_come_back(value, declared):
    again = back(value, declared)
    assert again == value
    assert same(again, value)


def test_arrays_and_bytes_travel_beside_the_text():
    value = Weights(
        "a",
        b"\0" * 1000,
        np.arange(12.0).reshape(3, 4),
        [Weights("b", b"x", np.zeros((0, 2), "i1"))],
        dt.datetime(2026, 7, 1, tzinfo=BERLIN),
    )
    encoded = Codec(Weights, FOREIGN).encode(value)
    assert encoded.codec == "tree"
    assert b"\0" * 1000 in encoded.content
    again = Codec(Weights, FOREIGN).decode(encoded)
    assert same(again, value)
    assert again.matrix.dtype == value.matrix.dtype
    assert np.array_equal(again.matrix, value.matrix)
    assert again.parts[0].matrix.shape == (0, 2)
    assert not again.matrix.flags.writeable


CODECS = {
    "json": [None, 1, "a", 1.5, [1], {"a": 1}, (1,), dt.date(2026, 1, 1)],
    "bytes": [b"", b"a"],
    "tree": [[b"a"], bytearray(b"a"), {"a": np.zeros(1)}],
    "numpy-npy": [np.zeros(1), np.float32(1)],
}


@pytest.mark.parametrize(("name", "values"), CODECS.items(), ids=CODECS)
def test_each_value_has_its_format(name, values):
    assert {Codec(Any, FOREIGN).encode(value).codec for value in values} == {name}


def test_equal_values_have_equal_bytes():
    one = Codec(Any, FOREIGN).encode([{3, 1, "a"}, frozenset({"x", "y"})]).content
    assert one == Codec(Any, FOREIGN).encode([{"a", 1, 3}, frozenset({"y", "x"})]).content
    assert Codec(Any, FOREIGN).encode(set([0, 8, 16])).content == Codec(Any, FOREIGN).encode(set([16, 8, 0])).content  # noqa: C405 - as they come


def test_the_text_is_json_that_others_read_too():
    def refuse(word):
        raise AssertionError(word)

    content = Codec(Any, FOREIGN).encode([math.inf, {"a": math.nan}, -math.inf]).content
    assert len(json.loads(content, parse_constant=refuse)) == 3


def test_what_a_dataclass_works_out_comes_back_too():
    assert back(Noted("a b"), Noted).words == ["a", "b"]


def test_a_field_is_restored_not_computed_again():
    value = Counted("abc")
    value.length = 7
    assert back(value, Counted).length == 7


def test_a_model_is_restored_with_its_private_attributes():
    value = Secretive(size=1)
    value._hidden = 2
    again = back(value, Secretive)
    assert again == value
    assert again._hidden == 2


def test_a_model_is_restored_with_the_fields_that_were_set():
    assert back(Model(name="a"), Model).model_dump(exclude_unset=True) == {"name": "a"}


def test_what_a_model_remembers_for_speed_does_not_stop_it():
    value = Remembering(size=2)
    assert value.double == 4
    again = back(value, Remembering)
    assert (again.size, again.double) == (2, 4)


# --- what is not like its bytes is refused ------------------------------------------------------------------------


class Summer(dt.tzinfo):
    def utcoffset(self, when):
        return dt.timedelta(hours=2)

    def dst(self, when):
        return dt.timedelta(hours=1)

    def tzname(self, when):
        return "summer"


#: Each comes back as it was, or is refused; never as something else.
DELICATE = {
    "time in a zone": (dt.time(10, tzinfo=BERLIN), dt.time),
    "second time of an hour that comes twice": (dt.time(2, 30, fold=1), dt.time),
    "named offset": (dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")), dt.datetime),
    "offset of microseconds": (dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(microseconds=1))), dt.datetime),
    "zone of an unknown class": (dt.datetime(2026, 1, 1, tzinfo=Summer()), dt.datetime),
    "path of Windows": (pathlib.PureWindowsPath("a\\b"), pathlib.PurePath),
    "pure path": (pathlib.PurePosixPath("a/b"), pathlib.PurePath),
    "number beyond the limit of digits": (10**5000, int),
    "masked array": (np.ma.MaskedArray([1, 2], mask=[0, 1]), np.ndarray),
    "array of a class of one's own": (np.zeros(2).view(Tagged), np.ndarray),
    "record array": (np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.ndarray),
    "array of objects": (np.array([1, "a"], dtype=object), np.ndarray),
    "array of objects in a list": ([np.array([1, "a"], dtype=object)], list),
    "array that ends like a scalar": (np.array(b"scalar"), np.ndarray),
    "ordered mapping": (OrderedDict(a=1), dict),
    "mapping with a default": (defaultdict(list, a=[1]), dict),
    "queue": (deque([1]), deque),
    "subclass of list": (type("Rows", (list,), {})([1]), list),
    "subclass of int": (type("Number", (int,), {})(1), int),
    "range": (range(3), range),
}  # fmt: skip


@pytest.mark.parametrize(("value", "declared"), DELICATE.values(), ids=DELICATE)
def test_a_value_comes_back_as_it_was_or_is_refused(value, declared):
    try:
        encoded = Codec(declared, FOREIGN).encode(value)
    except UnencodableError:
        return
    again = Codec(declared, FOREIGN).decode(encoded)
    assert type(again) is type(value)
    assert getattr(again, "tzinfo", None) == getattr(value, "tzinfo", None)
    assert getattr(again, "fold", 0) == getattr(value, "fold", 0)
    assert np.array_equal(again, value)
    assert of(again, FOREIGN.digester) == of(value, FOREIGN.digester)


REFUSED = {
    "value": (Stranger(), Any, "value"),
    "value[1]['a']": ([1, {"a": Stranger()}], list, "value[1]['a']"),
    "value.y[0]": (Point(1, [Stranger()]), Point, "value.y[0]"),
    "value.inner.x": (Box(Point(Stranger())), Box[Point], "value.inner.x"),
    "value['a'].points[0].x": ({"a": Model(name="a", points=[Point(Stranger())])}, dict[str, Model], "value['a'].points[0].x"),
    "value[2]": ((1, 0, Stranger()), tuple, "value[2]"),
    "a named tuple": (Pair(1, Stranger()), Pair, "value[1]"),
    "a record that the type does not name": ([Point(1)], list, "value[0]"),
    "an enum that the type does not name": ({"a": Colour.RED}, dict[str, Any], "value['a']"),
    "a model that the type does not name": (Inner(), Model | None, None),
    "another record": (Frozen("a"), Counted, "value"),
    "a class": (Point, Any, "value"),
    "a function": ([len], list, "value[0]"),
}


@pytest.mark.parametrize(("value", "declared", "path"), REFUSED.values(), ids=REFUSED)
def test_a_type_that_is_not_declared_is_refused_with_its_path(value, declared, path):
    if path is None:
        assert back(value, declared) == value, "a field of the declared model names it"
        return
    with pytest.raises(UnencodableError) as caught:
        Codec(declared, FOREIGN).encode(value)
    assert caught.value.path == path
    assert caught.value.code == "K402"


def test_a_path_into_a_value_begins_as_the_caller_says():
    with pytest.raises(
        UnencodableError, match=r"\[K402\] 'rows' of node 'load'\[0\] cannot be stored: a value of type builtins.object"
    ):
        Codec(list, FOREIGN).encode([object()], path="'rows' of node 'load'")


def test_a_set_whose_members_cannot_be_told_apart_by_text_is_stored():
    assert back({1.0, 2, "a", b"a", (1,), None}) == {1.0, 2, "a", b"a", (1,), None}


# --- reading ------------------------------------------------------------------------------------------------------


def test_a_stored_name_never_imports_anything():
    before = set(sys.modules)
    for name in ("os.system", "antigravity", "turtle.Turtle", "builtins.eval", "subprocess.Popen", "Stranger"):
        for text in (
            {"$object": [name, {}]},
            [{"$object": [name, [1]]}],
            {"$part": [name, 0]},
            {"$" + name: 1},
            {"$type": name},
        ):
            with pytest.raises(ValueError):
                Codec(Point, FOREIGN).decode(Encoded("json", json.dumps(text).encode()))
        with pytest.raises(ValueError):
            Codec(Point, FOREIGN).decode(Encoded(name, b"x"))
    assert set(sys.modules) - before == set()


def test_a_record_is_only_read_where_the_declared_type_reaches_it():
    encoded = Codec(Point, FOREIGN).encode(Point(1))
    assert Codec(list[Point], FOREIGN).decode(encoded) == Point(1)
    with pytest.raises(ValueError, match="'Point', which the declared type does not name"):
        Codec(Frozen, FOREIGN).decode(encoded)


def test_pickle_is_only_read_by_who_asks_for_it():
    trusting = Codec(Any, FOREIGN, trusted_pickle=True)
    encoded = trusting.encode(Stranger())
    assert encoded.codec == "pickle"
    assert isinstance(trusting.decode(encoded), Stranger)
    with pytest.raises(ValueError, match="codec='pickle'"):
        Codec(Any, FOREIGN).decode(encoded)


def test_who_asks_for_pickle_still_has_plain_values_plain():
    trusting = Codec(Any, FOREIGN, trusted_pickle=True)
    assert [trusting.encode(value).codec for value in (1, "a", None, b"a", [1])] == ["json", "json", "json", "bytes", "pickle"]


def tree(text, *parts):
    lengths = struct.pack(f"<{len(parts) + 2}Q", len(parts), len(text), *map(len, parts))
    return Encoded("tree", b"WEFT2" + lengths + text + b"".join(parts))


def test_large_parts_of_a_tree_stay_in_their_memory_and_are_restored_where_they_lie():
    one, other, small = np.arange(100_000.0), np.arange(90_000, dtype="i4"), np.arange(3)
    value = {"one": one, "small": small, "name": b"x" * 5, "other": [other]}
    encoded = Codec(Any, FOREIGN).encode(value)
    assert isinstance(encoded.content, Pieces)
    for array in (one, other):
        assert any(np.shares_memory(np.frombuffer(part, "u1"), array) for part in encoded.content.parts)
    content = whole(encoded.content)
    assert len(content) == len(encoded.content)
    again = Codec(Any, FOREIGN).decode(Encoded("tree", memoryview(content)))
    start = np.frombuffer(content, "u1").ctypes.data
    assert [(array.ctypes.data - start) % 64 for array in (again["one"], again["other"][0])] == [0, 0]
    assert np.shares_memory(again["one"], np.frombuffer(content, "u1"))
    assert all(np.array_equal(again[name], value[name]) for name in ("one", "small"))
    assert again["name"] == b"xxxxx"
    assert np.array_equal(again["other"][0], other)


def test_an_ordered_mapping_comes_back_with_what_was_set_on_it():
    value = OrderedDict(b=1, a=[2.5])
    value.versions = {"a": 1}
    again = Codec(OrderedDict, FOREIGN).decode(Codec(OrderedDict, FOREIGN).encode(value))
    assert type(again) is OrderedDict
    assert list(again.items()) == list(value.items())
    assert vars(again) == {"versions": {"a": 1}}
    assert of(again) == of(value) != of(OrderedDict(b=1, a=[2.5]))


def test_a_tree_is_written_as_it_is_described():
    assert Codec(Any, FOREIGN).decode(tree(b'[{"$part":["bytes",1]},{"$part":["bytes",0]}]', b"one", b"two")) == [
        b"two",
        b"one",
    ]


DAMAGED = {
    "nothing": Encoded("json", b""),
    "no text": Encoded("json", b"\xff\xfe"),
    "half a text": Encoded("json", b'{"a": [1'),
    "nested without end": Encoded("json", b"[" * 100_000),
    "number without end": Encoded("json", b"1" * 5000),
    "unknown codec": Encoded("zip", b"x"),
    "codec of a library that is not there": Encoded("polars-ipc", b"x"),
    "unknown tag": Encoded("json", b'{"$what": 1}'),
    "unknown class": Encoded("json", b'{"$object": ["Gone", {}]}'),
    "class that is no name": Encoded("json", b'{"$object": [["Point"], {}]}'),
    "object without fields": Encoded("json", b'{"$object": ["Point"]}'),
    "object that is a text": Encoded("json", b'{"$object": "Point"}'),
    "object that is nothing": Encoded("json", b'{"$object": null}'),
    "fields that are a list": Encoded("json", b'{"$object": ["Point", [1, 2]]}'),
    "field that is missing": Encoded("json", b'{"$object": ["Point", {"x": 1}]}'),
    "field that nobody knows": Encoded("json", b'{"$object": ["Frozen", {"name": "a", "colour": 1, "more": 2}]}'),
    "member that is not there": Encoded("json", b'{"$object": ["Colour", "GREEN"]}'),
    "member that is a list": Encoded("json", b'{"$object": ["Colour", []]}'),
    "named tuple too long": Encoded("json", b'{"$object": ["Pair", [1, 2, 3]]}'),
    "named tuple that is a number": Encoded("json", b'{"$object": ["Pair", 1]}'),
    "set of lists": Encoded("json", b'{"$set": [[1]]}'),
    "set of nothing": Encoded("json", b'{"$set": null}'),
    "map without pairs": Encoded("json", b'{"$map": [1]}'),
    "map with a list as key": Encoded("json", b'{"$map": [[[1], 2]]}'),
    "date": Encoded("json", b'{"$date": "yesterday"}'),
    "date that is a number": Encoded("json", b'{"$date": 1}'),
    "time": Encoded("json", b'{"$datetime": ["2026-01-01"]}'),
    "zone that is not there": Encoded("json", b'{"$datetime": ["2026-01-01", "No/Where", 0]}'),
    "fold": Encoded("json", b'{"$datetime": ["2026-01-01", null, "x"]}'),
    "number": Encoded("json", b'{"$decimal": "one"}'),
    "float": Encoded("json", b'{"$float": "one"}'),
    "float of a list": Encoded("json", b'{"$float": []}'),
    "complex of three": Encoded("json", b'{"$complex": [1, 2, 3]}'),
    "uuid": Encoded("json", b'{"$uuid": "x"}'),
    "path": Encoded("json", b'{"$path": 1}'),
    "duration": Encoded("json", b'{"$timedelta": ["x"]}'),
    "duration too long": Encoded("json", b'{"$timedelta": [1e300, 0, 0]}'),
    "bytearray of a text": Encoded("json", b'{"$bytearray": "x"}'),
    "part that is not there": Encoded("json", b'{"$part": ["bytes", 0]}'),
    "part that is a text": Encoded("json", b'{"$part": "bytes"}'),
    "part with no number": tree(b'{"$part": ["bytes", "x"]}', b"a"),
    "part of an unknown codec": tree(b'{"$part": ["zip", 0]}', b"a"),
    "part that is no array": tree(b'{"$part": ["numpy-npy", 0]}', b"a"),
    "empty tree": Encoded("tree", b""),
    "tree of nothing but its name": Encoded("tree", b"WEFT2"),
    "tree of another kind": Encoded("tree", b"WEFT1" + b"\0" * 16),
    "tree with too many parts": Encoded("tree", b"WEFT2" + b"\xff" * 8),
    "tree with parts that are not there": Encoded("tree", b"WEFT2" + struct.pack("<Q", 3)),
    "tree that is cut": Encoded("tree", tree(b"[]", b"abc").content[:-1]),
    "tree that is too long": Encoded("tree", tree(b"[]", b"abc").content + b"x"),
    "empty array": Encoded("numpy-npy", b""),
    "array that is a zip": Encoded("numpy-npy", b"PK\x03\x04"),
    "array that is a pickle": Encoded("numpy-npy", b"\x80\x04N."),
}  # fmt: skip


@pytest.mark.parametrize("encoded", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_a_value_error(encoded):
    with pytest.raises(ValueError):
        Codec(Point | Frozen | Colour | Pair, FOREIGN).decode(encoded)


# --- which classes a type names -----------------------------------------------------------------------------------

CLASSES = {
    "itself": (Frozen, {Frozen, Colour}),
    "itself through fields": (Weights, {Weights}),
    "through generics": (dict[str, list[tuple[Point, ...]]], {Point}),
    "through a union": (Point | Pair | None, {Point, Pair}),
    "through a generic class": (Box[Frozen], {Box, Frozen, Colour}),
    "subclasses": (Base, {Base, Derived, Frozen, Colour}),
    "through a model": (Model, {Model, Inner, Point}),
    "through Annotated": (Annotated[list[Point], "m"], {Point}),
    "through a new type": (UserId, {Point}),
    "through a typed dictionary": (Row, {Point}),
    "none": (dict[str, Any], set()),
    "unknown": (Any, set()),
}


@pytest.mark.parametrize(("declared", "classes"), CLASSES.values(), ids=CLASSES)
def test_classes_that_a_type_reaches(declared, classes):
    assert set(classes_in(declared)) == classes


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type X = ...` is syntax of Python 3.12")
def test_a_named_type_reaches_what_it_stands_for():
    rows = typing.TypeAliasType("rows", list[Point])
    assert set(classes_in(rows)) == set(classes_in(list[rows])) == {Point}
    assert is_storable(rows, FOREIGN)
    assert not is_storable(typing.TypeAliasType("strangers", list[Stranger]), FOREIGN)


def test_two_classes_of_one_name_are_told_apart():
    def make(module):
        made = dataclasses.make_dataclass("Twin", [("x", int)])
        made.__module__ = module
        return made

    one, two = make("bakery.one"), make("bakery.two")
    codec = Codec(list[one | two], FOREIGN)
    again = codec.decode(codec.encode([one(1), two(1)]))
    assert [type(value) for value in again] == [one, two]


STORABLE = [
    int, None, list[Point], dict[str, Frozen], tuple[int, ...], Sequence[Point], np.ndarray, Model, Colour, Pair, dt.datetime,
    decimal.Decimal, pathlib.Path, int | None, Any, object, list, OrderedDict,
]  # fmt: skip
NOT_STORABLE = [
    Stranger, list[Stranger], dict[str, Stranger], Stranger | None, range, list[range], deque,
    Callable[[int], str], type[int],
]  # fmt: skip


@pytest.mark.parametrize("declared", STORABLE, ids=str)
def test_a_type_is_storable_if_its_values_are(declared):
    assert is_storable(declared, FOREIGN)


@pytest.mark.parametrize("declared", NOT_STORABLE, ids=str)
def test_a_type_is_not_storable_if_its_values_are_not(declared):
    assert not is_storable(declared, FOREIGN)
