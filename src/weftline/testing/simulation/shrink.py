"""Makes a failing scenario smaller: parts are dropped and fields set back to their defaults, as long as it still fails so.

It knows nothing of what the fields mean; a new one in `scenario` is shrunk without a word here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import Any, TypeVar

T = TypeVar("T")


def shrink(scenario: T, fails: Callable[[T], bool], most_tries: int = 3000) -> T:
    """The smallest scenario found; what it cannot be rid of, it needs in order to fail.

    Args:
        scenario: one that fails.
        fails: plays a scenario; whether it fails in the same way.
        most_tries: how many may be played.
    """
    tries = 0
    is_smaller = True
    while is_smaller and tries < most_tries:
        is_smaller = False
        for candidate in simpler(scenario):
            tries += 1
            if fails(candidate):
                scenario, is_smaller = candidate, True
                break
            if tries >= most_tries:
                break
    return scenario


def simpler(thing: Any) -> Iterator[Any]:
    """Simpler things of the same kind, the simplest first."""
    if isinstance(thing, tuple):
        yield from _shorter(thing)
        for at, part in enumerate(thing):
            yield from ((*thing[:at], small, *thing[at + 1 :]) for small in simpler(part))
    elif is_dataclass(thing) and not isinstance(thing, type):
        for found in fields(thing):
            value = getattr(thing, found.name)
            for small in _simpler_field(found, value):
                try:
                    yield replace(thing, **{found.name: small})
                except ValueError:
                    continue  # what is not allowed at all


def _shorter(parts: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Without large shares first, then without each single part."""
    size = len(parts)
    while size:
        for start in range(0, len(parts), size):
            yield parts[:start] + parts[start + size :]
        size //= 2


def _simpler_field(found: Field[Any], value: Any) -> Iterator[Any]:
    default = _default(found)
    if value == default:
        return
    if default is not MISSING:
        yield default
    if isinstance(value, tuple) or is_dataclass(value):
        yield from simpler(value)
    elif isinstance(value, int) and not isinstance(value, bool) and value > 1:
        yield value // 2
        yield value - 1


def _default(found: Field[Any]) -> Any:
    return found.default_factory() if found.default_factory is not MISSING else found.default
