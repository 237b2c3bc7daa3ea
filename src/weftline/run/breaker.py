"""A circuit breaker as a machine: closed, open, or trying one call; without a clock of its own."""

from __future__ import annotations

from math import inf
from typing import Literal

from weftline.model.call import Handle
from weftline.model.policy import Breaker

State = Literal["closed", "open", "half-open"]


class BreakerState:
    """What a breaker has seen.

    Only the probe decides while it is not closed: calls that started earlier and end meanwhile change nothing.

    Args:
        policy: when it opens, and for how long.
    """

    __slots__ = ("_failures", "_probe", "_until", "policy", "state")

    def __init__(self, policy: Breaker) -> None:
        self.policy = policy
        self.state: State = "closed"
        self._failures = 0  # in a row
        self._until = 0.0
        self._probe: Handle | None = None

    def opens_at(self, at: float) -> float:
        """When the next call may start: now or earlier, later, or never as long as one is tried."""
        if self.state == "closed":
            return at
        return self._until if self._probe is None else inf

    def begin(self, handle: Handle) -> None:
        """A call starts, which `opens_at` has allowed."""
        if self.state != "closed":
            self.state, self._probe = "half-open", handle

    def succeeded(self, handle: Handle) -> bool:
        """A call succeeded. True if this closes the breaker."""
        if self.state == "closed":
            self._failures = 0
            return False
        if handle != self._probe:
            return False
        self.state, self._probe, self._failures = "closed", None, 0
        return True

    def failed(self, handle: Handle, at: float) -> bool:
        """A call failed. True if this opens the breaker."""
        if self.state == "closed":
            self._failures += 1
            if self._failures < self.policy.failures:
                return False
        elif handle != self._probe:
            return False
        self.state, self._probe, self._until = "open", None, at + self.policy.reset_s
        return True

    def withdrawn(self, handle: Handle) -> bool:
        """A call ended that says nothing about what it calls. True if it was the one that was tried: another may be."""
        if handle != self._probe:
            return False
        self._probe = None
        return True
