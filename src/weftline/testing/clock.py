"""A clock that stands still until a test moves it."""

from __future__ import annotations


class ManualClock:
    """Fits `weftline.clock.Clock`.

    Args:
        now: seconds since the epoch, to begin with.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._epoch = now
        self._monotonic = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._epoch + self._monotonic

    def monotonic(self) -> float:
        """Seconds that only `move` adds to."""
        return self._monotonic

    def move(self, seconds: float) -> None:
        """Time passes.

        Raises:
            ValueError: it would run backwards; only `jump` may do that.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds} s")
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the machine's clock, forwards or backwards; no time passes."""
        self._epoch += seconds
