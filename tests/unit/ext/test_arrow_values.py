"""Arrow tables, batches, arrays and scalars: digests by content, IPC files and back, in the memory of the content."""

import datetime as dt
import decimal
import io

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: nothing is known of Arrow's values")

from weftline.codec import Pieces, whole  # noqa: E402
from weftline.digest import of  # noqa: E402
from weftline.errors import UndigestableError, UnencodableError  # noqa: E402
from weftline.ext.arrow_digest import column_digest  # noqa: E402
from weftline.ext.arrow_values import VALUES  # noqa: E402
from weftline.ports.plugins import InstalledValues  # noqa: E402

STRUCT = pa.struct([("x", pa.int32()), ("y", pa.string())])
#: An array of each kind, with nulls where the kind has them.
ARRAYS = {
    "int64": pa.array([1, None, 3, 4]),
    "int8": pa.array([1, None, 3, -4], pa.int8()),
    "uint64": pa.array([1, None, 2**64 - 1, 0], pa.uint64()),
    "float": pa.array([1.5, None, float("nan"), -0.0]),
    "halffloat": pa.array(np.array([1, 2, 3, 4], "f2")),
    "bool": pa.array([True, None, False, True, True, False, None, True, True]),
    "null": pa.nulls(3),
    "string": pa.array(["a", None, "", "long enough to lie apart"]),
    "large string": pa.array(["a", None, "", "bcd"], pa.large_string()),
    "binary": pa.array([b"a", None, b"", b"\0"]),
    "fixed binary": pa.array([b"abc", None, b"def"], pa.binary(3)),
    "decimal": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")], pa.decimal128(10, 2)),
    "decimal256": pa.array([decimal.Decimal("1.50"), None], pa.decimal256(50, 2)),
    "date": pa.array([dt.date(2026, 1, 1), None]),
    "time": pa.array([dt.time(1, 2), None], pa.time64("ns")),
    "timestamp": pa.array([dt.datetime(2026, 1, 1), None], pa.timestamp("us")),
    "zoned": pa.array([dt.datetime(2026, 1, 1), None], pa.timestamp("us", "Europe/Berlin")),
    "duration": pa.array([dt.timedelta(1), None], pa.duration("s")),
    "interval": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    "list": pa.array([[1, 2], None, [], [None, 3]]),
    "large list": pa.array([[1, 2], None, [], [None, 3]], pa.large_list(pa.int64())),
    "fixed list": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int64(), 2)),
    "nested list": pa.array([[["a"], None], None, [[], ["b", "c"]]]),
    "struct": pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}], STRUCT),
    "list of structs": pa.array([[{"x": 1, "y": "a"}], None, [{"x": None, "y": "b"}, None]], pa.list_(STRUCT)),
    "map": pa.array([[("a", 1)], None, [("b", None), ("c", 2)]], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["a", None, "b", "a"]).dictionary_encode(),
    "sparse union": pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]),
    "dense union": pa.UnionArray.from_dense(
        pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [pa.array([1, 3]), pa.array(["b"])]
    ),
    "run ends": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", None])),
    "string view": pa.array(["a", None, "", "long enough to lie apart"], pa.string_view()),
    "no rows": pa.array([], pa.int64()),
    "no texts": pa.array([], pa.string()),
}
TABLE = pa.table({name: pa.concat_arrays([found.slice(0, 2), found.slice(0, 2)]) for name, found in ARRAYS.items()
                  if len(found) >= 2 and "union" not in name and "run" not in name and "view" not in name})  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_where_a_chunk_ends_and_where_a_slice_begins_does_not_count(array):
    whole_digest = column_digest(array.type, [array])
    for cut in range(len(array) + 1):
        parts = [array.slice(0, cut), array.slice(cut)]
        assert column_digest(array.type, parts) == whole_digest, cut
        alone = column_digest(array.type, [array.slice(cut)])
        if "dictionary" not in str(array.type):
            assert alone == column_digest(array.type, [pa.array(array.slice(cut).to_pylist(), array.type)]
                                          if "union" not in str(array.type) and "run_end" not in str(array.type)
                                          else [array.slice(cut)])  # fmt: skip


