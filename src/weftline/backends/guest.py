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
from weftline.backends.launch import project_path
from weftline.backends.parcel import Nodes, pack_failure, pack_report
from weftline.backends.perform import perform
from weftline.backends.program import Source
from weftline.digest.origin import main_file
from weftline.errors import OtherCodeError, UnreachableCodeError
from weftline.model.call import Call
from weftline.version import __version__


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
    sources = tuple((source, _digest(source.file)) for source in program.sources())
    return pickle.dumps(_Setup(tuple(project_path()), sources))


def answer(version: str, name: str, setup: bytes, node: bytes, content: bytes, ticket: str) -> tuple[str, bytes]:
    """Runs one call.

    Args:
        version: of the sender's weftline; another one here looks at nothing else.
        name: of the call's node, to be told where the rest cannot be read.
        setup: from `packed_setup`.
        node: from `NodePacker.pack`.
        content: from `pack_call`, with the number 0.
        ticket: is different for every call, since some executors do not run what they have run before.

    Returns:
        The version of weftline here, and the packed report; empty if the versions differ.
    """
    del ticket
    if version != __version__:
        return __version__, b""
    try:
        call = _unpacked(name, setup, node, content)
    except BaseException as error:  # noqa: BLE001 - importing the user's modules may raise anything; it is this call's failure
        return version, pack_failure(error)
    with _CAPTURED as capture:
        report = perform(call, capture, worker=_here())
    return version, pack_report(report, call.node)


def _unpacked(name: str, setup: bytes, node: bytes, content: bytes) -> Call:
    """The call.

    Raises:
        UnreachableCodeError: its code cannot be imported here.
        OtherCodeError: its code is not the same here.
        OtherVersionsError: what its code uses is not.
    """
    try:
        with _LOCK:
            if setup not in _PREPARED:
                _prepare(pickle.loads(setup))  # noqa: S301 - from `packed_setup`, over the executor's own channel
                _PREPARED.add(setup)
            if node not in _NODES:
                _NODES[node] = Nodes()
                _NODES[node].add(node)
        return _NODES[node].call(content)
    except (ImportError, AttributeError, FileNotFoundError) as error:
        raise UnreachableCodeError(node=name, worker=_here(), detail=f"{type(error).__name__}: {error}") from error
    except OtherCodeError as error:
        error.hint = "workers that were started before a change have to be started again"
        raise


def _prepare(setup: _Setup) -> None:
    """Makes the sender's modules importable; what this process has comes first."""
    sys.path += [entry for entry in setup.path if entry not in sys.path and Path(entry).exists()]
    for source, digest in setup.sources:
        loaded = _LOADED.get(source.name)
        if loaded is None and _is_there(source):
            continue  # this process is the sender, or was made from it
        if loaded != (source.file, digest):
            _LOADED.pop(source.name, None)
            _NODES.clear()  # they are those of the module as it was
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
_NODES: dict[bytes, Nodes] = {}
_CAPTURED = _Captured()
