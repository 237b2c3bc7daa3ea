"""Keeps two processes from working on one run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from weftline.errors import RunBusyError
from weftline.ports.ledger import Ledger
from weftline.store import holder


@contextlib.contextmanager
def claimed(run: str, ledger: Ledger | None, *, instead_of: str | None = None) -> Iterator[None]:
    """Keeps other processes off a run; takes over from one that is dead.

    Args:
        run: its id.
        ledger: where it is claimed; None if nobody else can reach it.
        instead_of: a holder that has it for this process.

    Raises:
        RunBusyError: a living process works on it.
    """
    if ledger is None:
        yield
        return
    me = holder.this_process()
    other = ledger.claim(run, me, instead_of=instead_of)
    if other is not None and not holder.may_be_alive(other):
        other = ledger.claim(run, me, instead_of=other)
    if other is not None:
        raise RunBusyError(run=run, holder=holder.described(other))
    try:
        yield
    finally:
        ledger.release(run, me)


def is_abandoned(run: str, ledger: Ledger) -> bool:
    """Whether nobody works on a run any more: its process is gone, or has given it back."""
    found = ledger.holder(run)
    return found is None or not holder.may_be_alive(found)
