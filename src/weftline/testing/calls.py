"""What the calls of the suite for backends do: at the top level of a module, so that backends which ship calls find it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from weftline.author.node import node

#: How long a call of the suite goes on at most, in seconds.
GATE_S = 60.0


@node
def double(number: int) -> int:
    """An easy call."""
    return 2 * number


@node(provides=("first", "second"))
def pair(number: int) -> tuple[int, str]:
    """Two outputs, whose order matters."""
    return number, str(number)


@node
def echo(content: bytes) -> bytes:
    """Gives back what it gets."""
    return content


@node
def fails(message: str) -> int:
    """Raises an error."""
    raise LookupError(message)


@node
def leaves(code: int) -> int:
    """Wants to end its process."""
    raise SystemExit(code)


@node
def follows(folder: str, name: str) -> str:
    """Leaves a mark when it begins, and ends when the gate is open."""
    Path(folder, f"began-{name}").touch()
    until = time.monotonic() + GATE_S
    while not Path(folder, "open").exists():
        if time.monotonic() > until:
            raise TimeoutError("nobody opened the gate")
        time.sleep(0.005)
    return name


@node
def cleans_up(folder: str, cleans: bool) -> int:
    """Waits until somebody stops it, and does what it can to leave a mark then; or takes no notice."""
    Path(folder, "began").touch()
    until = time.monotonic() + GATE_S
    while time.monotonic() < until:
        try:
            time.sleep(0.01)
        except BaseException:  # however it is asked to stop
            if not cleans:
                continue
            Path(folder, "cleaned").touch()
            raise
    return 1


@node
def sees(names: tuple[str, ...]) -> list[str | None]:
    """Its environment."""
    return [os.environ.get(name) for name in names]


@node
def stays(number: int) -> int:
    """The process that it runs in."""
    del number
    return os.getpid()


@node
def lets_go(folder: str) -> int:
    """Starts what has neither parent nor session in common with it and goes on for ever; then waits itself."""
    words = [sys.executable, "-c", _LETS_GO, sys.executable, _GOES_ON, folder]
    subprocess.run(words, check=True)  # noqa: S603 - our own words
    while not Path(folder, "beats").exists():
        time.sleep(0.005)
    Path(folder, "began").touch()
    time.sleep(GATE_S)
    return 1


_LETS_GO = "import subprocess, sys; subprocess.Popen([*sys.argv[1:2], '-c', *sys.argv[2:]], start_new_session=True)"
_GOES_ON = f"""
import signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
until = time.monotonic() + {GATE_S}
while time.monotonic() < until:
    with open(sys.argv[1] + "/beats", "a") as file:
        file.write(".")
    time.sleep(0.005)
"""


@node
def counts(folder: str, name: str) -> int:
    """How many of its kind it saw at the same time."""
    own = Path(folder, f"here-{name}")
    own.touch()
    most = 0
    for _ in range(10):
        most = max(most, sum(1 for found in Path(folder).iterdir() if found.name.startswith("here-")))
        time.sleep(0.005)
    own.unlink()
    return most


@node
def returns_lock() -> object:
    """Makes what cannot be sent anywhere."""
    return threading.Lock()


@node
def returns_nameless() -> object:
    """Makes what no other process can look up."""
    return nameless


@node
def returns_unwilling() -> object:
    """Makes what can be sent, and not be put together again."""
    return Unwilling()


nameless = lambda: None  # noqa: E731 - its own name is `<lambda>`: that is the point
nameless.__qualname__ = "nowhere"


class Unwilling:
    """Breaks on arrival."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ()


class Unsendable:
    """Does not leave."""

    def __reduce__(self) -> tuple[Any, ...]:
        raise RuntimeError("this value stays where it is")


def _refuse() -> object:
    raise RuntimeError("this value cannot be put together again")
