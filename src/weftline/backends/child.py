"""The program of a worker process: reads calls from its parent, runs them, writes reports; ends with its parent.

Started as `python -m weftline.backends.child FD`, where FD is one end of a socket. What comes over it is pickled, by the
parent and for this process alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from weftline.backends import program
from weftline.backends.parcel import pack_report, unpack_call
from weftline.backends.perform import perform
from weftline.backends.sameness import SymbolChecker
from weftline.model.call import Failure, Report
from weftline.model.ids import WHOLE

#: How often a worker looks whether its parent is still there, in seconds.
_LOOK_S = 1.0
#: The handle in a report on a call that could not be unpacked; the parent knows which one that was.
_NO_CALL = (0, WHOLE, 0)
_SYMBOLS = SymbolChecker()


def main() -> None:
    """Serves one parent until it hangs up."""
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    connection = Connection(int(sys.argv[1]))
    with contextlib.suppress(EOFError, OSError):
        broken = _prepare(connection.recv())
        while True:
            content = connection.recv_bytes()
            parcel = _answer(content) if broken is None else pack_report(Report(_NO_CALL, None, broken), None)
            sys.stdout.flush()
            sys.stderr.flush()
            connection.send_bytes(parcel)
    _end()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    _end()


def _end() -> None:
    """Ends this process, and with it whatever its calls have started and left behind."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _prepare(setup: dict[str, Any]) -> Failure | None:
    """Takes over the parent's import path, and modules that only a file name leads to; says what fails in them."""
    own = [entry for entry in sys.path if entry not in setup["path"]] if setup["keeps"] else []
    sys.path[:] = [*setup["path"], *own]
    try:
        for source in setup["sources"]:
            program.load(source)
    except BaseException as error:  # noqa: BLE001 - a program may raise anything; every call is told of it
        return Failure.of(error)
    return None


def _answer(content: bytes) -> bytes:
    try:
        call, symbols = unpack_call(content)
        _SYMBOLS.check(call.node.name, call.node.body, symbols)
    except Exception as error:  # noqa: BLE001 - importing the user's module may raise anything; it is this call's failure
        return pack_report(Report(_NO_CALL, None, Failure.of(error)), None)
    return pack_report(perform(call, worker=f"process {os.getpid()}"), call)


if __name__ == "__main__":
    main()
