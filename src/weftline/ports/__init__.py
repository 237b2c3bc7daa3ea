"""Protocols of everything that may be exchanged: where calls run, where results are kept, who is told."""

from weftline.ports.backend import Backend, Capabilities
from weftline.ports.cache import Cache, TendedCache
from weftline.ports.ledger import Ledger, RunSummary
from weftline.ports.sink import Sink

__all__ = ["Backend", "Cache", "Capabilities", "Ledger", "RunSummary", "Sink", "TendedCache"]
