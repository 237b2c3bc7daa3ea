"""Finds the backend that was asked for: by a name, by an address, or as an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from weftline.backends.capture import Capture
from weftline.backends.inline import InlineBackend
from weftline.backends.machine import memory_gb
from weftline.backends.threads import ThreadBackend
from weftline.clock import Clock, SystemClock
from weftline.errors import BadArgumentError, UnknownBackendError, did_you_mean
from weftline.model.environment import SCHEME, Environment
from weftline.ports import plugins
from weftline.ports.backend import Backend
from weftline.settings import Settings

if TYPE_CHECKING:
    from weftline.backends.processes import MakeGuard

#: Names of what makes a backend: `(workers: int | None) -> Backend`, which starts nothing before the first call.
_GROUP = "weftline.backends"
#: Addresses as they are listed to people.
_ADDRESSES = ("interpreter:FILE", "http://HOST:PORT")


class Place(NamedTuple):
    """What backends are made with.

    Attributes:
        folder: of the home, for what a backend keeps.
        workers: calls at the same time that were asked for, if any were.
        processors: calls of one CPU at the same time on this machine, where none were.
        capture: catches the calls' output in this process; None to let it pass.
        known: says how worker processes are watched; None for not at all.
        clock: the source of time.
    """

    folder: Path
    workers: int | None = None
    processors: int = 1
    capture: Capture | None = None
    known: Settings | None = None
    clock: Clock = SystemClock()

    @property
    def slots(self) -> int:
        """Calls of one CPU at the same time."""
        return self.workers or self.processors


def open_backend(asked: object, place: Place) -> Backend:
    """The backend that was asked for; an object is returned as it is.

    Args:
        asked: a name such as `threads` or one that an installed package offers, an address such as
            `interpreter:requirements.txt?python=3.12`, an `Environment`, or a `Backend`.
        place: what it is made with.

    Raises:
        UnknownBackendError: there is none of that name.
        MissingExtraError: what it needs is not installed.
        BadArgumentError: the address does not fit its scheme, or this is no backend.
        ServerUnreachableError: no server is at the address.
        ServerRefusedError: it cannot be used.
    """
    if isinstance(asked, str):
        return _of_name(asked, place)
    if isinstance(asked, Environment):
        return _of_name(asked.address, place)
    if isinstance(asked, Backend):
        return asked
    detail = f"a {getattr(asked, '__name__', type(asked).__name__)} is neither a name nor a backend"
    advice = "give a name, or an object: of an executor, backend=ExecutorBackend(executor, slots=8)"
    raise BadArgumentError(argument="backend=", detail=detail, advice=advice)


def _of_name(name: str, place: Place) -> Backend:
    scheme, is_address, _ = name.partition(":")
    makers: dict[str, Callable[[], Backend]] = {
        "inline": lambda: InlineBackend(place.slots, place.capture),
        "threads": lambda: ThreadBackend(place.slots, place.capture),
        "processes": lambda: _processes(place),
    }
    openers: dict[str, Callable[[], Backend]] = {
        SCHEME: lambda: _interpreter(name, place),
        "http": lambda: _http(name, place),
        "https": lambda: _http(name, place),
    }
    found = (openers if is_address else makers).get(scheme)
    if found is not None:
        return found()
    offered = plugins.offered(_GROUP)
    if name in offered:
        return _offered(name, offered[name], place.workers)
    known = list(dict.fromkeys([*makers, *_ADDRESSES, *sorted(offered)]))
    raise UnknownBackendError(name=name, known=", ".join(known), hint=did_you_mean(name, known))


def _offered(name: str, point: EntryPoint, workers: int | None) -> Backend:
    """What a package makes; how many calls run there at once it knows best, unless that was asked for."""
    made = plugins.load(point, f"the backend {name!r}")(workers)
    if isinstance(made, Backend):
        return made
    detail = f"{point.value} made a {type(made).__name__}, which is no backend"
    raise BadArgumentError(argument=f"backend={name!r}", detail=detail, advice="tell its authors, or use another one")


def lent(backend: Backend, shared: Mapping[str, float], asked: Mapping[str, object]) -> Backend:
    """An object as one run has it; the object stays as it was made, also for others that use it meanwhile.

    Args:
        backend: the object.
        shared: what calls of a group share, wherever they run, and how much there is of each.
        asked: what was asked for of what a backend has; None where it was not.

    Raises:
        BadArgumentError: something is asked for that it decides itself.
    """
    for name, value in asked.items():
        if value is not None:
            detail = f"the backend {backend.name!r} says itself what it has"
            raise BadArgumentError(argument=f"{name}={value!r}", detail=detail, advice="say it where the backend is made")
    return _Lent(backend, shared) if shared else backend


class _Lent:
    """A backend that has more for its calls to share."""

    def __init__(self, backend: Backend, shared: Mapping[str, float]) -> None:
        there = backend.capabilities
        self.name = backend.name
        self.capabilities = replace(there, named={**there.named, **shared})
        self.submit = backend.submit
        self.poll = backend.poll
        self.cancel = backend.cancel
        self.close = backend.close


def _processes(place: Place) -> Backend:
    from weftline.backends.processes import ProcessBackend

    return ProcessBackend(place.slots, guard=_guard(place))


def _guard(place: Place) -> MakeGuard | None:
    from weftline.guard import proc

    if place.known is None or not place.known.guard or not proc.is_available():
        return None
    from weftline.guard.verdict import GuardPolicy
    from weftline.guard.watch import Guard

    policy = GuardPolicy(interval_s=place.known.guard_interval_s)
    return partial(Guard, policy, place.clock, memory_gb())


def declared_environment(name: str) -> Environment | None:
    """The environment that an address declares; None for a backend that has none of its own.

    Raises:
        BadArgumentError: the address does not fit, or its file cannot be read.
    """
    scheme, _, rest = name.partition(":")
    if scheme != SCHEME:
        return None
    file, _, query = rest.partition("?")
    asked = Environment.of_query(query)
    if not file:
        return asked
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        advice = "name a file with one requirement in each line, such as numpy<2"
        raise BadArgumentError(argument=name, detail=f"{file} cannot be read: {error}", advice=advice) from error
    listed = Environment.of_lines(text, asked.python)
    return Environment((*listed.requirements, *asked.requirements), asked.python)


def _interpreter(name: str, place: Place) -> Backend:
    from weftline.backends.interpreter import InterpreterBackend

    environment = declared_environment(name)
    assert environment is not None
    return InterpreterBackend(environment, place.slots, place.folder / "environments", name, guard=_guard(place))


def _http(name: str, place: Place) -> Backend:
    from urllib.parse import parse_qsl, urlsplit

    from weftline.backends import signed
    from weftline.backends.http import HttpBackend

    parts = urlsplit(name)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = next((option for option in options if option not in {"token", "patience_s"}), None)
    if unknown is not None or not parts.hostname or "@" in parts.netloc:
        detail = "it has no host, or a user in it" if unknown is None else f"no option is called {unknown!r}"
        advice = "write http://HOST:PORT?token=env:NAME&patience_s=60"
        raise BadArgumentError(argument=f"a backend at {parts.scheme}:", detail=detail, advice=advice)
    try:
        patience_s = float(options.get("patience_s", 60))
    except ValueError:
        patience_s = 0.0
    if not 0.1 <= patience_s <= 86_400:
        argument = f"patience_s={options['patience_s']}"
        raise BadArgumentError(argument=argument, detail="it is no number from 0.1 to 86400", advice="give seconds")
    token = signed.read_token(options.get("token") or f"file:{place.folder / signed.TOKEN_FILE}")
    return HttpBackend(parts._replace(query="").geturl(), token, patience_s, name)
