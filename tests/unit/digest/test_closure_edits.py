"""Edits of one small project: those that change what a node computes change its closure, those that do not leave it alone."""

import pytest

PROJECT = {
    "bakery_flow.py": '''
        """The node and what stands in its own module."""

        import asyncio
        import functools
        import logging
        import math

        import bakery.rates as rates
        import bakery.units
        from bakery import fold
        from bakery.shapes import Loaf, Size, Tin
        from pantry import grind

        LOG = logging.getLogger("bakery")
        LIMIT = 101
        TABLE = {"rye": 102, "oat": [1, (2, 103)], "bran": {"deep": frozenset({104})}}
        STEPS = [105, 1]


        def measured(function):
            @functools.wraps(function)
            def inside(*args):
                return function(*args) + 106

            return inside


        def scaled(by):
            def times(x):
                return x * by

            return times


        def helper(x: int, base=107, *, top: float = 108) -> int:
            """Docstring of the helper."""
            # a comment in the helper
            return deeper(x) + base + top + 109


        def deeper(x):
            return x + 110


        @measured
        def proof(x):
            return x + 111


        @functools.lru_cache(maxsize=8)
        def cached(x):
            return x + 112


        def even(x):
            return x == 0 or odd(x - 1) or 113


        def odd(x):
            return x != 0 and even(x - 1) or 114


        def again(x):
            return again(x - 1) if x else 115


        def stream(x):
            yield x + 116


        async def later(x):
            return x + 117


        triple = scaled(118)
        half = functools.partial(helper, base=119)
        plus = lambda x: x + 120
        left, right = (lambda x: x + 121), (lambda x: x + 122)


        def unrelated(x):
            return x + 999


        def node(rows: list[int], factor: float = 123.0) -> list[int]:
            """Docstring of the node."""

            @scaled(130)
            def wrapped(x):
                return x

            def nested(x, by=124):
                return x + by + 125

            total = 126
            for x in rows:
                LOG.info("row %s", x)
                total += helper(x) + proof(x) + cached(x) + even(x) + again(x) + sum(stream(x)) + triple(x) + half(x) + plus(x)
                total += left(x) + right(x) + LIMIT + TABLE["rye"] + STEPS[0] + nested(x) + asyncio.run(later(x)) + math.pi
                total += rates.tax(x) + rates.RATE + bakery.units.gram(x) + fold(x) + grind(x)
                total += Loaf(x).weight() + Loaf.flat(x) + Loaf.of(x).crumb + Loaf(x).area + Size.LARGE.value + Tin(x).side
            return [total, *[x + 127 for x in rows], *(x + 128 for x in rows), {x: 129 for x in rows}]
    ''',
    "bakery/__init__.py": """
        from bakery.hands import fold
    """,
    "bakery/hands.py": """
        def fold(x):
            return press(x) + 201


        def press(x):
            return x + 202
    """,
    "bakery/rates.py": """
        RATE = 203
        OTHER = 998


        def tax(x):
            return x + 204


        def toll(x):
            return x + 997
    """,
    "bakery/units.py": """
        def gram(x):
            return x + 205


        def ounce(x):
            return x + 996
    """,
    "bakery/shapes.py": '''
        """Classes."""

        import enum
        from dataclasses import dataclass


        class Unused:
            crumb = 995


        class Base:
            def __init__(self, x):
                self.x = x

            def weight(self):
                return self.x + self.density() + 301

            def density(self):
                return 302


        class Loaf(Base):
            """Docstring of the class."""

            crumb = 303
            spread: int = 304

            def density(self):
                """Docstring of the method."""
                return 305

            @staticmethod
            def flat(x):
                return x + 306

            @classmethod
            def of(cls, x):
                return cls(x + 307)

            @property
            def area(self):
                return 308


        class Size(enum.Enum):
            SMALL = 309
            LARGE = 310


        @dataclass(order=False)
        class Tin:
            x: int
            side: int = 311
    ''',
    "pantry.py": """
        def grind(x):
            return x + 401
    """,
}

FIRST = "def __init__(self, x):\n                self.x = x\n"
SECOND = "def weight(self):\n                return self.x + self.density() + 301\n"

