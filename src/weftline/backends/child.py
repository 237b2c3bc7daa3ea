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
from collections.abc import Iterator
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
    with contextlib.suppress(EOFError, OSError):
        try:
            _serve(wire)
        except _AskedError:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
    _end()


def _serve(wire: Wire) -> None:
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
            sys.stdout.flush()
            sys.stderr.flush()
            wire.send([(Kind.REPORT, report)])


def _answer(nodes: Nodes, content: bytes, wire: Wire | None) -> bytes:
    """Runs a call; tells the wire when it begins."""
    try:
        call = nodes.call(content)
    except Exception as error:  # noqa: BLE001 - importing the user's module may raise anything; it is this call's failure
        return pack_failure(error)
    with _interruptible() if call.grace_s > 0 else contextlib.nullcontext():
        if wire is not None:
            wire.send([(Kind.BEGUN, b"")])
        return pack_report(perform(call, worker=f"process {os.getpid()}"), call.node)


class _AskedError(BaseException):
    """The call's time is over, and it may clean up: `finally` and `with` do what they are there for."""


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Lets SIGTERM interrupt a call as an error does, for calls with a grace only.

    Otherwise the signal ends the process as it always does. A handler is not for nothing: Python forgets a signal that reaches
    a fork in its first moment (`PyOS_AfterFork_Child` clears what is pending), so that a process of the call's own, terminated
    right after its start, would go on.

    Raises:
        _AskedError: it came, and the call has ended.
    """
    worker, has_come = os.getpid(), False

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal has_come
        del frame
        if os.getpid() != worker:  # a fork, which has nothing to do with calls
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if not has_come:  # only once, so that it does not interrupt the cleaning up
            has_come = True
            raise _AskedError

    before = signal.signal(signal.SIGTERM, take)
    yield
    signal.signal(signal.SIGTERM, before)
    if has_come:
        raise _AskedError


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
    except BaseException as error:  # noqa: BLE001 - a program may raise anything; every call is told of it
        return pack_failure(error)
    return None


if __name__ == "__main__":
    main()
