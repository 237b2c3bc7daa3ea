"""Objects that code refers to count by their class and by their whole state: constants, callables, injected providers."""

import pytest

from weftline.digest import CodeReader

#: A project, and an edit that changes what its node computes.
CHANGES = {
    "order of a read-only mapping": ("""
        import types

        TABLE = types.MappingProxyType({"a": 1, "b": 2})

        def node(x):
            return TABLE[x]
    """, '"a": 1, "b": 2', '"b": 2, "a": 1'),
    "attribute": ("""
        class Scale:
            def __init__(self, factor):
                self.factor = factor

        SCALE = Scale(2)

        def node(x):
            return x * SCALE.factor
    """, "Scale(2)", "Scale(3)"),
    "method of the object's class": ("""
        class Scale:
            def apply(self, x):
                return x * 2

        SCALE = Scale()

        def node(x):
            return SCALE.apply(x)
    """, "* 2", "* 3"),
    "object within an object": ("""
        class Inner:
            def __init__(self, factor):
                self.factor = factor

        class Scale:
            def __init__(self):
                self.parts = {"inner": [Inner(2)]}

        SCALE = Scale()

        def node(x):
            return x * SCALE.parts["inner"][0].factor
    """, "Inner(2)", "Inner(3)"),
    "which of two equal classes": ("""
        class Left:
            pass

        class Right:
            size = 1

        SCALE = Left()

        def node(x):
            return type(SCALE).__name__
    """, "SCALE = Left()", "SCALE = Right()"),
    "slots": ("""
        class Scale:
            __slots__ = ("factor",)

            def __init__(self, factor):
                self.factor = factor

        SCALE = Scale(2)

        def node(x):
            return x * SCALE.factor
    """, "Scale(2)", "Scale(3)"),
    "private slots": ("""
        class Scale:
            __slots__ = ("__factor",)

            def __init__(self, factor):
                self.__factor = factor

            def apply(self, x):
                return x * self.__factor

        SCALE = Scale(2)

        def node(x):
            return SCALE.apply(x)
    """, "Scale(2)", "Scale(3)"),
    "subclass of int": ("""
        class Level(int):
            pass

        LEVEL = Level(2)

        def node(x):
            return x * LEVEL
    """, "Level(2)", "Level(3)"),
    "subclass of float": ("""
        class Level(float):
            pass

        LEVEL = Level(2)

        def node(x):
            return x * LEVEL
    """, "Level(2)", "Level(3)"),
    "subclass of str": ("""
        class Name(str):
            pass

        NAME = Name("a")

        def node(x):
            return x + NAME
    """, '"a"', '"b"'),
    "subclass of list with an attribute": ("""
        class Rows(list):
            pass

        ROWS = Rows([2])
        ROWS.unit = "g"

        def node(x):
            return ROWS.unit
    """, '"g"', '"kg"'),
    "subclass of list": ("""
        class Rows(list):
            pass

        ROWS = Rows([2])

        def node(x):
            return ROWS[0]
    """, "[2]", "[3]"),
    "subclass of dict": ("""
        class Table(dict):
            pass

        TABLE = Table(a=2)

        def node(x):
            return TABLE["a"]
    """, "a=2", "a=3"),
    "subclass of set": ("""
        class Names(set):
            pass

        NAMES = Names(["a"])

        def node(x):
            return x in NAMES
    """, '"a"', '"b"'),
    "subclass of defaultdict": ("""
        import collections

        class Table(collections.defaultdict):
            pass

        TABLE = Table(int)

        def node(x):
            return TABLE[x]
    """, "Table(int)", "Table(list)"),
    "subclass of deque": ("""
        import collections

        class Queue(collections.deque):
            pass

        QUEUE = Queue([2])

        def node(x):
            return QUEUE[0]
    """, "[2]", "[3]"),
    "subclass of date": ("""
        import datetime

        class Day(datetime.date):
            pass

        DAY = Day(2026, 1, 2)

        def node(x):
            return DAY.day
    """, "1, 2)", "1, 3)"),
    "subclass of Decimal": ("""
        import decimal

        class Money(decimal.Decimal):
            pass

        PRICE = Money("2")

        def node(x):
            return PRICE
    """, '"2"', '"3"'),
    "random generator": ("""
        import random

        DICE = random.Random(2)

        def node(x):
            return DICE.random()
    """, "Random(2)", "Random(3)"),
    "bytes in memory": ("""
        import io

        FILE = io.BytesIO(b"2")

        def node(x):
            return FILE.getvalue()
    """, 'b"2"', 'b"3"'),
    "array of the standard library": ("""
        import array

        FACTORS = array.array("i", [2])

        def node(x):
            return FACTORS[0]
    """, "[2]", "[3]"),
    "namespace": ("""
        import types

        CONFIG = types.SimpleNamespace(factor=2)

        def node(x):
            return x * CONFIG.factor
    """, "factor=2", "factor=3"),
    "function in a namespace": ("""
        import types

        def double(x):
            return x * 2

        STEPS = types.SimpleNamespace(first=double)

        def node(x):
            return STEPS.first(x)
    """, "* 2", "* 3"),
    "function in a dict in an attribute": ("""
        def double(x):
            return x * 2

        class Steps:
            def __init__(self):
                self.by_name = {"double": double}

        STEPS = Steps()

        def node(x):
            return STEPS.by_name["double"](x)
    """, "* 2", "* 3"),
    "lambda in a list": ("""
        STEPS = [lambda x: x * 2, lambda x: x]

        def node(x):
            return STEPS[0](x)
    """, "x * 2", "x * 3"),
    "class in a dict": ("""
        class Double:
            def apply(self, x):
                return x * 2

        KINDS = {"double": Double}

        def node(x):
            return KINDS["double"]().apply(x)
    """, "* 2", "* 3"),
    "bound method": ("""
        class Scale:
            def __init__(self, factor):
                self.factor = factor

            def apply(self, x):
                return x * self.factor

        apply = Scale(2).apply

        def node(x):
            return apply(x)
    """, "Scale(2)", "Scale(3)"),
    "bound builtin method": ("""
        lookup = {"a": 2}.get

        def node(x):
            return lookup("a")
    """, '"a": 2', '"a": 3'),
    "partial": ("""
        import functools

        def scaled(x, by):
            return x * by

        double = functools.partial(scaled, by=2)

        def node(x):
            return double(x)
    """, "by=2", "by=3"),
    "function behind a partial": ("""
        import functools

        def scaled(x, by):
            return x * by + 1

        double = functools.partial(scaled, by=2)

        def node(x):
            return double(x)
    """, "+ 1", "+ 2"),
    "item getter": ("""
        import operator

        first = operator.itemgetter(0)

        def node(x):
            return first(x)
    """, "itemgetter(0)", "itemgetter(1)"),
    "method of a builtin type": ("""
        fold = str.lower

        def node(x):
            return fold(x)
    """, "str.lower", "str.upper"),
    "attribute of a function": ("""
        def helper(x):
            return x * helper.factor

        helper.factor = 2

        def node(x):
            return helper(x)
    """, "factor = 2", "factor = 3"),
    "decorator that is a class": ("""
        import functools

        class Doubled:
            def __init__(self, function):
                functools.update_wrapper(self, function)
                self.function = function

            def __call__(self, x):
                return self.function(x) * 2

        @Doubled
        def helper(x):
            return x + 1

        def node(x):
            return helper(x)
    """, "* 2", "* 3"),
    "state of a decorator that is a class": ("""
        import functools

        class Scaled:
            def __init__(self, by):
                self.by = by

            def __call__(self, function):
                functools.update_wrapper(self, function)
                self.function = function
                return self

            def apply(self, x):
                return self.function(x) * self.by

        @Scaled(2)
        def helper(x):
            return x + 1

        def node(x):
            return helper.apply(x)
    """, "Scaled(2)", "Scaled(3)"),
    "function behind a decorator that is a class": ("""
        import functools

        class Doubled:
            def __init__(self, function):
                functools.update_wrapper(self, function)

            def __call__(self, x):
                return self.__wrapped__(x)

        @Doubled
        def helper(x):
            return x + 1

        def node(x):
            return helper(x)
    """, "x + 1", "x + 2"),
    "cached function in a list": ("""
        import functools

        @functools.cache
        def helper(x):
            return x + 1

        STEPS = [helper]

        def node(x):
            return STEPS[0](x)
    """, "x + 1", "x + 2"),
    "context manager": ("""
        import contextlib

        @contextlib.contextmanager
        def oven(x):
            yield x + 1

        def node(x):
            with oven(x) as warm:
                return warm
    """, "x + 1", "x + 2"),
    "overload of a single dispatch": ("""
        import functools

        @functools.singledispatch
        def helper(x):
            return 1

        @helper.register
        def _(x: int):
            return 2

        def node(x):
            return helper(x)
    """, "return 2", "return 3"),
    "base case of a single dispatch": ("""
        import functools

        @functools.singledispatch
        def helper(x):
            return 1

        def node(x):
            return helper(x)
    """, "return 1", "return 2"),
    "class behind an alias": ("""
        class Loaf:
            def size(self):
                return 2

        Loaves = list[Loaf]

        def node(x):
            return Loaves.__args__[0]().size()
    """, "return 2", "return 3"),
    "weight array": ("""
        import numpy

        WEIGHTS = numpy.array([2.0])

        def node(x):
            return x * WEIGHTS
    """, "2.0", "3.0"),
}  # fmt: skip

