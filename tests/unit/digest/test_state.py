"""What the state of an object consists of."""

import enum
import functools
import logging
import random
import threading
from collections import deque

import pytest

from weftline.digest.state import state_of
from weftline.errors import UndigestableError


class Plain:
    kind = "class attributes are no state"

    def __init__(self):
        self.b = 2
        self.a = 1


class Slotted:
    __slots__ = ("__hidden", "a", "unset")

    def __init__(self):
        self.a = 1
        self.__hidden = 2


class Mixed(Slotted):
    def __init__(self):
        super().__init__()
        self.b = 3


class OneSlot:
    __slots__ = "a"  # one name

    def __init__(self):
        self.a = 1


class Level(int):
    pass


class Colour(enum.Enum):
    RED = "red"


def test_attributes_by_name():
    assert list(state_of(Plain())) == [("a", 1), ("b", 2)]


def test_slots_of_a_class_and_its_bases():
    assert dict(state_of(OneSlot())) == {"a": 1}
    assert sorted(dict(state_of(Slotted())).values()) == [1, 2]
    assert sorted(dict(state_of(Mixed())).values()) == [1, 2, 3]


def test_an_enum_member_is_its_name_and_value():
    assert list(state_of(Colour.RED)) == [("name", "RED"), ("value", "red")]


GUARDS = [threading.Lock(), threading.RLock(), threading.Event(), threading.Condition(), logging.getLogger("x"), object()]


@pytest.mark.parametrize("thing", GUARDS, ids=lambda thing: type(thing).__name__)
def test_some_objects_have_nothing_that_decides_a_result(thing):
    (part,) = state_of(thing)
    assert part[0] == "kind"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Level(1), Level(2)),
        (random.Random(1), random.Random(2)),
        (type("Rows", (list,), {})([1]), type("Rows", (list,), {})([2])),
        (type("Table", (dict,), {})(a=1), type("Table", (dict,), {})(a=2)),
        (type("Queue", (deque,), {})([1]), type("Queue", (deque,), {})([2])),
        (functools.partialmethod(len, 1), functools.partialmethod(len, 2)),
    ],
    ids=["int", "random generator", "list", "dict", "deque", "partial method"],
)
def test_state_that_python_keeps_for_a_class_counts(one, two):
    assert list(state_of(one)) != list(state_of(two))


def test_attributes_of_a_subclass_of_list_count():
    rows, other = type("Rows", (list,), {})([1]), type("Rows", (list,), {})([1])
    other.unit = "g"
    assert list(state_of(rows)) != list(state_of(other))


def test_an_object_that_hides_its_state_is_refused():
    with pytest.raises(UndigestableError, match="generator"):
        list(state_of(item for item in ()))


def test_what_an_object_says_of_itself_is_its_state():
    class Said(Plain):
        def __weftline_digest__(self):
            return "said"

    assert list(state_of(Said())) == [("digest", "said")]
