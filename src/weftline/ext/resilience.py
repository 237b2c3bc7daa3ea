"""Policies as objects of tenacity, aiolimiter and pybreaker, for calls that a provider makes inside one node.

The engine tries whole calls of nodes again, on its own. Where one call of a node asks a service many times, the same policy can
guard each of these requests: `Resilience().guarded(policy)` decorates the function that makes one.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import itertools
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

import pybreaker
import tenacity
from aiolimiter import AsyncLimiter

from weftline.errors import BadArgumentError
from weftline.model.call import Failure
from weftline.model.ids import WHOLE
from weftline.model.policy import Breaker, Limiter, Policy
from weftline.run.breaker import BreakerState
from weftline.run.limiter import LimiterState
from weftline.run.retry import is_retried, pause_s

P = ParamSpec("P")
R = TypeVar("R")
#: A pause of a policy with jitter lies between half of it and the whole.
_DRAW = tenacity.wait_random(0.0, 1.0)


class Pace:
    """A limiter for threads: each waits until it may go.

    Args:
        policy: how many a second.
    """

    def __init__(self, policy: Limiter) -> None:
        self._state = LimiterState(policy)
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Waits for one's turn; gives the seconds that it took."""
        with self._lock:
            now = time.monotonic()
            turn = self._state.opens_at(now)
            self._state.take(turn)
        time.sleep(turn - now)
        return turn - now


class Fuse:
    """A breaker for threads and coroutines: what it guards runs side by side, and one call at a time is the probe.

    `pybreaker` holds its lock while a function runs, so that threads wait for each other; it counts nothing of coroutines, and
    takes an excluded error for a success.

    Args:
        policy: when it opens, and for how long.
        never_on: errors that are about the input, and do not count.
    """

    def __init__(self, policy: Breaker, never_on: tuple[type[BaseException], ...] = ()) -> None:
        self._state = BreakerState(policy)
        self._never_on = never_on
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """One call.

        Raises:
            pybreaker.CircuitBreakerError: it is open; nothing was called.
        """
        with self._lock:
            now = time.monotonic()
            if self._state.opens_at(now) > now:
                raise pybreaker.CircuitBreakerError(f"the breaker {self._state.policy.name!r} is open")
            handle = (next(self._numbers), WHOLE, 1)
            self._state.begin(handle)
        try:
            yield
        except BaseException as error:  # raised again; an interrupt ends a probe, too
            with self._lock:
                if isinstance(error, Exception) and not isinstance(error, self._never_on):
                    self._state.failed(handle, time.monotonic())
                else:
                    self._state.withdrawn(handle)
            raise
        with self._lock:
            self._state.succeeded(handle)