STAYS = {
    "sentinel": ("""
        MISSING = object()

        def node(x=1):
            return 0 if x is MISSING else 1
    """, "else 1", "else  1"),
    "namespace with a function": ("""
        import types

        def double(x):
            return x * 2

        STEPS = types.SimpleNamespace(first=double)

        def node(x):
            return STEPS.first(x)
    """, "return STEPS", "return  STEPS"),
    "aliases of types": ("""
        import typing

        Rows = list[dict[str, int]]
        Maybe = int | None
        Name = typing.NewType("Name", str)
        Mode = typing.Literal["a", "b"]
        T = typing.TypeVar("T")

        def node(x):
            return Rows, Maybe, Name, Mode, T
    """, "return Rows", "return  Rows"),
    "locks and loggers": ("""
        import logging
        import threading

        class Guard:
            def __init__(self):
                self.lock = threading.RLock()
                self.ready = threading.Event()

        GUARD = Guard()
        GUARD.log = logging.getLogger("one")

        def node(x):
            with GUARD.lock:
                return x
    """, '"one"', '"two"'),
    "weak references": ("""
        import weakref

        SEEN = weakref.WeakKeyDictionary()

        def node(x):
            return x in SEEN
    """, "return x", "return  x"),
    "what an object says it is worth": ("""
        class Model:
            def __init__(self, path):
                self.path = path

            def __weftline_digest__(self):
                return "model 1"

        MODEL = Model("/one")

        def node(x):
            return MODEL
    """, '"/one"', '"/two"'),
}  # fmt: skip


