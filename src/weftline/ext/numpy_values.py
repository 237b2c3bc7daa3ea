"""numpy arrays and scalars: digested by content, stored as `.npy`, handed out read-only. Extra: `numpy`.

The file format is numpy's own (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), without pickle.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
from typing import Any

import numpy as np

from weftline.codec import Content, Pieces, sha256_of, whole
from weftline.errors import UndigestableError, UnencodableError

#: Content of more bytes is not put together in memory.
_APART_BYTES = 1 << 16
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 20
#: Bits of the fraction, and bytes, of a number in x87's extended precision; it takes 12 or 16 bytes of memory.
_X87_BITS, _X87_BYTES = 63, 10


class NumpyValues:
    """What `ports.plugins.ForeignValues` asks for."""

    name = "numpy-npy"

    def owns(self, kind: type) -> bool:
        """Arrays and scalars; not dtypes or generators, nor subclasses of arrays, which mean more than their numbers."""
        return kind in {np.ndarray, np.memmap} or issubclass(kind, np.generic)

    def digest(self, value: Any) -> bytes:
        """Over type, shape, order of axes and content, as they are stored; NaN and -0.0 by their bits."""
        try:
            array = np.asarray(value)
            if array.dtype.fields:  # stored with what lies between the fields; that is no part of the value
                form = "scalar" if not isinstance(value, np.ndarray) else "columns first" if _is_fortran(array) else ""
                text = f"{_written(array.dtype)}{array.shape}{form}".encode()
                return _identity(sha256_of(Pieces(b"records\0", text, *_data(_packed(array)))))
            found = self.digest_from(value, sha256_of(self.encode(value)))
        except UnencodableError as error:
            raise UndigestableError(path=error.path, kind=error.kind) from None
        assert found is not None
        return found

    def digest_from(self, value: Any, encoded: bytes) -> bytes | None:
        """The same by way of the encoded bytes, which are equal for equal arrays; not so those of records."""
        return None if value.dtype.fields else _identity(encoded)

    def encode(self, value: Any) -> Content:
        """A `.npy` file, its header written here, since numpy's own differs from one version of it to the next."""
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise UnencodableError(path="", kind="numpy.ndarray of Python objects")
        suffix = b"" if isinstance(value, np.ndarray) else b"scalar"
        content = Pieces(_header_of(array), *_data(array), suffix)
        return content if len(content) > _APART_BYTES else whole(content)

    def decode(self, content: bytes | memoryview) -> Any:
        """An array that cannot be written to, in the memory of the content; or a scalar."""
        array, rest = _read(content)
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

    def advice(self, kind: type) -> str | None:
        """For arrays that are more than their numbers."""
        if issubclass(kind, np.ndarray):
            return f"a {kind.__name__} is more than its numbers: hand on plain arrays, such as numpy.asarray(it)"
        return None


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


def _loose(dtype: Any) -> list[int]:
    """Those bytes of an item that are no part of a number and may be anything: extended precision has 10 bytes in 12 or 16."""
    if dtype.subdtype:
        part = dtype.subdtype[0]
        return [start + at for start in range(0, dtype.itemsize, part.itemsize or 1) for at in _loose(part)]
    if dtype.fields:
        return [dtype.fields[name][1] + at for name in dtype.names for at in _loose(dtype.fields[name][0])]
    if dtype.char not in "gG" or np.finfo(np.longdouble).nmant != _X87_BITS:
        return []
    size = np.dtype(np.longdouble).itemsize
    loose = range(_X87_BYTES, size) if dtype.isnative else range(size - _X87_BYTES)
    return [start + at for start in range(0, dtype.itemsize, size) for at in loose]


def _is_fortran(array: Any) -> bool:
    """Whether the first axis is the one that changes fastest in memory."""
    return bool(array.flags.f_contiguous and not array.flags.c_contiguous)


def _identity(content: bytes) -> bytes:
    return hashlib.sha256(b"npy/2\0" + content).digest()


def _header_of(array: Any) -> bytes:
    """Magic, version 1.0 or 2.0, length and dictionary, so long that the data begin at a multiple of 64 bytes."""
    described = np.lib.format.dtype_to_descr(array.dtype)
    shape = tuple(map(int, array.shape))
    text = f"{{'descr': {described!r}, 'fortran_order': {_is_fortran(array)}, 'shape': {shape!r}, }}".encode("latin1")
    version, form = (b"\x01\x00", "<H") if len(text) < 60_000 else (b"\x02\x00", "<I")
    start = len(_MAGIC) + len(version) + struct.calcsize(form)
    padding = -(start + len(text) + 1) % 64
    return _MAGIC + version + struct.pack(form, len(text) + padding + 1) + text + b" " * padding + b"\n"


def _data(array: Any) -> tuple[bytes | memoryview, ...]:
    """The numbers in their order in memory, copied only if they do not lie side by side, or with what is no part of them."""
    if not array.size or not array.dtype.itemsize:
        return ()
    flat = array.ravel(order="F" if _is_fortran(array) else "C")
    content = flat.view(np.uint8)
    if loose := _loose(array.dtype):
        content = content.copy()
        content.reshape(-1, array.dtype.itemsize)[:, loose] = 0
    return (content.data,)


def _read(content: bytes | memoryview) -> tuple[Any, bytes]:
    """The array at the start of a content, in its memory, and what comes after it.

    Raises:
        ValueError: there is none, or less than its header says.
    """
    try:
        file = io.BytesIO(bytes(content[:_LONGEST_HEADER]))
        is_first = np.lib.format.read_magic(file) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if is_first else np.lib.format.read_array_header_2_0
        shape, is_fortran, dtype = read(file)
        count, start = math.prod(shape), file.tell()
        end = start + count * dtype.itemsize
        is_whole = not dtype.hasobject and min(shape, default=0) >= 0 and end <= len(content)
        flat = np.ndarray((count,), dtype, buffer=content, offset=start) if is_whole else None
    except Exception as error:  # what numpy raises is not part of its interface: tokenize.TokenError, EOFError, OverflowError
        raise ValueError(f"not an array: {error}") from error
    if flat is None:
        raise ValueError("less than the header of the array says")
    return flat.reshape(shape, order="F" if is_fortran else "C"), bytes(content[end:])


VALUES = NumpyValues()
