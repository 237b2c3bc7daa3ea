"""The clients of a server: each has worker processes of its own for its program, and all share the server's slots."""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from weftline.backends.launch import Launch, as_here
from weftline.backends.parcel import Parcel, RelayedNode, RelayedValues, RelayPacker
from weftline.backends.pool import Answer
from weftline.backends.processes import ProcessBackend
from weftline.backends.program import Source
from weftline.errors import Place
from weftline.model.call import Call, Handle, Report
from weftline.model.ids import WHOLE

#: How often the workers are looked at while calls run: at once after something happened, then less and less, in seconds.
_SHORTEST_S, _LONGEST_S = 0.0005, 0.02
#: How often sessions are looked at while nothing runs, in seconds.
_IDLE_S = 1.0

#: ("call", number, node, place, (timeout_s, grace_s), env, parcel) or ("cancel", number, kill)
Message = tuple[Any, ...]
#: (position, number of the call, report, what the worker reported: None where it did not, the length of what is too long)
Told = tuple[int, int, Report, bytes | int | None]


class _Relay(ProcessBackend):
    """Hands parcels on as they are: what is in them is for the client and for its workers."""

    def _report(self, answer: Answer) -> Report:
        return Report(answer.call.handle, (answer.content,), log=answer.log)


@dataclass
class Session:
    """One client.

    Attributes:
        key: signs what is said in it.
        gone_s: after how long without a word it is over.
        workers: run its calls.
        seen_at: when it was heard of last.
        taken: the highest number of a call that was submitted; they come in order, and a repeated one is not taken again.
        waiting: calls that have not begun.
        running: how many have.
        nodes: those of its calls, by what was packed.
        told: reports that the client has not confirmed.
    """

    key: bytes
    gone_s: float
    workers: ProcessBackend
    seen_at: float
    taken: int = 0
    waiting: deque[Call] = field(default_factory=deque)
    running: int = 0
    nodes: dict[bytes, RelayedNode] = field(default_factory=dict)
    told: deque[Told] = field(default_factory=deque)
    position: int = 0
    is_over: bool = False


class Sessions:
    """All sessions of a server. Every method may be called from any thread.

    Args:
        slots: calls that run at the same time, of all clients together.
        limit: the longest report, in bytes.
    """

    def __init__(self, slots: int, limit: int) -> None:
        self.slots = slots
        self._limit = limit
        self._open: dict[str, Session] = {}
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="weftline-sessions", daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        """Calls that run now."""
        with self._changed:
            return sum(session.running for session in self._open.values())

    def open(self, name: str, key: bytes, gone_s: float, path: Sequence[str], sources: Sequence[Source]) -> None:
        """A new session; its workers find the client's modules first, then what the server finds."""
        launch = functools.partial(_for_client, list(path), list(sources))
        with self._changed:
            self._open[name] = Session(key, gone_s, _Relay(self.slots, launch=launch, packer=RelayPacker()), time.monotonic())

    def find(self, name: str) -> Session | None:
        """The session of that name; None if it is over, or never was."""
        with self._changed:
            return self._open.get(name)

    def take(self, session: Session, messages: Sequence[Message]) -> None:
        """Calls, each taken once however often it is submitted, and what is withdrawn."""
        with self._changed:
            session.seen_at = time.monotonic()
            for kind, number, *rest in messages:
                if kind == "call" and number > session.taken:
                    session.taken = number
                    session.waiting.append(_call(session, number, *rest))
                elif kind == "cancel":
                    self._cancel(session, _handle(number), kill=rest[0])
            self._changed.notify_all()

    def _cancel(self, session: Session, handle: Handle, *, kill: bool) -> None:
        for call in session.waiting:
            if call.handle == handle:
                session.waiting.remove(call)
                self._tell(session, Report(handle, None, cancelled=True))
                return
        session.workers.cancel(handle, kill=kill)

    def reports(self, session: Session, after: int, wait_s: float) -> list[Told]:
        """Reports after a position, which confirms those up to it; waits for the first one."""
        until = time.monotonic() + wait_s
        with self._changed:
            session.seen_at = time.monotonic()
            while session.told and session.told[0][0] <= after:
                session.told.popleft()
            while not session.told and not session.is_over and (left_s := until - time.monotonic()) > 0:
                self._changed.wait(left_s)
            session.seen_at = time.monotonic()
            found: list[Told] = []
            size = 0
            for told in session.told:
                size += len(told[3]) if isinstance(told[3], bytes) else 0
                if found and size > self._limit:
                    break
                found.append(told)
            return found

    def close(self, name: str = "") -> None:
        """Ends one session, or all of them for good; what runs is stopped."""
        with self._changed:
            self._is_closed = self._is_closed or not name
            for found in [name] if name else list(self._open):
                self._end(found)
            self._changed.notify_all()
        if not name:
            self._thread.join()

    def _end(self, name: str) -> None:
        session = self._open.pop(name, None)
        if session is not None:
            session.is_over = True
            session.workers.close()

    def _serve(self) -> None:
        pause_s = _SHORTEST_S
        with self._changed:
            while not self._is_closed:
                if self._turn():
                    pause_s = _SHORTEST_S
                    self._changed.notify_all()
                is_idle = not any(session.running or session.waiting for session in self._open.values())
                if self._changed.wait(_IDLE_S if is_idle else pause_s):
                    pause_s = _SHORTEST_S
                pause_s = min(2 * pause_s, _LONGEST_S)

    def _turn(self) -> bool:
        """Starts what there is room for, and takes reports; whether anything happened."""
        happened = False
        now = time.monotonic()
        for name, session in list(self._open.items()):
            if now - session.seen_at > session.gone_s:
                self._end(name)
                continue
            while session.waiting and sum(each.running for each in self._open.values()) < self.slots:
                session.running += 1
                happened = True
                session.workers.submit(session.waiting.popleft())
            for report in session.workers.poll(0.0) if session.running else ():
                session.running -= 1
                self._tell(session, report)
                happened = True
        return happened

    def _tell(self, session: Session, report: Report) -> None:
        session.position += 1
        content: bytes | int | None = None
        if report.outputs is not None:
            parcel: bytes = report.outputs[0]
            content = parcel if len(parcel) <= self._limit else len(parcel)
            report = report._replace(outputs=None)
        session.told.append((session.position, report.handle[2], report, content))


def _handle(number: int) -> Handle:
    return 0, WHOLE, number


def _call(
    session: Session,
    number: int,
    node: str,
    place: Place | None,
    limits: tuple[float | None, float],
    env: dict[str, str],
    parcel: Parcel,
) -> Call:
    known = session.nodes.get(parcel.node)
    if known is None:  # workers are sent a node once, so calls of one node share it
        known = session.nodes[parcel.node] = RelayedNode(node, place, parcel.node)
    inputs, params = (RelayedValues(parcel.values, at) for at in (0, 1))
    return Call(_handle(number), known, inputs, params, *limits, env)


def _for_client(path: list[str], sources: list[Source]) -> Launch:
    """How workers of a client start: they find its modules where it finds them, or where this process does."""
    return as_here()._replace(setup={"path": path, "adds": True, "sources": sources})
