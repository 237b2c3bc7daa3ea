"""What happens when an attempt fails, and how fast calls may follow each other. Data only; `run` applies it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Breaker:
    """Stops calling what fails again and again: after so many failed attempts in a row nothing starts for a while, then one.

    While it is open, calls wait and hold no slot; when the pause is over one of them is tried. If that succeeds the others
    follow, if it fails they wait again. Failures that the policy names in `never_on` do not count: they are about the input.

    Attributes:
        name: shared by all nodes whose policies use the name; empty for one of the node's own.
        failures: failed attempts in a row that open it.
        reset_s: seconds until one call is tried.
    """

    name: str = ""
    failures: int = 5
    reset_s: float = 60.0

    def __post_init__(self) -> None:
        if self.failures < 1 or self.reset_s <= 0:
            raise ValueError(f"a breaker needs at least one failure, and a time above 0: {self}")


@dataclass(frozen=True, slots=True)
class Limiter:
    """How many attempts may start in a time: retries count like first attempts.

    Attributes:
        name: shared by all nodes whose policies use the name; empty for one of the node's own.
        per_s: attempts a second, in the long run.
        burst: attempts that may start at once after a quiet time.
    """

    name: str = ""
    per_s: float = 1.0
    burst: int = 1

    def __post_init__(self) -> None:
        if self.per_s <= 0 or self.burst < 1:
            raise ValueError(f"a limiter needs a rate above 0, and lets at least one attempt start at once: {self}")


@dataclass(frozen=True, slots=True)
class Budget:
    """How many attempts may be made again in one run, all calls together; when they are spent, failures are final.

    Attributes:
        name: shared by all nodes whose policies use the name; empty for one of the node's own.
        retries: attempts besides the first of each call.
    """

    name: str = ""
    retries: int = 10

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ValueError(f"a budget must not be negative: {self}")


@dataclass(frozen=True, slots=True)
class Policy:
    """How often, how long and how fast a call is tried. Of each attempt, not of all of them together.

    Attributes:
        max_attempts: attempts in all, the first included.
        backoff: how the pause grows from attempt to attempt.
        initial_s: the first pause, in seconds.
        maximum_s: the longest pause, in seconds.
        jitter: whether a pause is drawn between half of it and the whole, so that many callers do not return together; or how
            many seconds at most are added to it.
        timeout_s: the longest time for one attempt, in seconds; only backends that can stop a call accept it.
        grace_s: how long a call that ran out of time may take to end by itself, in seconds: it is asked to (SIGTERM), then
            stopped with all that it started.
        soft_timeout_s: after which time an attempt is reported as overdue, in seconds; it goes on.
        deadline_s: after which time a node starts and awaits no more calls, in seconds since they could first start: those
            without a result count as failed. With `on_item_error="skip"` and `min_success` the node makes do with the others.
        retry_on: errors that are tried again, besides those that are transient by nature (lost connections, timeouts,
            a worker that died, errors with a true attribute `transient`).
        never_on: errors that are not tried again even so.
        breaker, limiter, budget: what attempts share with those of other calls.
    """

    max_attempts: int = 1
    backoff: Literal["none", "linear", "exponential"] = "exponential"
    initial_s: float = 0.5
    maximum_s: float = 30.0
    jitter: bool | float = True
    timeout_s: float | None = None
    grace_s: float = 0.0
    soft_timeout_s: float | None = None
    deadline_s: float | None = None
    retry_on: tuple[type[BaseException], ...] = ()
    never_on: tuple[type[BaseException], ...] = ()
    breaker: Breaker | None = None
    limiter: Limiter | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts must be at least 1, not {self.max_attempts}")
        if self.backoff not in {"none", "linear", "exponential"}:
            raise ValueError(f"backoff must be 'none', 'linear' or 'exponential', not {self.backoff!r}")
        limits = (self.timeout_s, self.soft_timeout_s, self.deadline_s)
        if min(self.initial_s, self.maximum_s, self.jitter, self.grace_s) < 0 or any(
            limit is not None and limit <= 0 for limit in limits
        ):
            raise ValueError(f"times must not be negative: {self}")
        if self.grace_s and self.timeout_s is None:
            raise ValueError("grace_s is the time after timeout_s, which is not set")


DEFAULT = Policy()
