"""Runs calls on a server that speaks HTTP, on this machine or another.

Theory of operation. `submit` and `cancel` only put messages in a box. One thread sends what is in it, another asks for reports
all the time, which also tells the server that this client is alive. Each call has a number: the server takes a number once, and
tells a report until it is confirmed; so a request that got no answer is simply made again. A server that does not answer for
longer than the client's patience is gone, and one that does not know the session has been started anew; either way the calls
in flight are lost, and reported as failed.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from weftline.backends import signed
from weftline.backends.greeting import Greeting, greet
from weftline.backends.parcel import NodePacker, Parcel, unpack_report
from weftline.backends.sessions import Message, Told
from weftline.errors import MachineError, ServerGoneError, ServerRefusedError, UnsendableError
from weftline.model.call import Call, Failure, Handle, Report
from weftline.ports.backend import Capabilities

T = TypeVar("T")
#: How long an answer to anything but a poll may take, in seconds.
_ANSWER_S = 60.0
#: How long `close` tries to tell the server, and waits for a thread, in seconds.
_CLOSING_S = 2.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
_ANEW = "the server was started anew, and knows nothing of it"


class HttpBackend:
    """Calls run on a server; see `weftline.backends.http_server`.

    Args:
        url: of the server, such as `http://127.0.0.1:7077`.
        token: what both sides hold.
        patience_s: after how long without an answer the server is given up, and with it the calls that it has.
        name: for people, and for whoever resumes a run.

    Raises:
        ServerUnreachableError: nobody answers.
        ServerRefusedError: it does not know the token, or is of another version.
    """

    def __init__(self, url: str, token: bytes, patience_s: float = 60.0, name: str = "") -> None:
        self.name = name or url
        self._url = url
        self._token = token
        self._patience_s = patience_s
        self._packer = NodePacker()
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._box: deque[Message] = deque()
        self._sending: list[Message] = []
        self._calls: dict[int, Call] = {}  # in flight, by number
        self._last = 0
        self._threads: list[threading.Thread] = []
        self._is_closed = False
        self._polling = signed.Link(url)
        with contextlib.closing(signed.Link(url)) as link:
            found = greet(link, url, token, patience_s)
        self._session: Greeting | None = found
        self._limit = found.limit
        self.capabilities = Capabilities(
            slots=found.slots,
            can_kill=True,
            kills_all=found.kills_all,
            sets_env=True,
            ships=True,
            queue=64,
            memory_gb=found.memory_gb,
            is_remote=True,
        )

    # --- the port -----------------------------------------------------------------------------------------------------

    def submit(self, call: Call) -> None:
        """Puts a call in the box; fails it at once after `close`, when nobody would hear of it."""
        try:
            parcel = Parcel.of(call, self._packer)
        except UnsendableError as error:
            self._reports.put(Report(call.handle, None, Failure.of(error)))
            return
        if parcel.size > self._limit:
            self._reports.put(Report(call.handle, None, Failure.of(self._too_large(call, "an input", parcel.size))))
            return
        with self._changed:
            self._last += 1
            self._calls[self._last] = call
            if self._is_closed:
                self._fail([self._last], "its backend was closed; give each run the address, or a new object")
                return
            limits = call.timeout_s, call.grace_s
            self._box.append(("call", self._last, call.node.name, call.node.place, limits, dict(call.env), parcel))
            if not self._threads:
                self._start()
            self._changed.notify_all()

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Reports so far, at least one if it comes in time."""
        reports: list[Report] = []
        with contextlib.suppress(queue.Empty):
            reports.append(self._reports.get(timeout=max(wait_s, 0.0)))
            while True:
                reports.append(self._reports.get_nowait())
        return reports

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call that has not begun; with `kill`, the server stops one that runs."""
        with self._changed:
            number = next((number for number, call in self._calls.items() if call.handle == handle), None)
            if number is None:
                return
            for message in self._box:
                if message[:2] == ("call", number):
                    self._box.remove(message)
                    del self._calls[number]
                    self._reports.put(Report(handle, None, cancelled=True))
                    return
            self._box.append(("cancel", number, kill))
            self._changed.notify_all()

    def close(self) -> None:
        """Tells the server to stop what runs, if it can be told."""
        with self._changed:
            self._is_closed = True
            self._box.clear()
            self._calls.clear()
            session = self._session
            self._changed.notify_all()
        if session is not None:
            with contextlib.suppress(OSError, signed.WrongSignatureError), contextlib.closing(signed.Link(self._url)) as link:
                link.ask("/close", b"", session.key, session.session, timeout_s=_CLOSING_S)
        self._polling.hang_up()
        for thread in self._threads:
            thread.join(_CLOSING_S)

    # --- the threads --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        for work in (self._send, self._receive):
            thread = threading.Thread(target=work, name=f"weftline-http{work.__name__}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _send(self) -> None:
        """Sends what is in the box, in order; opens a new session where there is none."""
        patience = _Patience(self._patience_s)
        with contextlib.closing(signed.Link(self._url)) as link:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed or self._box or self._sending)
                    if self._is_closed:
                        return
                    session = self._session
                    if session is not None:
                        self._take_out()
                if session is None:
                    self._tried(patience, lambda: self._greet(link))
                else:
                    self._tried(patience, lambda: self._deliver(link, session))  # noqa: B023 - called at once

    def _take_out(self) -> None:
        """The first messages of the box, as many as the server takes at once; those that were not taken last time first."""
        size = sum(map(_size, self._sending))
        while self._box and (not self._sending or size + _size(self._box[0]) <= self._limit):
            size += _size(self._box[0])
            self._sending.append(self._box.popleft())

    def _greet(self, link: signed.Link) -> None:
        found = greet(link, self._url, self._token, self._patience_s)
        with self._changed:
            self._session, self._limit = found, found.limit
            self._changed.notify_all()

    def _deliver(self, link: signed.Link, session: Greeting) -> None:
        content = pickle.dumps(self._sending, 5)
        status, _, _ = link.ask("/calls", content, session.key, session.session, timeout_s=_ANSWER_S)
        with self._changed:
            if status == signed.NO_SESSION:
                self._lose(session)
                return
            _require_ok(status)
            sent, self._sending = self._sending, []
            if self._session is not session:  # lost in the meantime, and these with it
                self._fail([message[1] for message in sent], _ANEW)

    def _receive(self) -> None:
        """Asks for reports as long as there is a session."""
        patience = _Patience(self._patience_s)
        after = 0
        of: Greeting | None = None
        with contextlib.closing(self._polling) as link:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed or self._session is not None)
                    if self._is_closed:
                        return
                    session = self._session
                assert session is not None
                if session is not of:
                    of, after = session, 0
                told = self._tried(patience, lambda: self._ask(link, session, after))  # noqa: B023 - called at once
                for position, number, report, content in told or ():
                    after = position
                    self._take(session, number, report, content)

    def _ask(self, link: signed.Link, session: Greeting, after: int) -> Sequence[Told]:
        asked = json.dumps({"after": after, "wait_s": signed.LONGEST_POLL_S}).encode()
        timeout_s = signed.LONGEST_POLL_S + _ANSWER_S
        limit = 2 * session.limit + signed.SLACK_BYTES
        status, content, _ = link.ask("/reports", asked, session.key, session.session, timeout_s=timeout_s, limit=limit)
        if status == signed.NO_SESSION:
            with self._changed:
                self._lose(session)
            return ()
        _require_ok(status)
        told: Sequence[Told] = pickle.loads(content)  # noqa: S301 - signed with the session's key
        return told

    def _take(self, session: Greeting, number: int, report: Report, content: bytes | int | None) -> None:
        with self._changed:
            call = self._calls.pop(number, None)
        if call is None:  # it was told before, or given up
            return
        worker = report.worker or "a process"
        if isinstance(content, bytes):
            found = unpack_report(content, call)
            report, worker = found._replace(log=report.log), found.worker
        elif content is not None:
            report = report._replace(failure=Failure.of(self._too_large(call, "the result", content)))
        self._reports.put(report._replace(handle=call.handle, worker=f"{worker} on {session.host}"))

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    def _tried(self, patience: _Patience, act: Callable[[], T]) -> T | None:
        """Does what needs the server. Where that fails, makes a pause, and the caller tries again; or gives the server up."""
        try:
            done = act()
        except (OSError, signed.WrongSignatureError, MachineError) as error:
            with self._changed:
                pause_s = patience.pause_s(time.monotonic())
                if pause_s is None or isinstance(error, ServerRefusedError):
                    patience.renew()
                    self._give_up(error)
                else:
                    self._changed.wait_for(lambda: self._is_closed, pause_s)
            return None
        patience.renew()
        return done

    def _give_up(self, error: Exception) -> None:
        text = error.message if isinstance(error, MachineError) else f"{type(error).__name__}: {error}"
        detail = text if isinstance(error, ServerRefusedError) else f"the server is gone for {self._patience_s:g} s: {text}"
        self._session = None
        self._box.clear()
        self._sending = []
        self._fail(list(self._calls), detail)

    def _lose(self, session: Greeting) -> None:
        """The server does not know a session any more, and with it the calls that it had taken."""
        if self._session is session:
            self._session = None
            kept = {message[1] for message in (*self._sending, *self._box) if message[0] == "call"}
            self._fail([number for number in self._calls if number not in kept], _ANEW)

    def _fail(self, numbers: Sequence[int], detail: str) -> None:
        for number in numbers:
            call = self._calls.pop(number, None)
            if call is not None:
                error = ServerGoneError(node=call.node.name, url=self._url, detail=detail, place=call.node.place)
                self._reports.put(Report(call.handle, None, Failure.of(error)))

    def _too_large(self, call: Call, part: str, size: int) -> UnsendableError:
        detail = f"it takes {size:,} bytes, and the server at {self._url} takes and sends no more than {self._limit:,}"
        return UnsendableError(part=part, node=call.node.name, detail=detail, place=call.node.place)


class _Patience:
    """How long one thread goes on without an answer."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._since: float | None = None

    def pause_s(self, now: float) -> float | None:
        """The pause after a failure, longer from time to time; None when it is over."""
        if self._since is None:
            self._since = now
        failing_s = now - self._since
        if failing_s >= self._limit_s:
            return None
        return min(max(_SHORTEST_PAUSE_S, failing_s / 4), _LONGEST_PAUSE_S, self._limit_s - failing_s)

    def renew(self) -> None:
        """There was an answer, or nobody waits for one any more: the next failure is a first one."""
        self._since = None


def _size(message: Message) -> int:
    return int(message[-1].size) if message[0] == "call" else 0


def _require_ok(status: int) -> None:
    if status != signed.OK:
        raise ConnectionError(f"the server answers {status}")
