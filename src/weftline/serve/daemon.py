"""The loop of the daemon: asks its duties what is due, then sleeps until something changes, ends, or is due by time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

from weftline.app.home import Home
from weftline.errors import LedgerUnusableError
from weftline.serve.duty import Duty
from weftline.serve.launcher import Launcher

#: The longest sleep, in seconds: whatever nobody tells is noticed then.
_BACKSTOP_S = 1.0
#: The shortest time between two looks, in seconds: the first after a quiet time (who writes is heard before he has committed),
#: twice as long after each one, up to the last, so that runs that write much do not keep the daemon busy.
_FIRST_REST_S, _LAST_REST_S = 0.001, 0.01
#: How soon a ledger that cannot be reached is asked again.
_AGAIN_S = 1.0


class Daemon:
    """Sees to its duties until it is told to stop.

    Args:
        home: whose runs.
        duties: what it sees to.
        launcher: the runs that it has begun.
        tell: is told in words what goes wrong.
    """

    def __init__(self, home: Home, duties: Sequence[Duty], launcher: Launcher, tell: Callable[[str], None]) -> None:
        self._home = home
        self._duties = duties
        self._launcher = launcher
        self._tell = tell
        self._stops = 0

    def stop(self) -> None:
        """Once: begins nothing new, and ends when its runs have ended. Twice: asks them to end. From a signal handler, too."""
        self._stops += 1

    def run(self) -> None:
        """Serves until it is stopped."""
        assert self._home.fields is not None
        self._launcher.open()
        self._tell(f"serving {self._home.shown}")
        watch, rest_s = self._home.fields.watch(), _FIRST_REST_S
        try:
            while not self._stops:
                try:
                    next_at = self._look()
                except LedgerUnusableError as error:
                    self._wait_for_ledger(error)
                    continue
                time.sleep(rest_s)
                slept_at = self._home.clock.monotonic()
                watch.wait(max(0.0, min(_BACKSTOP_S, next_at - self._home.clock.now())))
                was_quiet = self._home.clock.monotonic() - slept_at > _LAST_REST_S
                rest_s = _FIRST_REST_S if was_quiet else min(2 * rest_s, _LAST_REST_S)
        finally:
            watch.close()
        self._end()
        self._launcher.close()

    def _look(self) -> float:
        self._launcher.tend()
        now = self._home.clock.now()
        times = [at for duty in self._duties if (at := duty.look(now)) is not None]
        return min(times, default=now + _BACKSTOP_S)

    def _wait_for_ledger(self, error: LedgerUnusableError) -> None:
        self._tell(str(error))
        time.sleep(_AGAIN_S)

    def _end(self) -> None:
        """Waits for the runs that have begun."""
        asked = 1
        self._launcher.drain()
        if count := len(self._launcher.runs):
            self._tell(
                f"ends when {count} run{'' if count == 1 else 's'} {'has' if count == 1 else 'have'} ended; again cancels"
            )
        while self._launcher.runs:
            if self._stops > asked:
                asked = self._stops
                self._launcher.interrupt()
            time.sleep(0.05)
            try:
                self._launcher.tend()
            except LedgerUnusableError as error:
                self._wait_for_ledger(error)
        self._tell("ends")


def until_told(daemon: Daemon) -> None:
    """Serves until Ctrl-C or SIGTERM."""

    def told(number: int, frame: FrameType | None) -> None:
        del number, frame
        daemon.stop()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        daemon.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
