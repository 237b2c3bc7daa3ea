"""Programs that are written to a folder and run as processes of their own, each with a limit on its time."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

#: The longest that any process of these tests may take, in seconds; one that hangs is a failure, and is killed.
LIMIT_S = 60.0


class Program:
    """One file, and a folder in which the processes that run it leave marks."""

    def __init__(self, folder, text):
        self.folder = folder
        self.home = folder / "home"
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.file = folder / "flow_under_test.py"
        self.file.write_text(textwrap.dedent(text), encoding="utf-8")
        self._running = []

    def start(self, *words, under=(), **environment):
        """A process, in a group of its own; `under` is a command that runs it."""
        process = subprocess.Popen(
            [*under, sys.executable, str(self.file), *words],
            cwd=self.folder,
            env={**os.environ, "MARKS": str(self.marks), "WEFTLINE_HOME": str(self.home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def run(self, *words, limit_s=LIMIT_S, **environment):
        """A process to its end: what it printed as its last line, read as JSON."""
        return self.told(self.start(*words, **environment), limit_s)

    def told(self, process, limit_s=LIMIT_S):
        """What a process told, when it has ended."""
        try:
            out, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"it did not end within {limit_s} s\n{out[-2000:]}\n{err[-4000:]}") from None
        assert process.returncode == 0, f"exit code {process.returncode}:\n{out[-2000:]}\n{err[-4000:]}"
        return json.loads(out.strip().splitlines()[-1])

    def mark(self, name, within_s=30.0):
        """The content of a mark, as soon as a process has left it."""
        path = self.marks / name
        until = time.monotonic() + within_s
        while not path.exists() or not path.read_text(encoding="utf-8"):
            assert time.monotonic() < until, (
                f"nobody left the mark {name}; there are {sorted(found.name for found in self.marks.iterdir())}"
            )
            time.sleep(0.005)
        return path.read_text(encoding="utf-8")

    def close(self):
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in filter(None, (process.stdout, process.stderr)):
                pipe.close()


@pytest.fixture
def program(tmp_path):
    """Makes programs; what still runs at the end is killed."""
    made = []

    def make(text):
        made.append(Program(tmp_path, text))
        return made[-1]

    yield make
    for one in made:
        one.close()


def _is_alive(pid):
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


@pytest.fixture
def ends():
    """Whether processes end within some seconds."""

    def wait(*pids, within_s=10.0):
        until = time.monotonic() + within_s
        while any(map(_is_alive, pids)) and time.monotonic() < until:
            time.sleep(0.05)
        left = [pid for pid in pids if _is_alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return not left

    return wait


@pytest.fixture
def disk(tmp_path):
    """Mounts a small disk, where this process may."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this process may not mount a disk: {done.stderr.strip()}")
        return place

    yield mount
    subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)
