"""One worker process, as its parent sees it: what it is given, when its call's time is over, and how it ended."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from typing import IO

from weftline.backends import keeper
from weftline.backends.capture import kept
from weftline.backends.launch import Launch
from weftline.backends.machine import memory_kills
from weftline.backends.parcel import NodePacker, pack_call
from weftline.backends.wire import Kind, Wire
from weftline.guard.sample import Root
from weftline.model.call import Call, Report
from weftline.model.node import NodeSpec

#: Whether workers have a keeper, which finds all that they start; elsewhere a process group is all that can be ended.
HAS_KEEPER = sys.platform == "linux" and Path("/proc/self/stat").exists()
#: How long a worker may load what a call with a time limit needs, in seconds; the limit is for the call alone.
LOADING_S = 60.0
#: After this long a process that cannot be killed, as when it waits for a disk, is left alone, in seconds.
_UNKILLABLE_S = 10.0
_KEPT_BYTES = 256 * 1024


class Step(Enum):
    """What is done about a worker when a time has come."""

    ASK = auto()
    KILL = auto()
    ABANDON = auto()


def steps_of(call: Call, now: float, *, has_begun: bool) -> list[tuple[float, Step]]:
    """When what is done about a call that does not end.

    Args:
        call: the call.
        now: when it was given to a worker, or when it began.
        has_begun: which of the two; until it begins, the worker may have to start and import.
    """
    if call.timeout_s is None:
        return []
    if not has_begun:
        return [(now + LOADING_S, Step.KILL)]
    end = now + call.timeout_s
    return [(end, Step.ASK), (end + call.grace_s, Step.KILL)] if call.grace_s > 0 else [(end, Step.KILL)]


class Worker:
    """A process that serves one call at a time, all with the same environment variables.

    Args:
        env: variables of its own.
        launch: how it is started.
        keeps: whether it has a keeper.

    Raises:
        OSError: it cannot be started.
        ValueError: the variables are no variables.
    """

    def __init__(self, env: Mapping[str, str], launch: Launch, *, keeps: bool) -> None:
        self._keeps = keeps
        self.env = dict(env)
        self.call: Call | None = None
        self.has_begun = False
        self.root: Root | None = None  # known when the process is ready; its id is not the keeper's
        self.told: Report | None = None  # what to report at its end, where that is known before
        self._started = 0.0
        self._steps: list[tuple[float, Step]] = []
        self._nodes: dict[int, tuple[NodeSpec, int]] = {}  # those that it knows, with their numbers
        self._mark = secrets.token_hex(8)
        self._memory_kills = memory_kills()
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self._read = 0
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = self._start(launch, theirs.fileno())
            except BaseException:  # raised again
                ours.close()
                self._output.close()
                raise
        ours.setblocking(False)
        self.wire = Wire(ours)
        self._setup = [(Kind.SETUP, pickle.dumps(launch.setup))]

    def _start(self, launch: Launch, connection: int) -> subprocess.Popen[bytes]:
        words = [keeper.__file__, str(connection), str(os.getpid())]
        own = {"PYTHONUNBUFFERED": "1", keeper.MARK: self._mark}
        return subprocess.Popen(  # noqa: S603 - our own program
            [*launch.python, *(words if self._keeps else ["-m", "weftline.backends.child", str(connection)])],
            pass_fds=[connection],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**launch.environment, **own, **self.env},
        )

    # --- a call ---

    def give(self, call: Call, packer: NodePacker) -> bool:
        """Sends a call, as far as it goes without waiting.

        Returns:
            Whether all is gone; the rest goes with `wire.flush`.

        Raises:
            UnsendableError: it cannot be sent; the worker is as it was.
            OSError: the process is gone; the call has not begun.
        """
        known = self._nodes.get(id(call.node))
        messages = self._setup
        if known is None:
            messages = [*messages, (Kind.NODE, packer.pack(call.node))]
            known = (call.node, len(self._nodes))
        content = pack_call(call, known[1])
        self._nodes[id(call.node)] = known
        self.call, self.has_begun = call, len(messages) == 0
        self._started = time.monotonic()
        self._steps = steps_of(call, self._started, has_begun=self.has_begun)
        self._setup = []
        return self.wire.send([*messages, (Kind.CALL, content)])

    def ready(self, pid: int) -> None:
        """The process has started."""
        self.root = Root(pid, self._mark, self._process.pid if self._keeps else 0)

    def begin(self) -> None:
        """The worker has loaded what the call needs; from now on its time counts."""
        assert self.call is not None
        self.has_begun = True
        if self.told is None:
            self._steps = steps_of(self.call, time.monotonic(), has_begun=True)

    def rest(self) -> None:
        """The call is over."""
        self.call, self._steps = None, []

    @property
    def age_s(self) -> float:
        """How long the call has been here."""
        return time.monotonic() - self._started

    @property
    def wakes_at(self) -> float:
        """When something is to be done about it."""
        return self._steps[0][0] if self._steps else math.inf

    def due(self, now: float) -> Step | None:
        """What is to be done about it now; each step is told once."""
        return self._steps.pop(0)[1] if self._steps and self._steps[0][0] <= now else None

    def output(self) -> str:
        """What the process wrote since the last time."""
        file = self._output.fileno()
        end = os.fstat(file).st_size
        if end == self._read:
            return ""
        start = max(self._read, end - _KEPT_BYTES)
        left_out, self._read = start - self._read, end
        return kept(os.pread(file, end - start, start).decode("utf-8", "replace"), left_out)

    # --- its end ---

    def ask(self) -> None:
        """SIGTERM for the worker and what it started in its process group."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the process and everything that it started; that is over when `has_ended`."""
        self._steps = [(time.monotonic() + _UNKILLABLE_S, Step.ABANDON)]
        self._signal(signal.SIGINT if self._keeps else signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.kill if self._keeps else os.killpg)(self._process.pid, number)

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def cause_of_death(self) -> str:
        """How the process ended, in words."""
        try:
            code = self._process.wait(timeout=_UNKILLABLE_S)
        except subprocess.TimeoutExpired:
            return "it closed its connection"
        if code >= 0:
            return f"it exited with code {code}"
        kills = memory_kills() or 0
        has_run_out = code == -signal.SIGKILL and self._memory_kills is not None and kills > self._memory_kills
        why = ", and the system says that memory ran out" if has_run_out else ""
        return f"it was killed by {_name_of(-code)}{why}"

    def close(self) -> None:
        """Frees what is left of a worker that has been killed, or has ended."""
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(timeout=_UNKILLABLE_S)
        if not self._keeps:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        elif code is None or code < 0:  # the keeper itself may have been killed
            self._process.kill()
            keeper.kill_all(self._process.pid, self._mark)
        self.wire.close()
        self._output.close()


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
