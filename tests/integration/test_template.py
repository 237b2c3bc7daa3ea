"""The process that runs are forked from, by itself."""

import subprocess
import sys
import time

COUNTS = """
import sys
from pathlib import Path
from weftline.serve.template import Template

class Counted(Template):
    count = 0

    def _add_spare(self):
        Counted.count += 1
        super()._add_spare()

Counted(Path(sys.argv[1]), 2).serve()
print(Counted.count, file=sys.stderr)
"""


def test_processes_that_die_while_they_wait_are_not_made_again_for_ever(tmp_path):
    """The home cannot be opened, say; each run tells so in its log, and nothing is tried ten times a second."""
    (tmp_path / "ledger.db").write_bytes(b"no database " * 1000)
    words = [sys.executable, "-c", COUNTS, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert b"ready" in process.stdout.readline()
        time.sleep(1.5)
        process.stdin.close()
        told = process.stderr.read()
    assert int(told) == 2
