"""52,440 events that the SQLite ledger has acknowledged survive a loss of power at any moment; see `power_loss.py`.

The control flushes as SQLite does with `synchronous = NORMAL`, and loses some. `WEFTLINE_LEDGER_POWER_LOSSES=100` takes more
moments.
"""

import contextlib
import functools
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from tests.integration.power_loss import Disk, Pen, Recorder

from weftline.model.event import Event, Kind
from weftline.store.sqlite import SqliteLedger
from weftline.testing.journals import RECIPE, opening, started

RUNS, EVENTS = 100, 570
LOSSES = int(os.environ.get("WEFTLINE_LEDGER_POWER_LOSSES", "12"))


@functools.cache
def event(run, number):
    """An event of a run: the same in the process that writes and in the one that looks."""
    if number == 0:
        return opening(100.0, run)
    if number == 1:
        return started("embed", a="1")
    body = {"key": f"{number:064x}", "took_s": 0.5, "text": "x" * (number * 37 % 300)}
    return Event(Kind.CALL_SUCCEEDED, 100.0 + number, "embed", number, 1, body)


def write(pen, folder, synchronous):
    """Runs one after the other, and what was acknowledged of each; some are removed. The ledger is opened anew now and then."""
    for first in range(0, RUNS, 25):
        with contextlib.closing(SqliteLedger(folder / "home" / "ledger.db")) as ledger:
            ledger._db.query(f"PRAGMA synchronous = {synchronous}")
            for run in (f"r{number}" for number in range(first, first + 25)):
                ledger.claim(run, "one")
                rng, length = random.Random(run), 0
                while length < EVENTS:
                    size = min(rng.choice((1, 1, 3, 10, 40)), EVENTS - length)
                    pen.mark("begin", run, length + size)
                    ledger.append(run, [event(run, at) for at in range(length, length + size)], [RECIPE] if not length else [])
                    length += size
                    pen.mark("end", run, length)
                ledger.release(run, "one")
            for run in (f"r{first + 3}", f"r{first + 20}"):
                pen.mark("begin remove", run, 0)
                ledger.remove(run)
                pen.mark("end remove", run, 0)


class Promises:
    """By run: events that must be there, and how many there may be; None while anything may be there."""

    def __init__(self):
        self.runs = {}

    def hear(self, verb, run, length):
        certain, _ = self.runs.get(run) or (0, 0)
        if verb == "begin remove":
            self.runs[run] = None
        else:
            self.runs[run] = (certain, length) if verb == "begin" else (length, length)

    @property
    def due(self):
        return sum(promise[0] for promise in self.runs.values() if promise)


def look(home, promises):
    """Acknowledged events that are lost, and what else is wrong."""
    lost, wrong = 0, []
    with contextlib.closing(SqliteLedger(home / "ledger.db")) as ledger:
        known = {found.run for found in ledger.runs(10 * RUNS)}
        for run, promise in promises.runs.items():
            events = list(ledger.events(run))
            if promise is None:
                continue
            certain, begun = promise
            lost += max(0, certain - len(events))
            if len(events) not in {certain, begun} and len(events) >= certain:
                wrong.append(f"{run} has {len(events)} events, neither {certain} nor {begun}")
            if events != [event(run, at) for at in range(len(events))]:
                wrong.append(f"{run}: its events are not what was appended, or in another order")
            if (run in known) != bool(events):
                wrong.append(f"{run} has {len(events)} events, and the list of runs says otherwise")
        wrong += [row for row in ledger._db.query("PRAGMA integrity_check") if row != ("ok",)]
        ledger.append("after", [event("after", 0)])
        ledger.remove("after")
    return lost, wrong


def losses(recorder, rest, synchronous, count):
    """What is found after losses of power, in all, and how many events were acknowledged in the end."""
    folder, records = recorder.record(synchronous, [sys.executable, "-m", __name__, synchronous])
    rng, disk, promises = random.Random(5), Disk(folder), Promises()
    moments = {len(records) * part // count - rng.randrange(len(records) // count) for part in range(1, count + 1)}
    due, lost, wrong = 0, 0, []
    for number, record in enumerate(records, 1):
        disk.do(record)
        if record.kind == "M":
            promises.hear(*json.loads(record.first))
        if number in moments or number == len(records):
            disk.loss(rng, rest, "home")
            found = look(rest, promises)
            shutil.rmtree(rest)
            due, lost, wrong = due + promises.due, lost + found[0], wrong + found[1]
    return promises.due, due, lost, wrong


@pytest.fixture
def rest():
    """A name for what is left after a loss; in memory where there is a place for that."""
    shared = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(prefix="power-loss-", dir=shared if os.access(shared, os.W_OK) else None))
    yield place / "home"
    shutil.rmtree(place)


@pytest.mark.timeout(900)
def test_no_acknowledged_event_is_lost(tmp_path, rest):
    distinct, due, lost, wrong = losses(Recorder(tmp_path), rest, "EXTRA", LOSSES)
    print(f"{LOSSES + 1} losses of power: {lost} of {due:,} acknowledged events lost, {distinct:,} of them at the end")
    assert lost == 0
    assert wrong == []
    assert distinct == (RUNS - 8) * EVENTS
    assert due > 50_000


@pytest.mark.timeout(900)
def test_with_fewer_flushes_some_are_lost(tmp_path, rest):
    """The test above can fail."""
    _, due, lost, _ = losses(Recorder(tmp_path), rest, "NORMAL", 4)
    print(f"5 losses of power with synchronous = NORMAL: {lost} of {due:,} acknowledged events lost")
    assert lost > 0


if __name__ == "__main__":
    write(Pen(), Path(sys.argv[2]), sys.argv[1])
