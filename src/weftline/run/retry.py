"""Whether a failed attempt is made again, and after which pause."""

from __future__ import annotations

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
    return pause * (0.5 + 0.5 * entropy) if policy.jitter else pause


def is_retried(policy: Policy, failure: Failure) -> bool:
    """Whether the policy tries again after such a failure: transient ones and those it names, less those it excludes."""
    lineage = set(failure.lineage)
    if any(full_name(kind) in lineage for kind in policy.never_on):
        return False
    return failure.transient or any(full_name(kind) in lineage for kind in policy.retry_on)
