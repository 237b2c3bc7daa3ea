"""Finds the backend that was asked for: one of weftline's own, one that an installed package offers, or an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from weftline.backends.capture import Capture
from weftline.backends.inline import InlineBackend
from weftline.backends.threads import ThreadBackend
from weftline.errors import BadArgumentError, UnknownBackendError, did_you_mean
from weftline.ports import plugins
from weftline.ports.backend import Backend

#: Names of what makes a backend: `(workers: int | None) -> Backend`, which starts nothing before the first call.
_GROUP = "weftline.backends"


def named(name: str, workers: int | None, processors: int, capture: Capture | None) -> Backend:
    """The backend of a name.

    Args:
        name: of it.
        workers: calls at the same time that were asked for, if any were.
        processors: calls at the same time on this machine, where none were.
        capture: for backends that run calls in this process.

    Raises:
        UnknownBackendError: there is none of that name.
        MissingExtraError: what it needs is not installed.
        BadArgumentError: what a package offers is no backend.
    """
    slots = workers or processors
    makers: dict[str, Callable[[], Backend]] = {
        "inline": lambda: InlineBackend(slots, capture),
        "threads": lambda: ThreadBackend(slots, capture),
        "processes": lambda: _processes(slots),
    }
    if name in makers:
        return makers[name]()
    offered = plugins.offered(_GROUP)
    if name not in offered:
        known = list(dict.fromkeys([*makers, *sorted(offered)]))
        raise UnknownBackendError(name=name, known=", ".join(known), hint=did_you_mean(name, known))
    made = plugins.load(offered[name], f"the backend {name!r}")(workers)
    if not isinstance(made, Backend):
        detail = f"{offered[name].value} made a {type(made).__name__}, which is no backend"
        raise BadArgumentError(argument=f"backend={name!r}", detail=detail, advice="tell its authors, or use another one")
    return made


def given(backend: object, shared: Mapping[str, float], asked: Mapping[str, object]) -> Backend:
    """An object, if it is a backend.

    Args:
        backend: the object.
        shared: what calls of a group share, wherever they run, and how much there is of each.
        asked: what was asked for of what a backend has; None where it was not.

    Raises:
        BadArgumentError: it is none, or something is asked for that it decides itself.
    """
    if not isinstance(backend, Backend):
        detail = f"a {getattr(backend, '__name__', type(backend).__name__)} is neither a name nor a backend"
        advice = "give a name, or an object: of an executor, backend=ExecutorBackend(executor, slots=8)"
        raise BadArgumentError(argument="backend=", detail=detail, advice=advice)
    for name, value in asked.items():
        if value is not None:
            detail = f"the backend {backend.name!r} says itself what it has"
            raise BadArgumentError(argument=f"{name}={value!r}", detail=detail, advice="say it where the backend is made")
    if shared:
        there = backend.capabilities
        backend.capabilities = replace(there, named={**there.named, **shared})
    return backend


def _processes(slots: int) -> Backend:
    from weftline.backends.processes import ProcessBackend

    return ProcessBackend(slots)
