"""Whether a failed attempt is made again, and after which pause."""

from __future__ import annotations

from collections.abc import Iterable

from weftline.model.call import Failure, full_name
from weftline.model.policy import Policy


def pause_s(policy: Policy, failures: int, failure: Failure, entropy: float) -> float | None:
    """Seconds to wait before the next attempt, or None if there is none.

    Args:
        policy: of the node.
        failures: how often the call has failed, this time included.
        failure: why it failed this time.
        entropy: between 0 and 1; where in the jitter's range the pause falls.
    """
    if failures >= policy.max_attempts or not is_retried(policy, failure):
        return None
    if policy.backoff == "none":
        return 0.0
    factor = failures if policy.backoff == "linear" else 2 ** min(failures - 1, 60)
    pause = min(policy.initial_s * factor, policy.maximum_s)
    return pause * (0.5 + 0.5 * entropy) if policy.jitter is True else pause + policy.jitter * entropy


def is_retried(policy: Policy, failure: Failure) -> bool:
    """Whether the policy tries again after such a failure: transient ones and those it names, less those it excludes."""
    if is_named(policy.never_on, failure):
        return False
    return failure.transient or is_named(policy.retry_on, failure)


def is_named(kinds: Iterable[type[BaseException]], failure: Failure) -> bool:
    """Whether a failure is of one of these classes, or of one below."""
    return any(full_name(kind) in failure.lineage for kind in kinds)