def flow(text: str) -> str:
    return "\n".join(line[8:] for line in text.splitlines()) + "\n"


@pytest.mark.parametrize(("text", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_an_object_changes_the_closure(tells_apart, text, old, new):
    assert tells_apart(flow(text), old, new)


@pytest.mark.parametrize(("text", "old", "new"), STAYS.values(), ids=STAYS)
def test_what_does_not_decide_a_result_does_not_count(tells_apart, text, old, new):
    assert not tells_apart(flow(text), old, new)


@pytest.mark.parametrize(
    "name", ["function in a namespace", "subclass of set", "overload of a single dispatch", "bound method"]
)
def test_an_unchanged_project_has_an_unchanged_closure(read, name):
    text = flow(CHANGES[name][0])
    assert read(text).digest == read(text).digest


# --- injected providers -------------------------------------------------------------------------------------------

PROVIDERS = """
    class Embedder:
        version = 1

        def __init__(self, size, url):
            self.size = size
            self.url = url

        def embed(self, text):
            return [self.weight(text)] * self.size

        def weight(self, text):
            return len(text) * 2


    class Index:
        def __init__(self, embedder):
            self.embedder = embedder
            self.embedder.owner = self

        def run(self, text):
            return self.embedder.embed(text)


    node = Index(Embedder(size=3, url="http://one"))
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size=3", "size=4"),
        ("http://one", "http://two"),
        ("version = 1", "version = 2"),
        ("* 2", "* 3"),
        ("* self.size", "* 5"),
    ],
)
def test_a_provider_counts_by_its_code_and_its_state(tells_apart, old, new):
    assert tells_apart(PROVIDERS, old, new)


def test_what_is_left_out_of_an_instance_does_not_count(projects):
    text = """
        class Step:
            title = "one"
            factor = 2

            def run(self, x):
                return x * self.factor

        node = Step()
        node.note = "one"
    """

    def digest(text, *names):
        with projects.imported(projects.write({"bakery_flow.py": text})) as module:
            return CodeReader().read(module.node, leave_out=frozenset(names)).digest

    other = text.replace("one", "two")
    assert digest(text, "title", "note") == digest(other, "title", "note")
    assert digest(text, "title") != digest(other, "title")
    assert digest(text, "note") != digest(other, "note")
    assert digest(text, "title", "note") != digest(text.replace("= 2", "= 3"), "title", "note")


def test_what_is_left_out_of_a_function_does_not_count(projects):
    def digest(text, *names):
        with projects.imported(projects.write({"bakery_flow.py": text})) as module:
            return CodeReader().read(module.node, leave_out=frozenset(names)).digest

    one, two = (
        "def helper(x, scale=1): return x\ndef node(x, scale={}, *, top=3): return helper(x)\n".replace("{}", n) for n in "12"
    )
    assert digest(one) != digest(two)
    assert digest(one, "scale") == digest(two, "scale")
    assert digest(one, "scale") != digest(one.replace("top=3", "top=4"), "scale")
    assert digest(one, "scale") != digest(one.replace("x, scale=1)", "x, scale=2)"), "scale")


def test_objects_that_refer_to_each_other_have_a_closure(read):
    text = """
        class Part:
            pass

        left, right = Part(), Part()
        left.next, right.next = right, left
        right.all = [left, right]

        def node(x):
            return left
    """
    assert read(text).digest == read(text).digest
    assert read(text).digest != read(text.replace("right.all = [left", "right.all = [right")).digest
