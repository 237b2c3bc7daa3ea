"""Runs a call as a guest in a process that somebody else's executor has started: finds its code there, or refuses it.

`answer` is all that an executor gets to see. It is imported by name where it runs, takes and gives back plain values, and
never raises: an exception that comes out of a future is therefore the executor's own.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from weftline.backends import program
from weftline.backends.capture import Capture
from weftline.backends.parcel import pack_report, unpack_call
from weftline.backends.perform import perform
from weftline.backends.program import Source
from weftline.backends.sameness import SymbolChecker
from weftline.digest.origin import is_installed, main_file
from weftline.errors import OtherCodeError, UnreachableCodeError
from weftline.model.call import Call, Failure, Report
from weftline.model.ids import WHOLE
from weftline.version import __version__

#: The handle in a report on a call that could not be unpacked; whoever sent it knows which one that was.
_NO_CALL = (0, WHOLE, 0)


class _Setup(NamedTuple):
    """What the sender's calls need to be found.

    Attributes:
        path: folders of the sender's import path that are its project's, not its Python's.
        sources: modules that their name alone does not lead to, with a digest of each file.
    """

    path: tuple[str, ...]
    sources: tuple[tuple[Source, bytes], ...]


def packed_setup() -> bytes:
    """What goes with every call of this process."""
    path = tuple(entry for entry in map(os.path.abspath, sys.path) if not is_installed(os.path.join(entry, "any.py")))  # noqa: PTH118
    return pickle.dumps(_Setup(path, tuple((source, _digest(source.file)) for source in program.sources())))


def answer(version: str, node: str, setup: bytes, content: bytes, ticket: str) -> tuple[str, bytes]:
    """Runs one call.

    Args:
        version: of the sender's weftline; another one here looks at nothing else.
        node: the call's node, to be named where the rest cannot be read.
        setup: from `packed_setup`.
        content: from `pack_call`.
        ticket: is different for every call, since some executors do not run what they have run before.

    Returns:
        The version of weftline here, and the packed report; empty if the versions differ.
    """
    del ticket
    if version != __version__:
        return __version__, b""
    try:
        call = _unpacked(node, setup, content)
    except BaseException as error:  # noqa: BLE001 - importing the user's modules may raise anything; it is this call's failure
        return version, pack_report(Report(_NO_CALL, None, Failure.of(error), worker=_here()), None)
    with _CAPTURED as capture:
        report = perform(call, capture, worker=_here())
    return version, pack_report(report, call)


def _unpacked(node: str, setup: bytes, content: bytes) -> Call:
    try:
        with _LOCK:
            if setup not in _PREPARED:
                _prepare(pickle.loads(setup))  # noqa: S301 - from `packed_setup`, over the executor's own channel
                _PREPARED.add(setup)
        call, symbols = unpack_call(content)
    except (ImportError, AttributeError, FileNotFoundError) as error:
        raise UnreachableCodeError(node=node, worker=_here(), detail=f"{type(error).__name__}: {error}") from error
    try:
        _SYMBOLS.check(node, call.node.body, symbols)
    except OtherCodeError as error:
        error.hint = "workers that were started before a change have to be started again"
        raise
    return call


def _prepare(setup: _Setup) -> None:
    """Makes the sender's modules importable; what this process has comes first."""
    sys.path += [entry for entry in setup.path if entry not in sys.path and Path(entry).exists()]
    for source, digest in setup.sources:
        loaded = _LOADED.get(source.name)
        if loaded is None and _is_there(source):
            continue  # this process is the sender, or was made from it
        if loaded != (source.file, digest):
            _LOADED.pop(source.name, None)
            sys.modules.pop(source.name, None)
            program.load(source)
            _LOADED[source.name] = (source.file, digest)


def _is_there(source: Source) -> bool:
    return main_file() == source.file if source.name == "__main__" else source.name in sys.modules


def _digest(file: str) -> bytes:
    try:
        return hashlib.sha256(Path(file).read_bytes()).digest()
    except OSError:  # it is gone; workers will say so
        return b""


def _here() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


class _Captured:
    """A capture of this process's output that is in place while at least one call runs."""

    def __init__(self) -> None:
        self._capture = Capture()
        self._lock = threading.Lock()
        self._calls = 0

    def __enter__(self) -> Capture:
        with self._lock:
            if not self._calls:
                self._capture.open()
            self._calls += 1
        return self._capture

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._calls -= 1
            if not self._calls:
                self._capture.close()


_LOCK = threading.Lock()
_PREPARED: set[bytes] = set()
_LOADED: dict[str, tuple[str, bytes]] = {}
_SYMBOLS = SymbolChecker()
_CAPTURED = _Captured()
