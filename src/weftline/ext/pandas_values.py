"""pandas frames, series, indexes, arrays and scalars: digested by content, stored as Arrow IPC files. Extra: `pandas`.

What Arrow has no word for stands beside the columns: kinds of indexes, names that are no texts, frequencies, `attrs`. What
would not come back as it is, is refused with the name of the column. Floats count by their bits, zones by their names.

A reader gets a frame of its own, which shares memory until it is written to; with pandas 2, whose frames write to shared
memory unless `pd.options.mode.copy_on_write` is set, it gets a copy.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from weftline.codec import Codec, Content, Encoded, Pieces, whole
from weftline.digest import canonical
from weftline.errors import UndigestableError, UnencodableError
from weftline.ext.arrow_digest import column_digest, type_form
from weftline.ext.arrow_file import APART_BYTES, in_memory, read, written
from weftline.ext.pandas_columns import Memory, stamp_form, stamp_of, unpacked
from weftline.ext.pandas_frames import frame_of
from weftline.ext.pandas_indexes import Columns, index_form, index_from
from weftline.ports.plugins import InstalledValues

#: The beginning of what a scalar is stored as.
_SCALAR = b"SCALAR\0"
_FOREIGN = InstalledValues()
_CODEC = Codec(Any, _FOREIGN)
_ARRAYS = (
    pd.Categorical, pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray, pd.arrays.PeriodArray, pd.arrays.IntervalArray,
    pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray, pd.arrays.StringArray,
    pd.arrays.ArrowStringArray, pd.arrays.ArrowExtensionArray,
)  # fmt: skip
_INDEXES = (
    pd.Index, pd.RangeIndex, pd.MultiIndex, pd.CategoricalIndex, pd.DatetimeIndex, pd.TimedeltaIndex, pd.PeriodIndex,
    pd.IntervalIndex,
)  # fmt: skip
_SCALARS = (pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval, type(pd.NaT), type(pd.NA))
_OWNED = frozenset({pd.DataFrame, pd.Series, *_ARRAYS, *_INDEXES, *_SCALARS})


class _Packed(NamedTuple):
    """A value as plain values and Arrow arrays of one length.

    Attributes:
        form: what the value is.
        columns: its arrays.
        labels: the columns of a frame, packed themselves.
    """

    form: dict[str, Any]
    columns: Columns
    labels: _Packed | None = None


class PandasValues:
    """What `ports.plugins.ForeignValues` asks for."""

    name = "pandas-ipc"

    def owns(self, kind: type) -> bool:
        """Frames, series, indexes, arrays and scalars; not their subclasses, which mean more."""
        return kind in _OWNED

    def digest(self, value: Any) -> bytes:
        """Over all that comes back, except from which library a time zone is."""
        try:
            return _identity(_pack(value))
        except UnencodableError as error:
            raise UndigestableError(path=error.path, kind=error.kind, hint=error.hint) from None

    def digest_from(self, value: Any, encoded: bytes) -> None:
        """Not told by the bytes: they differ from one version of pyarrow to the next."""
        del value, encoded

    def encode(self, value: Any) -> Content:
        """An Arrow IPC file in the memory of the columns; of a scalar, a text."""
        found = _pack(value)
        if isinstance(value, _SCALARS):
            return _SCALAR + _note(found.form)
        content = _written(found)
        if len(content) > APART_BYTES:
            content.identity = lambda: _identity(found)
        return in_memory(content)

    def decode(self, content: bytes | memoryview) -> Any:
        """The value again; its numbers are the reader's own, in the memory of a content that nobody else reads."""
        if content[: len(_SCALAR)] == _SCALAR:
            return _scalar_of(_noted(bytes(content[len(_SCALAR) :])))
        return _restored(Memory(content))

    def freeze(self, value: Any) -> Any:
        """A value of the reader's own."""
        if isinstance(value, _SCALARS):
            return value
        if isinstance(value, _INDEXES):
            return value.copy(deep=False)
        return value.copy(deep=not _copies_on_write()) if isinstance(value, (pd.DataFrame, pd.Series)) else value.copy()

    def advice(self, kind: type) -> str | None:
        """For subclasses, and for what is not yet data."""
        if issubclass(kind, (pd.DataFrame, pd.Series)):
            return f"a {kind.__name__} is more than its columns: hand on a plain one, such as pandas.DataFrame(it)"
        if "GroupBy" in kind.__name__:
            return "hand on the frame, and group it where it is used"
        if kind is getattr(pd.arrays, "SparseArray", None):
            return "hand on numpy.asarray(it)"
        return None


def _copies_on_write() -> bool:
    if int(pd.__version__.partition(".")[0]) >= 3:
        return True
    return bool(pd.options.mode.copy_on_write)