class Resilience:
    """Breakers and limiters by name: who uses a name shares what is behind it, as nodes of one run do."""

    def __init__(self) -> None:
        self._breakers: dict[str, pybreaker.CircuitBreaker] = {}
        self._fuses: dict[str, Fuse] = {}
        self._paces: dict[str, Pace] = {}
        self._limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncLimiter]] = WeakKeyDictionary()

    def retrying(self, policy: Policy) -> tenacity.Retrying:
        """Tries as often as a policy says, with its pauses; the last error comes out as it is."""
        return tenacity.Retrying(retry=_retry(policy), stop=_stop(policy), wait=_wait(policy), reraise=True)

    def async_retrying(self, policy: Policy) -> tenacity.AsyncRetrying:
        """The same for coroutines."""
        return tenacity.AsyncRetrying(retry=_retry(policy), stop=_stop(policy), wait=_wait(policy), reraise=True)

    def limiter(self, policy: Limiter) -> AsyncLimiter:
        """For coroutines of the running event loop: `async with` it. It lets `burst` go at once, and fills up evenly."""
        known = self._limiters.setdefault(asyncio.get_running_loop(), {})
        return _one(known, policy.name, lambda: AsyncLimiter(policy.burst, policy.burst / policy.per_s))

    def pace(self, policy: Limiter) -> Pace:
        """For threads."""
        return _one(self._paces, policy.name, lambda: Pace(policy))

    def breaker(self, policy: Breaker, never_on: tuple[type[BaseException], ...] = ()) -> pybreaker.CircuitBreaker:
        """Fails at once while it is open, with `pybreaker.CircuitBreakerError`; see `Fuse` for what it does not do.

        Args:
            policy: when it opens, and for how long.
            never_on: errors that are about the input, and do not count.
        """

        def make() -> pybreaker.CircuitBreaker:
            return pybreaker.CircuitBreaker(
                fail_max=policy.failures,
                reset_timeout=policy.reset_s,
                exclude=list(cast("tuple[type[Exception], ...]", never_on)),
                name=policy.name or None,
                throw_new_error_on_trip=False,
            )

        return _one(self._breakers, policy.name, make)

    def fuse(self, policy: Breaker, never_on: tuple[type[BaseException], ...] = ()) -> Fuse:
        """For functions and coroutines alike."""
        return _one(self._fuses, policy.name, lambda: Fuse(policy, never_on))

    def guarded(self, policy: Policy) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorates a function or a coroutine function: each attempt waits for the rate and asks the breaker.

        Raises:
            BadArgumentError: the policy has a time limit, and the function is no coroutine function.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            if inspect.iscoroutinefunction(function):
                coroutine = cast("Callable[..., Coroutine[Any, Any, Any]]", function)
                return cast("Callable[P, R]", self._guarded_coroutine(policy, coroutine))
            if policy.timeout_s is not None:
                argument = f"timeout_s={policy.timeout_s:g}"
                advice = "make it `async def`, use the client's own time limit, or give the node's policy the limit"
                raise BadArgumentError(argument=argument, detail="a function in a thread cannot be stopped", advice=advice)
            return self._guarded_function(policy, function)

        return decorate

    def _guarded_function(self, policy: Policy, function: Callable[P, R]) -> Callable[P, R]:
        pace = None if policy.limiter is None else self.pace(policy.limiter)
        fuse = self._fuse(policy)

        @functools.wraps(function)
        def attempt(*args: P.args, **kwargs: P.kwargs) -> R:
            if pace is not None:
                pace.wait()
            with fuse():
                return function(*args, **kwargs)

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            return self.retrying(policy)(attempt, *args, **kwargs)

        return guarded

    def _guarded_coroutine(
        self, policy: Policy, function: Callable[..., Coroutine[Any, Any, Any]]
    ) -> Callable[..., Coroutine[Any, Any, Any]]:
        fuse = self._fuse(policy)
        own: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncLimiter] = WeakKeyDictionary()

        @functools.wraps(function)
        async def attempt(*args: Any, **kwargs: Any) -> Any:
            if policy.limiter is not None:
                loop = asyncio.get_running_loop()
                if loop not in own:
                    own[loop] = self.limiter(policy.limiter)
                await own[loop].acquire()
            with fuse():
                async with asyncio.timeout(policy.timeout_s):
                    return await function(*args, **kwargs)

        @functools.wraps(function)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            return await self.async_retrying(policy)(attempt, *args, **kwargs)

        return guarded

    def _fuse(self, policy: Policy) -> Callable[[], contextlib.AbstractContextManager[None]]:
        if policy.breaker is None:
            return contextlib.nullcontext
        return self.fuse(policy.breaker, policy.never_on).attempt


def _one(known: dict[str, R], name: str, make: Callable[[], R]) -> R:
    """What is shared under a name; without one, something of one's own."""
    if not name:
        return make()
    if name not in known:
        known[name] = make()
    return known[name]


def _retry(policy: Policy) -> tenacity.retry_if_exception:
    return tenacity.retry_if_exception(lambda error: is_retried(policy, Failure.of(error)))


def _stop(policy: Policy) -> tenacity.stop.stop_base:
    return tenacity.stop_after_attempt(policy.max_attempts)


def _wait(policy: Policy) -> Callable[[tenacity.RetryCallState], float]:
    def pause(state: tenacity.RetryCallState) -> float:
        error = None if state.outcome is None else state.outcome.exception()
        assert error is not None, "only what fails is tried again"
        return pause_s(policy, state.attempt_number, Failure.of(error), _DRAW(state)) or 0.0

    return pause
