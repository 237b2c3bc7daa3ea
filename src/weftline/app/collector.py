"""Keeps the garbage collector off what is there before a run, and out of a plan while it grows."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

#: Holds something while objects are frozen by us: to count them takes longer, the more there are.
_ours: list[bool] = []


@contextlib.contextmanager
def frozen() -> Iterator[None]:
    """Objects that exist now are not examined until the end; whatever is made meanwhile is collected as always.

    A full collection takes time in proportion to all objects, and a run makes enough of them to cause several. A program that
    has frozen objects of its own is left alone, since thawing knows no owners.
    """
    if _ours or gc.get_freeze_count():
        yield
        return
    gc.freeze()
    _ours.append(True)
    try:
        yield
    finally:
        _ours.pop()
        gc.unfreeze()


def freeze_for_good() -> None:
    """What is there now stays, and is not looked at again: in a process that others are forked from, to share its memory."""
    gc.collect()
    gc.freeze()
    _ours.append(True)


@contextlib.contextmanager
def still() -> Iterator[None]:
    """Nothing is collected until the end, for what makes many objects in a short time, and hardly any that are in circles.

    A plan of 100,000 nodes would be looked through again and again while it grows, for a third of its time; and once more as a
    whole at the end, unless what was made counts as old then.
    """
    if not gc.isenabled():
        yield
        return
    is_free = not _ours and not gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        if is_free:
            gc.freeze()
        gc.enable()
        if is_free:
            gc.unfreeze()
