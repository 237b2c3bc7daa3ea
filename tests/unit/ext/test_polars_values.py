"""polars frames and series: digests by content, Arrow files and back, a frame of its own for each reader."""

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars", reason="polars is not installed: nothing is known of its values")

from polars.testing import assert_frame_equal, assert_series_equal  # noqa: E402

from weftline import Pipeline, node  # noqa: E402
from weftline.codec import Codec, Pieces, whole  # noqa: E402
from weftline.errors import UndigestableError, UnencodableError, WeftlineError  # noqa: E402
from weftline.ext.polars_values import VALUES  # noqa: E402
from weftline.ports.plugins import InstalledValues  # noqa: E402

FOREIGN = InstalledValues()
#: A series of each type, with nulls.
SERIES = {
    "int": pl.Series([1, None, 3]),
    "uint8": pl.Series([1, 2, None], dtype=pl.UInt8),
    "float": pl.Series([1.5, None, float("nan")]),
    "float32": pl.Series([-0.0, None, 1], dtype=pl.Float32),
    "text": pl.Series(["a", None, "long enough to lie apart"]),
    "bool": pl.Series([True, None, False]),
    "bytes": pl.Series([b"a", None, b"\0long enough to lie apart"]),
    "date": pl.Series([dt.date(2026, 1, 1), None, None]),
    "datetime": pl.Series([dt.datetime(2026, 1, 1), None, None]),
    "milliseconds": pl.Series([dt.datetime(2026, 1, 1), None, None]).cast(pl.Datetime("ms")),
    "zoned": pl.Series([dt.datetime(2026, 1, 1), None, None]).dt.replace_time_zone("Europe/Berlin"),
    "duration": pl.Series([dt.timedelta(1), None, None]),
    "time": pl.Series([dt.time(1, 2), None, None]),
    "categorical": pl.Series(["b", "a", None]).cast(pl.Categorical),
    "enum": pl.Series(["a", "b", None], dtype=pl.Enum(["b", "a", "z"])),
    "list": pl.Series([[1], None, [2, None]]),
    "list of texts": pl.Series([["a"], None, ["long enough to lie apart"]]),
    "array": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int64, 2)),
    "struct": pl.Series([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}]),
    "decimal": pl.Series([decimal.Decimal("1.50"), None, None], dtype=pl.Decimal(10, 2)),
    "null": pl.Series([None, None, None]),
    "empty": pl.Series([], dtype=pl.String),
}
FRAME = pl.DataFrame({name: series for name, series in SERIES.items() if len(series) == 3})
COME_BACK = {
    "frame": FRAME,
    "no rows": FRAME.clear(),
    "nothing": pl.DataFrame(),
    "names": pl.DataFrame({"": [1], "a b": [2], "weftline": [3]}),
    "slice": pl.concat([FRAME] * 3).slice(2, 4),
    "chunks": pl.concat([FRAME, FRAME], rechunk=False),
}


@pytest.mark.parametrize("frame", COME_BACK.values(), ids=COME_BACK)
def test_frames_come_back(frame):
    again = VALUES.decode(whole(VALUES.encode(frame)))
    assert type(again) is pl.DataFrame
    assert again.schema == frame.schema
    assert_frame_equal(again, frame, check_exact=True, categorical_as_str=True)  # as polars 1 compares no categories
    assert VALUES.digest(again) == VALUES.digest(frame)


@pytest.mark.parametrize("name", SERIES)
def test_series_come_back(name):
    series = SERIES[name].alias("own name")
    again = VALUES.decode(whole(VALUES.encode(series)))
    assert type(again) is pl.Series
    assert_series_equal(again, series, check_exact=True)
    assert VALUES.digest(again) == VALUES.digest(series)


@pytest.mark.parametrize("name", SERIES)
def test_where_a_chunk_ends_does_not_count(name):
    series = SERIES[name]
    if not len(series):
        return
    parts = pl.concat([series.slice(0, 1), series.slice(1)], rechunk=False)
    assert parts.n_chunks() == 2
    assert VALUES.digest(parts) == VALUES.digest(series)
    long = pl.concat([series, series, series])
    assert VALUES.digest(long.slice(3, 3)) == VALUES.digest(series)


def test_how_categories_are_counted_does_not_count():
    pl.Series(["z", "y", "b"]).cast(pl.Categorical)  # where polars counts them all together, these are counted first
    one = pl.Series(["a", "b"]).cast(pl.Categorical)
    other = pl.Series(["b", "a", "b"]).cast(pl.Categorical)[1:]
    assert VALUES.digest(one) == VALUES.digest(other)


