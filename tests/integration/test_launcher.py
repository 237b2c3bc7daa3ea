"""Runs in processes of their own, while the ledger goes away."""

import contextlib
import time

import pytest

from weftline.errors import LedgerUnusableError
from weftline.serve.errand import Errand
from weftline.serve.launcher import Launcher
from weftline.store.sqlite import SqliteLedger

PATIENCE_S = 60.0


class Leaving:
    """A ledger that is away for the next questions of a kind."""

    def __init__(self, ledger, **away):
        self._ledger = ledger
        self._away = away

    def __getattr__(self, name):
        if self._away.get(name):
            self._away[name] -= 1
            raise LedgerUnusableError(path="there", detail="it is away")
        return getattr(self._ledger, name)


@pytest.mark.parametrize("question", ["claim", "holder", "release"])
def test_a_run_is_begun_and_given_back_although_the_ledger_was_away(tmp_path, question):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    launcher = Launcher(tmp_path, Leaving(ledger, **{question: 1}), 2)
    launcher.open()
    try:
        for run in ("r1", "r2"):
            with contextlib.suppress(LedgerUnusableError):
                launcher.start(Errand(run, "nothing.py", str(tmp_path), {}))
        until = time.monotonic() + PATIENCE_S
        while launcher.runs or ledger.holder("r1") or ledger.holder("r2"):
            assert time.monotonic() < until, "never over"
            with contextlib.suppress(LedgerUnusableError):
                launcher.tend()
            time.sleep(0.02)
        logs = {path.name: path.read_text() for path in (tmp_path / "logs" / "serve").iterdir()}
        assert sorted(logs) == ["r1.log", "r2.log"], "both were begun"
        assert all("nothing.py" in text for text in logs.values())
    finally:
        launcher.close()
        ledger.close()
