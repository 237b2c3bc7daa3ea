"""Reads the memory of a tree as exactly as it matters and as seldom as it may.

Theory of operation. What several processes share can only be divided by walking their page tables, which costs about 10 ms for
each GiB of each process. The sum of resident sizes costs nothing, and is an upper bound. Between two exact readings memory is
therefore taken as the last one and what the bound has grown since; when that is much, it is read exactly. A process that
writes to pages that it shared takes more without being larger: where the bound alone is over the limit, exact readings are
more frequent.
"""

from __future__ import annotations

import time
from math import inf
from typing import NamedTuple

from weftline.guard.sample import ProcessTree, measured
from weftline.guard.verdict import GuardPolicy

#: Growth since the last exact reading, as a share of the limit, that is not believed without another.
_MUCH = 0.02
#: The share of a processor that exact readings may cost when memory grows near its limit, and when it may without being seen.
_COST_NEAR, _COST_UNSEEN = 0.25, 0.05


class Reading(NamedTuple):
    """The memory of a tree.

    Attributes:
        held_bytes: what it holds; see `proc.Memory`.
        source: as there, or `estimate`.
        is_sure: whether anything may be decided by it.
    """

    held_bytes: int
    source: str
    is_sure: bool


class MemoryGauge:
    """Reads one tree.

    Args:
        policy: how much readings may cost.
        limit: of its memory, in bytes; None for none.
    """

    def __init__(self, policy: GuardPolicy, limit: float | None) -> None:
        self._policy = policy
        self._limit = inf if limit is None else limit
        self._at = -inf
        self._cost_s = 0.0
        self._held = self._resident = 0
        self.peak_bytes: int | None = None

    def read(self, tree: ProcessTree, now: float) -> Reading:
        """What a tree holds, as of its last look.

        Args:
            tree: the processes.
            now: monotonic seconds.
        """
        resident = tree.resident_bytes
        estimate = min(resident, self._held + max(0, resident - self._resident))
        since_s = now - self._at
        has_grown = estimate - self._held >= _MUCH * self._limit and estimate >= self._policy.memory.warn * self._limit
        if not self._is_due(since_s, has_grown, resident):
            return Reading(estimate, "estimate", not has_grown)
        began = time.thread_time()
        memory = measured(tree.members)
        self._cost_s = time.thread_time() - began
        self._at, self._held, self._resident = now, memory.held_bytes, resident
        self.peak_bytes = max(self.peak_bytes or 0, memory.held_bytes)
        return Reading(memory.held_bytes, memory.source, True)

    def _is_due(self, since_s: float, has_grown: bool, resident: int) -> bool:
        if since_s >= max(self._policy.interval_s, self._cost_s / self._policy.most_cost):
            return True
        if has_grown:
            return since_s >= self._cost_s / _COST_NEAR
        return resident >= self._limit and since_s >= self._cost_s / _COST_UNSEEN
