"""Digests of Arrow columns by what they hold, however that lies in memory.

Theory of operation. A column is read chunk by chunk as a tree of levels: a list has a level of lengths and below it one of
items, a struct one level for each field. Each level has a running digest of its own numbers and of the places of its nulls,
counted from the start of the column, so that nothing depends on where a chunk ends, on the offset of a slice, on what lies
in padding, or on the numbers that lie where a null is. Floats count by their bits.

Of a dictionary column the dictionary counts too: its order, and what nobody refers to. Code can tell, and for ordered
categories it matters. The chunks must share one dictionary; see `pyarrow.Table.unify_dictionaries`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weftline.errors import UndigestableError

#: Rows that are looked at together.
_ROWS = 1 << 20
_NARROW = {"string": "large_string", "binary": "large_binary", "string_view": "large_string", "binary_view": "large_binary"}


def column_digest(kind: Any, chunks: Iterable[Any], *, decoded: bool = False) -> bytes:
    """The digest of a column's content; not of its type, which has to be digested beside it.

    Args:
        kind: the type of the column.
        chunks: arrays of that type.
        decoded: whether the values of dictionary columns count alone, without their dictionaries.

    Raises:
        UndigestableError: the chunks have different dictionaries, or the type is one that nobody knows.
    """
    level = _Level(decoded=decoded)
    for chunk in chunks:
        level.feed(chunk)
    if not level.is_fed:
        level.feed(pa.array([], kind))
    return level.digest()


def type_form(kind: Any) -> Any:
    """A type as plain values, with the names and metadata of the fields inside it."""
    if isinstance(kind, pa.BaseExtensionType):
        # those that come with Arrow, such as `pa.uuid()`, have all their parameters in their name
        told = kind.__arrow_ext_serialize__() if hasattr(kind, "__arrow_ext_serialize__") else str(kind)
        return ["extension", kind.extension_name, told, type_form(kind.storage_type)]
    if pa.types.is_dictionary(kind):
        return ["dictionary", type_form(kind.index_type), type_form(kind.value_type), kind.ordered]
    if pa.types.is_run_end_encoded(kind):
        return ["run ends", type_form(kind.run_end_type), type_form(kind.value_type)]
    if pa.types.is_nested(kind) and kind.num_fields:
        fields = [field_form(kind.field(number)) for number in range(kind.num_fields)]
        width = kind.list_size if pa.types.is_fixed_size_list(kind) else None
        codes = [kind.mode, list(kind.type_codes)] if pa.types.is_union(kind) else None
        is_sorted = kind.keys_sorted if pa.types.is_map(kind) else None
        return [_name(kind), fields, width, codes, is_sorted]
    return [str(kind)]


def field_form(field: Any) -> Any:
    """A field as plain values: name, type, whether it may be null, metadata."""
    return [field.name, type_form(field.type), field.nullable, dict(field.metadata or {})]


def _name(kind: Any) -> str:
    return str(kind).partition("<")[0]


class _Level:
    """One level of a column, and those below it."""

    def __init__(self, *, decoded: bool) -> None:
        self.is_fed = False
        self._decoded = decoded
        self._count = 0
        self._nulls = hashlib.sha256()
        self._numbers = hashlib.sha256()
        self._content = hashlib.sha256()
        self._below: list[_Level] = []
        self._dictionary: Any = None

    def digest(self) -> bytes:
        """Of all that was fed."""
        own = (self._nulls.digest(), self._numbers.digest(), self._content.digest())
        parts = (self._count.to_bytes(8, "little"), *own, *(level.digest() for level in self._below))
        return hashlib.sha256(b"".join(parts)).digest()

    def feed(self, array: Any) -> None:
        """One more chunk; a long one in parts, so that little memory is needed beside it."""
        for start in range(0, len(array), _ROWS):
            self._feed(array.slice(start, _ROWS))
        if not len(array):
            self._feed(array)

    def _feed(self, array: Any) -> None:
        self.is_fed = True
        array = _plain(array, decoded=self._decoded)
        kind = array.type
        nulls = _nulls(array)
        if nulls is not None:
            self._nulls.update((np.flatnonzero(nulls) + self._count).astype("<i8").tobytes())
        self._count += len(array)
        if pa.types.is_null(kind):
            return
        if pa.types.is_dictionary(kind):
            self._feed_dictionary(array)
        elif pa.types.is_struct(kind):
            self._feed_below(array.flatten())
        elif pa.types.is_union(kind):
            self._feed_union(array)
        elif pa.types.is_nested(kind):
            self._feed_lists(array, nulls)
        elif pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
            self._feed_texts(array, nulls)
        elif pa.types.is_boolean(kind):
            self._feed_bits(array, nulls)
        else:
            self._feed_numbers(array, nulls)

    def _feed_below(self, arrays: list[Any]) -> None:
        if not self._below:
            self._below = [_Level(decoded=self._decoded) for _ in arrays]
        for level, array in zip(self._below, arrays, strict=True):
            level.feed(array)

    def _feed_dictionary(self, array: Any) -> None:
        if self._dictionary is None:
            self._dictionary = array.dictionary
            self._below = [_Level(decoded=False), _Level(decoded=False)]
            self._below[1].feed(array.dictionary)
        elif not _is_same(array.dictionary, self._dictionary, self._below[1]):
            raise UndigestableError(path="", kind="pyarrow.DictionaryArray in chunks whose dictionaries differ")
        self._below[0].feed(array.indices)

    def _feed_union(self, array: Any) -> None:
        codes = _buffer(array, 1, np.int8)  # `type_codes` and `offsets` forget where a slice begins
        self._numbers.update(codes.tobytes())
        places = _buffer(array, 2, np.int32) if array.type.mode == "dense" else np.arange(len(array))
        fields = []
        for number, code in enumerate(array.type.type_codes):
            fields.append(_taken(array.field(number), places[codes == code]))
        self._feed_below(fields)

    def _feed_lists(self, array: Any, nulls: Any) -> None:
        kind = array.type
        if pa.types.is_fixed_size_list(kind):
            self._feed_below([(array if nulls is None else _taken(array, np.flatnonzero(~nulls))).flatten()])
            return
        if pa.types.is_map(kind):
            array, offsets, lengths = _spans(array, nulls, np.int32)
            items = [part.slice(offsets[0], offsets[-1] - offsets[0]) for part in (array.keys, array.items)]
        else:
            lengths = np.asarray(pc.list_value_length(array).fill_null(0))
            items = [array.flatten()]
        self._numbers.update(lengths.astype("<i8", copy=False).tobytes())
        self._feed_below(items)

    def _feed_texts(self, array: Any, nulls: Any) -> None:
        array, offsets, lengths = _spans(array, nulls, np.int64)
        self._numbers.update(lengths.astype("<i8", copy=False).tobytes())
        if offsets[-1] > offsets[0]:
            self._content.update(memoryview(array.buffers()[2])[offsets[0] : offsets[-1]])

    def _feed_bits(self, array: Any, nulls: Any) -> None:
        if not len(array):
            return
        start, end = array.offset, array.offset + len(array)
        packed = np.frombuffer(array.buffers()[1], np.uint8)[start // 8 : -(-end // 8)]
        bits = np.unpackbits(packed, bitorder="little")[start % 8 :][: len(array)]
        if nulls is not None:
            bits[nulls] = 0
        self._content.update(bits.data)

    def _feed_numbers(self, array: Any, nulls: Any) -> None:
        kind = array.type
        try:
            width = kind.bit_width // 8
        except ValueError:
            raise UndigestableError(path="", kind=f"pyarrow column of type {kind}") from None
        if not len(array) or not width:
            return
        data = np.frombuffer(array.buffers()[1], f"V{width}", count=len(array), offset=array.offset * width)
        if nulls is None:
            self._content.update(data.view(np.uint8).data)
            return
        data = data.copy()
        data[nulls] = np.zeros((), data.dtype)
        self._content.update(data.view(np.uint8).data)


def _plain(array: Any, *, decoded: bool) -> Any:
    """The same values in the one form that a digest is made of."""
    while True:
        kind = array.type
        if isinstance(kind, pa.BaseExtensionType):
            array = array.storage
        elif pa.types.is_dictionary(kind) and decoded:
            wide = _NARROW.get(str(kind.value_type))  # of views nothing can be taken by pyarrow
            words = array.dictionary if wide is None else array.dictionary.cast(getattr(pa, wide)())
            array = pa.DictionaryArray.from_arrays(array.indices, words).dictionary_decode()
        elif str(kind) in _NARROW:
            array = array.cast(getattr(pa, _NARROW[str(kind)])())
        elif pa.types.is_run_end_encoded(kind):
            array = pc.run_end_decode(array)
        else:
            return array


def _nulls(array: Any) -> Any:
    """Where the nulls are, or None if there is none that the type does not tell."""
    if pa.types.is_null(array.type) or not array.null_count:
        return None
    return array.is_null().to_numpy(zero_copy_only=False)


def _is_same(dictionary: Any, known: Any, level: _Level) -> bool:
    """Whether a dictionary is the known one, by its place in memory or by its content."""
    places = [
        (len(found), found.offset, [buffer and buffer.address for buffer in found.buffers()]) for found in (dictionary, known)
    ]
    return places[0] == places[1] or column_digest(dictionary.type, [dictionary]) == level.digest()


def _buffer(array: Any, number: int, kind: Any, more: int = 0) -> Any:
    """One of an array's buffers, as far as it belongs to it."""
    start = array.offset * np.dtype(kind).itemsize
    return np.frombuffer(array.buffers()[number], kind, count=len(array) + more, offset=start)


def _spans(array: Any, nulls: Any, kind: Any) -> tuple[Any, Any, Any]:
    """An array of texts or lists in which no null has a length, its offsets, and the lengths in the array that was given."""
    if not len(array):
        return array, np.zeros(1, kind), np.zeros(0, kind)
    offsets = _buffer(array, 1, kind, more=1)
    lengths = np.diff(offsets)
    if nulls is None or not lengths[nulls].any():
        return array, offsets, lengths
    lengths[nulls] = 0
    array = _taken(array, np.flatnonzero(~nulls))
    return array, _spans(array, None, kind)[1], lengths


def _taken(array: Any, places: Any) -> Any:
    """The items at those places."""
    try:
        return array.take(pa.array(places, pa.int64()))
    except pa.ArrowNotImplementedError:  # where there are views in it
        runs = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1)
        return pa.concat_arrays([array.slice(int(run[0]), len(run)) for run in runs if len(run)] or [array.slice(0, 0)])
