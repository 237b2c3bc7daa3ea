"""Runs one call where it stands, and reports: the same in every backend and in every process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from weftline.backends.capture import Capture
from weftline.backends.machine import memory_limit
from weftline.codec.artifact import seal
from weftline.errors import SharedEnvironmentError
from weftline.model.call import Call, Failure, Report


def perform(
    call: Call, capture: Capture | None = None, clock: Callable[[], float] = time.perf_counter, worker: str = ""
) -> Report:
    """Runs a call.

    Args:
        call: what to run.
        capture: catches what the call prints and logs; None to let it pass.
        clock: for how long it took.
        worker: where this is, for people.

    Returns:
        The report; an error of the call becomes a failure in it.
    """
    if call.env:
        names = ", ".join(sorted(call.env))
        error = SharedEnvironmentError(node=call.node.name, names=names, place=call.node.place)
        return Report(call.handle, None, Failure.of(error), worker=worker)
    start = clock()
    if capture is not None:
        capture.begin()
    try:
        outputs = call.node.body.run(call.inputs, call.params)
    except KeyboardInterrupt:
        log = "" if capture is None else capture.end()
        return Report(call.handle, None, None, clock() - start, log, worker, cancelled=True)
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raises is a failure of this call, SystemExit too
        failure = Failure.of(error, call.node.place)
        if isinstance(error, MemoryError):
            failure = replace(failure, message="; ".join(filter(None, (failure.message or "memory ran out", memory_limit()))))
        log = "" if capture is None else capture.end()
        return Report(call.handle, None, failure, clock() - start, log, worker)
    seal(outputs)
    log = "" if capture is None else capture.end()
    return Report(call.handle, outputs, None, clock() - start, log, worker)
