"""What Ctrl-C does to a run."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from weftline.run.engine import Engine


@contextlib.contextmanager
def interruptible(engine: Engine) -> Iterator[None]:
    """Ctrl-C once lets running calls finish, twice stops them; only where this thread may handle signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    times = 0

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal times
        del number, frame
        times += 1
        engine.cancel(kill=times > 1)
        if times > 1:
            raise KeyboardInterrupt  # ends a call in this very thread; the engine records the cancelled run

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