def test_all_of_these_differ():
    digests = [VALUES.digest(array) for array in ARRAYS.values()]
    assert len(set(digests)) == len(ARRAYS)
    table = pa.table({"a": [1, 2]})
    others = [
        table, table.to_batches()[0], table.column(0), table.column(0).chunk(0), table.column(0)[0],
        pa.table({"b": [1, 2]}), pa.table({"a": [2, 1]}), pa.table({"a": [1.0, 2.0]}), pa.table({"a": [1, None]}),
        pa.table({"a": [1, 2], "b": [1, 2]}), pa.table({"b": [1, 2], "a": [1, 2]}), table.slice(1), table.slice(0, 0),
        table.replace_schema_metadata({"k": "v"}), pa.table({"a": [0, 2]}), pa.table({"a": [None, 2]}),
        pa.table([pa.array([1, 2])], pa.schema([pa.field("a", pa.int64(), nullable=False)])),
        pa.table([pa.array([1, 2])], pa.schema([pa.field("a", pa.int64(), metadata={"unit": "s"})])),
        pa.table({"a": pa.array([1, 2], pa.int32())}), pa.table({}), pa.table({"a": pa.array(["1", "2"])}),
        pa.table({"a": pa.array(["12", ""])}), pa.table({"a": pa.array(["", "12"])}), pa.table({"a": pa.array([None, "12"])}),
        pa.table({"a": [[1], [2]]}), pa.table({"a": [[1, 2], []]}), pa.table({"a": [[1, 2], None]}),
        pa.table({"a": [{"x": None}, None]}), pa.table({"a": [None, {"x": None}]}),
        pa.table({"a": pa.array([0.0])}), pa.table({"a": pa.array([-0.0])}),
    ]  # fmt: skip
    digests = [VALUES.digest(value) for value in others]
    assert [others[at] for at, found in enumerate(digests) if found in digests[:at]] == []


def under_nulls(numbers):
    mask = pa.py_buffer(b"\x05\xff")
    return pa.Array.from_buffers(pa.int64(), 3, [mask, pa.py_buffer(np.array(numbers, "i8"))])


def text_under_null(text):
    offsets = np.array([0, 1, 1 + len(text), 2 + len(text)], "i4")
    buffers = [pa.py_buffer(b"\x05"), pa.py_buffer(offsets), pa.py_buffer(f"a{text}b".encode())]
    return pa.Array.from_buffers(pa.string(), 3, buffers)


def list_under_null(numbers):
    offsets = np.array([0, 1, 1 + len(numbers), 2 + len(numbers)], "i4")
    items = pa.array([1, *numbers, 2])
    return pa.Array.from_buffers(pa.list_(pa.int64()), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(offsets)], children=[items])


def fixed_list_under_null(numbers):
    kind = pa.list_(pa.int64(), 2)
    return pa.Array.from_buffers(kind, 3, [pa.py_buffer(b"\x05")], children=[pa.array([1, 2, *numbers, 3, 4])])


def struct_under_null(number):
    kind = pa.struct([("x", pa.int64())])
    return pa.Array.from_buffers(kind, 3, [pa.py_buffer(b"\x05")], children=[pa.array([1, number, 2])])


EQUAL = {
    "numbers": (under_nulls([1, 7, 2]), pa.array([1, None, 2])),
    "bits": (
        pa.Array.from_buffers(pa.bool_(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(b"\x07")]),
        pa.array([True, None, True]),
    ),
    "texts": (text_under_null("xyz"), pa.array(["a", None, "b"])),
    "lists": (list_under_null([7, 8]), pa.array([[1], None, [2]])),
    "fixed lists": (fixed_list_under_null([7, 8]), pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2))),
    "structs": (struct_under_null(7), pa.array([{"x": 1}, None, {"x": 2}])),
    "slices": (pa.array(range(20)).slice(3, 4), pa.array([3, 4, 5, 6])),
    "texts in a slice": (pa.array(list("abcdef")).slice(2, 2), pa.array(["c", "d"])),
    "bits in a slice": (pa.array([True, False] * 10).slice(3, 4), pa.array([False, True, False, True])),
    "chunks of a table": (pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)]), TABLE),
    "combined": (pa.concat_tables([TABLE.slice(0, 3), TABLE.slice(3)]).combine_chunks(), TABLE),
    "dictionaries that are joined": (
        pa.chunked_array([pa.array(["a"]).dictionary_encode(), pa.array(["b", "a"]).dictionary_encode()]),
        pa.chunked_array([pa.array(["a", "b", "a"]).dictionary_encode()]),
    ),
    "order of metadata": (
        pa.table({"a": [1]}).replace_schema_metadata({"k": "v", "j": "w"}),
        pa.table({"a": [1]}).replace_schema_metadata({"j": "w", "k": "v"}),
    ),
    "no metadata": (pa.table({"a": [1]}).replace_schema_metadata({}), pa.table({"a": [1]})),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_how_values_lie_in_memory_does_not_count(pair):
    assert VALUES.digest(pair[0]) == VALUES.digest(pair[1])


