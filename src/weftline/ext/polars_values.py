"""polars frames and series: digested by content, stored as Arrow IPC files. Extra: `polars`, which brings pyarrow.

What counts: names, order and types of columns, and what they hold. What does not: chunks, and the numbers by which polars
counts the categories of a `Categorical`. A reader gets a frame of its own, which shares memory until one of them is changed.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any

import polars as pl
import pyarrow as pa

from weftline.codec import Content
from weftline.digest import canonical
from weftline.errors import UndigestableError, UnencodableError
from weftline.ext.arrow_digest import column_digest
from weftline.ext.arrow_file import APART_BYTES, batches_of, in_memory, read, written

#: Of a slice of a column of structs or arrays, polars 1 gives Arrow the wrong rows; a copy is no slice.
_EXPORTS_SLICES_WRONG = int(pl.__version__.partition(".")[0]) < 2


class PolarsValues:
    """What `ports.plugins.ForeignValues` asks for."""

    name = "polars-ipc"

    def owns(self, kind: type) -> bool:
        """Frames and series; not lazy ones, nor subclasses."""
        return kind in {pl.DataFrame, pl.Series}

    def digest(self, value: Any) -> bytes:
        """Over names, types and content."""
        try:
            return _identity(value, _as_table(value))
        except UnencodableError as error:
            raise UndigestableError(path=error.path, kind=error.kind, hint=error.hint) from None

    def digest_from(self, value: Any, encoded: bytes) -> None:
        """Not told by the bytes: they differ from one version of polars or pyarrow to the next."""
        del value, encoded

    def encode(self, value: Any) -> Content:
        """An Arrow IPC file in the memory of the columns."""
        table = _as_table(value)
        content = written(table.schema, batches_of(table), type(value).__name__.encode())
        if len(content) > APART_BYTES:
            content.identity = lambda: _identity(value, table)
        return in_memory(content)

    def decode(self, content: bytes | memoryview) -> Any:
        """The value, its numbers in the memory of the content."""
        schema, batches, note = read(content)
        frame = _as_frame(pa.Table.from_batches(batches, schema))
        if note == b"DataFrame":
            return frame
        if note != b"Series" or frame.width != 1:
            raise ValueError(f"no value of polars is stored as {note.decode()!r}")
        return frame.to_series()

    def freeze(self, value: Any) -> Any:
        """A frame or series of the reader's own; the memory is shared, and polars never writes to memory that is."""
        return value.clone()

    def advice(self, kind: type) -> str | None:
        """For what is not yet data."""
        if kind is pl.LazyFrame:
            return "a LazyFrame is a question, not its answer: hand on .collect()"
        if kind.__name__ in {"Expr", "GroupBy", "LazyGroupBy"}:
            return "hand on the frame that it is used for"
        return None


def _frame(value: Any) -> Any:
    return value if isinstance(value, pl.DataFrame) else value.to_frame()


def _as_table(value: Any) -> Any:
    """An Arrow table in the memory of a frame, its dictionaries joined.

    Raises:
        UnencodableError: Arrow has no such type.
    """
    frame = _frame(value)
    if frame.height and not frame.width:
        raise UnencodableError(path="", kind="polars.DataFrame that has rows and no columns", hint="add a column")
    for name, kind in frame.schema.items():
        if not _is_kept(kind):
            what = f"polars.{type(value).__name__} with column {name!r} of type {kind}, for which Arrow has none"
            raise UnencodableError(path="", kind=what, hint="cast the column to a type that Arrow has")
    if _EXPORTS_SLICES_WRONG:
        nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
        try:
            frame = frame.with_columns(pl.col(nested).gather(pl.int_range(pl.len())))
        except pl.exceptions.PanicException as error:
            kind = f"polars.{type(value).__name__} with columns {nested}, one of which polars {pl.__version__} cannot copy"
            raise UnencodableError(path="", kind=kind, hint="install polars 2") from error
    return frame.to_arrow(compat_level=pl.CompatLevel.newest()).unify_dictionaries()


@functools.lru_cache(maxsize=1024)
def _is_kept(kind: Any) -> bool:
    """Whether Arrow gives a type back as it is."""
    if kind == pl.Object:  # polars would write addresses
        return False
    empty = pl.DataFrame(schema={"": kind})
    try:
        return bool(_as_frame(empty.to_arrow(compat_level=pl.CompatLevel.newest())).schema == empty.schema)
    except pa.ArrowException:
        return False


def _as_frame(table: Any) -> Any:
    if not table.num_columns:
        return pl.DataFrame()
    frame: Any = pl.from_arrow(table, rechunk=False)
    frame.columns = table.column_names  # polars calls a column without a name by its number
    return frame


def _identity(value: Any, table: Any) -> bytes:
    frame = _frame(value)
    columns = [
        (name, repr(kind), column_digest(column.type, column.chunks, decoded=True))
        for (name, kind), column in zip(frame.schema.items(), table.columns, strict=True)
    ]
    form = canonical((type(value).__name__, frame.height, columns))
    return hashlib.sha256(b"polars/1\0" + form).digest()


VALUES = PolarsValues()
