"""Frames of several libraries come back as they are, and have equal digests exactly where they are equal."""

import datetime as dt
import math
import struct

import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weftline.codec import whole
from weftline.errors import UndigestableError
from weftline.ext.arrow_values import VALUES as ARROW
from weftline.ext.pandas_values import VALUES as PANDAS
from weftline.ext.polars_values import VALUES as POLARS

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

#: Arrow types with values of theirs; few of each, so that equal and nearly equal ones come up often.
SMALL = st.sampled_from([0, 1, 2])
TEXT = st.sampled_from(["", "a", "b", "ab", "a text that is too long to lie inside"])
LEAVES = [
    (pa.int64(), SMALL), (pa.int8(), SMALL), (pa.float64(), st.sampled_from([0.0, -0.0, 1.0, math.nan])),
    (pa.bool_(), st.booleans()), (pa.string(), TEXT), (pa.large_string(), TEXT), (pa.string_view(), TEXT),
    (pa.binary(), st.sampled_from([b"", b"a", b"\0"])), (pa.binary(2), st.sampled_from([b"aa", b"\0\0"])),
    (pa.timestamp("us"), st.sampled_from([dt.datetime(1970, 1, 1), dt.datetime(2026, 1, 1)])), (pa.null(), st.none()),
]  # fmt: skip


@st.composite
def kinds(draw, depth=2):
    """An Arrow type and a strategy of its values."""
    form = draw(st.sampled_from(["leaf"] * 3 + ["list", "large", "fixed", "struct", "map"] if depth else ["leaf"]))
    if form == "leaf":
        kind, values = draw(st.sampled_from(LEAVES))
    else:
        inner, inner_values = draw(kinds(depth=depth - 1))
        if form == "struct":
            kind = pa.struct([("x", inner), ("y", pa.int8())])
            values = st.fixed_dictionaries({"x": inner_values, "y": SMALL | st.none()})
        elif form == "map":
            kind, values = pa.map_(pa.string(), inner), st.lists(st.tuples(TEXT, inner_values), max_size=2)
        elif form == "fixed":
            kind, values = pa.list_(inner, 2), st.lists(inner_values, min_size=2, max_size=2)
        else:
            kind = pa.list_(inner) if form == "list" else pa.large_list(inner)
            values = st.lists(inner_values, max_size=2)
    return kind, values | st.none()


def form(value):
    """What an item is, by an independent rule."""
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    if isinstance(value, (list, tuple)):
        return "list", tuple(map(form, value))
    if isinstance(value, dict):
        return "dict", tuple((key, form(item)) for key, item in value.items())
    return type(value).__name__, value


@QUICK
@given(st.data(), kinds())
def test_arrow_columns_are_told_apart_by_their_content_alone(data, kind_and_values):
    kind, values = kind_and_values
    lists = st.lists(values, max_size=6)
    one, other = data.draw(lists), data.draw(lists)
    first, second = pa.array(one, kind), pa.array(other, kind)
    assert (ARROW.digest(first) == ARROW.digest(second)) == (form(first.to_pylist()) == form(second.to_pylist()))
    cut = data.draw(st.integers(0, len(one)))
    around = pa.concat_arrays([second, first, second]).slice(len(other), len(one))
    assert ARROW.digest(around) == ARROW.digest(first)
    chunks = pa.chunked_array([first.slice(0, cut), first.slice(cut)], kind)
    assert ARROW.digest(chunks) == ARROW.digest(pa.chunked_array([first], kind))
    for value in (first, around, chunks):
        again = ARROW.decode(whole(ARROW.encode(value)))
        assert again.type == kind
        assert form(again.to_pylist()) == form(value.to_pylist())
        assert ARROW.digest(again) == ARROW.digest(value)


LABELS = st.one_of(SMALL, TEXT, st.sampled_from([1.0, None, ("a", 1), dt.date(2026, 1, 1)]))
COLUMNS = st.sampled_from([
    ("int64", SMALL), ("float64", st.sampled_from([0.0, -0.0, math.nan])), ("bool", st.booleans()),
    ("object", TEXT | st.none()), ("object", st.sampled_from([None, math.nan, 1, 1.0, True, "a", b"a", dt.date(2026, 1, 1)])),
    ("Int64", SMALL | st.none()), ("string[python]", TEXT | st.none()), ("string[pyarrow]", TEXT | st.none()),
    ("M8[ns]", st.sampled_from([None, 0, 1])), ("category", TEXT | st.none()), ("m8[s]", st.sampled_from([None, 0, 1])),
    ("datetime64[ns, UTC]", st.sampled_from([None, 0, 1])), ("c16", st.sampled_from([0j, 1j])),
])  # fmt: skip
INDEXES = st.sampled_from(["range", "object", "levels", "dates"])


