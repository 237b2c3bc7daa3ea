"""What records, and what the engine does, tell the account about gates: who has come there, and who has failed there."""

from __future__ import annotations

from collections.abc import Iterable

from weftline.model.event import Event, Kind
from weftline.model.transitions import HAS_OUTPUT
from weftline.testing.simulation.account import Account
from weftline.testing.simulation.gating import REFUSED, TIMED_OUT


def note_record(account: Account, event: Event, before: Iterable[Event]) -> None:
    """A record.

    Args:
        account: takes note of it.
        event: the record.
        before: those that are recorded together with it, and were made earlier.
    """
    gating, body = account.gating, event.body or {}
    gating.note(event)
    if event.kind is Kind.CALL_FAILED and body.get("error") in {REFUSED, TIMED_OUT}:
        account.nodes[account.graph.index[event.node]].is_refused = True
        if account.on_failure == "stop" and not account.stopping:
            starts = [found for found in before if found.kind is Kind.ATTEMPT_STARTED]
            account.decided = {(account.graph.index[found.node], found.item, found.attempt) for found in starts}
            account.stop("failure")
    elif event.kind is Kind.NODE_FINISHED and body["state"] in HAS_OUTPUT:
        number = account.graph.index[event.node]
        if number in gating.sources:
            gating.note_said(number, account.truth.value(number))


def note_waiting(account: Account) -> None:
    """The engine is about to wait: at which gates are nodes?"""
    gating = account.gating
    for name, nodes in gating.nodes.items():
        if name not in gating.memory.opened and any(_is_at_gate(account, number) for number in nodes):
            gating.waited.setdefault(name, account.now)
        else:
            gating.waited.pop(name, None)


def _is_at_gate(account: Account, number: int) -> bool:
    """Whether a node surely waits at its gate: of what had ended in an earlier life, nobody tells when it is known again."""
    node = account.nodes[number]
    if node.has_begun or node.spec.name in account.ended or node.spec.name in account.ended_before:
        return False
    upstream = account.graph.upstream[number]
    return all(account.ended.get(account.graph.nodes[source].name) in HAS_OUTPUT for source in upstream)
