"""What the pools are given to do: plain functions, importable by every worker."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

#: How long a call that is to be stopped goes on otherwise, in seconds.
FOREVER_S = 60.0
_BEATS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
until = time.monotonic() + {seconds}
while time.monotonic() < until and os.path.isdir(os.path.dirname(sys.argv[1])):
    with open(sys.argv[1], "a") as file:
        file.write(".")
    time.sleep(0.01)
"""


def double(number: int) -> int:
    return 2 * number


def nap(number: int) -> int:
    time.sleep(0.01)
    return number


def goes_on(folder: str) -> int:
    """Beats in a file; and so does a process that it starts in a session of its own."""
    words = [sys.executable, "-c", _BEATS.format(seconds=FOREVER_S), f"{folder}/child"]
    subprocess.Popen(words, start_new_session=True)
    until = time.monotonic() + FOREVER_S
    while time.monotonic() < until and Path(folder).is_dir():
        with Path(folder, "call").open("a") as file:
            file.write(".")
        time.sleep(0.01)
    return 1
