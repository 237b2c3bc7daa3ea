from weftline.store.sqlite import SqliteLedger
from weftline.testing import LedgerContract


class TestSqlite(LedgerContract):
    def ledger(self, place):
        return SqliteLedger(place / "ledger.db")

    def reopened(self, place):
        return SqliteLedger(place / "ledger.db")


class TestSqliteInMemory(LedgerContract):
    def ledger(self, place):
        return SqliteLedger(":memory:")
