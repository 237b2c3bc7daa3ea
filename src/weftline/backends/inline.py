"""Runs calls one after the other in the calling thread: nothing is easier to follow with a debugger."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from weftline.backends.capture import Capture
from weftline.backends.machine import memory_gb
from weftline.backends.perform import perform
from weftline.backends.waiting import withdraw
from weftline.model.call import Call, Handle, Report
from weftline.ports.backend import Capabilities

#: How long `poll` goes on starting calls before it lets the engine record what is done.
_SLICE_S = 0.05


class InlineBackend:
    """Calls run inside `poll`, each alone.

    Args:
        slots: processors of the machine: what a call may ask for.
        capture: catches the calls' output; None to let it pass.
    """

    name = "inline"

    def __init__(self, slots: int, capture: Capture | None = None) -> None:
        self.capabilities = Capabilities(slots=slots, queue=1024, one_by_one=True, memory_gb=memory_gb())
        self._waiting: deque[Call] = deque()
        self._withdrawn: list[Report] = []
        self._capture = capture
        if capture is not None:
            capture.open()

    def submit(self, call: Call) -> None:
        """Takes a call; it runs in the next `poll`."""
        self._waiting.append(call)

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Runs what was submitted, for a short while."""
        if not self._waiting and not self._withdrawn:
            time.sleep(wait_s)
        reports, self._withdrawn = self._withdrawn, []
        waiting, clock, capture = self._waiting, time.perf_counter, self._capture
        took_s = 0.0
        while waiting and took_s < _SLICE_S:
            report = perform(waiting.popleft(), capture, clock)
            reports.append(report)
            took_s += report.took_s
            if report.cancelled:
                break
        return reports

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call that has not begun; one that runs cannot be stopped from here."""
        del kill
        report = withdraw(self._waiting, handle)
        if report is not None:
            self._withdrawn.append(report)

    def close(self) -> None:
        """Puts the streams back."""
        if self._capture is not None:
            self._capture.close()