def test_the_dictionary_counts_with_its_order_and_what_nobody_refers_to():
    def coded(codes, words, *, ordered=False):
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(words), ordered=ordered)

    kinds = [coded([0, 1], ["a", "b"]), coded([1, 0], ["b", "a"]), coded([0, 1], ["a", "b", "c"]),
             coded([0, 1], ["a", "b"], ordered=True), pa.array(["a", "b"])]  # fmt: skip
    assert len(set(map(VALUES.digest, kinds))) == 5


VALUES_THAT_COME_BACK = {
    **ARRAYS,
    "table": TABLE,
    "chunks": pa.chunked_array([[1, 2], [], [3]]),
    "no chunks": pa.chunked_array([], pa.string()),
    "table without columns": pa.table({}),
    "rows without columns": pa.table({"a": [1, 2]}).select([]),
    "table without rows": TABLE.slice(0, 0),
    "batch": pa.record_batch({"a": [1, None], "b": ["x", "y"]}),
    "batch without rows": pa.record_batch({"a": [1]}).slice(0, 0),
    "metadata": pa.table(
        [pa.array([1])],
        pa.schema([pa.field("a", pa.int64(), nullable=False, metadata={"unit": "s"})], {"k": "v", "b": b"\xff\0"}),
    ),
    "metadata of our own name": pa.table({"a": [1]}).replace_schema_metadata({"weftline": "x", "weftline'": "y"}),
    "names": pa.table([[1], [2]], ["a", "a"]),
    "scalar": pa.scalar(3, pa.int16()),
    "null scalar": pa.scalar(None, pa.string()),
    "struct scalar": pa.scalar({"x": 1, "y": "a"}, STRUCT),
    "time in nanoseconds": pa.array([1767225600123456789]).cast(pa.timestamp("ns", "UTC"))[0],
    "unequal chunks": pa.table({"a": pa.chunked_array([[1], [2, 3]]), "b": pa.chunked_array([["x", "y"], ["z"]])}),
}  # fmt: skip


@pytest.mark.parametrize("value", VALUES_THAT_COME_BACK.values(), ids=VALUES_THAT_COME_BACK)
def test_values_come_back(value):
    again = VALUES.decode(whole(VALUES.encode(value)))
    assert type(again) is type(value)
    assert VALUES.digest(again) == VALUES.digest(value)
    if isinstance(value, (pa.Table, pa.RecordBatch)):
        assert again.schema.equals(value.schema, check_metadata=True)
    else:
        assert again.type == value.type
    if "nan" not in str(value):
        assert again.equals(value)


@pytest.mark.parametrize("name", ["string", "list", "struct", "bool", "dictionary", "string view"])
def test_of_a_slice_only_the_slice_is_stored(name):
    array = (
        pa.concat_arrays([ARRAYS[name]] * 1000)
        if name != "string view"
        else pa.array(["long enough to lie apart"] * 40_000, pa.string_view())
    )
    content = VALUES.encode(array.slice(2, 2))
    assert len(content) < 3000
    assert VALUES.decode(content).equals(array.slice(2, 2))


def test_a_large_table_is_stored_from_its_memory_and_restored_in_that_of_the_file():
    numbers = np.arange(300_000.0)
    table = pa.table({"a": numbers, "b": pa.array(["text"] * 300_000)})
    pieces = VALUES.encode(table)
    assert isinstance(pieces, Pieces)
    assert any(np.shares_memory(np.frombuffer(part, "u1"), numbers) for part in pieces.parts)
    content = bytearray(whole(pieces))
    again = VALUES.decode(memoryview(content))
    assert again.equals(table)
    assert all(
        np.shares_memory(np.frombuffer(buffer, "u1"), np.frombuffer(content, "u1"))
        for column in again.columns
        for buffer in column.chunk(0).buffers()
        if buffer is not None
    )
    assert not again.column(0).chunk(0).buffers()[1].is_mutable


