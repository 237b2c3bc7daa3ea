"""What policies promise, told a second time and more simply than where it is done."""

from __future__ import annotations

from weftline.errors import AttemptTimeoutError, WorkerDiedError
from weftline.model.policy import Policy

_ERRORS: dict[str, type[BaseException]] = {
    kind.__name__: kind for kind in (ConnectionError, ValueError, WorkerDiedError, AttemptTimeoutError)
}
_TRANSIENT = {"ConnectionError", "WorkerDiedError", "AttemptTimeoutError"}


def is_never_retried(policy: Policy, kind: str) -> bool:
    """Whether a policy says of an error of that name that it is never tried again: then it is about the input."""
    error = _ERRORS.get(kind)
    return error is not None and any(issubclass(error, never) for never in policy.never_on)


def is_retried(policy: Policy, kind: str) -> bool:
    """Whether a policy tries again after an error of that name."""
    error = _ERRORS.get(kind)
    if error is None or is_never_retried(policy, kind):
        return False
    return kind in _TRANSIENT or any(issubclass(error, named) for named in policy.retry_on)


def pause_range(policy: Policy, failures: int) -> tuple[float, float]:
    """The shortest and the longest pause after so many failures."""
    pauses = {
        "none": 0.0,
        "linear": policy.initial_s * failures,
        "exponential": policy.initial_s * 2 ** (failures - 1),
    }
    longest = min(pauses[policy.backoff], policy.maximum_s)
    return (longest / 2, longest) if policy.jitter is True else (longest, longest + policy.jitter)
