"""Functions that are registered, or found by their name."""

from collections.abc import Callable

REGISTRY: dict[str, Callable] = {}


def registered(function: Callable) -> Callable:
    REGISTRY[function.__name__] = function
    return function


@registered
def first(count: int) -> int:
    return count + 61


def colour(count: int) -> int:
    return count + 62


def form(count: int) -> int:
    return count + 63
