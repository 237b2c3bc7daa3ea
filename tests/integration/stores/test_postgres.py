"""A ledger in a real PostgreSQL server: its promises, and what happens when the server dies, or refuses."""

import pytest

from weftline.testing import LedgerContract

ext = pytest.importorskip("weftline.ext.postgres")
pytestmark = pytest.mark.xdist_group("postgres")


class TestLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    def _in_postgres(self, postgres_server, name_of):
        self._url = lambda place: postgres_server.url(name_of(place))

    def ledger(self, place):
        return ext.opened(self._url(place))

    def reopened(self, place):
        return self.ledger(place)
