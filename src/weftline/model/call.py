"""What a backend sees: a call to run, and its report afterwards."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from weftline.digest.origin import is_installed
from weftline.errors import Place, WeftlineError
from weftline.model.node import NodeSpec

#: Characters of a failure's message that the journal keeps.
_TOLD = 4000
#: A handle names one attempt: node number, item (or WHOLE), attempt.
Handle = tuple[int, int, int]


class Call(NamedTuple):
    """One attempt at one call.

    Attributes:
        handle: names it in this run.
        node: what runs.
        inputs: by the names of the node's inputs.
        params: bound parameters.
        timeout_s: after which the backend stops it, or None; what has to be started or imported first does not count.
        grace_s: how long it may go on after that, once it was asked to end; 0 to stop it at once.
        env: environment variables that it sees besides those of this process.
    """

    handle: Handle
    node: NodeSpec
    inputs: dict[str, Any]
    params: Mapping[str, Any]
    timeout_s: float | None = None
    grace_s: float = 0.0
    env: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed, in a form that travels between processes.

    Attributes:
        kind: the error's class as people know it.
        message: its text.
        lineage: full names of the class and its bases, for retry policies.
        transient: whether it says of itself that trying again may help.
        place: the line of the user's code that raised it.
        trace: the traceback from the user's code on, as printed.
        finding: the error itself, where it is one of weftline's own.
    """

    kind: str
    message: str
    lineage: tuple[str, ...] = ()
    transient: bool = False
    place: Place | None = None
    trace: str = ""
    finding: WeftlineError | None = None

    def __repr__(self) -> str:
        return f"<failure: {self.kind}: {self.message}" + (f" at {self.place}>" if self.place is not None else ">")

    @classmethod
    def of(cls, error: BaseException, otherwise: Place | None = None) -> Failure:
        """The failure that an error means.

        Args:
            error: what was raised.
            otherwise: the place of an error that comes from no line of the user's code.
        """
        lineage = tuple(map(full_name, type(error).__mro__))
        transient = bool(getattr(error, "transient", False)) or isinstance(error, (ConnectionError, TimeoutError))
        finding = error if isinstance(error, WeftlineError) else None
        frames = list(_user_frames(error))
        place = Place(frames[-1].filename, frames[-1].lineno) if frames else otherwise
        if finding is not None:
            place = finding.place = finding.place or place
        with contextlib.suppress(Exception):  # an error's own text may fail to be made; its class is still told
            return cls(type(error).__name__, _text(error), lineage, transient, place, _trace(error, frames), finding)
        return cls(type(error).__name__, "", lineage, transient, place, "", None)

    def as_fields(self) -> dict[str, Any]:
        """The fields of an event that tells of it."""
        return {
            "error": self.kind,
            "code": None if self.finding is None else self.finding.code,
            "message": self.message[:_TOLD],
            "place": None if self.place is None else str(self.place),
        }


class Report(NamedTuple):
    """What became of an attempt.

    Attributes:
        handle: the attempt.
        outputs: in the order of the node's outputs; None if it failed.
        failure: why it failed; None if it succeeded.
        took_s: how long it ran.
        log: what the call printed and logged.
        worker: where it ran, for people.
        cancelled: True if it was stopped, or never began, because the run is ending.
    """

    handle: Handle
    outputs: tuple[Any, ...] | None
    failure: Failure | None = None
    took_s: float = 0.0
    log: str = ""
    worker: str = ""
    cancelled: bool = False


def full_name(kind: type) -> str:
    """A class by module and name; the same in worker processes, which know the main program by another name."""
    module = "__main__" if kind.__module__ == "__mp_main__" else kind.__module__
    return f"{module}.{kind.__qualname__}"


def _text(error: BaseException) -> str:
    return error.message if isinstance(error, WeftlineError) else str(error)


def _user_frames(error: BaseException) -> Iterator[traceback.FrameSummary]:
    """Frames of the traceback that are neither weftline's machinery nor an installed library's."""
    for frame in traceback.extract_tb(error.__traceback__):
        if not is_installed(frame.filename) and not _is_machinery(frame.filename):
            yield frame


def _is_machinery(file: str) -> bool:
    root = sys.modules["weftline"].__path__[0]
    return file.startswith(root) and not file.startswith((f"{root}/documents", f"{root}/ext"))


def _trace(error: BaseException, frames: list[traceback.FrameSummary]) -> str:
    """The traceback from the first user frame on, so that the reader's own code comes first."""
    everything = traceback.extract_tb(error.__traceback__)
    first = next((at for at, frame in enumerate(everything) if frames and frame == frames[0]), 0)
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(everything[first:])]
    return "".join([*lines, *traceback.format_exception_only(error)])
