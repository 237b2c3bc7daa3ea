"""For authors of backends, caches and ledgers: suites to inherit, and honest fakes to test against."""

from weftline.testing.backends import BackendContract
from weftline.testing.blobs import BlobsContract
from weftline.testing.caches import CacheContract
from weftline.testing.clock import ManualClock
from weftline.testing.leases import LeasesContract
from weftline.testing.ledgers import LedgerContract
from weftline.testing.scripted import Act, ScriptedBackend, fail, succeed

__all__ = [
    "Act",
    "BackendContract",
    "BlobsContract",
    "CacheContract",
    "LeasesContract",
    "LedgerContract",
    "ManualClock",
    "ScriptedBackend",
    "fail",
    "succeed",
]
