"""Removing a long journal while another process writes, with each kind of ledger."""

import contextlib
import subprocess
import sys

import pytest

from weftline.app.ledgers import open_journals
from weftline.model.event import Event, Kind
from weftline.testing.journals import ending, kinds, opening

pytestmark = pytest.mark.xdist_group("postgres")

WRITER = """
import contextlib, select, sys
from pathlib import Path
from weftline.app.ledgers import open_journals
from weftline.model.event import Event, Kind
from weftline.testing.journals import opening

with contextlib.closing(open_journals(sys.argv[1], Path("unused"))) as journals:
    journals.append("writer", [opening()])
    print("ready", flush=True)
    written = 0
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        journals.append("writer", [Event(Kind.ATTEMPT_STARTED, 1.0, "a", written, 1)])
        written += 1
    print(written)
"""


def test_others_write_while_a_long_journal_is_removed(ledger_url, tmp_path):
    with contextlib.closing(open_journals(ledger_url, tmp_path / "unused")) as journals:
        events = [Event(Kind.ATTEMPT_STARTED, 1.0, "a", item, 1) for item in range(40_000)]
        journals.append("long", [opening(), *events, ending()])
        words = [sys.executable, "-c", WRITER, ledger_url]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as writer:
            assert writer.stdout.readline() == "ready\n"
            before = len(kinds(journals, "writer"))
            journals.remove("long")
            after = len(kinds(journals, "writer"))
            written, _ = writer.communicate("stop\n", timeout=60)
        assert kinds(journals, "long") == []
        assert len(kinds(journals, "writer")) == int(written) + 1
        least = 50 if ledger_url.startswith("sqlite:") else 5  # a server removes so fast that there is no time for more
        assert after - before > least, "it had to wait for the end of the removal"
