"""What a run is done with; everything that acts or remembers is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weftline.clock import Clock
from weftline.ports.backend import Backend
from weftline.ports.cache import Cache, Staging
from weftline.ports.fields import Fields
from weftline.ports.leases import Leases
from weftline.ports.ledger import Ledger
from weftline.ports.sink import LogKeeper, Sink
from weftline.ports.values import Values


@dataclass(slots=True)
class Surroundings:
    """What a run is done with.

    Attributes:
        backend: where calls run.
        values: digests and codecs.
        clock: the only source of time.
        entropy: numbers between 0 and 1, for jitter.
        cache: where results are; None to keep nothing.
        staging: leaves small results to the ledger's transactions; None where the cache keeps results before they are recorded.
        leases: who computes what, among those that share the cache; None if nobody else can.
        ledger: where the journal is; None to keep none.
        fields: what fields of the run hold; None if nobody else can set them.
        sinks: who is told.
        logs: keeps what calls write.
        checked: compare inputs before and after each call.
    """

    backend: Backend
    values: Values
    clock: Clock
    entropy: Callable[[], float]
    cache: Cache | None = None
    staging: Staging | None = None
    leases: Leases | None = None
    ledger: Ledger | None = None
    fields: Fields | None = None
    sinks: Sequence[Sink] = ()
    logs: LogKeeper | None = None
    checked: bool = False
