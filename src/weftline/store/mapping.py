"""The content of a file: read if it is small, else mapped into memory."""

from __future__ import annotations

import mmap
import os
from typing import BinaryIO

#: Larger files are mapped rather than read.
_MAPPED_BYTES = 1 << 20


def content_of(file: BinaryIO) -> bytes | memoryview:
    """Everything in a file that is open; a view stays valid when the file is closed.

    What is written to a view never gets into the file. Tensors have no read-only mode: written to in a read-only mapping, they
    would end the process.
    """
    if os.fstat(file.fileno()).st_size <= _MAPPED_BYTES:
        return file.read()
    try:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    except OSError:  # the system does not promise memory for the case that all of it is written to
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
