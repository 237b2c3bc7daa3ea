"""Functions in their many forms."""

import contextlib
import functools
import operator
from collections.abc import Callable, Iterator


def figures(count: int) -> dict[str, float]:
    with discounted(count) as less:
        context = less
    return {
        "default": taxed(count),
        "keyword": shipped(count),
        "decorated": packed(count),
        "plain": weighed(count),
        "closure": with_gift(count),
        "partial": in_dollars(count),
        "lambda": halved(count),
        "table": METHODS["bike"](count),
        "generator": sum(steps(count)),
        "recursion": folded(count),
        "mutual recursion": is_even(count),
        "dispatch": shown(count) + shown(str(count)),
        "remembered": remembered(count),
        "nested": nested(count),
        "context": context,
        "comprehension": sum(part * 3 for part in range(count)),
        "sorted": sorted(range(count), key=distance)[0],
        "reduced": functools.reduce(joined, range(count), 0),
        "picked": operator.methodcaller("bit_length")(count),
    }


def taxed(value: float, rate: int = 19) -> float:
    return value * (100 + rate)


def shipped(value: float, *, fee: int = 4) -> float:
    return value + fee


def times(factor: int) -> Callable:
    def around(function: Callable) -> Callable:
        @functools.wraps(function)
        def inside(value: float) -> float:
            return factor * function(value) + 1

        return inside

    return around


@times(2)
def packed(value: float) -> float:
    return value + 3


def weighed(value: float) -> float:
    return value + 11


def adding(amount: int) -> Callable:
    def add(value: float) -> float:
        return value + amount

    return add


with_gift = adding(7)
in_dollars = functools.partial(taxed, rate=8)
halved = lambda value: value / 2  # noqa: E731 - a lambda under a name is one of the forms


def by_post(value: float) -> float:
    return value + 13


def by_bike(value: float) -> float:
    return value + 17


METHODS = {"post": by_post, "bike": by_bike}


def steps(value: int) -> Iterator[int]:
    for step in range(3):
        yield value + step


def folded(value: int) -> int:
    return value if value < 4 else folded(value - 4) + 1


def is_even(value: int) -> int:
    return 1 if value == 0 else is_odd(value - 1)


def is_odd(value: int) -> int:
    return 0 if value == 0 else is_even(value - 1)


@functools.singledispatch
def shown(value: object) -> int:
    return 0


@shown.register
def _(value: int) -> int:
    return value + 21


@shown.register
def _(value: str) -> int:
    return len(value) + 22


@functools.lru_cache
def remembered(value: int) -> int:
    return value + 23


def nested(value: int) -> int:
    def inner(part: int) -> int:
        return part + 24

    return inner(value)


@contextlib.contextmanager
def discounted(value: int) -> Iterator[float]:
    yield value * 0.9


def distance(value: int) -> int:
    return abs(value - 2)


def joined(left: int, right: int) -> int:
    return left + right * 5
