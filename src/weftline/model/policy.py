"""What happens when an attempt fails: retries, waiting, time limits. Data only; `run` applies it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Policy:
    """How often and how long a call is tried.

    Attributes:
        max_attempts: attempts in all, the first included.
        backoff: how the pause grows from attempt to attempt.
        initial_s: the first pause, in seconds.
        maximum_s: the longest pause, in seconds.
        jitter: whether a pause is drawn between half of it and the whole, so that many callers do not return together.
        timeout_s: the longest time for one attempt, in seconds; only backends that can stop a call accept it.
        retry_on: errors that are tried again, besides those that are transient by nature (lost connections, timeouts,
            a worker that died, errors with a true attribute `transient`).
        never_on: errors that are not tried again even so.
    """

    max_attempts: int = 1
    backoff: Literal["none", "linear", "exponential"] = "exponential"
    initial_s: float = 0.5
    maximum_s: float = 30.0
    jitter: bool = True
    timeout_s: float | None = None
    retry_on: tuple[type[BaseException], ...] = ()
    never_on: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts must be at least 1, not {self.max_attempts}")
        if self.backoff not in {"none", "linear", "exponential"}:
            raise ValueError(f"backoff must be 'none', 'linear' or 'exponential', not {self.backoff!r}")
        if self.initial_s < 0 or self.maximum_s < 0 or (self.timeout_s is not None and self.timeout_s <= 0):
            raise ValueError(f"times must not be negative: {self}")


DEFAULT = Policy()
