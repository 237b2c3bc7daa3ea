"""numpy arrays and scalars: digested by content, stored as `.npy`, handed out read-only. Extra: `numpy`.

The file format is numpy's own (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), without pickle.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np

from weftline.errors import UndigestableError


class NumpyValues:
    """What `ports.plugins.ForeignValues` asks for."""

    name = "numpy-npy"

    def owns(self, kind: type) -> bool:
        """Arrays and scalars; not dtypes, generators or other machinery."""
        return issubclass(kind, (np.ndarray, np.generic))

    def digest(self, value: Any) -> bytes:
        """Over type, shape, order of axes in memory where it matters for reading, and content; NaN and -0.0 by their bits."""
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise UndigestableError(path="the array", kind="numpy.ndarray of Python objects")
        out = hashlib.sha256(b"npy\0")
        scalar = "" if isinstance(value, np.ndarray) else "scalar"
        out.update(f"{array.dtype.descr if array.dtype.fields else array.dtype.str}{array.shape}{scalar}".encode())
        out.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
        return out.digest()

    def encode(self, value: Any) -> bytes:
        """The bytes of a `.npy` file."""
        out = io.BytesIO()
        np.save(out, np.asarray(value), allow_pickle=False)
        return out.getvalue() + (b"" if isinstance(value, np.ndarray) else b"scalar")

    def decode(self, content: bytes) -> Any:
        """An array that cannot be written to, or a scalar."""
        array = np.load(io.BytesIO(content), allow_pickle=False)
        if content.endswith(b"scalar") and array.ndim == 0:
            return array[()]
        return self.freeze(array)

    def freeze(self, value: Any) -> Any:
        """A read-only view; the caller's own array stays writable."""
        if isinstance(value, np.ndarray) and value.flags.writeable:
            value = value.view()
            value.flags.writeable = False
        return value


VALUES = NumpyValues()
