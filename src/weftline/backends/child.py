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

from weftline.backends.perform import perform
from weftline.model.call import Call, Failure, Report
from weftline.model.ids import WHOLE
from weftline.model.node import Body, NodeSpec

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
        report = _run(content)
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            connection.send(report)
        except (TypeError, AttributeError, ValueError, ImportError) as error:
            failure = Failure(type(error).__name__, f"the result cannot be sent back: {error}")
            connection.send(Report(report.handle, None, failure, report.took_s))
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


def _run(content: bytes) -> Report:
    import pickle

    try:
        handle, name, body, inputs, params = pickle.loads(content)  # noqa: S301 - from our own parent, over a private socket
    except Exception as error:  # noqa: BLE001 - importing the user's module may raise anything; it is this call's failure
        return Report((0, WHOLE, 0), None, Failure.of(error))
    return perform(Call(handle, _Shipped(name, body), inputs, params), worker=f"process {os.getpid()}")


class _Shipped(NodeSpec):
    """What of a node a worker needs: its name and its body."""

    def __init__(self, name: str, body: Body) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "body", body)


if __name__ == "__main__":
    main()
