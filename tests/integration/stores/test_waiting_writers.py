"""Who wants to write the ledger while another process writes all the time."""

import statistics
import subprocess
import sys
import time

from weftline.store.sqlite import SqliteLedger

HOLDS = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
print("holds", flush=True)
while True:
    db.execute("BEGIN IMMEDIATE")
    time.sleep(0.01)
    db.execute("COMMIT")
    time.sleep(0.0001)
"""


def test_a_claim_does_not_starve_behind_who_writes_one_thing_after_the_other(tmp_path):
    """Who sets the fields of ten runs, say, flushing each: the daemon claims the first of them meanwhile."""
    ledger, took_s = SqliteLedger(tmp_path / "ledger.db"), []
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path / "ledger.db")], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        for number in range(25):
            time.sleep(0.005)  # the writer goes on
            began = time.monotonic()
            assert ledger.claim(f"r{number}", "me") is None
            took_s.append(time.monotonic() - began)
        writer.kill()
    ledger.close()
    assert statistics.median(took_s) < 0.015, took_s
