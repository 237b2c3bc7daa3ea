"""What a run did before, as far as it matters for going on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weftline.model.call import Failure
from weftline.model.run import RunRecord
from weftline.model.transitions import NodeState, RunStatus


@dataclass(slots=True)
class Past:
    """What this run did before the process that works on it now.

    Attributes:
        attempts: highest attempt by node name and item.
        done: key in hex of calls that succeeded, by node name and item.
        finished: nodes whose end is in the journal.
        left_out: calls that failed and are not tried again now, by node name and item.
        states: of nodes that stay as they are.
        before: the run's status, where only a part of it is done now; else None.
        opened: gates that have opened.
        reached: gates that it came to: when, and the fields of that event.
        owes: whether something is missing then that is not done now.
    """

    attempts: Mapping[tuple[str, int], int] = field(default_factory=dict)
    done: Mapping[tuple[str, int], str] = field(default_factory=dict)
    finished: frozenset[str] = frozenset()
    left_out: Mapping[str, Mapping[int, Failure]] = field(default_factory=dict)
    states: Mapping[str, NodeState] = field(default_factory=dict)
    before: RunStatus | None = None
    owes: bool = False
    opened: frozenset[str] = frozenset()
    reached: Mapping[str, tuple[float, Mapping[str, Any]]] = field(default_factory=dict)

    def settled(self, status: RunStatus) -> RunStatus:
        """The status of the run, given what has become of that which was done now.

        Where that was a part of the run, it is completed if nothing is missing any more, and else what it was before.
        """
        if self.before is None or status is RunStatus.CANCELLED:
            return status
        return status if status is RunStatus.COMPLETED and not self.owes else self.before


def past_of(record: RunRecord) -> Past:
    """The past of a run from its folded journal.

    A call that succeeded or was restored is kept if its key is still the same; the engine compares.
    """
    attempts, done = {}, {}
    for name, node in record.nodes.items():
        for item, call in node.calls.items():
            if call.attempt:
                attempts[name, item] = call.attempt
            if call.outcome in {"succeeded", "restored"} and call.key is not None:
                done[name, item] = call.key
    finished = frozenset(name for name, node in record.nodes.items() if node.state.has_output)
    return Past(attempts, done, finished, opened=frozenset(record.gates), reached=record.reached)
