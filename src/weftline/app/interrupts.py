"""What Ctrl-C does to a run."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from weftline.backends.perform import perform
from weftline.run.engine import Engine


@contextlib.contextmanager
def interruptible(engine: Engine) -> Iterator[None]:
    """Ctrl-C once lets running calls finish, twice stops them, three times stops the engine too.

    Only where this thread may handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    times = 0

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal times
        del number
        times += 1
        engine.cancel(kill=times > 1)
        if times > 2 or (times == 2 and _is_in_call(frame)):
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_call(frame: FrameType | None) -> bool:
    """Whether this very thread runs a call, which nothing but an exception in it can stop."""
    while frame is not None:
        if frame.f_code is perform.__code__:
            return True
        frame = frame.f_back
    return False
