"""Keeps the garbage collector off what is there before a run: a graph of many nodes, looked through again and again."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def frozen() -> Iterator[None]:
    """Objects that exist now are not examined until the end; whatever is made meanwhile is collected as always.

    A full collection takes time in proportion to all objects, and a run makes enough of them to cause several. A program that
    has frozen objects of its own is left alone, since thawing knows no owners.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
