"""A rate limiter as a machine: the generic cell rate algorithm, without a clock of its own.

It keeps one time, that at which the next attempt would start if all came evenly spaced; an attempt may start as much earlier as
the burst allows. ITU-T I.371, annex A, calls it the virtual scheduling algorithm.
"""

from __future__ import annotations

from weftline.model.policy import Limiter


class LimiterState:
    """When the next attempt may start.

    Args:
        policy: how many attempts a second.
    """

    __slots__ = ("_ahead_s", "_due", "_spacing_s", "policy")

    def __init__(self, policy: Limiter) -> None:
        self.policy = policy
        self._spacing_s = 1.0 / policy.per_s
        self._ahead_s = (policy.burst - 1) * self._spacing_s
        self._due = float("-inf")

    def opens_at(self, at: float) -> float:
        """When the next attempt may start: now or earlier, or later."""
        return max(at, self._due - self._ahead_s)

    def take(self, at: float) -> None:
        """An attempt starts, which `opens_at` has allowed."""
        self._due = max(self._due, at) + self._spacing_s

    def give_back(self) -> None:
        """The last attempt did not begin."""
        self._due -= self._spacing_s
