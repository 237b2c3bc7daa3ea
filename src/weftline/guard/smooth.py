"""From samples to rates: CPU is smoothed, since it comes in bursts; memory never is, and decides when to look again."""

from __future__ import annotations

from weftline.stats.ewma import Ewma

#: CPU time is told in ticks of 10 ms; over a shorter time a rate would be mostly rounding.
_SHORTEST_S = 0.2


class CpuRate:
    """How many processors a tree keeps busy.

    Args:
        time_constant_s: of the average.
    """

    __slots__ = ("_average", "_last")

    def __init__(self, time_constant_s: float) -> None:
        self._average = Ewma(time_constant_s)
        self._last: tuple[float, float] | None = None

    @property
    def cpus(self) -> float:
        """Processors; 0 until two samples are far enough apart."""
        return self._average.value or 0.0

    def take(self, at: float, cpu_s: float) -> float:
        """The rate after one sample more.

        Args:
            at: monotonic seconds.
            cpu_s: CPU seconds up to then.
        """
        if self._last is None:
            self._last = at, cpu_s
        elif at - self._last[0] >= _SHORTEST_S:
            passed_s = at - self._last[0]
            self._average.take((cpu_s - self._last[1]) / passed_s, passed_s)
            self._last = at, cpu_s
        return self.cpus


class Growth:
    """How fast memory grows, from the last two samples as they are: an average would be late when it matters."""

    __slots__ = ("_last", "bytes_per_s")

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self.bytes_per_s = 0.0

    def take(self, at: float, memory_bytes: int) -> None:
        """One sample more.

        Args:
            at: monotonic seconds.
            memory_bytes: what is held.
        """
        if self._last is not None and at > self._last[0]:
            self.bytes_per_s = max(0.0, (memory_bytes - self._last[1]) / (at - self._last[0]))
        self._last = at, memory_bytes


def pause_s(
    left_bytes: float, growth_bytes_per_s: float, *, fastest_bytes_per_s: float, shortest_s: float, longest_s: float
) -> float:
    """How long to wait for the next sample: four of them before the limit is reached at the present rate, if it is far.

    Memory that does not grow just now may begin to the moment after, so a limit is never further than it is at `fastest`.

    Args:
        left_bytes: up to the limit.
        growth_bytes_per_s: between the last samples.
        fastest_bytes_per_s: a growth that is to be expected without warning.
        shortest_s: not less.
        longest_s: not more.
    """
    reached_s = left_bytes / max(4.0 * growth_bytes_per_s, fastest_bytes_per_s)
    return min(max(reached_s, shortest_s), longest_s)
