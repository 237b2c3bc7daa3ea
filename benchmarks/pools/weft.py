"""weftline's backends, alone and below a run, as the pool benchmark calls them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import calls

from weftline import Pipeline, node
from weftline.backends.processes import ProcessBackend
from weftline.backends.threads import ThreadBackend
from weftline.model.call import Call, Handle
from weftline.ports.backend import Backend

#: Every call has a time limit: it is part of what is measured.
LIMIT_S = 30.0


@node
def double(number: int) -> int:
    return calls.double(number)


@node
def nap(number: int) -> int:
    return calls.nap(number)


@node
def goes_on(folder: str) -> int:
    return calls.goes_on(folder)


@node(provides="numbers")
def numbers(size: int) -> list[int]:
    return list(range(size))


@node(provides="doubled", over="numbers")
def each(numbers: int) -> int:
    return calls.double(numbers)


class OfBackend:
    """A backend alone, with as many calls waiting in it as it is glad to have."""

    def __init__(self, backend: Backend, limit_s: float | None) -> None:
        self._backend = backend
        self._limit_s = limit_s

    def doubled(self, count: int) -> int:
        return self._through(double, count)

    def naps(self, count: int) -> None:
        self._through(nap, count)

    def _through(self, what: Any, count: int) -> int:
        backend, sent, got, total = self._backend, 0, 0, 0
        room = backend.capabilities.slots + backend.capabilities.queue
        while got < count:
            while sent < count and sent - got < room:
                backend.submit(Call((0, sent, 1), what.spec, {"number": sent}, {}, self._limit_s))
                sent += 1
            for report in backend.poll(1.0):
                if report.handle[0] == 0:  # not what was to be stopped before
                    got += 1
                    total += report.outputs[0]
        return total

    def start(self, folder: str) -> Handle:
        handle = (1, 0, 1)
        self._backend.submit(Call(handle, goes_on.spec, {"folder": folder}, {}))
        return handle

    def stop(self, handle: Handle) -> None:
        self._backend.cancel(handle, kill=True)
        self._backend.poll(5.0)

    def close(self) -> None:
        self._backend.close()


class OfRun:
    """A pipeline that runs over items, each time with a new pool."""

    def __init__(self, workers: int, *, kept: bool) -> None:
        self._workers = workers
        self._folder = tempfile.TemporaryDirectory()
        self._home = self._folder.name if kept else None

    def doubled(self, count: int) -> int:
        pipeline = Pipeline([numbers, each], name="pool")
        asked: dict[str, Any] = {"backend": "processes", "workers": self._workers, "home": self._home}
        result = pipeline.run(params={"size": count}, **asked)
        found: Sequence[int] = result["doubled"]
        return sum(found)

    def close(self) -> None:
        self._folder.cleanup()


def processes(workers: int) -> OfBackend:
    return OfBackend(ProcessBackend(workers), LIMIT_S)


def threads(workers: int) -> OfBackend:
    return OfBackend(ThreadBackend(workers), None)


def run(workers: int) -> OfRun:
    return OfRun(workers, kept=False)


def run_kept(workers: int) -> OfRun:
    return OfRun(workers, kept=True)
