"""Calls that a backend has, and that have not begun."""

from __future__ import annotations

from collections import deque

from weftline.model.call import Call, Handle, Report


def withdraw(waiting: deque[Call], handle: Handle) -> Report | None:
    """Takes a call out of those that wait; its report, or None if it is not among them."""
    for call in waiting:
        if call.handle == handle:
            waiting.remove(call)
            return Report(handle, None, cancelled=True)
    return None
