"""Opening the ledger that a URL names: what cannot be is told, without secrets."""

import contextlib
import traceback

import pytest

from weftline.app.home import Home
from weftline.app.ledgers import open_journals
from weftline.errors import BadLedgerUrlError, LedgerUnreachableError, UnknownLedgerError
from weftline.settings import Settings
from weftline.testing.ledgers import opening


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("postgre://user:hush@host/0", UnknownLedgerError),
        ("postgresql://:hush@host/0?schema=No-name", BadLedgerUrlError),
        ("postgresql://:hush@[::1/0", BadLedgerUrlError),
        ("postgresql://:hush@hush@/0", BadLedgerUrlError),
        ("postgresql://:hu/hush@host/0", BadLedgerUrlError),
        ("postgresql://:hush@host/0?bogus=1", BadLedgerUrlError),
        ("postgresql://one:hush@127.0.0.1:1/0", LedgerUnreachableError),
        ("postgresql://127.0.0.1:1/0?password=hush&user=one", LedgerUnreachableError),
        ("sqlite://user:hush@host/file", BadLedgerUrlError),
        ("sqlite:", BadLedgerUrlError),
    ],
)
def test_no_message_tells_the_password(url, error, tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(error) as caught:
        open_journals(url, tmp_path / "ledger.db")
    told = "".join(traceback.format_exception(caught.value)).replace(__file__, "")
    assert "hush" not in told
    assert not list(tmp_path.iterdir())


def test_what_was_meant_is_told(tmp_path):
    with pytest.raises(UnknownLedgerError) as caught:
        open_journals("postgre://host/db", tmp_path / "ledger.db")
    assert "postgresql" in caught.value.hint
    assert "sqlite" in caught.value.fix


def test_a_ledger_elsewhere_is_one_of_every_home_that_names_it(tmp_path):
    known = Settings(ledger=f"sqlite:{tmp_path}/team.db")
    with contextlib.closing(Home(tmp_path / "one", known)) as home:
        home.ledger.append("r1", [opening()])
    with contextlib.closing(Home(tmp_path / "two", known)) as home:
        assert not home.exists
        assert [found.run for found in home.ledger.runs()] == ["r1"]
        assert home.history is not None
    assert not (tmp_path / "one").exists()
    with contextlib.closing(Home(tmp_path / "three", Settings())) as home:
        assert home.history is None, "what only reads makes no home"


def test_small_results_go_along_with_the_journals_of_the_home_alone(tmp_path):
    with contextlib.closing(Home(tmp_path / "one", Settings())) as home:
        assert home.staging is home.cache
    for url in (f"sqlite:{tmp_path}/team.db", f"sqlite:{tmp_path}/two/ledger.db"):
        with contextlib.closing(Home(tmp_path / "two", Settings(ledger=url))) as home:
            assert home.staging is None
            assert home.cache is not None
    with contextlib.closing(Home(tmp_path / "three", Settings(cache=f"sqlite:{tmp_path}/cache.db"))) as home:
        assert home.staging is None