MARKED = {
    "constant": 101,
    "constant in a dict": 102,
    "constant in a list in a dict": 103,
    "constant in a set in a dict": 104,
    "constant in a list": 105,
    "decorator's code": 106,
    "default argument of a helper": 107,
    "keyword-only default of a helper": 108,
    "helper": 109,
    "helper of a helper": 110,
    "decorated helper": 111,
    "cached helper": 112,
    "mutual recursion": 113,
    "mutual recursion, the other side": 114,
    "recursion": 115,
    "generator": 116,
    "coroutine": 117,
    "closure variable": 118,
    "argument of a partial": 119,
    "lambda": 120,
    "first lambda of a line": 121,
    "second lambda of a line": 122,
    "default of the node that is no parameter here": 123,
    "default of a nested function": 124,
    "nested function": 125,
    "argument of a nested function's decorator": 130,
    "node": 126,
    "list comprehension": 127,
    "generator expression": 128,
    "dict comprehension": 129,
    "re-exported function": 201,
    "helper behind a re-exported function": 202,
    "module attribute": 203,
    "function of a module": 204,
    "function of a dotted module": 205,
    "method of a base": 301,
    "method of a base that is overridden": 302,
    "class attribute": 303,
    "annotated class attribute": 304,
    "method": 305,
    "static method": 306,
    "class method": 307,
    "property": 308,
    "enum member that is not named": 309,
    "enum member": 310,
    "default of a dataclass field": 311,
    "module of another package": 401,
}

CHANGES = {
    "order of entries in a dict": ("{\"rye\": 102, \"oat\": [1, (2, 103)],", "{\"oat\": [1, (2, 103)], \"rye\": 102,"),
    **{name: (str(number), str(number + 500)) for name, number in MARKED.items()},
    "operator": ("return x + 110", "return x - 110"),
    "type of a number": ("return x + 110", "return x + 110.0"),
    "name of an attribute": ("TABLE[\"rye\"]", "TABLE[\"oat\"]"),
    "another builtin": ("sum(stream(x))", "max(stream(x))"),
    "another attribute of a library": ("math.pi", "math.e"),
    "a builtin that is shadowed": ("def deeper(x):", "def sum(x):\n            return 0\n\n\n        def deeper(x):"),
    "two helpers that swap places": ("helper(x) + proof(x)", "proof(x) + helper(x)"),
    "another lambda of the line": ("left(x) + right(x)", "right(x) + right(x)"),
    "decorator removed": ("@measured\n", "\n"),
    "decorator added": ("def deeper(x):", "@measured\n        def deeper(x):"),
    "name of a helper's argument": ("def helper(x: int, base=107", "def helper(x: int, bottom=107"),
    "argument that must be named": ("base=107, *, top", "base=107, top"),
    "key of a constant": ("\"deep\"", "\"deeper\""),
    "key of a dict": ("{\"rye\": 102", "{\"ray\": 102"),
    "field of a dataclass": ("side: int = 311", "edge: int = 311"),
    "type of a field": ("x: int\n            side", "x: str\n            side"),
    "order of fields": ("x: int\n            side: int = 311", "side: int = 311\n            x: int = 0"),
    "argument of a class decorator": ("order=False", "order=True"),
    "base class": ("class Loaf(Base)", "class Loaf(Unused, Base)"),
    "name of an enum member": ("SMALL = 309", "TINY = 309"),
    "coroutine made a function": ("async def later", "def later"),
    "generator made a function": ("yield x + 116", "return x + 116"),
    "other imported function of the same name": ("from bakery.hands import fold", "from bakery.units import gram as fold"),
    "method removed, so that the base's is used": (
        "def density(self):\n                \"\"\"Docstring",
        "def dense(self):\n                \"\"\"Docstring",
    ),
}  # fmt: skip

