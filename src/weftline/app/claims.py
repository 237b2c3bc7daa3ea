"""Keeps two processes from working on one run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from weftline.errors import RunBusyError
from weftline.ports.ledger import Ledger


@contextlib.contextmanager
def claimed(run: str, ledger: Ledger | None) -> Iterator[None]:
    """Keeps other processes off a run; takes over from one that is dead."""
    if ledger is None:
        yield
        return
    from weftline.store.holder import may_be_alive, this_process

    holder = this_process()
    other = ledger.claim(run, holder)
    if other is not None and not may_be_alive(other):
        ledger.release(run)
        other = ledger.claim(run, holder)
    if other is not None:
        raise RunBusyError(run=run, holder=other)
    try:
        yield
    finally:
        ledger.release(run)
