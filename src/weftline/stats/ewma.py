"""An average that forgets: of values that come at irregular times."""

from __future__ import annotations

import math


class Ewma:
    """An exponentially weighted moving average in which a value's weight falls to 1/e after `time_constant_s`.

    x += (1 - exp(-dt / tau)) * (z - x), the form for samples at irregular times (A. Eckner, "Algorithms for Unevenly Spaced
    Time Series: Moving Averages and Other Rolling Operators", 2012, section 4; the load average of Unix systems is the same
    with a fixed dt). It is also what the Kalman filter of a random walk amounts to once its gain has settled. The first value
    is taken as it is.

    Args:
        time_constant_s: tau.
    """

    __slots__ = ("_tau_s", "value")

    def __init__(self, time_constant_s: float) -> None:
        if time_constant_s <= 0:
            raise ValueError(f"a time constant is more than 0 s: {time_constant_s}")
        self._tau_s = time_constant_s
        self.value: float | None = None

    def take(self, value: float, after_s: float) -> float:
        """The average after one value more.

        Args:
            value: the newest.
            after_s: seconds since the one before.
        """
        if self.value is None:
            self.value = value
        else:
            self.value += (1.0 - math.exp(-max(after_s, 0.0) / self._tau_s)) * (value - self.value)
        return self.value
