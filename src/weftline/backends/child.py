"""The program of a worker process: reads calls from its parent, runs them, writes reports; ends with its parent.

Started as `python -m weftline.backends.child FD`, where FD is one end of a socket. What comes over it is pickled, by the
parent and for this process alone.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from weftline.backends.parcel import pack_report, unpack_call
from weftline.backends.perform import perform
from weftline.model.call import Failure, Report
from weftline.model.ids import WHOLE

#: How often a worker looks whether its parent is still there, in seconds.
_LOOK_S = 1.0


def main() -> None:
    """Serves one parent until it hangs up."""
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    connection = Connection(int(sys.argv[1]))
    _prepare(connection.recv())
    while True:
        try:
            content = connection.recv_bytes()
        except (EOFError, OSError):
            return
        parcel = _answer(content)
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            connection.send_bytes(parcel)
        except OSError:
            return


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


def _prepare(setup: dict[str, Any]) -> None:
    """Takes over the parent's import path, and modules that only a file name leads to."""
    sys.path[:] = setup["path"]
    for name, file in setup["modules"].items():
        if name in sys.modules and name != "__main__":
            continue
        spec = importlib.util.spec_from_file_location("__mp_main__" if name == "__main__" else name, file)
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = sys.modules[spec.name] = module
        spec.loader.exec_module(module)


def _answer(content: bytes) -> bytes:
    try:
        call = unpack_call(content)
    except Exception as error:  # noqa: BLE001 - importing the user's module may raise anything; it is this call's failure
        return pack_report(Report((0, WHOLE, 0), None, Failure.of(error)), None)
    return pack_report(perform(call, worker=f"process {os.getpid()}"), call)


if __name__ == "__main__":
    main()
