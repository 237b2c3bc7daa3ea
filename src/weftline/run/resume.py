"""What a run did before, as far as it matters for going on."""

from __future__ import annotations

from weftline.model.run import RunRecord
from weftline.run.engine import Past


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
