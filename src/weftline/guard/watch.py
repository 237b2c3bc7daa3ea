"""Watches the calls of worker processes from a thread of its own.

Theory of operation. A call is first looked at when it is 50 ms old, so that small calls cost nothing but an entry in a table;
then at growing distances up to the interval of the policy, and sooner as its memory comes near the limit. A sample reads a few
microseconds for each process; what costs more is done so seldom that all of it stays below a share of a processor.

A guard ends nothing itself. It has the backend do that, in the way in which it ends calls whose time is over.
"""

from __future__ import annotations

import threading
from math import inf
from typing import NamedTuple

from weftline.clock import Clock
from weftline.guard import proc
from weftline.guard.sample import Neighbours, ProcessTree, Root
from weftline.guard.verdict import GuardPolicy, allowed_gb
from weftline.guard.watched import YOUNG_S, EndCall, Means, Seen, WatchedCall
from weftline.model.call import Call, Handle

#: The share of a processor that looking for new processes may cost while a call is near its limit.
_COST_NEAR = 0.05
#: A worker that holds this share of what a call asks for, before the call has begun, is not given it.
_LADEN = 0.5


class _Young(NamedTuple):
    """A call that nobody has looked at yet."""

    call: Call
    root: Root
    began: float


class Guard:
    """Watches calls from when they begin to when they end; all methods are called from one thread.

    Args:
        policy: limits and intervals.
        clock: for when.
        machine_gb: the memory of the machine, in GiB.
        end_call: ends a call.
    """

    def __init__(self, policy: GuardPolicy, clock: Clock, machine_gb: float, end_call: EndCall) -> None:
        self._means = Means(policy, clock, machine_gb, end_call)
        self._clock = clock
        self._young: dict[Handle, _Young] = {}
        self._watched: dict[Handle, WatchedCall] = {}
        self._moving = threading.Lock()  # held by whoever moves a call from one to the other, or looks for a moved one
        self._trees: dict[Root, ProcessTree] = {}
        self._neighbours = Neighbours()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._wakes_at = inf
        self._is_closed = False

    # --- what the backend tells ---

    def is_laden(self, call: Call, pid: int) -> bool:
        """Whether a worker still holds so much of earlier calls that this one might be killed for it."""
        allowed = allowed_gb(call.node.resources, call.handle[2], self._means.machine_gb)
        if allowed is None:
            return False
        held = proc.private_memory(pid)
        return held is not None and held.held_bytes >= _LADEN * allowed * 2**30

    def begun(self, call: Call, root: Root) -> None:
        """A worker has been given a call."""
        began = self._clock.monotonic()
        if call.node.resources.memory_gb is None:
            self._young[call.handle] = _Young(call, root, began)
            due = began + YOUNG_S
        else:
            watched = self._watched[call.handle] = WatchedCall(call, root, began, self._means)
            due = watched.due
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="weftline-guard", daemon=True)
            self._thread.start()
        elif due < self._wakes_at:
            self._news.set()

    def ended(self, handle: Handle) -> Seen | None:
        """A call has ended, or its worker has: what was seen of it; None if nobody has looked."""
        if self._young.pop(handle, None) is not None:
            return None
        with self._moving:
            watched = self._watched.pop(handle, None)
        if watched is None:
            return None
        with watched.lock:
            return watched.finish()

    def gone(self, root: Root) -> None:
        """A worker is not used any more."""
        self._trees.pop(root, None)

    def close(self) -> None:
        """Stops watching."""
        self._is_closed = True
        self._news.set()
        if self._thread is not None:
            self._thread.join()

    # --- the thread ---

    def _watch(self) -> None:
        while True:
            self._wakes_at = inf  # so that a call that begins just now sets news
            self._news.clear()
            if self._is_closed:
                return
            due = self._wakes_at = self._due()
            self._news.wait(None if due == inf else max(0.0, due - self._clock.monotonic()))
            self._grow_up()
            now = self._clock.monotonic()
            for watched in list(self._watched.values()):
                if watched.due <= now:
                    with watched.lock:
                        if not watched.is_over:
                            self._look(watched, now)

    def _due(self) -> float:
        """When a call is to be looked at."""
        due = [watched.due for watched in list(self._watched.values())]
        if self._young:  # whichever is the oldest: none is looked at much later than it should be
            due.append(self._clock.monotonic() + YOUNG_S)
        return min(due, default=inf)

    def _grow_up(self) -> None:
        """Calls that are no longer young are watched from now on."""
        now = self._clock.monotonic()
        for handle, young in list(self._young.items()):
            if now - young.began >= YOUNG_S:
                with self._moving:
                    if self._young.pop(handle, None) is not None:
                        self._watched[handle] = WatchedCall(*young, self._means)

    def _look(self, watched: WatchedCall, now: float) -> None:
        """Looks at a call, and, as often as that may cost something, for processes that nobody has seen yet."""
        if not watched.is_seen:
            tree = self._trees.get(watched.root)
            if tree is None:
                tree = self._trees[watched.root] = ProcessTree(watched.root)
            else:
                tree.look()
            watched.first(tree)
        neighbours = self._neighbours
        most_cost = _COST_NEAR if watched.is_near else self._means.policy.most_cost
        if now - watched.scanned_at < neighbours.cost_s * len(self._watched) / most_cost:
            watched.look(None)
            return
        if neighbours.at < now:
            neighbours.look(min(tree.since for tree in list(self._trees.values())), self._clock.monotonic())
        watched.scanned_at = now
        watched.look(neighbours)
