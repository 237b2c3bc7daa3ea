"""Opens the backend that a name or an address says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from weftline.backends.capture import Capture
from weftline.backends.inline import InlineBackend
from weftline.backends.machine import memory_gb
from weftline.backends.threads import ThreadBackend
from weftline.clock import Clock, SystemClock
from weftline.errors import BadArgumentError, UnknownBackendError, did_you_mean
from weftline.model.environment import SCHEME, Environment
from weftline.ports.backend import Backend
from weftline.settings import Settings

if TYPE_CHECKING:
    from weftline.backends.processes import MakeGuard

#: Addresses as they are listed to people.
_ADDRESSES = ("interpreter:FILE", "http://HOST:PORT")


class Place(NamedTuple):
    """What backends are made with.

    Attributes:
        slots: calls of one CPU at the same time.
        folder: of the home, for what a backend keeps.
        capture: catches the calls' output in this process; None to let it pass.
        known: says how worker processes are watched; None for not at all.
        clock: the source of time.
    """

    slots: int
    folder: Path
    capture: Capture | None = None
    known: Settings | None = None
    clock: Clock = SystemClock()


def open_backend(name: str, place: Place) -> Backend:
    """The backend of a name such as `threads`, or of an address such as `interpreter:requirements.txt?python=3.12`.

    Raises:
        UnknownBackendError: there is none of that name.
        BadArgumentError: the address does not fit its scheme.
        ServerUnreachableError: no server is at the address.
        ServerRefusedError: it cannot be used.
    """
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
    if found is None:
        known = [*makers, *_ADDRESSES]
        raise UnknownBackendError(name=name, known=", ".join(known), hint=did_you_mean(name, known))
    return found()


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
