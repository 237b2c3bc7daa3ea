"""The states of a node in a run, and the table of what may follow what.

```text
                 inputs ready             prepared               all calls done
    waiting ------------------> preparing ---------> running -------------------> succeeded | failed
       |                           |                    |
       |  hit known in advance     |  all calls hit     |  (another process made all of it)
       +---------> cached <--------+--------------------+
       |                                                +---> failed   (a call fails, retries spent)
       |
       +---------> skipped    (upstream failed, not selected, run stopped)
       +---------> cancelled  (the run was cancelled)
       +---------> blocked    (a gate is closed, or it is behind one)

    succeeded | cached -- output lost --> waiting
```
"""

from __future__ import annotations

from enum import StrEnum


class NodeState(StrEnum):
    """Where a node stands."""

    WAITING = "waiting"
    PREPARING = "preparing"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"

    __hash__ = str.__hash__  # the one of enumerations is not compiled, and the table is asked several times for every node

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the node, unless its output is lost."""
        return self in FINAL

    @property
    def has_output(self) -> bool:
        """Whether the nodes behind it can go on."""
        return self in HAS_OUTPUT


class Cause(StrEnum):
    """What moves a node from one state to another."""

    INPUTS_READY = "inputs ready"
    HIT = "hit"
    PREPARED = "prepared"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    LOST = "lost"

    __hash__ = str.__hash__


HAS_OUTPUT = frozenset({NodeState.SUCCEEDED, NodeState.CACHED})
FINAL = frozenset(set(NodeState) - {NodeState.WAITING, NodeState.PREPARING, NodeState.RUNNING})

TABLE: dict[tuple[NodeState, Cause], NodeState] = {
    (NodeState.WAITING, Cause.INPUTS_READY): NodeState.PREPARING,
    (NodeState.WAITING, Cause.HIT): NodeState.CACHED,
    (NodeState.WAITING, Cause.SKIPPED): NodeState.SKIPPED,
    (NodeState.WAITING, Cause.CANCELLED): NodeState.CANCELLED,
    (NodeState.WAITING, Cause.BLOCKED): NodeState.BLOCKED,
    (NodeState.PREPARING, Cause.PREPARED): NodeState.RUNNING,
    (NodeState.PREPARING, Cause.HIT): NodeState.CACHED,
    (NodeState.PREPARING, Cause.FAILED): NodeState.FAILED,
    (NodeState.PREPARING, Cause.LOST): NodeState.WAITING,
    (NodeState.PREPARING, Cause.SKIPPED): NodeState.SKIPPED,
    (NodeState.PREPARING, Cause.CANCELLED): NodeState.CANCELLED,
    (NodeState.RUNNING, Cause.DONE): NodeState.SUCCEEDED,
    (NodeState.RUNNING, Cause.HIT): NodeState.CACHED,
    (NodeState.RUNNING, Cause.FAILED): NodeState.FAILED,
    (NodeState.RUNNING, Cause.SKIPPED): NodeState.SKIPPED,
    (NodeState.RUNNING, Cause.CANCELLED): NodeState.CANCELLED,
    (NodeState.SUCCEEDED, Cause.LOST): NodeState.WAITING,
    (NodeState.CACHED, Cause.LOST): NodeState.WAITING,
}


class RunStatus(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    PARTIAL = "partial"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
