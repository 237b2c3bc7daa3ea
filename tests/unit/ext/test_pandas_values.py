"""pandas values: digests by content, exact round trips through Arrow files, a frame of its own for each reader."""

import datetime as dt
import decimal
import math
import uuid
import warnings
import zoneinfo
from typing import Any

import numpy as np
import pytest

pd = pytest.importorskip("pandas", reason="pandas is not installed: nothing is known of its values")
import pyarrow as pa  # noqa: E402 - which the extra brings

from weftline import Pipeline, node  # noqa: E402
from weftline.codec import Codec, Encoded, Pieces, whole  # noqa: E402
from weftline.errors import UndigestableError, UnencodableError, WeftlineError  # noqa: E402
from weftline.ext.pandas_values import VALUES  # noqa: E402
from weftline.ports.plugins import InstalledValues  # noqa: E402

FOREIGN = InstalledValues()
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
IS_PANDAS_2 = pd.__version__.startswith("2.")
DAYS = pd.DatetimeIndex(["2026-01-01", "2026-01-02", None], dtype="M8[ns]")
#: A column of each type.
COLUMNS = {
    "int64": [1, 2, 3],
    "int8": np.array([1, -2, 3], "i1"),
    "uint64": np.array([1, 2, 2**64 - 1], "u8"),
    "float64": [1.5, math.nan, -0.0],
    "float32": np.array([1.5, math.nan, -math.inf], "f4"),
    "float16": np.array([1.5, math.nan, -0.0], "f2"),
    "complex": np.array([1j, complex(0, math.nan), 2]),
    "complex of floats": np.array([1j, 2, 3], "c8"),
    "bool": [True, False, True],
    "other byte order": np.array([1, 2, 3], ">f8"),
    "other byte order of dates": np.array([1, 2, 3], ">M8[ns]"),
    "datetime": DAYS,
    "seconds": DAYS.astype("M8[s]"),
    "zoned": DAYS.tz_localize(BERLIN),
    "zoned utc": DAYS.tz_localize(dt.UTC),
    "zoned by offset": DAYS.tz_localize(dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
    "zoned milliseconds": DAYS.as_unit("ms").tz_localize(BERLIN),
    "timedelta": pd.TimedeltaIndex(["1s", None, "2D"]),
    "period": pd.PeriodIndex(["2026-01", None, "2026-03"], freq="M"),
    "interval": pd.arrays.IntervalArray.from_tuples([(0.0, 1.0), None, (1.0, 2.0)], closed="left"),
    "interval of dates": pd.IntervalIndex.from_breaks(pd.date_range("2026-01-01", periods=4, unit="ns")),
    "categorical": pd.Categorical(["b", None, "a"], categories=["b", "a", "unused"], ordered=True),
    "categorical of numbers": pd.Categorical([3, 1, None]),
    "categorical of dates": pd.Categorical(DAYS),
    "categorical of intervals": pd.cut([1.0, 2.0, 3.0], 2),
    "categorical of nothing": pd.Categorical([None, None, None]),
    "Int64": pd.array([1, None, 2**62 + 1], "Int64"),
    "UInt8": pd.array([1, None, 255], "UInt8"),
    "Float64": pd.array([1.5, None, -0.0], "Float64"),
    "Float32 with NaN": pd.arrays.FloatingArray(np.array([1, math.nan, 2], "f4"), np.array([False, False, True])),
    "boolean": pd.array([True, None, False], "boolean"),
    "string": pd.array(["a", None, ""], "string[python]"),
    "string of Arrow": pd.array(["a", None, ""], "string[pyarrow]"),
    "arrow list": pd.array([[1], None, [2, 3]], pd.ArrowDtype(pa.list_(pa.int64()))),
    "arrow decimal": pd.array([decimal.Decimal("1.50"), None, None], pd.ArrowDtype(pa.decimal128(10, 2))),
    "arrow text": pd.array(["a", None, ""], pd.ArrowDtype(pa.string())),
    "arrow dictionary": pd.array(["a", None, "b"], pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
    "texts": np.array(["a", "", "ü"], object),
    "texts and None": np.array(["a", None, "b"], object),
    "texts and nan": np.array(["a", math.nan, "b"], object),
    "texts and NA": np.array(["a", pd.NA, "b"], object),
    "texts and both": np.array([None, math.nan, "b"], object),
    "texts with surrogates": np.array(["\ud800", "a", None], object),
    "bytes": np.array([b"a", None, b"\0"], object),
    "nothing": np.array([None, None, None], object),
    "bools and None": np.array([True, None, False], object),
    "decimals": np.array([decimal.Decimal("1.50"), decimal.Decimal("NaN"), decimal.Decimal("-0")], object),
    "dates": np.array([dt.date(2026, 1, 1), None, dt.date(1, 1, 1)], object),
    "numbers": np.array([1, 1.0, 10**30], object),
    "floats": np.array([1.5, math.inf, math.nan], object),
    "times": np.array([dt.datetime(2026, 1, 1, tzinfo=BERLIN), dt.time(1), dt.timedelta(1)], object),
    "stamps": np.array([pd.Timestamp("2026", tz=BERLIN), pd.Timedelta("1ns"), pd.NaT], object),
    "all sorts": np.array(["a", b"a", uuid.UUID(int=1)], object),
}  # fmt: skip


def series(name, values, **more):
    dtype = object if isinstance(values, np.ndarray) and values.dtype == object else None
    return pd.Series(values, name=name, dtype=dtype, copy=False, **more)


#: Without those whose bytes pandas turns round when it copies a frame.
FRAME = pd.concat([series(name, values) for name, values in COLUMNS.items() if "byte order" not in name], axis=1)
SMALL = pd.DataFrame({"a": [1, 2, 3], "b": np.array(["x", None, "y"], object)})


def again(value):
    return VALUES.decode(whole(VALUES.encode(value)))


def same_objects(one, other):
    return [(type(x), "nan" if x != x else x) if x is not pd.NA else "NA" for x in one] == [
        (type(x), "nan" if x != x else x) if x is not pd.NA else "NA" for x in other
    ]


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_come_back(name):
    value = series(name, COLUMNS[name])
    found = again(value)
    pd.testing.assert_series_equal(found, value, check_exact=True, check_freq=True)
    assert found.dtype == value.dtype
    assert type(found.array) is type(value.array)
    if isinstance(value.dtype, pd.DatetimeTZDtype):
        assert type(found.dt.tz) is type(value.dt.tz)
    if value.dtype == object:
        assert same_objects(found, value)
    assert VALUES.digest(found) == VALUES.digest(value)
    one, other = value.iloc[1:], found.iloc[1:].copy()
    assert VALUES.digest(one) == VALUES.digest(other), "what lies outside a slice does not count"
    if not isinstance(value.dtype, (np.dtype, pd.CategoricalDtype)):
        assert VALUES.digest(value.array) == VALUES.digest(again(value.array))


def test_all_columns_differ():
    digests = [VALUES.digest(series("x", values)) for values in COLUMNS.values()]
    names = list(COLUMNS)
    assert [names[at] for at, found in enumerate(digests) if found in digests[:at]] == []


INDEXES = {
    "range": pd.RangeIndex(3),
    "range with a name": pd.RangeIndex(2, 8, 2, name="n"),
    "range backwards": pd.RangeIndex(2, -1, -1),
    "ints": pd.Index([1, 2, 3], dtype="int64"),
    "small ints": pd.Index([1, 2, 3], dtype="int8"),
    "floats": pd.Index([1.5, math.nan, -0.0]),
    "bools": pd.Index([True, False, True]),
    "texts": pd.Index(["a", "b", "a"], dtype=object),
    "strings": pd.Index(["a", "b", None], dtype="string[pyarrow]"),
    "mixed": pd.Index([1, "a", None], dtype=object),
    "dates": pd.DatetimeIndex(["2026-01-01", "2026-01-05", None]),
    "dates with a frequency": pd.date_range("2026-01-01", periods=3, freq="MS"),
    "dates of business": pd.date_range("2026-01-01", periods=3, freq="2B", tz=BERLIN),
    "durations": pd.timedelta_range("1h", periods=3, freq="30min"),
    "periods": pd.period_range("2026-01", periods=3, freq="Q-NOV"),
    "intervals": pd.interval_range(0, 3),
    "categories": pd.CategoricalIndex(["a", "b", None], categories=["b", "a"], ordered=True),
    "two levels": pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["letter", None])[:3],
    "levels with holes": pd.MultiIndex.from_arrays([["x", None, "y"], pd.to_datetime(["2026", "2026", None]), [0.5, 0.5, 1]]),
    "level of a range": pd.MultiIndex([pd.RangeIndex(3), pd.Index(["u", "v"])], [[0, 1, 2], [1, 1, 0]]),
    "level with a frequency": pd.MultiIndex.from_product([pd.date_range("2026", periods=3), ["a"]]),
    "levels of categories": pd.MultiIndex.from_arrays(
        [pd.Categorical(["b", "a", "b"], ["b", "a", "unused"], ordered=True), ["x", None, "x"], pd.Categorical([1, None, 2])]
    ),
    "unused level": pd.MultiIndex([["x", "y", "unused"]], [[0, 1, 0]]),
    "name that is a number": pd.Index([1, 2, 3], name=7),
    "name that is a tuple": pd.Index([1, 2, 3], name=("a", 1)),
    "name that is a time": pd.Index([1, 2, 3], name=pd.Timestamp("2026", tz="UTC")),
    "name that is nan": pd.Index([1, 2, 3], name=math.nan),
    "empty": pd.Index([], dtype="float64"),
    "empty range": pd.RangeIndex(0),
    "empty levels": pd.MultiIndex.from_arrays([[], []]),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_indexes_come_back_alone_on_rows_and_on_columns(index):
    found = again(index)
    pd.testing.assert_index_equal(found, index, exact=True, check_exact=True, check_names=index.name == index.name)
    assert type(found) is type(index)
    assert getattr(found, "freq", None) == getattr(index, "freq", None)
    frame = pd.DataFrame(np.ones((len(index), len(index))), index, index)
    if any(name != name for name in index.names):
        assert math.isnan(found.name)
        return
    pd.testing.assert_frame_equal(again(frame), frame, check_exact=True, check_freq=True, check_column_type=True)
    assert VALUES.digest(again(frame)) == VALUES.digest(frame)
    assert type(again(frame).columns) is type(index)
    if isinstance(index, pd.MultiIndex):
        assert all(type(one) is type(other) for one, other in zip(found.levels, index.levels, strict=True))
        assert [getattr(level, "freq", None) for level in found.levels] == [getattr(one, "freq", None) for one in index.levels]


def test_all_indexes_differ():
    digests = [VALUES.digest(index) for index in INDEXES.values()]
    names = list(INDEXES)
    assert [names[at] for at, found in enumerate(digests) if found in digests[:at]] == []


def with_attrs(frame):
    frame.attrs = {"unit": "s", "nested": {"a": (1, np.arange(2))}}
    return frame


FRAMES = {
    "of all columns": FRAME,
    "small": SMALL,
    "no rows": FRAME.iloc[:0],
    "no columns": pd.DataFrame(index=pd.RangeIndex(3)),
    "nothing": pd.DataFrame(),
    "equal names": pd.DataFrame([[1, 2.0, "x"]], columns=["a", "a", "b"]),
    "numbers as names": pd.DataFrame([[1, 2]], columns=[0, 5]),
    "names of all sorts": pd.DataFrame([[1, 2, 3]], columns=pd.Index(["a", 1, None], dtype=object)),
    "rows of numbers": pd.DataFrame(np.arange(12.0).reshape(4, 3)),
    "every second row": pd.DataFrame(np.arange(12.0).reshape(4, 3)).iloc[::2],
    "mixed order": pd.DataFrame({"a": [1, 2], "b": [1.5, 2], "c": [3, 4], "d": [True, False], "e": [5, 6], "f": [2.5, 3]}),
    "hundreds of columns": pd.DataFrame(np.arange(1200).reshape(3, 400)),
    "no duplicates": SMALL.set_flags(allows_duplicate_labels=False),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_frames_come_back(frame):
    found = again(frame)
    pd.testing.assert_frame_equal(found, frame, check_exact=True, check_freq=True, check_flags=True)
    assert (found.dtypes == frame.dtypes).all()
    assert VALUES.digest(found) == VALUES.digest(frame) == VALUES.digest(frame.copy())


def test_attrs_come_back_and_count():
    frame = with_attrs(SMALL.copy())
    found = again(frame)
    assert found.attrs["nested"]["a"][0] == 1
    assert found.attrs["nested"]["a"][1].tolist() == [0, 1]
    assert VALUES.digest(found) == VALUES.digest(frame) != VALUES.digest(SMALL)
    frame.attrs = {"x": object()}
    with pytest.raises(UnencodableError, match="object"):
        VALUES.encode(frame)


SCALARS = [
    pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-01", tz="UTC"), pd.Timestamp("2026-01-01", tz=BERLIN),
    pd.Timestamp("2026-01-01T00:00:00.123456789"), pd.Timestamp("2026-01-01").as_unit("ms"),
    pd.Timestamp("2025-10-26T01:30", tz="UTC").tz_convert(BERLIN),
    pd.Timestamp("2025-10-26T00:30", tz="UTC").tz_convert(BERLIN),
    pd.Timestamp("2026-01-01", tz=dt.timezone(dt.timedelta(hours=1))),
    pd.Timedelta("1D"), pd.Timedelta(1, "ns"), pd.Timedelta("1D").as_unit("s"), pd.NaT, pd.NA, pd.Period("2026-01", "M"),
    pd.Period("2026", "Q-NOV"), pd.Interval(0, 1), pd.Interval(0, 1, "left"),
    pd.Interval(pd.Timestamp("2025"), pd.Timestamp("2026")),
]  # fmt: skip


@pytest.mark.parametrize("value", SCALARS, ids=repr)
def test_scalars_come_back(value):
    found = again(value)
    assert type(found) is type(value)
    assert found is value if value is pd.NA or value is pd.NaT else found == value
    for name in ("unit", "tz", "fold", "freq", "closed"):
        if hasattr(value, name):
            assert getattr(found, name) == getattr(value, name)
    assert VALUES.digest(found) == VALUES.digest(value)
    assert Codec(Any, FOREIGN).decode(Encoded("tree", whole(Codec(Any, FOREIGN).encode([value]).content)))[0] is not None


def test_all_of_these_differ():
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([0, 1]))
    values = [
        *SCALARS, frame, frame["a"], frame["a"].rename("b"), frame.rename(columns={"a": "b"}), frame.iloc[::-1], frame.head(1),
        frame.iloc[:0], frame.astype("int32"), frame.astype("Int64"), frame.astype("float64"), frame.astype(object), frame.T,
        frame.set_axis(pd.RangeIndex(2)), frame.set_axis([0.0, 1.0]), frame.rename_axis("x"), frame.rename_axis(columns="x"),
        frame.assign(b=1), frame.assign(b=1)[["b", "a"]], frame.index, frame["a"].array, pd.Categorical(["a", "b"]),
        pd.Categorical(["a", "b"], ["b", "a"]), pd.Categorical(["a", "b"], ordered=True), pd.Series([0.0]), pd.Series([-0.0]),
        pd.Series(["a"], dtype=object), pd.Series(["a"], dtype="string[python]"), pd.Series(["a"], dtype="string[pyarrow]"),
        pd.Series(["a"], dtype=pd.ArrowDtype(pa.string())), pd.Series([None], dtype=object),
        pd.Series([math.nan], dtype=object),
        pd.date_range("2026", periods=3), pd.date_range("2026", periods=3)._with_freq(None),
    ]  # fmt: skip
    digests = [VALUES.digest(value) for value in values]
    assert [values[at] for at, found in enumerate(digests) if found in digests[:at]] == []


def test_how_a_frame_was_made_does_not_count():
    rows = pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=list("abc"))
    columns = pd.DataFrame({"a": rows["a"].to_numpy().copy(), "b": rows["b"], "c": rows["c"]})
    grown = columns[["a"]].copy()
    grown["c"] = columns["c"]
    grown.insert(1, "b", columns["b"])
    cut = pd.concat([rows, rows]).iloc[4:].reset_index(drop=True)
    assert len({VALUES.digest(frame) for frame in (rows, columns, grown, cut)}) == 1
    masked = pd.arrays.IntegerArray(np.array([1, 99, 3]), np.array([False, True, False]))
    assert VALUES.digest(masked) == VALUES.digest(pd.array([1, None, 3], "Int64"))
    text = pd.concat([pd.Series(["x", "y"], dtype="string[pyarrow]")] * 2, ignore_index=True)
    assert VALUES.digest(text.iloc[2:].reset_index(drop=True)) == VALUES.digest(pd.Series(["x", "y"], dtype="string[pyarrow]"))


class Thing:
    pass


REFUSED = {
    "objects": (pd.DataFrame({"good": [1], "bad": [Thing()]}), r"column 'bad' is with a \S*Thing in row 0"),
    "lists": (pd.DataFrame({"bad": [[1]]}), "column 'bad' is with a builtins.list in row 0"),
    "numpy scalars": (pd.DataFrame({7: np.array([np.int64(1)], object)}), r"column 7 is with a numpy.int64 in row 0"),
    "sparse": (pd.DataFrame({"bad": pd.arrays.SparseArray([0, 0, 1])}), "column 'bad' is of the type Sparse"),
    "long doubles": (pd.DataFrame({"bad": np.zeros(1, "longdouble")}), "column 'bad' is of the type float128"),
    "surrogates": (pd.Series(["\ud800"], dtype="string[python]"), "content is of the type string"),
    "holidays": (
        pd.DataFrame(index=pd.date_range("2026", periods=2, freq=pd.offsets.CustomBusinessDay(holidays=["2026-01-01"]))),
        "index has the frequency",
    ),
    "zone": (pd.DataFrame({"t": DAYS.tz_localize(dt.timezone(dt.timedelta(hours=1), "own"))}), "column 't' is in a time zone"),
    "index": (pd.Series([1], pd.Index([Thing()])), "index is with a"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "said"), REFUSED.values(), ids=REFUSED)
def test_what_would_not_come_back_is_refused_with_its_column(value, said):
    with pytest.raises(UnencodableError, match=said) as caught:
        VALUES.encode(value)
    assert caught.value.hint
    with pytest.raises(UndigestableError, match=said):
        VALUES.digest(value)


class Measured(pd.DataFrame):
    pass


def test_a_subclass_is_refused_with_advice(tmp_path):
    @node(provides="frame")
    def load() -> Measured:
        raise AssertionError("it must not run")

    with pytest.raises(WeftlineError, match="hand on a plain one"):
        Pipeline([load]).run(home=tmp_path)


@pytest.mark.parametrize("rows", [True, False], ids=["by rows", "by columns"])
def test_a_large_frame_is_stored_from_its_memory_and_restored_in_that_of_the_file(rows):
    numbers = np.arange(600_000.0).reshape(-1, 3) if rows else np.arange(600_000.0).reshape(3, -1).T
    frame = pd.DataFrame(numbers, columns=list("abc"), copy=False).assign(n=np.arange(200_000), d=pd.Timestamp("2026"))
    frame["s"] = pd.array(["text"] * 200_000, "string[pyarrow]")
    frame["k"] = pd.Categorical(["a", "b"] * 100_000)
    pieces = VALUES.encode(frame)
    assert isinstance(pieces, Pieces)
    if not rows:
        assert any(np.shares_memory(np.frombuffer(part, "u1"), frame["a"].to_numpy()) for part in pieces.parts)
    assert pieces.identity() == VALUES.digest(frame)
    mapped = bytearray(whole(pieces))
    found = VALUES.decode(memoryview(mapped))
    pd.testing.assert_frame_equal(found, frame, check_exact=True)
    for name in "abcnd":
        assert np.shares_memory(found[name].to_numpy(), np.frombuffer(mapped, "u1")), name
    assert np.shares_memory(found["k"].array.codes, np.frombuffer(mapped, "u1"))
    if not IS_PANDAS_2:
        assert np.shares_memory(found[["a", "b", "c"]].to_numpy(), np.frombuffer(mapped, "u1")), "one block"


def test_a_restored_frame_of_many_columns_is_not_fragmented():
    found = again(pd.DataFrame(np.arange(60_000.0).reshape(100, 600)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found["new"] = 1


def test_bytes_that_others_read_too_are_not_written_to():
    content = whole(VALUES.encode(pd.DataFrame(np.zeros((200_000, 3)))))
    before = bytes(bytearray(content))
    for handed in (content, memoryview(content)):
        found = VALUES.decode(handed)
        found.loc[0, 1] = 7.0
        found.iloc[:, 0] = 7.0
        assert content == before


CHANGES = {
    "value": lambda frame: frame.__setitem__("a", 9),
    "cell": lambda frame: frame.iloc.__setitem__((0, 0), 9),
    "block": lambda frame: frame.loc.__setitem__((slice(None), "a"), 9),
    "new column": lambda frame: frame.__setitem__("new", 9),
    "dropped": lambda frame: frame.drop(columns="a", inplace=True),
    "sorted": lambda frame: frame.sort_values("a", ascending=False, inplace=True),
    "names": lambda frame: setattr(frame, "columns", ["z", "y"]),
    "name of the index": lambda frame: setattr(frame.index, "name", "z"),
    "attrs": lambda frame: frame.attrs.update(z=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("restored", [False, True], ids=["in memory", "restored"])
def test_what_one_reader_does_no_other_sees(change, restored, tmp_path):
    """And it may do it, whether the frame comes from the cache or from the node that made it."""
    before = pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5]})

    @node(provides="frame")
    def load() -> pd.DataFrame:
        return pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5]})

    @node(provides="changed", priority=1)
    def one(frame: pd.DataFrame) -> int:
        change(frame)
        return 1

    @node(provides="seen")
    def other(frame: pd.DataFrame) -> pd.DataFrame:
        return frame

    if restored:
        Pipeline([load]).run(home=tmp_path)
    result = Pipeline([load, one, other]).run(home=tmp_path, backend="inline", checked=False)
    assert result.steps["load"].cached is restored
    for key in ("seen", "frame"):
        pd.testing.assert_frame_equal(result[key], before, check_exact=True)
        assert result[key].attrs == {}
        assert result[key].index.name is None


