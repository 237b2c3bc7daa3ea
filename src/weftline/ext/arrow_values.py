"""Arrow tables, record batches, arrays and scalars: digested by content, stored as Arrow IPC files. Extra: `arrow`.

What counts: types, names, order and metadata of columns, and what they hold. What does not: chunks, slices, padding, and what
lies in memory under a null. Arrow's values cannot be changed, so readers may share them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

from weftline.codec import Content
from weftline.digest import canonical
from weftline.errors import UndigestableError, UnencodableError
from weftline.ext.arrow_digest import column_digest, field_form, type_form
from weftline.ext.arrow_file import batches_of, in_memory, read, written

_SHARED = "Arrow has no joint dictionary for them: call unify_dictionaries()"


class ArrowValues:
    """What `ports.plugins.ForeignValues` asks for."""

    name = "pyarrow-ipc"

    def owns(self, kind: type) -> bool:
        """Tables, record batches, arrays and scalars."""
        return kind in {pa.Table, pa.RecordBatch, pa.ChunkedArray} or issubclass(kind, (pa.Array, pa.Scalar))

    def digest(self, value: Any) -> bytes:
        """Over type, schema and content."""
        form, table = _as_table(value)
        metadata = dict(table.schema.metadata or {})
        columns = []
        try:
            table = table.unify_dictionaries()
        except pa.ArrowException as error:
            raise UndigestableError(
                path="", kind=f"pyarrow.{form} with different dictionaries: {error}", hint=_SHARED
            ) from None
        for field, column in zip(table.schema, table.columns, strict=True):
            try:
                columns.append((field_form(field), column_digest(column.type, column.chunks)))
            except UndigestableError as error:
                raise UndigestableError(path=f"[{field.name!r}]", kind=error.kind) from None
        return hashlib.sha256(b"arrow/1\0" + canonical((form, table.num_rows, metadata, columns))).digest()

    def digest_from(self, value: Any, encoded: bytes) -> None:
        """Not told by the bytes: they differ from one version of pyarrow to the next."""
        del value, encoded

    def encode(self, value: Any) -> Content:
        """An Arrow IPC file in the memory of the columns."""
        form, table = _as_table(value)
        try:
            table = table.unify_dictionaries()
            batches = [value] if form == "RecordBatch" else batches_of(table)
            content = written(table.schema, batches, form.encode())
            _check_schema(table.schema, form)
        except pa.ArrowException as error:
            raise UnencodableError(path="", kind=f"pyarrow.{form} for which Arrow's files have no place: {error}") from None
        return in_memory(content)

    def decode(self, content: bytes | memoryview) -> Any:
        """The value in the memory of the content."""
        schema, batches, note = read(content)
        form = note.decode()
        if form == "RecordBatch" and len(batches) == 1:
            return batches[0]
        table = pa.Table.from_batches(batches, schema)
        if form == "Table":
            return table
        if form not in {"ChunkedArray", "Array", "Scalar"} or table.num_columns != 1:
            raise ValueError(f"no value of Arrow is stored as {form!r}")
        column = table.column(0)
        if form == "ChunkedArray":
            return column
        array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
        return array if form == "Array" else array[0]

    def freeze(self, value: Any) -> Any:
        """Arrow's values have no method that changes them."""
        return value

    def advice(self, kind: type) -> str | None:
        """For readers and datasets, which are not yet data."""
        name = kind.__name__
        if "Reader" in name or "Dataset" in name or "Scanner" in name:
            return "it is read as it is used; hand on what is in it: .read_all() or .to_table()"
        return None


def _as_table(value: Any) -> tuple[str, Any]:
    """What a value is called, and a table with the same columns."""
    if isinstance(value, pa.Table):
        return "Table", value
    if isinstance(value, pa.RecordBatch):
        return "RecordBatch", pa.Table.from_batches([value])
    if isinstance(value, pa.ChunkedArray):
        return "ChunkedArray", pa.Table.from_arrays([value], schema=_column(value.type))
    if isinstance(value, pa.Scalar):
        return "Scalar", pa.Table.from_arrays([pa.repeat(value, 1)], schema=_column(value.type))
    return "Array", pa.Table.from_arrays([value], schema=_column(value.type))


def _column(kind: Any) -> Any:
    return pa.schema([pa.field("", kind)])


def _check_schema(schema: Any, form: str) -> None:
    """Raises unless a schema comes back as it is: an extension type that is not registered does not."""
    again = pa.ipc.read_schema(pa.py_buffer(schema.serialize()))
    for one, other in zip(schema, again, strict=True):
        if type_form(one.type) != type_form(other.type) or not one.equals(other, check_metadata=True):
            kind = f"pyarrow.{form} with column {one.name!r} of type {one.type}, which is read again as {other.type}"
            raise UnencodableError(path="", kind=kind, hint="register the type: pyarrow.register_extension_type")


VALUES = ArrowValues()
