"""What awkward calls do in worker processes: a module that pytest does not rewrite, so that workers have the same."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from weftline import node

STUBBORN = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
with open(sys.argv[1] + ".tmp", "w") as file:
    file.write(str(os.getpid()))
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
time.sleep(120)
"""
#: A process whose successor is there before it is gone, each in a session of its own.
HYDRA = """
import os, sys, time
until = time.monotonic() + 60
while time.monotonic() < until:
    if os.fork():
        time.sleep(0.002)
        os._exit(0)
    os.setsid()
    with open(sys.argv[1], "a") as file:
        file.write(".")
"""


def start(how, mark):
    """Starts a process that does not end, in one of the ways out of a process group; waits until it has left its mark."""
    if how == "nothing":
        return
    words = [sys.executable, "-c", HYDRA if how == "hydra" else STUBBORN, str(mark)]
    if how == "child":
        subprocess.Popen(words)
    elif how in {"session", "hydra"}:
        subprocess.Popen(words, start_new_session=True)
    elif how == "group":
        subprocess.Popen(words, process_group=0)
    else:  # as a daemon does it
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execve(words[0], words, {} if how == "daemon with nothing" else dict(os.environ))
            os._exit(0)
        os.wait()
    until = time.monotonic() + 30
    while not mark.exists() and time.monotonic() < until:
        time.sleep(0.005)


@node
def starts(folder: str, how: str, then: str) -> int:
    start(how, Path(folder, "mark"))
    if then == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif then == "exits":
        os._exit(7)
    elif then == "kills its keeper":
        os.kill(os.getppid(), signal.SIGKILL)
    elif then == "returns":
        return os.getpid()
    Path(folder, "waits").touch()
    time.sleep(120)
    return 0


@node
def pid() -> int:
    return os.getpid()


@node
def size(content: bytes) -> int:
    return len(content)


@node
def asks_for_memory(limit_bytes: int) -> int:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + limit_bytes, resource.getrlimit(resource.RLIMIT_AS)[1]))
    return len(bytes(8 * limit_bytes))


@node
def forks(waits: bool) -> int:
    """A fork of the worker gets SIGTERM, which is not meant for the worker: it dies as any process does."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writes, b".")
            for _ in range(1200):
                time.sleep(0.1)  # Python sleeps on if a signal comes right before
        finally:  # which an ordinary death by a signal does not reach
            os._exit(3)
    if waits:
        os.read(reads, 1)
    os.kill(child, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@node
def ends_late(folder: str) -> int:
    """Takes notice of the end of its time, and returns a result all the same."""
    signal.signal(signal.SIGTERM, lambda *_: Path(folder, "asked").touch())
    until = time.monotonic() + 60
    while not Path(folder, "asked").exists() and time.monotonic() < until:
        time.sleep(0.01)
    return 1


@node
def sees(name: str) -> tuple[int, str | None, bool]:
    """The process, a variable, and whether it was there when the process started."""
    from_the_start = f"{name}=".encode() in Path("/proc/self/environ").read_bytes()
    return os.getpid(), os.environ.get(name), from_the_start