def test_pyarrow_reads_what_is_written():
    assert pa.ipc.open_file(io.BytesIO(whole(VALUES.encode(TABLE)))).read_all().replace_schema_metadata(None).equals(TABLE)


class Money(pa.ExtensionType):
    def __init__(self):
        super().__init__(pa.int64(), "weftline.test.money")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, serialized):
        return cls()


def test_an_extension_type_comes_back_if_it_is_registered_and_is_refused_otherwise():
    table = pa.table({"price": pa.ExtensionArray.from_storage(Money(), pa.array([1, None]))})
    with pytest.raises(UnencodableError, match="column 'price'") as caught:
        VALUES.encode(table)
    assert "register" in str(caught.value)
    pa.register_extension_type(Money())
    try:
        again = VALUES.decode(VALUES.encode(table))
        assert again.equals(table)
        assert VALUES.digest(again) == VALUES.digest(table) != VALUES.digest(pa.table({"price": [1, None]}))
    finally:
        pa.unregister_extension_type("weftline.test.money")


def test_dictionaries_that_cannot_be_joined_are_refused_with_the_column():
    chunks = [pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([words])) for words in (["a"], ["b"])]
    table = pa.table({"x": pa.chunked_array(chunks)})
    with pytest.raises((UndigestableError, UnencodableError), match="dictionar"):
        VALUES.digest(table)


DAMAGED = {
    "nothing": b"",
    "text": b"x" * 100,
    "magic alone": b"ARROW1\0\0",
    "end cut": VALUES.encode(TABLE)[:-1],
    "half": VALUES.encode(TABLE)[:600],
    "a file of somebody else": None,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_a_value_error(content):
    if content is None:
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, TABLE.schema) as writer:
            writer.write_table(TABLE)
        content = sink.getvalue()
    with pytest.raises(ValueError):
        VALUES.decode(content)


def test_what_it_owns():
    assert all(map(VALUES.owns, (pa.Table, pa.RecordBatch, pa.ChunkedArray, pa.Int64Array, pa.StringScalar)))
    assert not any(map(VALUES.owns, (pa.Schema, pa.DataType, pa.RecordBatchReader, list)))
    assert "read_all" in InstalledValues().advice(pa.RecordBatchReader)


def test_a_table_inside_other_values():
    digester = InstalledValues().digester
    assert of({"t": [TABLE]}, digester) == of({"t": [pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])]}, digester)


GOLDEN = {
    "table": "157aa748cdc41499",
    "list of structs": "f55daf460f6e271e",
    "dictionary": "56743734ccf434d9",
    "float": "9c37624a5e13ecb9",
    "decimal": "8625f531264947c1",
    "zoned": "65d53ad061caf5c6",
    "map": "c3ae0d33aa82c75d",
    "sparse union": "59e05f37e979f872",
    "run ends": "7c609997de27c0c2",
    "scalar": "d52f45ab96c4ff93",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_digests_do_not_move_between_versions(name):
    assert VALUES.digest(VALUES_THAT_COME_BACK[name]).hex()[:16] == GOLDEN[name]


def test_extension_types_that_come_with_arrow_come_back():
    names = ("uuid", "json_", "bool8")
    kinds = [getattr(pa, name)() for name in names if hasattr(pa, name)]
    assert kinds
    for kind in kinds:
        storage = pa.array([None], kind.storage_type)
        table = pa.table({"column": pa.ExtensionArray.from_storage(kind, storage)})
        again = VALUES.decode(whole(VALUES.encode(table)))
        assert again.equals(table)
        assert again.schema == table.schema
        assert VALUES.digest(again) == VALUES.digest(table)
    assert len(
        {VALUES.digest(pa.table({"column": pa.array([None], kind.storage_type)})) for kind in kinds}
        | {
            VALUES.digest(pa.table({"column": pa.ExtensionArray.from_storage(kind, pa.array([None], kind.storage_type))}))
            for kind in kinds
        }
    ) == len({str(kind.storage_type) for kind in kinds}) + len(kinds)