def _pack(value: Any) -> _Packed:
    columns = Columns(f"pandas.{type(value).__name__}")
    if isinstance(value, pd.DataFrame):
        return _pack_frame(value, columns)
    if isinstance(value, pd.Series):
        form = {"form": "Series", "values": columns.add(value.array, "content"), "name": value.name, **_extras(value)}
        return _Packed({**form, "index": index_form(value.index, columns)}, columns)
    if isinstance(value, _INDEXES):
        return _Packed({"form": "Index", "index": index_form(value, columns), "length": len(value)}, columns)
    if isinstance(value, _SCALARS):
        return _Packed(_scalar_form(value), columns)
    return _Packed({"form": "array", "values": columns.add(value, "content")}, columns)


def _pack_frame(frame: Any, columns: Columns) -> _Packed:
    labels = frame.columns.tolist()
    forms = [columns.add(frame.iloc[:, at].array, f"column {label!r}", str(label)) for at, label in enumerate(labels)]
    form = {"form": "DataFrame", "values": forms, "length": len(frame), **_extras(frame)}
    return _Packed({**form, "index": index_form(frame.index, columns)}, columns, _pack(frame.columns))


def _extras(value: Any) -> dict[str, Any]:
    """What a frame or a series carries along."""
    return {"attrs": dict(value.attrs), "duplicates": value.flags.allows_duplicate_labels}


def _identity(found: _Packed) -> bytes:
    columns = [(type_form(array.type), column_digest(array.type, [array])) for array in found.columns.arrays]
    labels = b"" if found.labels is None else _identity(found.labels)
    text = canonical((_without_origin(found.form), columns, labels), _FOREIGN.digester, path="")
    return hashlib.sha256(b"pandas/1\0" + text).digest()


def _without_origin(form: Any) -> Any:
    """A form without the libraries that time zones are from."""
    if isinstance(form, dict):
        return {key: _without_origin(part) for key, part in form.items() if not (key == "of" and "zone" in form)}
    return [_without_origin(part) for part in form] if isinstance(form, list) else form


def _written(found: _Packed) -> Pieces:
    order = sorted(range(len(found.columns.arrays)), key=found.columns.groups.__getitem__)  # numbers of one type side by side
    labels = None if found.labels is None else whole(_written(found.labels))
    note = _note([found.form, order, labels])
    arrays = [found.columns.arrays[at] for at in order]
    schema = pa.schema([pa.field(found.columns.names[at], array.type) for at, array in zip(order, arrays, strict=True)])
    try:
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        return written(schema, [batch], note)
    except pa.ArrowException as error:
        raise UnencodableError(path="", kind=f"pandas value for which Arrow's files have no place: {error}") from None


def _note(form: Any) -> bytes:
    codec, content = _CODEC.encode(form, path="what is beside the columns")
    assert not isinstance(content, memoryview), "which only a store gives"
    return codec.encode() + b"\0" + whole(content)


def _noted(note: bytes) -> Any:
    codec, _, content = note.partition(b"\0")
    return _CODEC.decode(Encoded(codec.decode(), content))


def _restored(memory: Memory) -> Any:
    _, batches, note = read(memory.content)
    form, order, labels = _noted(note)
    (batch,) = batches
    places = {at: place for place, at in enumerate(order)}
    arrays = [batch.column(places[at]) for at in range(len(order))]
    kind = form["form"]
    if kind == "array":
        return unpacked(form["values"], arrays[0], memory)
    if kind == "Index":
        return index_from(form["index"], arrays, memory)
    if kind == "Series":
        index = index_from(form["index"], arrays[1:], memory)
        values = unpacked(form["values"], arrays[0], memory)
        return _with_extras(pd.Series(values, index, dtype=values.dtype, name=form["name"], copy=False), form)
    if kind != "DataFrame":
        raise ValueError(f"no value of pandas is stored as {kind!r}")
    count = len(form["values"])
    index = index_from(form["index"], arrays[count:], memory)
    columns = [unpacked(part, array, memory) for part, array in zip(form["values"], arrays[:count], strict=True)]
    return _with_extras(frame_of(columns, index, _restored(Memory(labels))), form)


def _with_extras(value: Any, form: dict[str, Any]) -> Any:
    if form["attrs"]:
        value.attrs = form["attrs"]
    if not form["duplicates"]:
        value.flags.allows_duplicate_labels = False
    return value


def _scalar_form(value: Any) -> dict[str, Any]:
    if value is pd.NaT or value is pd.NA:
        return {"missing": str(value)}
    if isinstance(value, pd.Period):
        return {"period": value.ordinal, "freq": value.freqstr}
    if isinstance(value, pd.Interval):
        return {"interval": value.closed, "left": value.left, "right": value.right}
    return stamp_form(value)


def _scalar_of(form: dict[str, Any]) -> Any:
    if "missing" in form:
        return {"NaT": pd.NaT, "<NA>": pd.NA}[form["missing"]]
    if "period" in form:
        return pd.Period(ordinal=form["period"], freq=form["freq"])
    if "interval" in form:
        return pd.Interval(form["left"], form["right"], form["interval"])
    return stamp_of(form)


VALUES = PandasValues()
