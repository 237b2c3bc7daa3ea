"""Acts on the processes of a tree: asks them to end, ends them, lowers their priority and gives it back.

A signal goes to a process through a descriptor of it where the system has such (Linux 5.3), after its start was compared: an
id that was used again meanwhile is never hit.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time

from weftline.guard import proc
from weftline.guard.proc import Stat
from weftline.guard.sample import Neighbours, ProcessTree

#: A process that has begun to end needs a moment, the longer the more memory it has.
_WAIT_S = 0.002
_LONGEST_S = 2.0
#: By how much a throttled process is nicer than before.
_NICER = 10


def terminate(tree: ProcessTree) -> None:
    """Asks all processes of a tree to end."""
    tree.look(_looked(tree))
    for found in tree.members:
        _signal(found, signal.SIGTERM)


def kill(tree: ProcessTree) -> bool:
    """Ends all processes of a tree, also those that they start meanwhile; returns when they have.

    Returns:
        Whether nothing is left; a process that waits for a device may take longer than this waits.
    """
    deadline = time.monotonic() + _LONGEST_S
    while True:
        tree.look(_looked(tree))
        if not tree.members:
            return True
        for found in tree.members:
            _signal(found, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(_WAIT_S)


class Throttle:
    """Lowers the priority of a tree, if it may be raised again: a worker is kept for calls that have done nothing."""

    def __init__(self) -> None:
        self._before: dict[tuple[int, int], int] = {}  # by thread and start of its process

    @staticmethod
    def is_allowed() -> bool:
        """Whether this process may raise a priority to what it was (setpriority(2): CAP_SYS_NICE, or RLIMIT_NICE)."""
        lowest_nice = 20 - resource.getrlimit(resource.RLIMIT_NICE)[0]
        return os.geteuid() == 0 or lowest_nice <= os.getpriority(os.PRIO_PROCESS, 0)

    def lower(self, tree: ProcessTree) -> None:
        """Makes way for others. To be called again: for processes and threads that have been started since."""
        for found in tree.members:
            for thread in proc.threads(found.pid):  # on Linux a priority is a thread's
                if (thread, found.started) not in self._before:
                    with contextlib.suppress(OSError):
                        before = os.getpriority(os.PRIO_PROCESS, thread)
                        os.setpriority(os.PRIO_PROCESS, thread, before + _NICER)
                        self._before[thread, found.started] = before

    def restore(self, tree: ProcessTree) -> None:
        """Gives back what `lower` took."""
        before, self._before = self._before, {}
        for found in tree.members:
            for thread in proc.threads(found.pid):
                # a thread that was started meanwhile is as nice as the one that started it
                nice = before.get((thread, found.started), before.get((found.pid, found.started)))
                if nice is not None:
                    with contextlib.suppress(OSError):
                        os.setpriority(os.PRIO_PROCESS, thread, nice)


def _looked(tree: ProcessTree) -> Neighbours:
    neighbours = Neighbours()
    neighbours.look(tree.since)
    return neighbours


def _signal(found: Stat, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not hasattr(os, "pidfd_open"):
            now = proc.stat(found.pid)
            if now is not None and now.identity == found.identity:
                os.kill(found.pid, number)
            return
        descriptor = os.pidfd_open(found.pid)
        try:
            now = proc.stat(found.pid)
            if now is not None and now.identity == found.identity:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
