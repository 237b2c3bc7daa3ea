"""Runs calls in processes of this machine, each of which can be stopped with all that it started.

Theory of operation. A thread looks after the workers, so that they have work, and time limits are kept, while the engine does
something else. What it is asked for goes to it in order; what it has to tell waits for `poll`.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from weftline.backends.machine import memory_gb
from weftline.backends.pool import Answer, Pool
from weftline.backends.worker import HAS_KEEPER
from weftline.model.call import Call, Handle, Report
from weftline.ports.backend import Capabilities


class ProcessBackend:
    """Worker processes, started when first needed; so many work at a time, and as many more may rest.

    Args:
        workers: how many work at a time.
        keeps: whether each has a keeper, which is the default where the system has what it takes. Without one, what a call
            starts and what leaves its process group survives it.
    """

    name = "processes"

    def __init__(self, workers: int, *, keeps: bool = HAS_KEEPER) -> None:
        self.capabilities = Capabilities(
            slots=workers,
            can_kill=True,
            kills_all=keeps,
            sets_env=True,
            ships=True,
            queue=64,
            memory_gb=memory_gb(),
        )
        self._thread: _PoolThread | None = None

    def submit(self, call: Call) -> None:
        """Hands a call to an idle worker, or lets it wait for one."""
        if self._thread is None:
            self._thread = _PoolThread(self.capabilities)
        self._thread.submit(call)

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Reports so far, at least one if it comes in time."""
        if self._thread is None:
            time.sleep(wait_s)
            return []
        return self._thread.reports(wait_s)

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call that has not begun; with `kill`, stops the worker of one that runs."""
        if self._thread is not None:
            self._thread.cancel(handle, kill=kill)

    def close(self) -> None:
        """Stops all workers."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None


class _PoolThread:
    """A pool, and the thread that looks after it."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._told: queue.SimpleQueue[list[Report | Answer] | BaseException] = queue.SimpleQueue()
        self._wishes: deque[Callable[[], None]] = deque()
        self._bell, heard = socket.socketpair()
        self._heard = heard
        self._bell.setblocking(False)
        self._is_open, self._sleeps = True, False
        self._telling: list[Report | Answer] = []
        self._pool = Pool(capabilities.slots, keeps=capabilities.kills_all, tell=self._tell, wake=heard)
        self._thread = threading.Thread(target=self._work, name="weftline-processes", daemon=True)
        self._thread.start()

    def submit(self, call: Call) -> None:
        self._wishes.append(partial(self._pool.submit, call))
        if self._pool.has_room:  # otherwise the next report wakes it
            self._ring()

    def cancel(self, handle: Handle, *, kill: bool) -> None:
        self._wishes.append(partial(self._pool.cancel, handle, kill=kill))
        self._ring()

    def reports(self, wait_s: float) -> list[Report]:
        """What is there, at least one if it comes in time.

        Raises:
            BaseException: what has ended the thread.
        """
        found: list[Report] = []
        with contextlib.suppress(queue.Empty):
            told = self._told.get(timeout=max(wait_s, 0.0))
            while True:
                if isinstance(told, BaseException):
                    raise told
                found += [one.report() if isinstance(one, Answer) else one for one in told]
                told = self._told.get_nowait()
        return found

    def close(self) -> None:
        self._wishes.append(self._stop)
        self._ring()
        self._thread.join()
        self._pool.close()
        self._bell.close()
        self._heard.close()

    def _ring(self) -> None:
        if self._sleeps:
            with contextlib.suppress(BlockingIOError):  # it has been rung often enough
                self._bell.send(b".")

    def _stop(self) -> None:
        self._is_open = False

    def _tell(self, told: Report | Answer) -> None:
        self._telling.append(told)

    def _work(self) -> None:
        try:
            while True:
                while self._wishes:
                    self._wishes.popleft()()
                if not self._is_open:
                    return
                self._pool.assign()
                if self._telling:  # after workers have got the next call: whoever waits for this keeps the interpreter busy
                    self._told.put(self._telling)
                    self._telling = []
                self._sleeps = True  # before the last look: whoever comes after it rings
                self._pool.turn(waits=not self._wishes)
                self._sleeps = False
        except BaseException as error:  # noqa: BLE001 - whoever waits for reports must hear of it
            self._told.put(error)
