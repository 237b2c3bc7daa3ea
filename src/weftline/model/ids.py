"""Identifiers: of runs, and of the places inside one."""

from __future__ import annotations

from weftline.clock import as_utc

#: The item of a call that has none.
WHOLE = -1


def run_id(now: float, entropy: bytes) -> str:
    """An id that sorts by time: `20261120T101500-9f3c0a`.

    Args:
        now: seconds since the epoch.
        entropy: three random bytes, so that two runs of one second differ.
    """
    return f"{as_utc(now):%Y%m%dT%H%M%S}-{entropy.hex()[:6]}"


def batch_id(group: str, now: float, entropy: bytes) -> str:
    """An id of all that one run of a group makes: `group_sales.nightly_20261120T101500_9f3c0a11`.

    Args:
        group: its name.
        now: seconds since the epoch.
        entropy: four random bytes.
    """
    return f"group_{group}_{as_utc(now):%Y%m%dT%H%M%S}_{entropy.hex()[:8]}"


def call_label(node: str, item: int) -> str:
    """A call as people write it: `embed`, or `embed[12]` for one item."""
    return node if item == WHOLE else f"{node}[{item}]"
