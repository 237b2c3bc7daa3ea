"""What digests of values tell apart, what they take for equal, and what they refuse."""

import copy
import datetime as dt
import decimal
import enum
import fractions
import io
import itertools
import math
import pathlib
import re
import struct
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from types import MappingProxyType, SimpleNamespace

import pytest

from weftline.digest import DIGEST_BYTES, canonical, of, of_items, of_parts
from weftline.errors import UndigestableError

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


class Colour(enum.Enum):
    RED = "red"
    ROUGE = "red"  # noqa: PIE796 - an alias
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Right(enum.Flag):
    READ = 1
    WRITE = 2


#: Each differs from every other: neighbours are those that are easily confused.
DIFFERENT = [
    None, False, True, 0, 1, -1, 16, 2**64, -(2**64), 10**400,
    0.0, -0.0, 1.0, 1e-320, math.inf, -math.inf, math.nan,
    0j, complex(0, -0.0), complex(-0.0, 0), 1 + 0j, complex(math.nan, 0),
    "", "1", "True", "None", "nan", "é", "e\u0301", "\ud800", "a\0b",
    b"", b"1", b"nan", bytearray(b""), bytearray(b"1"), memoryview(b"1"), memoryview(b"12"), memoryview(b"1234").cast("H"),
    [], [[]], [[], []], [[[]]], [1], [1, 2], [2, 1], ["ab"], ["a", "b"], ["a", ["b"]],
    (), ((),), (1,), (1, 2), (2, 1), ("ab",), ("a", "b"),
    {}, {1: 2}, {2: 1}, {"1": 2}, {True: 2}, {1.0: 2}, {1: 2, 2: 1}, {"a": {}}, {"a": []}, {"ab": 1}, {"a": "b1"},
    set(), frozenset(), {1}, frozenset({1}), {1, 2}, {"ab"}, {"a", "b"}, {frozenset()},
    OrderedDict(), OrderedDict(a=1), OrderedDict(a=1, b=2), OrderedDict(b=2, a=1),
    deque(), deque([1]), deque([1, 2]), deque([2, 1]),
    range(0), range(3), range(1, 3), range(0, 3, 2), slice(None), slice(3), slice(0, 3), slice(0, 3, 1), ...,
    dt.date(2026, 11, 20), dt.datetime(2026, 11, 20), dt.datetime(2026, 11, 20, 0, 0, 0, 1),
    dt.datetime(2026, 11, 20, tzinfo=dt.UTC), dt.datetime(2026, 11, 20, tzinfo=BERLIN),
    dt.datetime(2026, 11, 20, tzinfo=dt.timezone(dt.timedelta(hours=1))), dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    dt.time(1), dt.time(1, tzinfo=dt.UTC), dt.time(1, tzinfo=BERLIN), dt.timedelta(1), dt.timedelta(0, 1),
    dt.timedelta(0, 0, 1),
    dt.UTC, dt.timezone(dt.timedelta(hours=1)), dt.timezone(dt.timedelta(hours=1), "X"), BERLIN,
    zoneinfo.ZoneInfo("Europe/Paris"),
    decimal.Decimal(1), decimal.Decimal("1.0"), decimal.Decimal("-0"), decimal.Decimal("nan"),
    fractions.Fraction(1), fractions.Fraction(1, 2), uuid.UUID(int=1), uuid.UUID(int=2),
    re.compile("a"), re.compile("b"), re.compile("a", re.IGNORECASE), re.compile(b"a"),
    pathlib.PurePosixPath("a"), pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("/a"),
    Colour.RED, Colour.BLUE, Level.LOW, Right.READ, Right.WRITE, Right.READ | Right.WRITE, Right(0),
]  # fmt: skip


def test_values_of_the_table_all_differ():
    by_digest: dict[bytes, list[object]] = {}
    for value in DIFFERENT:
        by_digest.setdefault(of(value), []).append(value)
    assert [values for values in by_digest.values() if len(values) > 1] == []


def test_no_encoding_is_the_beginning_of_another():
    encodings = sorted(canonical(value) for value in DIFFERENT)
    assert [pair for pair in itertools.pairwise(encodings) if pair[1].startswith(pair[0])] == []


