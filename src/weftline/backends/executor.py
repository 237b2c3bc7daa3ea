"""Runs calls on any executor of `concurrent.futures`: pools of Python's own, Dask, MPI, loky, executorlib.

The backend keeps calls in a queue of its own, and hands over no more than there are slots. So a call that waits can be
withdrawn whatever the executor thinks of that, and no executor holds more calls than it can run.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from weftline.backends.capture import Capture
from weftline.backends.guest import answer, packed_setup
from weftline.backends.machine import memory_gb
from weftline.backends.parcel import NodePacker, pack_call, unpack_report
from weftline.backends.perform import perform
from weftline.backends.waiting import withdraw
from weftline.errors import BadArgumentError, LostCallError, OtherVersionsError, SharedEnvironmentError, UnsendableError
from weftline.model.call import Call, Failure, Handle, Report
from weftline.ports.backend import Capabilities
from weftline.version import __version__

#: Where executors say how many calls they run at once, if they do.
_TELLS_SLOTS = ("max_workers", "num_workers")
#: Packages whose futures never say that they run, so that nobody can tell a call that waits from one that runs.
_TELLS_NO_RUNNING = frozenset({"distributed"})
#: Packages that run nothing more after a future that waits was cancelled: it ends executorlib's thread (seen in 1.11).
_DIES_OF_CANCELLING = frozenset({"executorlib"})


class _Handed(NamedTuple):
    """A call that the executor has."""

    call: Call
    future: Future[Any]
    executor: Executor
    since: float


class ExecutorBackend:
    """Calls run on an executor. After `close` it may be used for another run.

    Args:
        executor: where calls run. It stays its owner's, who shuts it down.
        slots: calls that run there at the same time; None to ask the executor, which few answer.
        factory: makes the executor, instead: when the first call comes, and again whenever it has broken. What it makes is
            shut down when the backend is closed.
        ships: whether calls leave this process; None to see: of all executors, only threads of this process do not ship.
        memory_gb: main memory where they run, in GiB, which calls share that say how much they need.
        resources: how much there is there of what nodes name in `Resources(tags=...)`.
        name: for people.

    Raises:
        BadArgumentError: the arguments do not fit.
    """

    def __init__(
        self,
        executor: Executor | None = None,
        slots: int | None = None,
        *,
        factory: Callable[[], Executor] | None = None,
        ships: bool | None = None,
        memory_gb: float | None = None,
        resources: Mapping[str, float] | None = None,
        name: str = "executor",
    ) -> None:
        if (executor is None) == (factory is None):
            raise BadArgumentError(argument="executor=, factory=", detail="it takes one of the two", advice="give either")
        if executor is not None:
            _check(executor, f"executor={executor!r}")
        self.name = name
        self._factory = factory
        self._executor = executor
        does_ship = _does_ship(executor) if ships is None else ships
        self.capabilities = Capabilities(
            slots=_slots_of(executor) if slots is None else _checked(slots),
            ships=does_ship,
            queue=64,
            memory_gb=_memory_of(does_ship) if memory_gb is None else memory_gb,
            named=resources or {},
        )
        self._id = uuid.uuid4().hex
        self._number = 0
        self._setup = b""
        self._capture: Capture | None = None
        self._begin()

    def _begin(self) -> None:
        self._waiting: deque[Call] = deque()
        self._handed: dict[Handle, _Handed] = {}
        self._done: queue.SimpleQueue[tuple[Handle, Future[Any]]] = queue.SimpleQueue()
        self._reports: list[Report] = []
        self._withdrawn: set[Handle] = set()
        self._nodes = NodePacker()

    def submit(self, call: Call) -> None:
        """Hands a call over, or lets it wait for a slot; the first one waits for the factory, if there is one."""
        self._waiting.append(call)
        self._hand_over()

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Reports so far, at least one if it comes in time."""
        with contextlib.suppress(queue.Empty):
            self._take(*self._done.get(timeout=0.0 if self._reports else max(wait_s, 0.0)))
            while True:
                self._take(*self._done.get_nowait())
        self._hand_over()
        reports, self._reports = self._reports, []
        return reports

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call that has not begun; executors cannot stop one that runs."""
        del kill
        report = withdraw(self._waiting, handle)
        if report is not None:
            self._reports.append(report)
            return
        handed = self._handed.get(handle)
        if handed is not None and not handed.future.running() and _package_of(handed) not in _TELLS_NO_RUNNING:
            self._withdrawn.add(handle)
            _cancel(handed)

    def close(self) -> None:
        """Withdraws what has not begun; shuts down what the factory has made, and puts the streams back."""
        handed = list(self._handed.values())
        self._begin()  # what old futures still tell, nobody hears
        for found in handed:
            _cancel(found)
        self._drop()
        if self._capture is not None:
            self._capture.close()
            self._capture = None

    def _hand_over(self) -> None:
        while self._waiting and len(self._handed) < self.capabilities.slots:
            call = self._waiting.popleft()
            try:
                work = self._work_of(call)
                executor, future = self._submitted(work)
            except (SharedEnvironmentError, UnsendableError) as error:
                self._reports.append(Report(call.handle, None, Failure.of(error)))
            except Exception as error:  # noqa: BLE001 - a broken executor, or a factory, may raise anything
                self._reports.append(self._lost(call, error))
            else:
                self._handed[call.handle] = _Handed(call, future, executor, time.monotonic())
                future.add_done_callback(partial(_tell, self._done, call.handle))

    def _work_of(self, call: Call) -> tuple[Any, ...]:
        """A function and its arguments.

        Raises:
            SharedEnvironmentError: the call wants variables of its own, and shares its process with others.
            UnsendableError: the node or an input cannot be pickled.
        """
        node = call.node
        if call.env:
            raise SharedEnvironmentError(node=node.name, names=", ".join(sorted(call.env)), place=node.place)
        if not self.capabilities.ships:
            if self._capture is None:
                self._capture = Capture(echo=True)
                self._capture.open()
            return _perform_here, call, self._capture
        self._setup = self._setup or packed_setup()
        self._number += 1
        packed, content = self._nodes.pack(node), pack_call(call, 0)
        return answer, __version__, node.name, self._setup, packed, content, f"{self._id}-{self._number}"

    def _submitted(self, work: tuple[Any, ...]) -> tuple[Executor, Future[Any]]:
        function, *arguments = work
        if self._executor is not None:
            try:
                return self._executor, self._executor.submit(function, *arguments)
            except RuntimeError:  # it broke while it had no call, or somebody shut it down
                if self._factory is None:
                    raise
                self._drop()
        assert self._factory is not None
        self._executor = _check(self._factory(), "what factory= makes")
        return self._executor, self._executor.submit(function, *arguments)

    def _take(self, handle: Handle, future: Future[Any]) -> None:
        handed = self._handed.pop(handle)
        call = handed.call
        if future.cancelled():
            is_wanted = handle in self._withdrawn
            why = "it was cancelled, and not from here"
            self._reports.append(Report(handle, None, cancelled=True) if is_wanted else self._lost(call, why, handed))
        elif (error := future.exception()) is not None:
            self._reports.append(self._lost(call, error, handed))
            if isinstance(error, BrokenExecutor) and handed.executor is self._executor:
                self._drop()
        elif self.capabilities.ships:
            self._reports.append(_unpacked(call, *future.result()))
        else:
            self._reports.append(future.result())
        self._withdrawn.discard(handle)

    def _lost(self, call: Call, cause: BaseException | str, handed: _Handed | None = None) -> Report:
        text = cause if isinstance(cause, str) else f"{type(cause).__name__}: {cause}"
        error = LostCallError(backend=self.name, node=call.node.name, cause=text, place=call.node.place)
        took_s = 0.0 if handed is None else time.monotonic() - handed.since
        return Report(call.handle, None, Failure.of(error), took_s)

    def _drop(self) -> None:
        """Lets go of an executor that the factory has made."""
        if self._factory is not None and self._executor is not None:
            executor, self._executor = self._executor, None
            with contextlib.suppress(Exception):  # a broken one may be unable to; it is not used again
                executor.shutdown(wait=False)


def _tell(done: queue.SimpleQueue[tuple[Handle, Future[Any]]], handle: Handle, future: Future[Any]) -> None:
    done.put((handle, future))


def _perform_here(call: Call, capture: Capture) -> Report:
    return perform(call, capture, worker=threading.current_thread().name)


def _unpacked(call: Call, version: str, content: bytes) -> Report:
    if version != __version__:
        detail = f"weftline is {version} there, {__version__} here"
        error = OtherVersionsError(node=call.node.name, detail=detail, place=call.node.place)
        return Report(call.handle, None, Failure.of(error))
    return unpack_report(content, call)


def _package_of(handed: _Handed) -> str:
    return type(handed.executor).__module__.partition(".")[0]


def _cancel(handed: _Handed) -> None:
    """Cancels a future, which fails if its call has begun."""
    if _package_of(handed) not in _DIES_OF_CANCELLING:
        handed.future.cancel()


def _does_ship(executor: Executor | None) -> bool:
    if not isinstance(executor, ThreadPoolExecutor):
        return True
    return type(executor).__name__ == "InterpreterPoolExecutor"  # its threads share nothing


def _memory_of(does_ship: bool) -> float:
    return math.inf if does_ship else memory_gb()


def _slots_of(executor: Executor | None) -> int:
    for name in _TELLS_SLOTS:
        told = getattr(executor, name, None)
        if isinstance(told, int) and told > 0:
            return told
    detail = (
        "the executor does not tell how many calls it runs at once" if executor is not None else "there is no executor to ask"
    )
    raise BadArgumentError(argument="slots=", detail=detail, advice="give it: ExecutorBackend(..., slots=8)")


def _checked(slots: int) -> int:
    if slots < 1:
        raise BadArgumentError(argument=f"slots={slots}", detail="no call could run", advice="give a number from 1")
    return slots


def _check(executor: object, argument: str) -> Executor:
    if isinstance(executor, Executor):
        return executor
    detail = f"{type(executor).__name__} is no concurrent.futures.Executor"
    advice = "give one: of a Dask client, client.get_executor()"
    raise BadArgumentError(argument=argument, detail=detail, advice=advice)
