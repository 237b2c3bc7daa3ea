"""What calls of different nodes share: breakers, limiters and retry budgets, each known by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple, TypeVar

from weftline.model.call import Failure, Handle
from weftline.model.policy import Policy
from weftline.run.breaker import BreakerState
from weftline.run.limiter import LimiterState
from weftline.run.retry import is_named

Q = TypeVar("Q")
S = TypeVar("S")


class Change(NamedTuple):
    """A breaker opened, or closed again.

    Attributes:
        name: of the breaker.
        is_open: which of it.
        reset_s: how long it stays open.
    """

    name: str
    is_open: bool
    reset_s: float


class _Shared(NamedTuple):
    breaker: BreakerState | None
    limiter: LimiterState | None
    label: str


class Throttle:
    """Whether calls may start now, as far as breakers and limiters are asked; which nodes wait for one of them.

    Args:
        policies: by node.
        names: of the nodes.
        retry_budget: attempts besides first ones that the whole run may make; None for any number.
    """

    __slots__ = ("_budgets", "_closed", "_run_budget", "_shared")

    def __init__(self, policies: Sequence[Policy], names: Sequence[str], retry_budget: int | None) -> None:
        breakers: dict[object, BreakerState] = {}
        limiters: dict[object, LimiterState] = {}
        self._budgets: dict[object, list[int]] = {}
        self._run_budget = retry_budget
        self._shared: dict[int, _Shared] = {}
        self._closed: dict[int, set[int]] = {}  # nodes that wait for the end of a probe, by the id of the breaker
        for number, policy in enumerate(policies):
            if policy.breaker is None and policy.limiter is None:
                continue
            breaker, limiter, label = None, None, names[number]
            if policy.breaker is not None:
                breaker = _one(breakers, policy.breaker.name or number, policy.breaker, BreakerState)
                label = policy.breaker.name or label
            if policy.limiter is not None:
                limiter = _one(limiters, policy.limiter.name or number, policy.limiter, LimiterState)
            self._shared[number] = _Shared(breaker, limiter, label)

    def __bool__(self) -> bool:
        return bool(self._shared)

    def opens_at(self, number: int, at: float) -> float:
        """When a node's next attempt may start: now, later, or only after the end of a probe (infinite)."""
        shared = self._shared.get(number)
        if shared is None:
            return at
        opens = at
        if shared.breaker is not None:
            opens = shared.breaker.opens_at(at)
            if opens == inf:
                self._closed.setdefault(id(shared.breaker), set()).add(number)
                return inf
        return max(opens, shared.limiter.opens_at(at)) if shared.limiter is not None else opens

    def begin(self, handle: Handle, at: float) -> None:
        """An attempt starts, which `opens_at` has allowed."""
        shared = self._shared.get(handle[0])
        if shared is not None:
            if shared.limiter is not None:
                shared.limiter.take(at)
            if shared.breaker is not None:
                shared.breaker.begin(handle)

    def succeeded(self, handle: Handle) -> Change | None:
        """An attempt succeeded."""
        shared = self._shared.get(handle[0])
        if shared is None or shared.breaker is None or not shared.breaker.succeeded(handle):
            return None
        return Change(shared.label, is_open=False, reset_s=0.0)

    def failed(self, handle: Handle, at: float, policy: Policy, failure: Failure) -> Change | None:
        """An attempt failed; of errors that are about the input the breaker learns nothing."""
        shared = self._shared.get(handle[0])
        if shared is None or shared.breaker is None:
            return None
        if is_named(policy.never_on, failure):
            shared.breaker.withdrawn(handle)
            return None
        if not shared.breaker.failed(handle, at):
            return None
        return Change(shared.label, is_open=True, reset_s=shared.breaker.policy.reset_s)

    def withdrawn(self, handle: Handle, *, began: bool = True) -> None:
        """An attempt ended of which nothing is learnt; one that did not begin gives its place in the rate back."""
        shared = self._shared.get(handle[0])
        if shared is not None:
            if shared.limiter is not None and not began:
                shared.limiter.give_back()
            if shared.breaker is not None:
                shared.breaker.withdrawn(handle)

    def freed(self, number: int) -> set[int]:
        """The nodes that waited for the end of a probe, if that which just ended was one: they ask again."""
        shared = self._shared.get(number)
        if shared is None or shared.breaker is None:
            return set()
        return self._closed.pop(id(shared.breaker), set())

    def spend(self, number: int, policy: Policy) -> str | None:
        """Takes a retry out of the budgets. The name of one that is spent instead, if there is one: then nothing is taken."""
        own = None
        if policy.budget is not None:
            own = self._budgets.setdefault(policy.budget.name or number, [policy.budget.retries])
            if own[0] <= 0:
                return policy.budget.name or "of the node"
        if self._run_budget is not None:
            if self._run_budget <= 0:
                return "of the run"
            self._run_budget -= 1
        if own is not None:
            own[0] -= 1
        return None


def _one(known: dict[object, S], key: object, policy: Q, make: Callable[[Q], S]) -> S:
    if key not in known:
        known[key] = make(policy)
    return known[key]
