"""Arrow tables as the bytes of an Arrow IPC file and back, without copying their columns.

The format is https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format, not compressed, so that other programs can
read what is stored. Each buffer begins at a multiple of eight bytes, as pyarrow writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from weftline.codec import Pieces, whole

#: Content of more bytes is not put together in memory.
APART_BYTES = 1 << 16
#: Buffers of fewer bytes are put together with their neighbours.
_SMALL_BYTES = 1 << 16
#: Under this key the schema's metadata says what the table stands for.
_NOTE = b"weftline"
_WIDE = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}
#: Texts of up to so many bytes do not lie apart.
_INLINE = 12


def written(schema: Any, batches: Iterable[Any], note: bytes) -> Pieces:
    """A file of record batches, its large buffers where they are.

    Args:
        schema: of all batches.
        batches: one after the other.
        note: what the table stands for; found again by `read`.

    Raises:
        pyarrow.ArrowException: the format has no place for this.
    """
    metadata = {key + b"'" if key.startswith(_NOTE) else key: text for key, text in (schema.metadata or {}).items()}
    sink = _Collected()
    file = pa.PythonFile(sink, mode="w")
    options = pa.ipc.IpcWriteOptions(compression=None)
    with pa.ipc.new_file(file, schema.with_metadata({**metadata, _NOTE: note}), options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return Pieces(*sink.parts())


def read(content: bytes | memoryview) -> tuple[Any, list[Any], bytes]:
    """The schema, the batches in the memory of the content, and the note.

    Raises:
        ValueError: this is no such file.
    """
    try:
        reader = pa.ipc.open_file(pa.py_buffer(memoryview(content).toreadonly()))
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        for batch in batches:
            batch.validate()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"no Arrow file: {error}") from error
    metadata = dict(reader.schema.metadata or {})
    if _NOTE not in metadata:
        raise ValueError("an Arrow file that says nothing of what it stands for")
    note = metadata.pop(_NOTE)
    metadata = {key[:-1] if key.startswith(_NOTE) else key: text for key, text in metadata.items()}  # the user's own
    schema = reader.schema.with_metadata(metadata or None)
    return schema, [batch.replace_schema_metadata(metadata or None) for batch in batches], note


def batches_of(table: Any) -> list[Any]:
    """Record batches of a table whose chunks share their dictionaries; one at least, since a dictionary is part of a value."""
    columns = [_without_rest(column) for column in table.columns]
    if table.num_rows or not columns:
        return list((pa.Table.from_arrays(columns, schema=table.schema) if columns else table).to_batches())
    return [
        pa.RecordBatch.from_arrays(
            [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in columns], schema=table.schema
        )
    ]


def _without_rest(column: Any) -> Any:
    """A column of texts that lie apart from it, without those that it does not show: else a slice would be stored whole."""
    wide = _WIDE.get(str(column.type))
    if wide is None:
        return column
    chunks = [chunk.cast(wide).cast(column.type) if _has_rest(chunk) else chunk for chunk in column.chunks]
    return pa.chunked_array(chunks, column.type)


def _has_rest(array: Any) -> bool:
    """Whether much of what lies apart is not shown.

    See https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout: sixteen bytes for each text, the
    first four its length; up to twelve bytes of text lie there too.
    """
    _, views, *apart = array.buffers()
    lengths = np.frombuffer(views, "<i4").reshape(-1, 4)[array.offset :][: len(array), 0]
    shown = int(lengths[lengths > _INLINE].sum())
    return bool(sum(buffer.size for buffer in apart) > 2 * shown + _SMALL_BYTES)


def in_memory(content: Pieces) -> bytes | Pieces:
    """A small content in one piece."""
    return content if len(content) > APART_BYTES else whole(content)


class _Collected:
    """A file that keeps what is written to it where it is."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []
        self._small: list[bytes | memoryview] = []
        self._size = 0

    def write(self, data: Any) -> int:
        part = data if isinstance(data, bytes) else memoryview(data).cast("B")
        if len(part) < _SMALL_BYTES:
            self._small.append(part)
        else:
            self._parts += (b"".join(self._small), part)
            self._small = []
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def parts(self) -> list[bytes | memoryview]:
        return [part for part in (*self._parts, b"".join(self._small)) if len(part)]