def test_all_of_these_differ():
    frame = pl.DataFrame({"a": [1, 2]})
    values = [
        *SERIES.values(), frame, frame["a"], frame["a"].alias("b"), frame.rename({"a": "b"}), frame.reverse(),
        frame.with_columns(b=1), frame.select(b=1, a=pl.col("a")), frame.cast(pl.Int32), frame.cast(pl.Float64),
        frame.cast(pl.String), frame.head(1), frame.clear(), pl.DataFrame(), pl.DataFrame({"a": [1, None]}),
        pl.DataFrame({"a": [None, 2]}), pl.DataFrame({"a": [0.0]}), pl.DataFrame({"a": [-0.0]}),
        pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), pl.Series(["a", "b"], dtype=pl.Enum(["b", "a"])),
        pl.Series(["a", "b"], dtype=pl.Categorical), pl.Series(["a", "b"]), pl.Series(["ab", ""]), pl.Series([["a", "b"]]),
        pl.Series([["a"], ["b"]]), pl.Series([1, 2], dtype=pl.Datetime("us")),
        pl.Series([1, 2], dtype=pl.Datetime("us", "UTC")),
    ]  # fmt: skip
    digests = [VALUES.digest(value) for value in values]
    assert [values[at] for at, found in enumerate(digests) if found in digests[:at]] == []


def test_python_objects_are_refused_with_the_column():
    frame = pl.DataFrame({"good": [1], "bad": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(UnencodableError, match="column 'bad'"):
        VALUES.encode(frame)
    with pytest.raises(UndigestableError, match="column 'bad'"):
        VALUES.digest(frame)


def test_a_lazy_frame_is_refused_with_advice(tmp_path):
    @node(provides="frame")
    def load() -> pl.LazyFrame:
        raise AssertionError("it must not run")

    with pytest.raises(WeftlineError, match=r"\.collect\(\)"):
        Pipeline([load]).run(home=tmp_path)
    with pytest.raises(UnencodableError, match=r"\.collect\(\)"):
        Codec(Any, FOREIGN).encode([pl.LazyFrame({"a": [1]})])


def test_a_large_frame_is_stored_from_its_memory_and_restored_in_that_of_the_file():
    numbers = pl.Series("a", np.arange(300_000.0))
    frame = pl.DataFrame([numbers, pl.Series("b", ["long enough to lie apart"] * 300_000)])
    pieces = VALUES.encode(frame)
    assert isinstance(pieces, Pieces)
    own = frame["a"].to_numpy()
    assert any(np.shares_memory(np.frombuffer(part, "u1"), own) for part in pieces.parts)
    assert pieces.identity() == VALUES.digest(frame)
    content = whole(pieces)
    again = VALUES.decode(memoryview(content))
    assert np.shares_memory(again["a"].to_numpy(), np.frombuffer(content, "u1"))
    assert_frame_equal(again, frame)


def test_of_a_slice_only_the_slice_is_stored():
    frame = pl.DataFrame({"a": ["long enough to lie apart"] * 40_000})
    assert len(VALUES.encode(frame.slice(2, 2))) < 3000
    assert len(VALUES.encode(frame.filter(pl.int_range(pl.len()) < 2))) < 3000


CHANGES = {
    "value": lambda frame: frame.__setitem__((0, "a"), 9),
    "column": lambda frame: frame.insert_column(0, pl.Series("new", [0, 0])),
    "dropped": lambda frame: frame.drop_in_place("a"),
    "rows": lambda frame: frame.extend(frame),
    "names": lambda frame: setattr(frame, "columns", ["z"]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("restored", [False, True], ids=["in memory", "restored"])
def test_what_one_reader_does_no_other_sees(change, restored, tmp_path):
    @node(provides="frame")
    def load() -> pl.DataFrame:
        return pl.DataFrame({"a": [1, 2]})

    @node(provides="changed", priority=1)
    def one(frame: pl.DataFrame) -> int:
        change(frame)
        return 1

    @node(provides="seen")
    def other(frame: pl.DataFrame) -> list[dict[str, int]]:
        return frame.to_dicts()

    if restored:
        Pipeline([load]).run(home=tmp_path)
    result = Pipeline([load, one, other]).run(home=tmp_path, backend="inline")
    assert result.steps["load"].cached is restored
    assert result["seen"] == [{"a": 1}, {"a": 2}]
    assert result["frame"].to_dicts() == [{"a": 1}, {"a": 2}]


def test_damage_is_a_value_error():
    content = VALUES.encode(FRAME)
    for damaged in (b"", b"x" * 100, content[:-1], content[:500]):
        with pytest.raises(ValueError):
            VALUES.decode(damaged)


GOLDEN = {
    "int": "93b5cd2a9f4d2200",
    "text": "88064efeb01e5312",
    "zoned": "c7a0361e271e5328",
    "enum": "8c54551a7a2ffadd",
    "list of texts": "1b20dcb124009f74",
    "struct": "d24caaadc874273f",
    "array": "3f0de208ed288dc0",
    "decimal": "8f8117b6ad897a17",
    "bool": "166a94bdfefc89c5",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_digests_do_not_move_between_versions(name):
    assert VALUES.digest(SERIES[name]).hex()[:16] == GOLDEN[name]
