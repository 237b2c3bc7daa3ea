"""What a worker process does: reads calls from its parent, runs them, writes reports; ends with its parent.

What comes over the socket is pickled, by the parent and for this process alone. Where there is a keeper it calls `serve`;
elsewhere this is the program, started as `python -m weftline.backends.child FD`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any

from weftline.backends import program
from weftline.backends.parcel import Nodes, pack_failure, pack_report
from weftline.backends.perform import perform
from weftline.backends.wire import Kind, Wire

#: How often a worker without a keeper looks whether its parent is still there, in seconds.
_LOOK_S = 1.0


def main() -> None:
    """Serves one parent, without a keeper."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    serve(int(sys.argv[1]))


def serve(connection: int) -> None:
    """Serves one parent until it hangs up."""
    wire = Wire(socket.socket(fileno=connection))
    request = _Request()
    with contextlib.suppress(EOFError, OSError, _Asked):
        _serve(wire, request)
    if request.is_made:
        request.obey()
    _end()


def _serve(wire: Wire, request: _Request) -> None:
    nodes = Nodes()
    broken: bytes | None = None
    is_new = False  # whether a node came with the next call
    while (message := wire.receive()) is not None:
        kind, content = message
        if kind == Kind.SETUP:
            broken = _prepare(pickle.loads(content))  # noqa: S301 - from our parent, over a private socket
        elif kind == Kind.NODE:
            nodes.add(content)
            is_new = True
        else:
            report = broken or _answer(nodes, content, wire if is_new else None)
            is_new = False
            if request.is_made:
                return
            sys.stdout.flush()
            sys.stderr.flush()
            wire.send([(Kind.REPORT, report)])


def _answer(nodes: Nodes, content: bytes, wire: Wire | None) -> bytes:
    """Runs a call; tells the wire when it begins."""
    try:
        call = nodes.call(content)
    except Exception as error:  # noqa: BLE001 - importing the user's module may raise anything; it is this call's failure
        return pack_failure(error)
    if wire is not None:
        wire.send([(Kind.BEGUN, b"")])
    return pack_report(perform(call, worker=f"process {os.getpid()}"), call.node)


class _Asked(BaseException):
    """Somebody asks this process to end: so that `finally` and `with` do what they are there for."""


class _Request:
    """Takes SIGTERM: interrupts the call that runs, and has the process end by that signal when the call has cleaned up."""

    def __init__(self) -> None:
        self.is_made = False
        self._process = os.getpid()
        signal.signal(signal.SIGTERM, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if os.getpid() != self._process:
            self.obey()  # a fork of the worker, which has nothing to do with calls
        if not self.is_made:
            self.is_made = True
            raise _Asked

    def obey(self) -> None:
        """Ends as a process does that knows nothing of the signal."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    _end()


def _end() -> None:
    """Ends this process, and with it whatever its calls have started and left behind."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _prepare(setup: dict[str, Any]) -> bytes | None:
    """Takes over the parent's import path, and modules that only a file name leads to.

    Returns:
        What every call is answered if they cannot be had.
    """
    sys.path[:] = setup["path"]
    try:
        for source in setup["sources"]:
            program.load(source)
    except _Asked:
        raise
    except BaseException as error:  # noqa: BLE001 - a program may raise anything; every call is told of it
        return pack_failure(error)
    return None


if __name__ == "__main__":
    main()
