"""Runs calls on threads of this process: for work that waits, or that leaves the interpreter lock."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

from weftline.backends.capture import Capture
from weftline.backends.machine import memory_gb
from weftline.backends.perform import perform
from weftline.model.call import Call, Handle, Report
from weftline.ports.backend import Capabilities


class ThreadBackend:
    """A fixed number of threads, started when first needed. After `close` it may be used for another run.

    Args:
        workers: how many.
        capture: catches the calls' output; None to let it pass.
    """

    name = "threads"

    def __init__(self, workers: int, capture: Capture | None = None) -> None:
        self.capabilities = Capabilities(slots=workers, queue=256, memory_gb=memory_gb())
        self._capture = capture
        if capture is not None:
            capture.open()
        self._begin()

    def _begin(self) -> None:
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._withdrawn: set[Handle] = set()
        self._threads: list[threading.Thread] = []
        self._open = 0

    def submit(self, call: Call) -> None:
        """Hands a call to the threads."""
        self._open += 1
        if len(self._threads) < min(self.capabilities.slots, self._open):
            name = f"weftline-{len(self._threads)}"
            thread = threading.Thread(
                target=self._work, args=(self._calls, self._reports, self._withdrawn), name=name, daemon=True
            )
            self._threads.append(thread)
            thread.start()
        self._calls.put(call)

    def _work(self, calls: queue.SimpleQueue[Call | None], reports: queue.SimpleQueue[Report], withdrawn: set[Handle]) -> None:
        worker = threading.current_thread().name
        while (call := calls.get()) is not None and calls is self._calls:
            if call.handle in withdrawn:
                reports.put(Report(call.handle, None, cancelled=True))
            else:
                reports.put(perform(call, self._capture, worker=worker))

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Reports so far, at least one if it comes in time."""
        ended = self._reports
        try:
            reports = [ended.get(timeout=max(wait_s, 0.0))]
        except queue.Empty:
            return []
        while not ended.empty():  # nobody else takes them
            reports.append(ended.get_nowait())
        self._open -= len(reports)
        return reports

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call that has not begun; a running thread cannot be stopped."""
        del kill
        self._withdrawn.add(handle)

    def close(self) -> None:
        """Lets the threads end after what they are doing; what has not begun never will."""
        calls, threads = self._calls, self._threads
        self._begin()  # threads that still work for the old queues end, and nobody hears what they report
        for _ in threads:
            calls.put(None)
        if self._capture is not None:
            self._capture.close()
