"""Opens the backend that a name or an address says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from weftline.backends.capture import Capture
from weftline.backends.inline import InlineBackend
from weftline.backends.threads import ThreadBackend
from weftline.errors import BadArgumentError, UnknownBackendError, did_you_mean
from weftline.ports.backend import Backend

#: Addresses as they are listed to people.
_ADDRESSES = ("interpreter:FILE",)


class Place(NamedTuple):
    """What backends are made with.

    Attributes:
        slots: calls of one CPU at the same time.
        folder: of the home, for what a backend keeps.
        capture: catches the calls' output in this process; None to let it pass.
    """

    slots: int
    folder: Path
    capture: Capture | None = None


def open_backend(name: str, place: Place) -> Backend:
    """The backend of a name such as `threads`, or of an address such as `interpreter:requirements.txt?python=3.12`.

    Raises:
        UnknownBackendError: there is none of that name.
        BadArgumentError: the address does not fit its scheme.
    """
    scheme, is_address, rest = name.partition(":")
    makers: dict[str, Callable[[], Backend]] = {
        "inline": lambda: InlineBackend(place.slots, place.capture),
        "threads": lambda: ThreadBackend(place.slots, place.capture),
        "processes": lambda: _processes(place.slots),
    }
    openers: dict[str, Callable[[], Backend]] = {"interpreter": lambda: _interpreter(name, rest, place)}
    found = (openers if is_address else makers).get(scheme)
    if found is None:
        known = [*makers, *_ADDRESSES]
        raise UnknownBackendError(name=name, known=", ".join(known), hint=did_you_mean(name, known))
    return found()


def _processes(slots: int) -> Backend:
    from weftline.backends.processes import ProcessBackend

    return ProcessBackend(slots)


def _interpreter(name: str, rest: str, place: Place) -> Backend:
    from weftline.backends.interpreter import InterpreterBackend
    from weftline.model.environment import Environment

    file, _, query = rest.partition("?")
    asked = Environment.of_query(query)
    if file:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            advice = "name a file with one requirement in each line, such as numpy<2"
            raise BadArgumentError(argument=name, detail=f"{file} cannot be read: {error}", advice=advice) from error
        listed = Environment.of_lines(text, asked.python)
        asked = Environment((*listed.requirements, *asked.requirements), asked.python)
    return InterpreterBackend(asked, place.slots, place.folder / "environments", name)
