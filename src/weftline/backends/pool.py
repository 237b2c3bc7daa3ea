"""The worker processes of one backend: who runs what, what they report, and what is done about those that do not end.

A worker serves one call at a time and is kept for the next one that wants the same environment variables. One that dies, or
is stopped, is replaced; its call is reported with the cause when nothing is left of it, and no other call is touched.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from weftline.backends.launch import Launch
from weftline.backends.parcel import NodePacker, unpack_report
from weftline.backends.waiting import withdraw
from weftline.backends.wire import Kind
from weftline.backends.worker import LOADING_S, Step, Worker
from weftline.errors import AttemptTimeoutError, UnsendableError, WorkerDiedError
from weftline.model.call import Call, Failure, Handle, Report

if TYPE_CHECKING:  # a guard needs more of the system than a pool does
    from weftline.guard.watch import Guard
    from weftline.guard.watched import Seen

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
#: How often it looks for workers that have ended unheard, as they may where there are no keepers, in seconds.
_LOOK_S = 0.5


class Answer(NamedTuple):
    """What a worker sent about a call, still packed: unpacking runs code of the values, which may take its time."""

    call: Call
    content: bytes
    log: str
    seen: Seen | None

    def report(self) -> Report:
        """The report itself."""
        report = unpack_report(self.content, self.call)._replace(log=self.log)
        return report if self.seen is None else self.seen.told(report)


class Pool:
    """The workers; one thread does everything with them.

    Args:
        slots: how many work at a time; as many more may rest.
        keeps: whether each has a keeper.
        launch: how each is started.
        packer: packs nodes for them.
        tell: takes what became of a call.
        wake: a socket; what comes there ends the wait of `turn`.
        guard: watches what calls take of the machine; None for nobody.
    """

    def __init__(
        self,
        slots: int,
        *,
        keeps: bool,
        launch: Callable[[], Launch],
        packer: NodePacker,
        tell: Callable[[Report | Answer], None],
        wake: socket.socket,
        guard: Guard | None = None,
    ) -> None:
        self._slots = slots
        self._keeps = keeps
        self._tell = tell
        self._wake = wake
        self._guard = guard
        self._waiting: deque[Call] = deque()
        self._busy: dict[Handle, Worker] = {}
        self._idle: list[Worker] = []  # the one that worked last is at the end
        self._leaving: list[Worker] = []
        self._launch = launch
        self._packer = packer
        self._selector = selectors.DefaultSelector()
        self._selector.register(wake, _READ)

    @property
    def has_room(self) -> bool:
        """Whether a call would begin at once."""
        return len(self._busy) < self._slots

    def submit(self, call: Call) -> None:
        """Takes a call; it begins in the next turn, or when there is room."""
        self._waiting.append(call)

    def cancel(self, handle: Handle, *, kill: bool) -> None:
        """Withdraws a call that has not begun; with `kill`, stops the worker of one that runs."""
        report = withdraw(self._waiting, handle)
        if report is not None:
            self._tell(report)
            return
        worker = self._busy.get(handle)
        if kill and worker is not None:
            worker.told = worker.told or Report(handle, None, cancelled=True)
            worker.kill()

    def end_call(self, handle: Handle, failure: Failure, *, kill: bool) -> None:
        """Asks a call that runs to end, or ends it; it fails, unless it has ended already."""
        worker = self._busy.get(handle)
        if worker is not None:
            worker.told = worker.told or Report(handle, None, failure)
            if kill:
                worker.kill()
            else:
                worker.ask()

    def close(self) -> None:
        """Stops all workers."""
        if self._guard is not None:
            self._guard.close()
        workers = [*self._busy.values(), *self._idle, *self._leaving]
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.close()
        self._selector.close()

    # --- who does what ---

    def assign(self) -> None:
        """Hands waiting calls to workers, as many as there is room for."""
        while self._waiting and self.has_room:
            call = self._waiting.popleft()
            try:
                worker = self._worker_for(call)
            except (OSError, ValueError, TypeError) as error:  # no room for a process, or variables that are none
                self._tell(_died(call, f"it could not be started: {error}"))
                continue
            try:
                is_sent = worker.give(call, self._packer)
            except UnsendableError as error:
                self._idle.append(worker)
                self._tell(Report(call.handle, None, Failure.of(error)))
            except OSError:  # it died while idle; the call has not begun
                worker.rest()
                self._dismiss(worker)
                self._waiting.appendleft(call)
            else:
                self._busy[call.handle] = worker
                self._begin_watch(worker)
                if not is_sent:
                    self._selector.modify(worker.wire, _READ | _WRITE, worker)

    def _worker_for(self, call: Call) -> Worker:
        """One that has the call's variables, from its start: libraries read many of them once only."""
        for worker in self._idle[::-1]:
            if worker.env == call.env:
                self._idle.remove(worker)
                if self._guard is None or worker.root is None or not self._guard.is_laden(call, worker.root.pid):
                    return worker
                self._dismiss(worker)
        if len(self._idle) + len(self._busy) >= 2 * self._slots:
            self._dismiss(self._idle.pop(0))
        worker = Worker(call.env, self._launch(), keeps=self._keeps)
        self._selector.register(worker.wire, _READ, worker)
        return worker

    def _dismiss(self, worker: Worker) -> None:
        """Ends a worker that has nothing to do."""
        worker.kill()
        self._leaving.append(worker)

    def _begin_watch(self, worker: Worker) -> None:
        """The guard looks at a worker's call from when the process is there."""
        if self._guard is not None and worker.root is not None and worker.call is not None:
            self._guard.begun(worker.call, worker.root)

    # --- what has happened ---

    def turn(self, *, waits: bool) -> None:
        """Waits until something has happened, or until something is to be done about a call; and does it.

        Args:
            waits: False to do only what is due already.
        """
        wakes_at = min((worker.wakes_at for worker in [*self._busy.values(), *self._leaving]), default=math.inf)
        longest_s = min(max(0.0, wakes_at - time.monotonic()), _LOOK_S) if waits else 0.0
        events = self._selector.select(longest_s)
        for key, mask in events:
            worker: Worker | None = key.data
            if worker is None:
                self._wake.recv(1024)
                continue
            if mask & _WRITE:
                with contextlib.suppress(OSError):  # it is gone: reading tells
                    if worker.wire.flush():
                        self._selector.modify(worker.wire, _READ, worker)
            if mask & _READ:
                self._hear(worker)
        now = time.monotonic()
        if not events or wakes_at <= now:
            for found in [*self._busy.values(), *self._leaving]:
                self._watch(found, now)

    def _hear(self, worker: Worker) -> None:
        try:
            while (message := worker.wire.receive()) is not None:
                kind, content = message
                if kind == Kind.READY:
                    worker.ready(int(content))
                    self._begin_watch(worker)
                elif kind == Kind.BEGUN:
                    worker.begin()
                elif worker.told is None:
                    self._finish(worker, content)
                    return  # nothing comes before the next call
                else:  # it comes too late
                    worker.kill()
        except (EOFError, OSError):
            self._bury(worker)

    def _finish(self, worker: Worker, content: bytes) -> None:
        call = worker.call
        assert call is not None
        worker.rest()
        del self._busy[call.handle]
        self._idle.append(worker)
        seen = None if self._guard is None else self._guard.ended(call.handle)
        self._tell(Answer(call, content, worker.output(), seen))

    def _watch(self, worker: Worker, now: float) -> None:
        """Does what a worker's time asks for, and notices an end that its connection does not tell."""
        step, call = worker.due(now), worker.call
        if step is Step.ABANDON:
            self._bury(worker)
        elif step is not None:
            assert call is not None
            worker.told = worker.told or _overdue(call, has_begun=worker.has_begun)
            if step is Step.ASK:
                worker.ask()
            else:
                worker.kill()
        elif worker.has_ended:
            self._hear(worker)
            if worker in self._leaving or (call is not None and self._busy.get(call.handle) is worker):
                self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        """A worker has ended."""
        self._selector.unregister(worker.wire)
        call = worker.call
        if call is not None:
            del self._busy[call.handle]
            report = worker.told or _died(call, worker.cause_of_death())
            report = report._replace(took_s=worker.age_s, log=worker.output())
            seen = None if self._guard is None else self._guard.ended(call.handle)
            self._tell(report if seen is None else seen.told(report))
        if self._guard is not None and worker.root is not None:
            self._guard.gone(worker.root)
        for others in (self._idle, self._leaving):
            if worker in others:
                others.remove(worker)
        worker.close()


def _died(call: Call, cause: str) -> Report:
    return Report(call.handle, None, Failure.of(WorkerDiedError(node=call.node.name, cause=cause, place=call.node.place)))


def _overdue(call: Call, *, has_begun: bool) -> Report:
    if not has_begun:
        return _died(call, f"it was not ready after {LOADING_S:g} s")
    error = AttemptTimeoutError(node=call.node.name, timeout_s=call.timeout_s or 0.0, place=call.node.place)
    return Report(call.handle, None, Failure.of(error))