@st.composite
def frames(draw):
    rows = draw(st.integers(0, 3))
    many = st.lists(COLUMNS, max_size=3)
    columns = [pd.Series(draw(st.lists(values, min_size=rows, max_size=rows)), dtype=kind) for kind, values in draw(many)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(rows))
    frame.columns = pd.Index(
        draw(st.lists(LABELS, min_size=len(columns), max_size=len(columns))), dtype=object, tupleize_cols=False
    )
    kind = draw(INDEXES)
    name = draw(LABELS)
    if kind == "object":
        frame.index = pd.Index(draw(st.lists(TEXT | SMALL, min_size=rows, max_size=rows)), dtype=object, name=name)
    elif kind == "levels":
        texts, numbers = (draw(st.lists(part, min_size=rows, max_size=rows)) for part in (TEXT, SMALL))
        frame.index = pd.MultiIndex.from_arrays([texts, numbers], names=[name, None])
    elif kind == "dates":
        frame.index = pd.date_range("2026-01-01", periods=rows, freq=draw(st.sampled_from(["D", "MS"])), name=name)
    return frame


def names_a_tuple(frame):
    return any(isinstance(label, tuple) for label in frame.columns)


@QUICK
@given(frames())
def test_pandas_frames_come_back_and_a_copy_has_the_same_digest(frame):
    if names_a_tuple(frame):  # a label that is a tuple is refused, as is any object that is no scalar
        return
    again = PANDAS.decode(whole(PANDAS.encode(frame)))
    pd.testing.assert_frame_equal(again, frame, check_exact=True, check_freq=True, check_column_type=True)
    assert PANDAS.digest(again) == PANDAS.digest(frame) == PANDAS.digest(frame.copy())


@QUICK
@given(frames(), st.data())
def test_a_pandas_frame_in_which_something_changes_has_another_digest(frame, data):
    if names_a_tuple(frame) or frame.empty:
        return
    before = PANDAS.digest(frame)
    column = data.draw(st.integers(0, frame.shape[1] - 1))
    assert PANDAS.digest(frame.iloc[:-1]) != before
    assert PANDAS.digest(frame.iloc[:, [at for at in range(frame.shape[1]) if at != column]]) != before
    assert PANDAS.digest(pd.concat([frame, frame.iloc[:, column]], axis=1)) != before
    assert PANDAS.digest(frame.rename_axis(columns="another")) != before
    row = data.draw(st.integers(0, len(frame) - 1))
    changed = frame.astype(object)
    changed.iloc[row, column] = "something else"
    assert PANDAS.digest(changed) != PANDAS.digest(frame.astype(object))


def can_be_digested(series):
    """Of some nested types polars 1 makes no copies; these are refused."""
    try:
        POLARS.digest(series)
    except UndigestableError:
        return not pl.__version__.startswith("1.")
    return True


@QUICK
@given(st.data(), kinds())
def test_polars_series_are_told_apart_by_their_content_alone(data, kind_and_values):
    kind, values = kind_and_values
    lists = st.lists(values, max_size=6)
    try:
        first, second = (pl.from_arrow(pa.table({"a": pa.array(data.draw(lists), kind)}))["a"] for _ in range(2))
    except (pl.exceptions.PolarsError, pa.ArrowException):  # not every type of Arrow's
        return
    if "map" in str(kind) or not (can_be_digested(first) and can_be_digested(second)):  # a map's equal keys are told once
        return
    assert (POLARS.digest(first) == POLARS.digest(second)) == (form(first.to_list()) == form(second.to_list()))
    around = pl.concat([second, first, second]).slice(len(second), len(first))
    assert POLARS.digest(around) == POLARS.digest(first)
    for value in (first, around, first.to_frame()):
        again = POLARS.decode(whole(POLARS.encode(value)))
        assert type(again) is type(value)
        assert POLARS.digest(again) == POLARS.digest(value)
    assert form(POLARS.decode(whole(POLARS.encode(around))).to_list()) == form(first.to_list())
