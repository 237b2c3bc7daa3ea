"""Runs calls in processes of this machine: each in a process group of its own, so that it can be stopped with all it started.

A worker serves one call at a time and is kept for the next. One that dies, or is stopped, is replaced; its call is reported
with the cause, and no other call is touched.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import IO, Any

from weftline.backends import program
from weftline.backends.capture import kept
from weftline.backends.machine import memory_gb
from weftline.backends.parcel import pack_call, unpack_report
from weftline.backends.sameness import SymbolReader
from weftline.errors import AttemptTimeoutError, UnsendableError, WorkerDiedError
from weftline.model.call import Call, Failure, Handle, Report
from weftline.ports.backend import Capabilities

_KEPT_BYTES = 256 * 1024
#: As this process leaves out asserts, or not: it is a part of keys.
_OPTIMIZED = [f"-{'O' * sys.flags.optimize}"] if sys.flags.optimize else []


class ProcessBackend:
    """A fixed number of worker processes, started when first needed.

    Args:
        workers: how many.
    """

    name = "processes"

    def __init__(self, workers: int) -> None:
        self.capabilities = Capabilities(slots=workers, can_kill=True, ships=True, queue=64, memory_gb=memory_gb())
        self._waiting: deque[Call] = deque()
        self._workers: list[_Worker] = []
        self._reports: list[Report] = []
        self._symbols = SymbolReader()

    def submit(self, call: Call) -> None:
        """Hands a call to an idle worker, or lets it wait for one."""
        self._waiting.append(call)
        self._assign()

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Reports so far, at least one if it comes in time."""
        if not self._reports:
            busy = {worker.connection: worker for worker in self._workers if worker.call is not None}
            now = time.monotonic()
            deadlines = [worker.deadline for worker in busy.values() if worker.deadline is not None]
            timeout = max(0.0, min([wait_s, *(deadline - now for deadline in deadlines)]))
            if busy:
                for connection in wait(list(busy), timeout):
                    self._receive(busy[connection])  # type: ignore[index]  # these are the connections that were asked for
                for worker in [found for found in self._workers if found.call is not None and found.has_died]:
                    self._bury(worker)
            else:
                time.sleep(wait_s)
            self._stop_overdue()
        self._assign()
        reports, self._reports = self._reports, []
        return reports

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call that has not begun; with `kill`, stops the worker of one that runs."""
        for call in self._waiting:
            if call.handle == handle:
                self._waiting.remove(call)
                self._reports.append(Report(handle, None, cancelled=True))
                return
        if kill:
            for worker in self._workers:
                if worker.call is not None and worker.call.handle == handle:
                    self._replace(worker, Report(handle, None, took_s=worker.age_s, log=worker.output(), cancelled=True))
                    return

    def close(self) -> None:
        """Stops all workers."""
        for worker in self._workers:
            worker.stop()
        self._workers = []

    def _assign(self) -> None:
        while self._waiting:
            worker = next((found for found in self._workers if found.call is None), None)
            if worker is None:
                if len(self._workers) >= self.capabilities.slots:
                    return
                worker = _Worker()
                self._workers.append(worker)
            call = self._waiting.popleft()
            try:
                content = pack_call(call, self._symbols.read(call.node.body))
            except UnsendableError as error:
                self._reports.append(Report(call.handle, None, Failure.of(error)))
                continue
            try:
                worker.give(call, content)
            except OSError:  # it died while idle; the call has not begun
                self._workers.remove(worker)
                worker.stop()
                self._waiting.appendleft(call)

    def _receive(self, worker: _Worker) -> None:
        call = worker.call
        assert call is not None
        try:
            content = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self._bury(worker)
        else:
            worker.call = None
            self._reports.append(unpack_report(content, call)._replace(handle=call.handle, log=worker.output()))

    def _bury(self, worker: _Worker) -> None:
        call = worker.call
        assert call is not None
        error = WorkerDiedError(node=call.node.name, cause=worker.cause_of_death(), place=call.node.place)
        self._replace(worker, Report(call.handle, None, Failure.of(error), worker.age_s, worker.output()))

    def _stop_overdue(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers):
            call = worker.call
            if call is not None and worker.deadline is not None and worker.deadline <= now:
                error = AttemptTimeoutError(node=call.node.name, timeout_s=call.timeout_s or 0.0, place=call.node.place)
                self._replace(worker, Report(call.handle, None, Failure.of(error), worker.age_s, worker.output()))

    def _replace(self, worker: _Worker, report: Report) -> None:
        self._workers.remove(worker)
        worker.stop()
        self._reports.append(report)


class _Worker:
    """One worker process and the parent's end of its socket."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self._read = 0
        self._process = subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
            [sys.executable, *_OPTIMIZED, "-m", "weftline.backends.child", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        theirs.close()
        self.connection: Connection[Any, Any] = Connection(ours.detach())
        self.connection.send({"path": sys.path, "sources": program.sources()})
        self.call: Call | None = None
        self.deadline: float | None = None
        self._started = 0.0

    def give(self, call: Call, content: bytes) -> None:
        """Sends a call, packed as `content`.

        Raises:
            OSError: the process is gone.
        """
        self.connection.send_bytes(content)
        self.call = call
        self._started = time.monotonic()
        self.deadline = None if call.timeout_s is None else self._started + call.timeout_s

    @property
    def has_died(self) -> bool:
        """Whether the process is gone, and has left no report: something that it started may still hold its connection."""
        return self._process.poll() is not None and not self.connection.poll()

    @property
    def age_s(self) -> float:
        """How long the call has been running."""
        return time.monotonic() - self._started

    def output(self) -> str:
        """What the process wrote since the last time."""
        self._output.seek(0, os.SEEK_END)
        end = self._output.tell()
        start = max(self._read, end - _KEPT_BYTES)
        left_out, self._read = start - self._read, end
        self._output.seek(start)
        return kept(self._output.read().decode("utf-8", "replace"), left_out)

    def cause_of_death(self) -> str:
        """How the process ended, in words."""
        try:
            code = self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            return "it closed its connection"
        if code >= 0:
            return f"it exited with code {code}"
        name = signal.Signals(-code).name
        return f"it was killed by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")

    def stop(self) -> None:
        """Kills the process with everything it started, and waits for its end."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.connection.close()
        self._output.close()
