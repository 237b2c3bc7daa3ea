"""Watches the calls of worker processes from a thread of its own.

Theory of operation. A call is first looked at when it is 50 ms old, so that small calls cost nothing but an entry in a table;
then at growing distances up to the interval of the policy, and sooner as its memory comes near the limit. A sample reads a few
microseconds for each process; what costs more is done so seldom that all of it stays below a share of a processor.

A worker whose call was killed must not be used again: a signal may still be on its way.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from weftline.clock import Clock
from weftline.guard import proc
from weftline.guard.sample import Neighbours, ProcessTree
from weftline.guard.verdict import GuardPolicy
from weftline.guard.watched import YOUNG_S, WatchedCall
from weftline.model.call import Call, Handle, Report

#: The share of a processor that looking for new processes may cost while a call is near its limit.
_COST_NEAR = 0.05
#: A worker that holds this share of what a call asks for, before the call has begun, is not given it.
_LADEN = 0.5


class _Young(NamedTuple):
    """A call that nobody has looked at yet."""

    call: Call
    pid: int
    mark: str
    began: float


class Guard:
    """Watches calls from when they begin to when they end.

    Args:
        policy: limits and intervals.
        clock: for when.
    """

    def __init__(self, policy: GuardPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._young: dict[Handle, _Young] = {}
        self._watched: dict[Handle, WatchedCall] = {}
        self._moving = threading.Lock()  # held by whoever moves a call from one to the other, or looks for a moved one
        self._trees: dict[str, ProcessTree] = {}
        self._neighbours = Neighbours()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_idle = True
        self._is_closed = False

    # --- what the backend tells ---

    def is_laden(self, call: Call, pid: int) -> bool:
        """Whether a worker still holds so much of earlier calls that this one might be killed for it."""
        asked = call.node.resources.memory_gb
        if asked is None:
            return False
        held = proc.private_memory(pid)
        return held is not None and held.held_bytes >= _LADEN * asked * 2**30

    def begun(self, call: Call, pid: int, mark: str) -> None:
        """A worker has been given a call.

        Args:
            call: which.
            pid: of the worker.
            mark: a word of its own in the worker's environment, under `proc.MARK`.
        """
        began = self._clock.monotonic()
        is_limited = call.node.resources.memory_gb is not None
        if is_limited:
            self._watched[call.handle] = WatchedCall(call, pid, mark, began, self._policy, self._clock)
        else:
            self._young[call.handle] = _Young(call, pid, mark, began)
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="weftline-guard", daemon=True)
            self._thread.start()
        elif self._is_idle or is_limited:
            self._news.set()

    def ended(self, report: Report) -> tuple[Report, bool]:
        """A call has ended, or its worker has.

        Returns:
            The report with what was seen of the call, and whether its worker must not be used again.
        """
        if self._young.pop(report.handle, None) is not None:
            return report, False
        with self._moving:
            watched = self._watched.pop(report.handle, None)
        if watched is None:
            return report, False
        with watched.lock:
            return watched.finish(report), watched.error is not None

    def gone(self, mark: str) -> None:
        """A worker is not used any more."""
        self._trees.pop(mark, None)

    def close(self) -> None:
        """Stops watching."""
        self._is_closed = True
        self._news.set()
        if self._thread is not None:
            self._thread.join()

    # --- the thread ---

    def _watch(self) -> None:
        while not self._is_closed:
            self._news.clear()
            self._is_idle = not self._young
            self._news.wait(self._pause_s())  # which looks for young calls again: they set news only when this is idle
            self._is_idle = False
            self._grow_up()
            now = self._clock.monotonic()
            for watched in list(self._watched.values()):
                if watched.due <= now:
                    with watched.lock:
                        if not watched.is_over:
                            self._look(watched, now)

    def _pause_s(self) -> float | None:
        """How long nothing is due; None for as long as no call begins."""
        due = [watched.due for watched in list(self._watched.values())]
        if self._young:  # whichever is the oldest: none is looked at much later than it should be
            due.append(self._clock.monotonic() + YOUNG_S)
        return max(0.0, min(due) - self._clock.monotonic()) if due else None

    def _grow_up(self) -> None:
        """Calls that are no longer young are watched from now on."""
        now = self._clock.monotonic()
        for handle, young in list(self._young.items()):
            if now - young.began >= YOUNG_S:
                with self._moving:
                    if self._young.pop(handle, None) is not None:
                        self._watched[handle] = WatchedCall(*young, self._policy, self._clock)

    def _look(self, watched: WatchedCall, now: float) -> None:
        """Looks at a call, and, as often as that may cost something, for processes that nobody has seen yet."""
        if not watched.is_seen:
            tree = self._trees.get(watched.mark)
            if tree is None:
                tree = self._trees[watched.mark] = ProcessTree(watched.pid, watched.mark)
            else:
                tree.look()
            watched.first(tree)
        neighbours = self._neighbours
        most_cost = _COST_NEAR if watched.is_near else self._policy.most_cost
        if now - watched.scanned_at < neighbours.cost_s * len(self._watched) / most_cost:
            watched.look(None)
            return
        if neighbours.at < now:
            neighbours.look(min(tree.since for tree in self._trees.values()), self._clock.monotonic())
        watched.scanned_at = now
        watched.look(neighbours)
