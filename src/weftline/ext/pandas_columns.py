"""pandas arrays as Arrow arrays and back: each kind of column in the Arrow type nearest to it, with what that loses beside it.

Theory of operation. An array becomes a *form*, plain values that say what pandas calls it, and an Arrow array. Numbers stay
where they are in memory, in both directions. Where pandas marks a missing value by a number (NaT, the code -1), that number
stays under a null of Arrow's. Columns of Python objects are texts, bytes, or else one small record for each value.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from weftline.codec.plain import READERS, WRITERS, UnknownTypeError, full_name
from weftline.errors import UnencodableError
from weftline.ext.pandas_zones import zone_form, zone_of

Form = Any
_NAT = np.iinfo(np.int64).min
_UNITS = {"s", "ms", "us", "ns"}
_MISSING: dict[type, Any] = {type(None): None, float: math.nan, type(pd.NA): pd.NA, type(pd.NaT): pd.NaT}
_MISSING_NAMES = {kind.__name__: marker for kind, marker in _MISSING.items()}
_MASKED = (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray)
#: One record of a column of mixed objects: what it is, and its bytes.
_RECORD = pa.struct([pa.field("kind", pa.int8()), pa.field("content", pa.large_binary())])


class Memory:
    """A content whose numbers a reader may write to: nobody else reads it.

    Args:
        content: a private mapping of a file; of anything else a copy is made.
    """

    #: A smaller content inside another one may begin anywhere.
    _ALIGNED_FROM = 512

    def __init__(self, content: bytes | memoryview) -> None:
        is_own = isinstance(content, memoryview) and not content.readonly and len(content) >= self._ALIGNED_FROM
        self.content = memoryview(content if is_own else bytearray(content))
        self._all = np.frombuffer(self.content, np.uint8)

    def numbers(self, buffer: Any, dtype: Any, count: int, start: int = 0) -> Any:
        """An array of numbers where a buffer of Arrow's lies.

        Raises:
            ValueError: there are fewer.
        """
        dtype = np.dtype(dtype)
        if not count:
            return np.empty(0, dtype)
        if buffer is None or (start + count) * dtype.itemsize > buffer.size:
            raise ValueError(f"fewer numbers of type {dtype} than there are rows")
        at = buffer.address - self._all.ctypes.data + start * dtype.itemsize
        return self._all[at : at + count * dtype.itemsize].view(dtype)


def packed(values: Any) -> tuple[Form, Any]:
    """An array, or what of pandas' holds one, as form and Arrow array.

    Raises:
        UnencodableError: it would not come back as it is.
    """
    if type(values) is pd.arrays.NumpyExtensionArray or isinstance(values.dtype, np.dtype):
        array = np.asarray(values)
        return _objects(array) if array.dtype == object else _numbers(array)
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _categories(values)
    if isinstance(kind, pd.DatetimeTZDtype):
        zone = zone_form(kind.tz)
        instants = np.asarray(values.tz_convert(None))
        return {"zoned": kind.unit, **zone}, with_nulls(instants, pa.timestamp(kind.unit, _zone_name(zone)))
    if isinstance(kind, pd.PeriodDtype):
        return {"period": kind.name}, with_nulls(values.asi8, pa.int64())
    if isinstance(kind, pd.IntervalDtype):
        (left, one), (right, other) = packed(values.left.array), packed(values.right.array)
        array = pa.StructArray.from_arrays([one, other], ["left", "right"])
        return {"interval": kind.closed, "left": left, "right": right}, array
    if isinstance(values, _MASKED):
        return {"masked": kind.name}, pa.array(values)
    if isinstance(kind, pd.StringDtype):
        return _texts(values)
    if isinstance(kind, pd.ArrowDtype):
        chunks = values.__arrow_array__()
        return {"arrow": str(kind)}, _joined(chunks)
    raise _refused(f"of the type {kind}", "convert it to a type that is not sparse, or to one of Arrow's (ArrowDtype)")


def unpacked(form: Form, array: Any, memory: Memory) -> Any:
    """The array again, its numbers in the memory of the content.

    Raises:
        ValueError: the form and the array do not belong together.
    """
    for name, read in _READERS.items():
        if name in form:
            return read(form, array, memory)
    raise ValueError(f"no column of pandas is stored as {form!r}")


# --- numbers ---


def _numbers(array: Any) -> tuple[Form, Any]:
    dtype = array.dtype
    form = {"numpy": dtype.str}
    kind, size = dtype.kind, dtype.itemsize
    unit, count = np.datetime_data(dtype) if kind in "mM" else ("", 1)
    if kind not in "biufcmM" or (kind == "f" and size > 8) or (kind == "c" and size > 16):
        raise _refused(f"of the type {dtype}", "convert it to numbers of at most 64 bits")
    array = np.ascontiguousarray(array)
    if not dtype.isnative or count != 1 or (kind in "mM" and unit not in _UNITS):
        raw = pa.py_buffer(array.view(np.uint8))
        return form, pa.Array.from_buffers(pa.binary(size), len(array), [None, raw])
    if kind in "mM":
        return form, with_nulls(array, pa.timestamp(unit) if kind == "M" else pa.duration(unit))
    if kind == "c":
        parts = array.view(f"f{size // 2}")
        return form, pa.FixedSizeListArray.from_arrays(_plain(parts), 2)
    return form, _plain(array.view(np.uint8) if kind == "b" else array)


def _plain(array: Any) -> Any:
    return pa.Array.from_buffers(pa.from_numpy_dtype(array.dtype), len(array), [None, pa.py_buffer(array)])


def with_nulls(array: Any, kind: Any, marker: int = _NAT) -> Any:
    """Numbers of which one stands for a missing value: Arrow sees a null there, and the number stays under it."""
    array = np.ascontiguousarray(array)
    numbers = array.view(f"i{array.dtype.itemsize}")
    is_missing = numbers == marker
    bits = pa.py_buffer(np.packbits(~is_missing, bitorder="little")) if is_missing.any() else None
    return pa.Array.from_buffers(kind, len(numbers), [bits, pa.py_buffer(numbers)])


def _read_numbers(form: Form, array: Any, memory: Memory) -> Any:
    dtype = np.dtype(form["numpy"])
    if dtype.hasobject:
        raise ValueError(f"no numbers: {dtype}")
    return memory.numbers(array.buffers()[-1], dtype, len(array), array.offset)


def _read_zoned(form: Form, array: Any, memory: Memory) -> Any:
    del memory
    kind = pd.DatetimeTZDtype(form["zoned"], zone_of(form))
    return kind.__from_arrow__(array).copy()  # what pandas takes from Arrow cannot be written to


def _zone_name(zone: dict[str, Any]) -> str:
    if "fixed" not in zone:
        return str(zone["zone"])
    minutes = int(zone["fixed"]) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _read_periods(form: Form, array: Any, memory: Memory) -> Any:
    ordinals = memory.numbers(array.buffers()[1], np.int64, len(array), array.offset)
    return pd.arrays.PeriodArray(ordinals, dtype=pd.api.types.pandas_dtype(form["period"]))


def _read_intervals(form: Form, array: Any, memory: Memory) -> Any:
    left, right = (unpacked(form[side], array.field(side), memory) for side in ("left", "right"))
    return pd.arrays.IntervalArray.from_arrays(left, right, form["interval"])


def _read_masked(form: Form, array: Any, memory: Memory) -> Any:
    dtype = pd.api.types.pandas_dtype(form["masked"])
    mask = array.is_null().to_numpy(zero_copy_only=False).copy()
    if dtype == pd.BooleanDtype():
        return pd.arrays.BooleanArray(array.fill_null(False).to_numpy(zero_copy_only=False).copy(), mask)
    numbers = memory.numbers(array.buffers()[1], dtype.numpy_dtype, len(array), array.offset)
    return (pd.arrays.FloatingArray if dtype.kind == "f" else pd.arrays.IntegerArray)(numbers, mask)


# --- texts, categories, Arrow's own ---


def _texts(values: Any) -> tuple[Form, Any]:
    kind = values.dtype
    try:
        array = _joined(pa.array(values))
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise _refused(f"of the type {kind}: {error}", "write it as bytes") from None
    form = {"string": kind.storage, "missing": "NA" if kind.na_value is pd.NA else "nan"}
    return form, array.cast(pa.large_string())


def _read_texts(form: Form, array: Any, memory: Memory) -> Any:
    del memory
    is_plain = form["missing"] == "NA" or form["string"] == "pyarrow_numpy"
    kind = pd.StringDtype(form["string"]) if is_plain else pd.StringDtype(form["string"], na_value=math.nan)
    return kind.__from_arrow__(array)


def _categories(values: Any) -> tuple[Form, Any]:
    form, words = packed(_materialised(values.categories))
    codes = np.ascontiguousarray(values.codes)
    array = pa.DictionaryArray.from_arrays(
        with_nulls(codes, pa.from_numpy_dtype(codes.dtype), -1), words, ordered=bool(values.ordered), safe=False
    )
    index = {"class": type(values.categories).__name__, "name": values.categories.name}
    return {"category": form, "ordered": values.ordered, "index": index}, array


def _materialised(index: Any) -> Any:
    return index.array if not isinstance(index, pd.RangeIndex) else np.asarray(index)


def codes_of(array: Any, memory: Memory) -> Any:
    """The codes of a dictionary array."""
    return memory.numbers(array.buffers()[1], array.type.index_type.to_pandas_dtype(), len(array), array.offset)


def _read_categories(form: Form, array: Any, memory: Memory) -> Any:
    words = unpacked(form["category"], array.dictionary, memory)
    categories = index_of(words, form["index"]["class"], form["index"]["name"])
    kind = pd.CategoricalDtype(categories, ordered=form["ordered"])
    return pd.Categorical.from_codes(codes_of(array, memory), dtype=kind, validate=False)


def index_of(values: Any, kind: str, name: Any) -> Any:
    """An index of values as they are.

    Raises:
        ValueError: they make another kind of index.
    """
    if kind == "RangeIndex":
        index = pd.RangeIndex.from_range(_range_of(values), name=name)
    else:
        index = pd.Index(values, dtype=values.dtype, copy=False, name=name, tupleize_cols=False)
    if type(index).__name__ != kind:
        raise ValueError(f"a {type(index).__name__} where a {kind} was stored")
    return index


def _range_of(values: Any) -> range:
    if not len(values):
        return range(0)
    step = int(values[1] - values[0]) if len(values) > 1 else 1
    return range(int(values[0]), int(values[-1]) + (1 if step > 0 else -1), step)


def _joined(chunks: Any) -> Any:
    """An array in one piece."""
    if isinstance(chunks, pa.Array):
        return chunks
    chunks = chunks.unify_dictionaries()
    if chunks.num_chunks == 1:
        return chunks.chunk(0)
    return pa.concat_arrays(chunks.chunks) if chunks.num_chunks else pa.array([], chunks.type)


def _read_arrow(form: Form, array: Any, memory: Memory) -> Any:
    del form, memory
    return pd.arrays.ArrowExtensionArray(array)


# --- Python objects ---


def _objects(array: Any) -> tuple[Form, Any]:
    """Texts or bytes in which one kind of missing value occurs; otherwise a record for each value."""
    kinds = set(map(type, array))
    missing = kinds & _MISSING.keys()
    if float in kinds and not all(value != value for value in array if type(value) is float):
        missing.discard(float)
    content = kinds - missing
    if content in ({str}, {bytes}, set()) and len(missing) <= 1:
        kind = pa.large_string() if str in content else pa.large_binary() if content else pa.null()
        marker = next(iter(missing)).__name__ if missing else None
        form = {"objects": next(iter(content)).__name__ if content else "nothing", "missing": marker}
        try:
            return form, pa.array(array, kind, mask=pd.isna(array) if missing else None, from_pandas=False)
        except UnicodeEncodeError:  # surrogates
            pass
    records = [_record(value, row) for row, value in enumerate(array)]
    numbers = pa.array([kind for kind, _ in records], pa.int8())
    texts = pa.array([text for _, text in records], pa.large_binary())
    return {"objects": "mixed"}, pa.StructArray.from_arrays([numbers, texts], fields=list(_RECORD))


def _read_objects(form: Form, array: Any, memory: Memory) -> Any:
    del memory
    found = np.empty(len(array), object)
    if form["objects"] == "mixed":
        pairs = zip(array.field(0).to_pylist(), array.field(1).to_pylist(), strict=True)
        found[:] = [_FROM_RECORD[kind](text) for kind, text in pairs]
        return found
    found[:] = array.to_pylist()
    if form["missing"] not in {None, "NoneType"}:
        found[array.is_null().to_numpy(zero_copy_only=False)] = _MISSING_NAMES[form["missing"]]
    return found


def _record(value: Any, row: int) -> tuple[int, bytes]:
    kind = type(value)
    if kind in _TO_RECORD:
        number, write = _TO_RECORD[kind]
        return number, write(value)
    what = full_name(kind)
    tag, write_plain = WRITERS.get(what, ("", str))
    if tag in _SCALAR_TAGS:
        try:
            return 9, json.dumps([tag, write_plain(value)]).encode()
        except UnknownTypeError as error:  # a zone that has no name
            what = error.kind
    raise _refused(f"with a {what} in row {row}", "hand on such objects beside the frame, in a list or a dict")


def _from_json(text: bytes) -> Any:
    tag, content = json.loads(text)
    if tag not in _SCALAR_TAGS:
        raise ValueError(f"no value of a column is tagged {tag!r}")
    return READERS[tag](content)


def stamp_form(value: Any) -> dict[str, Any]:
    """A point in time or a duration of pandas', as plain values."""
    if isinstance(value, pd.Timedelta):
        return {"timedelta": int(value.to_timedelta64().astype(np.int64)), "unit": value.unit}
    zone = {} if value.tz is None else zone_form(value.tz)
    return {"timestamp": int(value.to_datetime64().astype(np.int64)), "unit": value.unit, **zone}


