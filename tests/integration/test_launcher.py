"""Runs in processes of their own, while the ledger goes away."""

import contextlib
import os
import signal
import time

import pytest

from weftline.errors import LedgerUnusableError
from weftline.serve.errand import Errand
from weftline.serve.launcher import Launcher
from weftline.store import holder
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


@pytest.mark.parametrize("question", ["claim_all", "holder", "release"])
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


def met(launcher, count):
    """Waits until the launcher knows so many processes that wait."""
    until = time.monotonic() + PATIENCE_S
    while len(launcher.spares) < count:
        assert time.monotonic() < until, "none came"
        launcher.tend()
        time.sleep(0.02)


def log_of(launcher, ledger, folder):
    """What the run `r1` has written when it is over."""
    until = time.monotonic() + PATIENCE_S
    while launcher.runs or ledger.holder("r1"):
        assert time.monotonic() < until, "never over"
        launcher.tend()
        time.sleep(0.02)
    return (folder / "logs" / "serve" / "r1.log").read_text()


def test_a_run_is_claimed_in_the_name_of_the_process_that_will_do_it(tmp_path):
    """So that process need not claim it, and one transaction does for all that are begun together."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    launcher = Launcher(tmp_path, ledger, 3)
    launcher.open()
    try:
        met(launcher, 3)
        names = set(launcher.spares.values())
        launcher.start(*(Errand(run, "nothing.py", str(tmp_path), {}) for run in ("r1", "r2", "r3", "r4")))
        claimed = {ledger.holder(run) for run in ("r1", "r2", "r3")}
        assert claimed <= {*names, None}, "a process that is through has given it back"
        assert claimed & names
        assert ledger.holder("r4") is None, "there is no room"
    finally:
        launcher.drain()
        launcher.close()
        ledger.close()


class Unsure(Leaving):
    """A ledger that goes away once, after it has done what it was asked for."""

    def claim_all(self, wanted):
        found = self._ledger.claim_all(wanted)
        if self._away.pop("claim_all", 0):
            raise LedgerUnusableError(path="there", detail="it went away")
        return found


def test_a_run_is_begun_although_nobody_knew_whether_it_was_claimed(tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    launcher = Launcher(tmp_path, Unsure(ledger, claim_all=1), 2)
    launcher.open()
    try:
        met(launcher, 2)
        with pytest.raises(LedgerUnusableError):
            launcher.start(Errand("r1", "nothing.py", str(tmp_path), {}))
        assert ledger.holder("r1") in launcher.spares.values()
        assert "nothing.py" in log_of(launcher, ledger, tmp_path)
    finally:
        launcher.close()
        ledger.close()


def test_a_run_is_begun_although_the_process_that_waited_for_it_has_died(tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    launcher = Launcher(tmp_path, ledger, 1)
    launcher.open()
    try:
        met(launcher, 1)
        (spare,) = launcher.spares
        ours = launcher.spares[spare]
        os.kill(spare, signal.SIGKILL)
        until = time.monotonic() + PATIENCE_S
        while holder.may_be_alive(ours):
            assert time.monotonic() < until
        launcher.spares[spare] = holder.this_process()  # as if it died only now, after this was looked at
        launcher.start(Errand("r1", "nothing.py", str(tmp_path), {}))
        assert "nothing.py" in log_of(launcher, ledger, tmp_path)
    finally:
        launcher.close()
        ledger.close()