@pytest.mark.parametrize("value", DIFFERENT, ids=[f"{at} {type(value).__name__}" for at, value in enumerate(DIFFERENT)])
def test_a_copy_has_the_same_digest(value):
    again = value if isinstance(value, memoryview) else copy.deepcopy(value)
    assert of(again) == of(value)
    assert len(of(value)) == DIGEST_BYTES


EQUAL = {
    "mappings in another order": ({"a": 1, "b": {"x": 1, "y": 2}}, {"b": {"y": 2, "x": 1}, "a": 1}),
    "mappings with keys of several types": ({1: "a", "1": "b", None: "c", (1,): "d"}, {(1,): "d", None: "c", "1": "b", 1: "a"}),
    "sets in another order": ({3, "a", (1, 2)}, {(1, 2), "a", 3}),
    "sets that collide in their table": (set([0, 8, 16]), set([16, 8, 0])),  # noqa: C405 - as they come
    "every NaN": (math.nan, struct.unpack(">d", b"\xff\xf8\0\0\0\0\0\1")[0]),
    "NaN inside": ([math.nan], [-math.nan]),
    "an alias of an enum member": (Colour.RED, Colour.ROUGE),
    "paths with a slash too many": (pathlib.PurePosixPath("a//b/"), pathlib.PurePosixPath("a/b")),
    "a path and its abstract twin": (pathlib.PurePosixPath("a/b"), pathlib.Path("a/b")),
    "several keys that are NaN": ({(nan := math.nan): 1, (other := -nan): 2}, {other: 2, nan: 1}),
    "parts of one object and copies of it": ([[1]] * 2, [[1], [1]]),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_equal_values_have_one_digest(pair):
    assert of(pair[0]) == of(pair[1])


def test_no_number_is_taken_for_nan():
    assert of(struct.unpack(">d", b"nan-----")[0]) != of(math.nan)


def test_zones_of_one_name_and_different_offsets_differ():
    one, two = (dt.timezone(dt.timedelta(hours=hours), "X") for hours in (1, 2))
    assert of(one) != of(two)


def test_a_zone_differs_from_a_fixed_offset_that_has_its_name():
    named = dt.timezone(dt.timedelta(hours=1), "Europe/Berlin")
    one, two = (dt.datetime(2026, 11, 20, tzinfo=zone) for zone in (named, BERLIN))
    later = dt.timedelta(days=180)
    assert (one + later).utcoffset() != (two + later).utcoffset()
    assert of(one) != of(two)


def test_the_fold_of_a_time_counts_where_its_zone_needs_a_day():
    one, two = (dt.time(2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1))
    assert of(one) != of(two)
    assert of(dt.time(2, 30, tzinfo=dt.UTC, fold=1)) == of(dt.time(2, 30, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    "make", [lambda zone: zone, lambda zone: dt.datetime(2026, 11, 20, tzinfo=zone)], ids=["alone", "in a moment"]
)
def test_a_zone_from_a_file_without_a_key_is_refused(make):
    content = struct.pack(">4s16x6llbb4s", b"TZif", 0, 0, 0, 0, 1, 4, 0, 0, 0, b"UTC")  # one kind of time; see tzfile(5)
    with pytest.raises(UndigestableError, match="without a key"):
        of([make(zoneinfo.ZoneInfo.from_file(io.BytesIO(content)))])


class Summer(dt.tzinfo):
    def utcoffset(self, when):
        return dt.timedelta(hours=2)

    def dst(self, when):
        return dt.timedelta(hours=1)

    def tzname(self, when):
        return "summer"


def test_a_zone_of_unknown_class_never_counts_by_its_address():
    def digest(zone):
        try:
            return of(dt.datetime(2026, 7, 1, tzinfo=zone))
        except UndigestableError:
            return "refused"

    zones = [Summer(), Summer()]
    assert digest(zones[0]) == digest(zones[1])


# --- what has no digest -------------------------------------------------------------------------------------------


class Versioned(pathlib.PurePosixPath):
    pass


UNKNOWN = {
    "object": (object(), "builtins.object"),
    "generator": ((item for item in ()), "builtins.generator"),
    "function": (len, "builtins.builtin_function_or_method"),
    "class": (int, "builtins.type"),
    "enum class": (Colour, "enum.EnumType"),
    "list iterator": (iter([]), "builtins.list_iterator"),
    "keys": ({}.keys(), "builtins.dict_keys"),
    "subclass of int": (type("Number", (int,), {})(1), "Number"),
    "subclass of a path": (Versioned("a"), "Versioned"),
    "subclass of dict": (defaultdict(list), "collections.defaultdict"),
    "counter": (Counter("a"), "collections.Counter"),
    "proxy": (MappingProxyType({}), "builtins.mappingproxy"),
    "namespace": (SimpleNamespace(a=1), "types.SimpleNamespace"),
    "error": (ValueError("x"), "builtins.ValueError"),
}


@pytest.mark.parametrize(("value", "kind"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_type_is_refused_by_name(value, kind):
    with pytest.raises(UndigestableError) as caught:
        of(value)
    assert caught.value.path == "value"
    assert caught.value.kind.endswith(kind)
    assert caught.value.code == "K401"


PATHS = {
    "[2]": lambda bad: [1, 2, bad],
    "[0][1]": lambda bad: ((1, bad),),
    "['a'][0]['b']": lambda bad: {"a": [{"b": bad}], "z": 1},
    "[(1, 2)]": lambda bad: {(1, 2): bad},
    "{...}": lambda bad: {1, bad},
    "[0]{...}[1]": lambda bad: [frozenset({(1, bad)})],
    "['a'].keys()": lambda bad: {"a": {bad: 1}},
    "[1][0]": lambda bad: deque([1, [bad]]),
}


@pytest.mark.parametrize(("path", "make"), PATHS.items(), ids=PATHS)
def test_the_error_has_the_path_to_the_part(path, make):
    with pytest.raises(UndigestableError) as caught:
        of(make(object()), path="parameter 'rows'")
    assert caught.value.path == "parameter 'rows'" + path
    assert str(caught.value).startswith(f"[K401] no stable digest for parameter 'rows'{path}: a value of type builtins.object")


def test_a_value_that_contains_itself_is_refused():
    items: list[object] = [1]
    items.append({"again": items})
    with pytest.raises(UndigestableError, match="contains itself or is nested too deeply"):
        of(items)


def test_a_value_nested_too_deeply_is_refused():
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(UndigestableError, match="nested too deeply"):
        of(nested)


# --- digests of digests -------------------------------------------------------------------------------------------


def test_parts_do_not_run_together():
    lists = [(), (b"",), (b"", b""), (b"ab",), (b"a", b"b"), (b"1:a",), (b"a", b""), (b"", b"a"), (b"b", b"a")]
    assert len({of_parts(*parts) for parts in lists}) == len(lists)


def test_items_count_in_their_order():
    one, two = of(1), of(2)
    assert of_items([one, two]) != of_items([two, one])
    assert of_items([one]) != of_items([one, one])
    assert len({of_items([one, two]), of([1, 2]), of_parts(one, two)}) == 3


# --- what others say of their own types ---------------------------------------------------------------------------


class Sized:
    def __init__(self, size):
        self.size = size
        self.cache = object()

    def __weftline_digest__(self):
        return {"size": self.size}


class Larger(Sized):
    pass


def test_a_class_may_say_what_it_is_worth():
    assert of(Sized(1)) == of(Sized(1))
    assert len({of(Sized(1)), of(Sized(2)), of(Larger(1)), of({"size": 1})}) == 4


def test_what_a_class_says_must_have_a_digest():
    with pytest.raises(UndigestableError) as caught:
        of([Sized(object())])
    assert caught.value.path == "value[0]['size']"


def test_a_foreign_type_is_digested_by_who_knows_it():
    known = {Sized: lambda value: b"%d" % value.size}
    assert of(Sized(1), known.get) != of(Sized(2), known.get)
    assert of([Sized(1)], known.get) != of([Sized(1)])
    assert of([b"1"], known.get) != of([Sized(1)], known.get)
