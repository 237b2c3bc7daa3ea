"""What breakers, limiters and budgets promise, told a second time and more simply than where it is done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from weftline.model.call import Handle
from weftline.model.event import Kind
from weftline.model.node import NodeSpec
from weftline.model.policy import Breaker, Limiter

#: How an attempt ended, as far as it tells something about what it calls.
Told = Literal["works", "fails", "nothing"]


class BreakerAccount:
    """What has happened to the attempts of one breaker.

    Attributes:
        until: when it lets one attempt through; None while it is closed.
        probe: that attempt, while it runs.

    Args:
        policy: of the breaker.
        name: in the journal.
    """

    def __init__(self, policy: Breaker, name: str) -> None:
        self.policy = policy
        self.name = name
        self.until: float | None = None
        self.probe: Handle | None = None
        self._in_a_row = 0

    def opens_at(self) -> float:
        """When an attempt may start; infinite as long as nobody knows."""
        if self.until is None:
            return -math.inf
        return self.until if self.probe is None else math.inf

    def begins(self, handle: Handle) -> None:
        """An attempt starts."""
        if self.until is not None:
            self.probe = handle

    def ends(self, handle: Handle, told: Told, now: float) -> Kind | None:
        """An attempt is over; whether it has changed anything."""
        if self.until is not None and handle != self.probe:
            return None
        self.probe = None
        if told == "nothing":
            return None
        self._in_a_row = self._in_a_row + 1 if told == "fails" else 0
        was_open, is_open = self.until is not None, self._in_a_row >= self.policy.failures
        self.until = now + self.policy.reset_s if is_open else None
        if is_open:
            return Kind.BREAKER_OPENED
        return Kind.BREAKER_CLOSED if was_open else None


class LimiterAccount:
    """When attempts of one limiter have started.

    Args:
        policy: of the limiter.
    """

    def __init__(self, policy: Limiter) -> None:
        self.policy = policy
        self._starts: list[float] = []

    def begins(self, at: float) -> None:
        """An attempt starts."""
        self._starts.append(at)

    def opens_at(self) -> float:
        """When one more may start: in no time that begins with an attempt are there more than the burst and what it earns."""
        per_s, burst = self.policy.per_s, self.policy.burst
        count = len(self._starts)
        return max((start + (count - at + 1 - burst) / per_s for at, start in enumerate(self._starts)), default=-math.inf)


class Sharing:
    """The breakers, limiters and budgets of one life of a run. They begin anew in each: nothing of them is in the journal.

    Attributes:
        breakers, limiters: by the number of the node.
        untold: breakers that opened or closed, and the journal does not say so yet.
        retried: attempts besides first ones, by what limits them.

    Args:
        specs: of the nodes.
        retry_budget: of the whole run.
    """

    def __init__(self, specs: Sequence[NodeSpec], retry_budget: int | None) -> None:
        self.breakers: dict[int, BreakerAccount] = {}
        self.limiters: dict[int, LimiterAccount] = {}
        self.untold: list[tuple[Kind, str]] = []
        self.budgets: dict[str, int] = {} if retry_budget is None else {"the run": retry_budget}
        self.retried: dict[str, int] = {}
        self._budgets_of: list[list[str]] = []
        breakers: dict[str, BreakerAccount] = {}
        limiters: dict[str, LimiterAccount] = {}
        for number, spec in enumerate(specs):
            policy, own = spec.policy, f"node {spec.name}"
            if policy.breaker is not None:
                name = policy.breaker.name
                self.breakers[number] = breakers.setdefault(name or own, BreakerAccount(policy.breaker, name or spec.name))
            if policy.limiter is not None:
                self.limiters[number] = limiters.setdefault(policy.limiter.name or own, LimiterAccount(policy.limiter))
            if policy.budget is not None:
                self.budgets.setdefault(policy.budget.name or own, policy.budget.retries)
            of_node = [] if policy.budget is None else [policy.budget.name or own]
            self._budgets_of.append([*of_node, *(() if retry_budget is None else ["the run"])])
        self._left = dict(self.budgets)

    def opens_at(self, number: int) -> float:
        """When an attempt of a node may start, as far as breakers and limiters are asked."""
        breaker, limiter = self.breakers.get(number), self.limiters.get(number)
        return max(-math.inf if breaker is None else breaker.opens_at(), -math.inf if limiter is None else limiter.opens_at())

    def begins(self, handle: Handle, at: float, *, is_retry: bool) -> None:
        """An attempt starts."""
        number = handle[0]
        if number in self.breakers:
            self.breakers[number].begins(handle)
        if number in self.limiters:
            self.limiters[number].begins(at)
        for name in self._budgets_of[number] if is_retry else ():
            self.retried[name] = self.retried.get(name, 0) + 1

    def ends(self, handle: Handle, told: Told, now: float) -> None:
        """An attempt is over."""
        breaker = self.breakers.get(handle[0])
        change = None if breaker is None else breaker.ends(handle, told, now)
        if breaker is not None and change is not None:
            self.untold.append((change, breaker.name))

    def spend(self, number: int) -> bool:
        """Takes a retry out of all budgets that it concerns; if one of them is spent, out of none."""
        names = self._budgets_of[number]
        if not all(self._left[name] for name in names):
            return False
        for name in names:
            self._left[name] -= 1
        return True

    def overspent(self, number: int) -> list[str]:
        """Budgets of a node that do not allow one more attempt besides a first one."""
        return [name for name in self._budgets_of[number] if self.retried.get(name, 0) >= self.budgets[name]]