def test_a_large_restored_frame_may_be_written_to_and_stays_as_it_is_in_the_store(tmp_path):
    @node(provides="frame")
    def load() -> pd.DataFrame:
        return pd.DataFrame(np.zeros((200_000, 2)), columns=["a", "b"])

    pipeline = Pipeline([load])
    pipeline.run(home=tmp_path)
    for _ in range(2):
        result = pipeline.run(home=tmp_path)
        assert result.steps["load"].cached
        frame = result["frame"]
        assert frame["a"].sum() == 0
        frame.loc[:, "a"] = 1.0
        assert frame["a"].sum() == 200_000


def test_damage_is_a_value_error():
    content = whole(VALUES.encode(SMALL))
    for damaged in (b"", b"x" * 100, content[:-1], content[:400], b"{", b"{[1]", b'{[{"timestamp": 1, "unit": "zip"}]'):
        with pytest.raises(ValueError):
            Codec(pd.DataFrame, FOREIGN).decode(Encoded("pandas-ipc", damaged))


def golden(name):
    if name == "frame":
        return pd.DataFrame(
            {"i": np.array([1, 2], "i8"), "f": [1.5, math.nan], "s": pd.Series(["x", None], dtype=object)},
            columns=pd.Index(["i", "f", "s"], dtype=object),
        )
    return series("x", COLUMNS[name])


GOLDEN = {
    "frame": "bea9d678069e98a8",
    "int64": "a5e95c93495a892b",
    "bool": "43a2c912dbb465e6",
    "complex": "6779ba922184c9ad",
    "datetime": "b9e90b33ef7f31bc",
    "zoned": "e4bc836187727a78",
    "period": "a7f583b2c9a55039",
    "interval": "ebf41a1ce353dabe",
    "categorical of numbers": "2ae1325d259fcc66",
    "Int64": "913c4f91870e36a6",
    "string of Arrow": "4f3402d032ecce5b",
    "arrow list": "40c5da2a959010a8",
    "texts and nan": "9002b724e20e3797",
    "dates": "9727c4a23a3e214b",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_digests_do_not_move_between_versions(name):
    assert VALUES.digest(golden(name)).hex()[:16] == GOLDEN[name]
