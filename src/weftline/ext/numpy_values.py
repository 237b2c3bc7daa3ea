"""numpy arrays and scalars: digested by content, stored as `.npy`, handed out read-only. Extra: `numpy`.

The file format is numpy's own (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), without pickle.
"""

from __future__ import annotations

import hashlib
import io
import math
from typing import Any

import numpy as np

from weftline.errors import UndigestableError, UnencodableError


class NumpyValues:
    """What `ports.plugins.ForeignValues` asks for."""

    name = "numpy-npy"

    def owns(self, kind: type) -> bool:
        """Arrays and scalars; not dtypes or generators, nor subclasses of arrays, which mean more than their numbers."""
        return kind in {np.ndarray, np.memmap} or issubclass(kind, np.generic)

    def digest(self, value: Any) -> bytes:
        """Over type, shape, order of axes in memory where it matters for reading, and content; NaN and -0.0 by their bits."""
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise UndigestableError(path="", kind="numpy.ndarray of Python objects")
        out = hashlib.sha256(b"npy\0")
        form = "" if isinstance(value, np.ndarray) else "scalar"
        if array.flags.f_contiguous and not array.flags.c_contiguous:
            form = "columns first"  # so it is stored and restored, and code can tell
        out.update(f"{_written(array.dtype)}{array.shape}{form}".encode())
        if array.dtype.fields and array.size:
            array = _packed(array)
        out.update(np.ascontiguousarray(array).view(np.uint8).data if array.size and array.dtype.itemsize else b"")
        return out.digest()

    def encode(self, value: Any) -> bytes:
        """The bytes of a `.npy` file."""
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise UnencodableError(path="", kind="numpy.ndarray of Python objects")
        out = io.BytesIO()
        np.save(out, array, allow_pickle=False)
        return out.getvalue() + (b"" if isinstance(value, np.ndarray) else b"scalar")

    def decode(self, content: bytes) -> Any:
        """An array that cannot be written to, or a scalar."""
        file = io.BytesIO(content)
        array = _read(file)
        rest = content[file.tell() :]
        if rest == b"scalar" and array.ndim == 0:
            return array[()]
        if rest:
            raise ValueError("more than the array")
        return self.freeze(array)

    def freeze(self, value: Any) -> Any:
        """A read-only view; the caller's own array stays writable."""
        if isinstance(value, np.ndarray) and value.flags.writeable:
            value = value.view()
            value.flags.writeable = False
        return value


def _written(dtype: Any) -> str:
    """A type as text: of a record its fields, wherever they lie in memory."""
    if dtype.fields:
        return str([(name, _written(dtype.fields[name][0])) for name in dtype.names])
    if dtype.subdtype:
        return f"{_written(dtype.subdtype[0])}{dtype.shape}"
    return str(dtype.str)


def _packed(array: Any) -> Any:
    """Records without what lies between their fields."""
    packed = np.zeros(array.shape, _packed_type(array.dtype))
    for name in array.dtype.names:
        packed[name] = array[name]
    return packed


def _packed_type(dtype: Any) -> Any:
    if not dtype.fields:
        return dtype
    return np.dtype([(name, _packed_type(dtype.fields[name][0])) for name in dtype.names])


def _read(file: io.BytesIO) -> Any:
    """The array at the start of a file.

    Raises:
        ValueError: there is none, or less than its header says.
    """
    try:
        shape, _, dtype = _header(file)
        size = math.prod(shape) * dtype.itemsize
        is_whole = not dtype.hasobject and min(shape, default=0) >= 0 and size <= len(file.getbuffer()) - file.tell()
        file.seek(0)
        array = np.lib.format.read_array(file, allow_pickle=False) if is_whole else None
    except Exception as error:  # what numpy raises is not part of its interface: tokenize.TokenError, EOFError, OverflowError
        raise ValueError(f"not an array: {error}") from error
    if array is None:
        raise ValueError("less than the header of the array says")
    return array


def _header(file: io.BytesIO) -> Any:
    is_first = np.lib.format.read_magic(file) == (1, 0)
    return np.lib.format.read_array_header_1_0(file) if is_first else np.lib.format.read_array_header_2_0(file)


VALUES = NumpyValues()
