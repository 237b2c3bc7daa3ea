"""What a run did before, as far as it matters for going on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weftline.model.run import RunRecord


@dataclass(slots=True)
class Past:
    """What this run did before the process that works on it now.

    Attributes:
        attempts: highest attempt by node name and item.
        done: key in hex of calls that succeeded, by node name and item.
        finished: nodes whose end is in the journal.
    """

    attempts: Mapping[tuple[str, int], int] = field(default_factory=dict)
    done: Mapping[tuple[str, int], str] = field(default_factory=dict)
    finished: frozenset[str] = frozenset()


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
    return Past(attempts, done, finished)