STAYS = {
    "comment": ("# a comment in the helper", "# another comment"),
    "comment before the node": ("def node(", "# a comment\n        def node("),
    "blank lines": ("return deeper(x) + base", "\n\n            return deeper(x) + base"),
    "spaces": ("return x + 110", "return  x  +  110"),
    "parentheses": ("return x + 110", "return (x + 110)"),
    "a lambda in parentheses": ("plus = lambda x: x + 120", "plus = (lambda x:\n            (x + 120))"),
    "another way to write a number": ("return x + 110", "return x + 0x6E"),
    "docstring of the module": ("The node and what", "Something else, and what"),
    "docstring of the node": ("Docstring of the node", "Other words"),
    "docstring of a helper": ("Docstring of the helper", "Other words"),
    "docstring of a class": ("Docstring of the class", "Other words"),
    "docstring of a method": ("Docstring of the method", "Other words"),
    "docstring added": ("def deeper(x):", 'def deeper(x):\n            """Words."""'),
    "docstring added to a class": ("class Base:", 'class Base:\n            """Words."""\n'),
    "annotation of a helper": ("x: int, base", "x: float, base"),
    "annotation that a helper returns": ("= 108) -> int", "= 108) -> float"),
    "annotation of the node": ("rows: list[int]", "rows: list[float]"),
    "an unrelated helper": ("x + 999", "x + 1999"),
    "an unrelated function of a module in use": ("x + 997", "x + 1997"),
    "an unrelated constant of a module in use": ("OTHER = 998", "OTHER = 1998"),
    "an unrelated function of a dotted module": ("x + 996", "x + 1996"),
    "an unrelated class": ("crumb = 995", "crumb = 1995"),
    "a name added to the module": ("LIMIT = 101", "LIMIT = 101\n        FURTHER = 1"),
    "an import added": ("import math", "import json\n        import math"),
    "the name of the logger": ("getLogger(\"bakery\")", "getLogger(\"kitchen\")"),
    "size of a helper's cache": ("maxsize=8", "maxsize=16"),
    "order of methods": (
        f"{FIRST}\n            {SECOND}",
        f"{SECOND}\n            {FIRST}",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def closure(read):
    return read(PROJECT)


def edited(old: str, new: str) -> dict[str, str]:
    assert sum(text.count(old) for text in PROJECT.values()) == 1, f"{old!r} must stand in one place"
    return {name: text.replace(old, new) for name, text in PROJECT.items()}


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES)
def test_an_edit_that_changes_the_result_changes_the_closure(read, closure, old, new):
    assert read(edited(old, new)).digest != closure.digest


@pytest.mark.parametrize(("old", "new"), STAYS.values(), ids=STAYS)
def test_an_edit_that_changes_nothing_leaves_the_closure_alone(read, closure, old, new):
    assert read(edited(old, new)).digest == closure.digest


def test_every_marked_number_stands_once():
    assert [number for number in MARKED.values() if sum(text.count(str(number)) for text in PROJECT.values()) != 1] == []


def test_nothing_of_the_project_is_left_unfollowed(closure):
    assert closure.not_followed == ()
    assert set(closure.distributions) == {"python"}


# --- edits that move things ---------------------------------------------------------------------------------------


def test_the_path_of_the_project_does_not_count(read, closure):
    assert read(PROJECT).digest == closure.digest


def test_the_name_of_the_node_does_not_count(read, closure):
    assert read(edited("def node(", "def renamed("), root="renamed").digest == closure.digest


def test_a_helper_may_move_to_another_module(read, closure):
    moved = edited("from pantry import grind", "from bakery.mill import grind")
    moved["bakery/mill.py"] = moved.pop("pantry.py")
    assert read(moved).digest == closure.digest


def test_a_class_may_move_to_another_module(read, closure):
    moved = edited("from bakery.shapes import Loaf, Size, Tin", "from figures import Loaf, Size, Tin")
    moved["figures.py"] = moved.pop("bakery/shapes.py")
    assert read(moved).digest == closure.digest


def test_a_helper_may_move_within_its_module(read, closure):
    moved = dict(PROJECT)
    first, second = (
        "def deeper(x):\n            return x + 110\n",
        "def again(x):\n            return again(x - 1) if x else 115\n",
    )
    text = moved["bakery_flow.py"]
    assert first in text
    assert second in text
    moved["bakery_flow.py"] = text.replace(first, "@@").replace(second, first).replace("@@", second)
    assert read(moved).digest == closure.digest


def test_a_node_may_move_to_another_module(read, closure):
    moved = dict(PROJECT)
    moved["bakery/moved.py"] = moved["bakery_flow.py"]
    moved["bakery_flow.py"] = "from bakery.moved import node"
    assert read(moved).digest == closure.digest


def test_a_helper_used_through_its_module_is_the_same_helper(read):
    """What is written at the place of use counts, not how many ways lead to it."""
    direct = {
        "bakery_flow.py": "import pantry\n\ndef node(x):\n    return pantry.grind(x)\n",
        "pantry.py": PROJECT["pantry.py"],
    }
    through = direct | {"pantry.py": "from mill import grind\n", "mill.py": PROJECT["pantry.py"]}
    assert read(direct).digest == read(through).digest


def test_symbols_name_what_was_read(closure):
    names = [symbol.name for symbol in closure.symbols]
    wanted = {"node()", "helper()", "deeper()", "LIMIT", "rates.RATE", "class Loaf", "Base.weight()", "press()", "grind()"}
    assert wanted - set(names) == set()
    assert {"unrelated()", "ounce()", "class Unused", "LOG.info"} & set(names) == set()
    places = {symbol.name: symbol.place for symbol in closure.symbols}
    assert places["press()"] is not None
    assert places["press()"].file.endswith("hands.py")
    assert places["press()"].line == 6
    assert {symbol.name: symbol.text for symbol in closure.symbols}["LIMIT"] == "101"