def stamp_of(form: dict[str, Any]) -> Any:
    """What `stamp_form` wrote."""
    if form["unit"] not in _UNITS:
        raise ValueError(f"no unit of time: {form['unit']!r}")
    if "timedelta" in form:
        return pd.Timedelta(np.timedelta64(form["timedelta"], form["unit"]))
    naive = pd.Timestamp(np.datetime64(form["timestamp"], form["unit"]))
    return naive.tz_localize("UTC").tz_convert(zone_of(form)) if "zone" in form or "fixed" in form else naive


def _stamp_text(value: Any) -> bytes:
    return json.dumps(stamp_form(value)).encode()


_SCALAR_TAGS = {"$datetime", "$date", "$time", "$timedelta", "$decimal", "$uuid", "$complex"}
_TO_RECORD: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    type(None): (0, lambda _: b""),
    type(pd.NA): (1, lambda _: b""),
    type(pd.NaT): (2, lambda _: b""),
    bool: (3, lambda value: b"\1" if value else b"\0"),
    int: (4, lambda value: str(value).encode()),
    float: (5, lambda value: struct.pack("<d", value)),
    str: (6, lambda value: value.encode("utf-8", "surrogatepass")),
    bytes: (7, bytes),
    pd.Timestamp: (8, _stamp_text),
    pd.Timedelta: (8, _stamp_text),
}
_FROM_RECORD: dict[int, Callable[[bytes], Any]] = {
    0: lambda _: None,
    1: lambda _: pd.NA,
    2: lambda _: pd.NaT,
    3: lambda text: text == b"\1",
    4: int,
    5: lambda text: struct.unpack("<d", text)[0],
    6: lambda text: text.decode("utf-8", "surrogatepass"),
    7: bytes,
    8: lambda text: stamp_of(json.loads(text)),
    9: _from_json,
}
_READERS: dict[str, Callable[[Form, Any, Memory], Any]] = {
    "numpy": _read_numbers,
    "zoned": _read_zoned,
    "period": _read_periods,
    "interval": _read_intervals,
    "masked": _read_masked,
    "string": _read_texts,
    "category": _read_categories,
    "arrow": _read_arrow,
    "objects": _read_objects,
}


def _refused(what: str, hint: str) -> UnencodableError:
    return UnencodableError(path="", kind=what, hint=hint)
