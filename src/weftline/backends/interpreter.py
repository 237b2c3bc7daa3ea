"""Runs calls in processes of another Python, with libraries of its own: the environment is made when the first call comes."""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from weftline.backends.environments import StoppedError, environment_python
from weftline.backends.launch import with_python
from weftline.backends.parcel import NodePacker
from weftline.backends.processes import ProcessBackend
from weftline.backends.waiting import withdraw
from weftline.errors import EnvironmentFailedError, WeftlineError
from weftline.model.call import Call, Failure, Handle, Report
from weftline.model.environment import Environment

if TYPE_CHECKING:
    from weftline.backends.processes import MakeGuard

#: How long `close` waits for a tool that makes an environment to be stopped, in seconds.
_STOPS_S = 5.0


class InterpreterBackend:
    """Worker processes in a declared environment.

    If that cannot be made, each call that wanted it fails with the cause; a second attempt at a call tries once more.

    Args:
        environment: what the calls find.
        workers: how many processes.
        folder: where environments are kept.
        name: for people, and for whoever resumes a run.
        guard: as for `ProcessBackend`.
    """

    def __init__(
        self, environment: Environment, workers: int, folder: Path, name: str = "", *, guard: MakeGuard | None = None
    ) -> None:
        self.name = name or environment.address
        self.capabilities = replace(ProcessBackend(workers).capabilities, environment=str(environment))
        self._environment = environment
        self._folder = folder
        self._guard = guard
        self._waiting: deque[Call] = deque()
        self._reports: list[Report] = []
        self._making: _Making | None = None
        self._workers: ProcessBackend | None = None
        self._failure: EnvironmentFailedError | None = None

    def submit(self, call: Call) -> None:
        """Hands a call to a worker, or lets it wait for the environment."""
        if self._workers is not None:
            self._workers.submit(call)
            return
        _, _, attempt = call.handle
        if self._failure is not None and attempt == 1:
            self._reports.append(Report(call.handle, None, Failure.of(self._failure, call.node.place)))
            return
        self._waiting.append(call)
        if self._making is None:
            self._making = _Making(self._environment, self._folder)

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Reports so far, at least one if it comes in time."""
        reports, self._reports = self._reports, []
        until = time.monotonic() + (0.0 if reports else wait_s)
        if self._making is not None and self._making.ended(wait_s=max(0.0, until - time.monotonic())):
            reports += self._made(self._making)
        if self._workers is not None:
            reports += self._workers.poll(0.0 if reports else max(0.0, until - time.monotonic()))
        elif not reports:
            time.sleep(max(0.0, until - time.monotonic()))
        return reports

    def _made(self, making: _Making) -> list[Report]:
        """Goes on with what has become of the environment: hands on what waits for it, or tells why it is not there."""
        self._making = None
        waiting, self._waiting = self._waiting, deque()
        if making.python:
            launch = functools.partial(with_python, making.python)
            packer = NodePacker(is_whole=False)
            self._workers = ProcessBackend(self.capabilities.slots, launch=launch, packer=packer, guard=self._guard)
            for call in waiting:
                self._workers.submit(call)
            return []
        self._failure = making.failure
        assert self._failure is not None
        return [Report(call.handle, None, Failure.of(self._failure, call.node.place)) for call in waiting]

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call that has not begun; with `kill`, stops the worker of one that runs."""
        report = withdraw(self._waiting, handle)
        if report is not None:
            self._reports.append(report)
            return
        if self._workers is not None:
            self._workers.cancel(handle, kill=kill)

    def close(self) -> None:
        """Stops all workers, and whatever makes the environment. Afterwards it may be used for another run."""
        self._waiting.clear()
        if self._making is not None:
            self._making.stop()
        self._making = self._failure = None  # whoever uses it once more, makes it once more
        self._reports.clear()
        if self._workers is not None:
            self._workers.close()


class _Making:
    """An environment that is made on a thread of its own, so that nobody waits who should not.

    Attributes:
        python: of the environment, once it is there.
        failure: why it is not.
    """

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.python = ""
        self.failure: EnvironmentFailedError | None = None
        self._environment = environment
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._make, name="weftline-environment", daemon=True)
        self._thread.start()

    def _make(self) -> None:
        try:
            self.python = environment_python(self._environment, self._folder, self._stop)
        except EnvironmentFailedError as error:
            self.failure = error
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - a thread has nobody to tell; the calls that wait are told
            text = error.message if isinstance(error, WeftlineError) else f"{type(error).__name__}: {error}"
            advice = f"look at {self._folder}"
            self.failure = EnvironmentFailedError(environment=str(self._environment), detail=text, advice=advice)

    def ended(self, wait_s: float) -> bool:
        """Whether it is over, within this time."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Ends it, with all that it has started."""
        self._stop.set()
        self._thread.join(_STOPS_S)
