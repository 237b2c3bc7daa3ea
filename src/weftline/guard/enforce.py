"""Lowers the priority of a tree of processes and gives it back."""

from __future__ import annotations

import contextlib
import os
import resource

from weftline.guard import proc
from weftline.guard.sample import ProcessTree

#: By how much a throttled process is nicer than before.
_NICER = 10


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
