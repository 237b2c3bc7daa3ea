"""The truth table of the cache: what is done to the project, and which of its nodes have to run then; no others may.

The project has three nodes, `orders -> prices -> report`, and stands in the folder `project`. Where a node runs and returns
what it returned before, those behind it do not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.acceptance.cache_truth.changes import (
    Append,
    Change,
    Edit,
    LineEnds,
    Move,
    MoveProject,
    Options,
    Param,
    Remove,
    Rename,
    Touch,
    Variable,
    Write,
)

FLOW = "flow.py"
FUNCTIONS, CLASSES, VALUES, KINDS = "shop/functions.py", "shop/classes.py", "shop/values.py", "shop/kinds.py"
LIBRARY = "libraries/1.0/site-packages/tariffs/__init__.py"
ORDERS, PLUGINS, SUMS, LIMITS, WORDS = "shop/orders.py", "shop/plugins.py", "shop/sums.py", "shop/limits.py", "shop/words.py"


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: what is edited; a row's name is given once.
        changes: what is done to the project between two runs.
        runs: the nodes that run then, in order.
        because: how the reason begins that the plan gives for the first of them; `...` stands for anything.
        start: done before the first run, where the project as it stands is not enough.
        needs: a module without which the case is skipped.
        is_unseen: a limit that the documentation of keys names: the result is one from before the edit.
    """

    name: str
    changes: tuple[Change, ...]
    runs: tuple[str, ...] = ()
    because: str = ""
    start: tuple[Change, ...] = ()
    needs: str = ""
    is_unseen: bool = False

    @property
    def id(self) -> str:
        return re.sub(r"\W+", "-", self.name).strip("-")

    def explains(self, reason: str) -> bool:
        """Whether a reason begins as it should, and says nothing that is another in each process."""
        wanted = ".*".join(re.escape(part) for part in self.because.split("..."))
        return re.match(wanted, reason) is not None and " at 0x" not in reason


def must(name: str, runs: str, because: str, *changes: Change, start: tuple[Change, ...] = (), needs: str = "") -> Case:
    """An edit after which nodes have to run."""
    return Case(name, changes, tuple(runs.split()), because, start, needs)


def free(name: str, *changes: Change) -> Case:
    """An edit that changes nothing that is computed, so that nothing may run."""
    return Case(name, changes)


def unseen(name: str, runs: str, change: Change) -> Case:
    """An edit that the key should follow and cannot. Where it does one day, its row belongs to another group."""
    return Case(name, (change,), tuple(runs.split()), is_unseen=True)


BEHIND = "prices report"
ALL = "orders prices report"
ZONES = '        "zones": float(sum(len(order.zone) for order in orders)),\n'
TOTAL = '        "total": float(total),\n'

PARCEL_ORDER = """\
@dataclass
class Parcel:
    count: int
    height: int = 32
"""
CHECKED = '''\
"""A model whose fields have limits."""

import pydantic


class Quantity(pydantic.BaseModel):
    count: int = pydantic.Field(le=100)


def accepted(count: int) -> int:
    try:
        return Quantity(count=count).count
    except pydantic.ValidationError:
        return 0
'''
WITH_MODEL = (
    Write("shop/checked.py", CHECKED),
    Edit(FLOW, "from shop import average, classes,", "from shop import average, checked, classes,"),
    Edit(
        FLOW,
        '        "total": float(total),\n',
        '        "total": float(total),\n        "accepted": float(checked.accepted(count)),\n',
    ),
)
CLIP = '''\
def clip(value: int) -> int:
    """A helper in the module of the node."""
    return min(value, SHARE)
'''
TAXED = """\
def taxed(value: float, rate: int = 19) -> float:
    return value * (100 + rate)
"""
BY_POST = """\
def by_post(value: float) -> float:
    return value + 13
"""
REPORT = '''\
@node(provides="report", depends=[env("CURRENCY")])
def report(prices: dict[str, float], title: str = "Today") -> dict[str, str]:
    """The prices in words."""
    from shop.late import stamp

    ran("report")

    def line(name: str) -> str:
        return f"{name}: {prices[name]:.2f}"

    return {
        "title": f"{title} {os.environ['CURRENCY']}",
        "lines": "; ".join(line(name) for name in prices),
        "mean": f"{average(list(prices.values())):.3f}",
        "limit": str(shop.limits.LARGE),
        "greeting": phrases.greeting(len(prices)),
        "stamp": stamp(len(prices)),
        "duty": str(tariffs.duty(len(prices))),
        "shade": os.environ.get("SHADE", "light"),
        "slogan": Path("data/slogan.txt").read_text().strip(),
    }
'''
FUTURE = '"""\n\nfrom __future__ import annotations\n\nimport'
EXTRA = """\
@node(provides="extra")
def extra(orders: list[Order]) -> int:
    ran("extra")
    return len(orders)
"""
REPORT_IMPORTS = '''\
"""The last node, in a module of its own."""

import os
from pathlib import Path

import shop.limits
import shop.words as phrases
import tariffs
from shop import average
from shop.trace import ran

from weftline import env, node


'''

TABLE: dict[str, tuple[Case, ...]] = {
    "The node and its helpers": (
        must("body of a node", BEHIND, "code: prices() in flow.py", Edit(FLOW, "clip(count) * 2", "clip(count) * 3")),
        must(
            "helper in the same module", BEHIND, "code: clip() in flow.py", Edit(FLOW, "min(value, SHARE)", "max(value, SHARE)")
        ),
        must(
            "helper in another module",
            ALL,
            "code: read() in orders.py",
            Edit(ORDERS, "source.read_text().splitlines()]", "source.read_text().splitlines()[1:]]"),
        ),
        must("helper of a helper", ALL, "code: parsed() in orders.py", Edit(ORDERS, "int(count) * 1", "int(count) * 2")),
        must(
            "another function under a helper's name",
            BEHIND,
            "code: ",
            Append(FUNCTIONS, "\n\nshipped = weighed\n"),
        ),
        must(
            "helper with the same result",
            "orders",
            "code: parsed() in orders.py",
            Edit(ORDERS, "int(count) * 1", "1 * int(count)"),
        ),
        must(
            "local variable renamed",
            "prices",
            "code: steps() in functions.py",
            Edit(
                FUNCTIONS,
                "for step in range(3):\n        yield value + step",
                "for more in range(3):\n        yield value + more",
            ),
        ),
    ),
    "Functions": (
        must("default argument", BEHIND, "code: taxed(rate=...)", Edit(FUNCTIONS, "rate: int = 19", "rate: int = 7")),
        must(
            "default of a keyword argument", BEHIND, "code: shipped(fee=...)", Edit(FUNCTIONS, "fee: int = 4", "fee: int = 5")
        ),
        must(
            "body of a decorator",
            BEHIND,
            "code: times.around.inside() in functions.py",
            Edit(FUNCTIONS, "factor * function(value) + 1", "factor * function(value) + 2"),
        ),
        must("argument of a decorator", BEHIND, "code: factor in packed", Edit(FUNCTIONS, "@times(2)", "@times(3)")),
        must(
            "decorator added",
            BEHIND,
            "code: ...weighed",
            Edit(FUNCTIONS, "def weighed", "@times(2)\ndef weighed"),
        ),
        must("decorator taken away", BEHIND, "code: ...packed", Edit(FUNCTIONS, "@times(2)\n", "")),
        must(
            "function behind functools.wraps",
            BEHIND,
            "code: packed() in functions.py",
            Edit(FUNCTIONS, "return value + 3\n", "return value + 2\n"),
        ),
        must("closure variable", BEHIND, "code: amount in adding", Edit(FUNCTIONS, "adding(7)", "adding(8)")),
        must("body of a closure", BEHIND, "code: adding.add()", Edit(FUNCTIONS, "value + amount", "value - amount")),
        must("argument of a partial", BEHIND, "code: in_dollars", Edit(FUNCTIONS, "rate=8", "rate=9")),
        must("function of a partial", BEHIND, "code: taxed()", Edit(FUNCTIONS, "value * (100 + rate)", "value * (99 + rate)")),
        must("lambda", BEHIND, "code: <lambda>()", Edit(FUNCTIONS, "lambda value: value / 2", "lambda value: value / 4")),
        must("function in a table", BEHIND, "code: by_bike()", Edit(FUNCTIONS, "value + 17", "value + 18")),
        must("entry of a table", BEHIND, "code: METHODS", Edit(FUNCTIONS, '"bike": by_bike', '"bike": by_post')),
        must("generator", BEHIND, "code: steps()", Edit(FUNCTIONS, "yield value + step", "yield value - step")),
        must("recursion", BEHIND, "code: folded()", Edit(FUNCTIONS, "folded(value - 4) + 1", "folded(value - 4) + 2")),
        must(
            "mutual recursion",
            BEHIND,
            "code: is_odd()",
            Edit(FUNCTIONS, "return 0 if value == 0 else is_even", "return 5 if value == 1 else is_even"),
        ),
        must("implementation of a singledispatch", BEHIND, "code: _() in", Edit(FUNCTIONS, "value + 21", "value + 20")),
        must(
            "implementation added to a singledispatch",
            "prices",
            "code: ",
            Append(FUNCTIONS, "\n\n@shown.register\ndef _(value: bool) -> int:\n    return 0\n"),
        ),
        must("function behind lru_cache", BEHIND, "code: remembered()", Edit(FUNCTIONS, "value + 23", "value + 25")),
        must("nested function", BEHIND, "code: nested()", Edit(FUNCTIONS, "part + 24", "part + 25")),
        must("nested function of a node", "report", "code: report()", Edit(FLOW, "{prices[name]:.2f}", "{prices[name]:.1f}")),
        must("context manager", BEHIND, "code: discounted()", Edit(FUNCTIONS, "value * 0.9", "value * 0.8")),
        must("comprehension", BEHIND, "code: figures() in functions.py", Edit(FUNCTIONS, "part * 3 for", "part * 4 for")),
        must("function given to sorted()", BEHIND, "code: distance()", Edit(FUNCTIONS, "abs(value - 2)", "abs(value - 3)")),
        must("function given to reduce()", BEHIND, "code: joined()", Edit(FUNCTIONS, "right * 5", "right * 6")),
        must(
            "name given to methodcaller()",
            BEHIND,
            "code: figures() in functions.py",
            Edit(FUNCTIONS, '"bit_length"', '"__neg__"'),
        ),
    ),
    "Classes": (
        must("class attribute", BEHIND, "code: Tariff.rate", Edit(CLASSES, "rate = 3", "rate = 4")),
        must("method", BEHIND, "code: Tariff.of()", Edit(CLASSES, "count * self.rate", "count + self.rate")),
        must("constructor", BEHIND, "code: Tariff.__init__()", Edit(CLASSES, "self.step = step", "self.step = step + 1")),
        must("method of a base class", BEHIND, "code: Base.rounding()", Edit(CLASSES, "return 2\n", "return 3\n")),
        must("method called by super()", BEHIND, "code: Base.described()", Edit(CLASSES, "return 30", "return 29")),
        must(
            "another base class",
            BEHIND,
            "code: class Dear",
            Edit(
                CLASSES,
                "class Tariff(Base):",
                "class Dear(Base):\n    def rounding(self) -> int:\n        return 1\n\n\nclass Tariff(Dear):",
            ),
        ),
        must("property", BEHIND, "code: Tariff.extra()", Edit(CLASSES, "return 5\n", "return 6\n")),
        must("cached_property", BEHIND, "code: Tariff.once()", Edit(CLASSES, "return 31", "return 30 - 1")),
        must("classmethod", BEHIND, "code: Tariff.standard()", Edit(CLASSES, "cls(8)", "cls(9)")),
        must("staticmethod", BEHIND, "code: Tariff.half()", Edit(CLASSES, "count / 2", "count / 3")),
        must(
            "default of a dataclass field", BEHIND, "code: Parcel.height", Edit(CLASSES, "height: int = 32", "height: int = 31")
        ),
        must(
            "factory of a dataclass field",
            BEHIND,
            "code: class Parcel in classes.py",
            Edit(CLASSES, '["fragile"]', '["fragile", "new"]'),
        ),
        must(
            "field added to a dataclass",
            BEHIND,
            "code: class Parcel in classes.py",
            Edit(CLASSES, PARCEL_ORDER, PARCEL_ORDER + "    width: int = 9\n"),
        ),
        must(
            "arguments of dataclass()", "prices", "code: class Parcel", Edit(CLASSES, "@dataclass\n", "@dataclass(eq=False)\n")
        ),
        must(
            "default in a NamedTuple", BEHIND, "code: Box._field_defaults", Edit(CLASSES, "depth: int = 33", "depth: int = 34")
        ),
        must(
            "limit of a pydantic field",
            BEHIND,
            "code: class Quantity",
            Edit("shop/checked.py", "le=100", "le=10"),
            start=WITH_MODEL,
            needs="pydantic",
        ),
        must(
            "__call__ of a global object",
            BEHIND,
            "code: Surcharge.__call__()",
            Edit(CLASSES, "value + self.amount", "value - self.amount"),
        ),
        must("state of a global object", BEHIND, "code: surcharge", Edit(CLASSES, "Surcharge(34)", "Surcharge(35)")),
        must("descriptor", BEHIND, "code: Place.__get__()", Edit(CLASSES, "return 35", "return 36")),
        must("class decorator", BEHIND, "code: Shelf.level", Edit(CLASSES, "kind.level = 36", "kind.level = 38")),
        must("__init_subclass__", BEHIND, "code: Special.tags", Edit(CLASSES, '("special",)', '("special", "new")')),
        must("metaclass", BEHIND, "code: Making.made_by()", Edit(CLASSES, 'return "metaclass"', 'return "kind"')),
        must("class in a class", BEHIND, "code: class Shelf in classes.py", Edit(CLASSES, "width = 37", "width = 38")),
        must("attribute of an exception", BEHIND, "code: OutOfStock.share", Edit(KINDS, "share = 53", "share = 50")),
        must("member of an enumeration", BEHIND, "code: class Size", Edit(KINDS, "SMALL = 51", "SMALL = 50")),
        must("method of an enumeration", BEHIND, "code: Size.doubled()", Edit(KINDS, "self.value * 2", "self.value * 3")),
        must("flag", BEHIND, "code: class Access", Edit(KINDS, "WRITE = 2", "WRITE = 4")),
        must("subclass found by __subclasses__()", BEHIND, "code: ", Edit(KINDS, "price = 56", "price = 57")),
        must("method of an input's class", ALL, "code: Order.size()", Edit(ORDERS, "self.count + 1", "self.count + 2")),
        must(
            "method assigned to a class",
            BEHIND,
            "code: cheap() in classes.py",
            Append(CLASSES, "\n\ndef cheap(self: Tariff, count: int) -> int:\n    return count\n\n\nTariff.of = cheap\n"),
        ),
    ),
    "Constants": (
        must("constant", BEHIND, "code: FACTOR changed: 41 -> 40", Edit(VALUES, "FACTOR = 41", "FACTOR = 40")),
        must("constant in the node's module", BEHIND, "code: SHARE changed: 6 -> 5", Edit(FLOW, "SHARE = 6", "SHARE = 5")),
        must("constant in a tuple in a list in a dict", BEHIND, "code: SEASONS", Edit(FLOW, "[9, (10, 11)]", "[8, (10, 11)]")),
        must("constant deep in a container", BEHIND, "code: NESTED", Edit(VALUES, "(2, 42)", "(2, 43)")),
        must("set", BEHIND, "code: WORDS", Edit(VALUES, '{"tea", "salt"}', '{"tea", "sugar"}')),
        must("bytes", BEHIND, "code: RAW", Edit(VALUES, 'b"raw"', 'b"rough"')),
        must("decimal number", BEHIND, "code: EXACT", Edit(VALUES, '"4.3"', '"4.4"')),
        must("date", BEHIND, "code: OPENED", Edit(VALUES, "2020, 1, 2", "2020, 1, 3")),
        must("compiled pattern", BEHIND, "code: NAMED", Edit(VALUES, r'r"\d"', r'r"\d+"')),
        must("format", BEHIND, "code: FORM", Edit(VALUES, '"{:>4}"', '"{:>5}"')),
        must("path that is a constant", BEHIND, "code: PLACE", Edit(VALUES, "shelf/one", "shelf/second")),
        must("attribute of a namespace", BEHIND, "code: ", Edit(VALUES, "depth=44", "depth=43")),
        must("limit of a deque", BEHIND, "code: LATEST", Edit(VALUES, "maxlen=47", "maxlen=46")),
        must("itemgetter", BEHIND, "code: SECOND", Edit(VALUES, "itemgetter(1)", "itemgetter(2)")),
        must("condition of a constant", BEHIND, "code: FEW", Edit(VALUES, "45 if WORDS", "45 if not WORDS")),
        must("list that is filled on import", BEHIND, "code: LISTED", Edit(VALUES, "append(46)", "append(47)")),
        must(
            "order of a table", BEHIND, "code: COLUMNS", Edit(VALUES, '{"width": 1, "height": 2}', '{"height": 2, "width": 1}')
        ),
    ),
    "Names and modules": (
        must(
            "name that a package hands on",
            "report",
            "code: median()",
            Edit("shop/__init__.py", "import mean as", "import median as"),
        ),
        must("function behind a name handed on", "report", "code: mean()", Edit(SUMS, "/ len(values)", "/ (len(values) + 1)")),
        must("attribute of a module", "report", "code: shop.limits.LARGE", Edit(LIMITS, "LARGE = 71", "LARGE = 70")),
        must("import a.b as c", "report", "code: greeting()", Edit(WORDS, "{count} prices", "{count} items")),
        must(
            "module under another name",
            "report",
            "code: greeting()",
            Edit(FLOW, "shop.words as phrases", "shop.phrases as phrases"),
            Write("shop/phrases.py", 'def greeting(count: int) -> str:\n    return "Hello"\n'),
        ),
        must("import in a function", "report", "code: stamp()", Edit("shop/late.py", "count + 81", "count + 80")),
        must("star import", BEHIND, "code: SMALL", Edit(LIMITS, "SMALL = 72", "SMALL = 73")),
        must("getattr() of a module", BEHIND, "code: colour()", Edit(PLUGINS, "count + 62", "count + 64")),
        must("function in a registry", BEHIND, "code: first()", Edit(PLUGINS, "count + 61", "count + 60")),
        must(
            "function added to a registry",
            BEHIND,
            "code: plugins.REGISTRY",
            Edit(PLUGINS, "def colour", "@registered\ndef colour"),
        ),
        must(
            "imported name under another name",
            "report",
            "code: report() in flow.py",
            Edit(FLOW, "import shop.words as phrases", "import shop.words as sayings"),
            Edit(FLOW, "phrases.greeting", "sayings.greeting"),
        ),
        must(
            "function assigned to a module",
            BEHIND,
            "code: ",
            Edit(FLOW, "SHARE = 6\n", "SHARE = 6\nfunctions.distance = abs\n"),
        ),
        must(
            "version of a library",
            "report",
            "env: tariffs 1.0 -> 2.0",
            Variable("PYTHONPATH", "{folder}/libraries/2.0/site-packages"),
        ),
    ),
    "Data, parameters and surroundings": (
        must("content of a path parameter", ALL, "input: ", Edit("data/orders.csv", "rice,1", "rice,7")),
        must("declared file", ALL, "input: ", Write("data/closed.txt", "tea\n")),
        must("file in a declared folder", ALL, "input: ", Write("data/zones/b.txt", "south-east\n")),
        must("file added to a declared folder", ALL, "input: ", Write("data/zones/c.txt", "eastern\n")),
        must("file removed from a declared folder", ALL, "input: ", Remove("data/zones/b.txt")),
        must("file in a declared folder renamed", "orders", "input: ", Rename("data/zones/b.txt", "data/zones/0.txt")),
        must("declared environment variable", "report", "env: ", Variable("CURRENCY", "USD")),
        must("assertions switched off", ALL, "env: python", Variable("PYTHONOPTIMIZE", "1")),
        must("parameter", ALL, "param: limit 4 -> 2", Param("limit", 2)),
        must("default of a parameter", ALL, "param: limit 4 -> 3", Edit(FLOW, "limit: int = 4", "limit: int = 3")),
        must(
            "another path for a path parameter",
            ALL,
            "param: source data/orders.csv -> data/few.csv",
            Write("data/few.csv", "tea,9\n"),
            Param("source", "data/few.csv"),
        ),
        must("version of a node", "orders", "code: ", Edit(FLOW, 'version="1"', 'version="2"')),
        must(
            "dependency declared",
            "orders",
            "input: data/notes.txt",
            Edit(FLOW, 'Path("data/zones")]', 'Path("data/zones"), Path("data/notes.txt")]'),
        ),
    ),
    "What changes nothing": (
        free("white space in a node", Edit(FLOW, "clip(count) * 2 +", "clip( count )*2  +")),
        free("white space in a helper", Edit(FUNCTIONS, "return value + 11", "return (\n        value\n        + 11\n    )")),
        free("blank lines", Edit(FUNCTIONS, "@times(2)", "\n\n\n@times(2)")),
        free("ends of lines", LineEnds(FUNCTIONS), LineEnds(FLOW)),
        free("quotes and trailing commas", Edit(CLASSES, '["fragile"]', "['fragile',]")),
        free("parentheses", Edit(FUNCTIONS, "value * (100 + rate)", "(value * ((100 + rate)))")),
        free(
            "comment in a node", Edit(FLOW, 'ran("prices")\n', 'ran("prices")  # said before anything else\n    # as all do\n')
        ),
        free("comment in a helper", Edit(FLOW, "min(value, SHARE)", "min(value, SHARE)  # at most")),
        free("comment in a class", Edit(CLASSES, "    rate = 3\n", "    # cents\n    rate = 3  # for each\n")),
        free("docstring of a node", Edit(FLOW, "Reads what is open.", "Reads the open orders.")),
        free("docstring of a helper", Edit(ORDERS, "A helper of a helper.", "One line.")),
        free("docstring of a class", Edit(CLASSES, "What things cost.", "What goods cost.")),
        free("docstring of a module", Edit(CLASSES, "Classes in their many forms.", "Classes.")),
        free("docstring added", Edit(FUNCTIONS, "return value + 11", '"""With its box."""\n    return value + 11')),
        free(
            "annotation of a node's argument",
            Edit(FLOW, "def prices(orders: list[Order])", "def prices(orders: 'list[Order]')"),
        ),
        free("annotation of what a node returns", Edit(FLOW, "-> dict[str, str]:", "-> dict[str, str | int]:")),
        free("annotation of a helper's argument", Edit(FLOW, "def clip(value: int)", "def clip(value: float)")),
        free(
            "annotation of what a helper returns",
            Edit(FUNCTIONS, "def weighed(value: float) -> float:", "def weighed(value: float):"),
        ),
        free(
            "annotation of a method", Edit(CLASSES, "def of(self, count: int) -> int:", "def of(self, count: float) -> float:")
        ),
        free(
            "name of a node's function",
            Edit(FLOW, "def report(", "def summary("),
            Edit(FLOW, "prices, report])", "prices, summary])"),
        ),
        free("name given to a node", Edit(FLOW, '@node(provides="report"', '@node(name="summary", provides="report"')),
        free(
            "helper moved to another module",
            Move(FUNCTIONS, TAXED + "\n\n", "shop/taxes.py"),
            Edit(FUNCTIONS, "import operator\n", "import operator\n\nfrom shop.taxes import taxed\n"),
        ),
        free(
            "helper moved out of the node's module",
            Move(FLOW, CLIP + "\n\n", "shop/clips.py"),
            Append("shop/clips.py", "SHARE = 6\n"),
            Edit(FLOW, "SHARE = 6\n", "from shop.clips import clip\n"),
        ),
        free(
            "module renamed",
            Rename("shop/words.py", "shop/phrases.py"),
            Edit(FLOW, "shop.words as phrases", "shop.phrases as phrases"),
        ),
        free(
            "node moved to another module",
            Write("shop/last.py", REPORT_IMPORTS + REPORT),
            Edit(FLOW, REPORT, "from shop.last import report\n"),
        ),
        free(
            "order of definitions",
            Move(FUNCTIONS, BY_POST + "\n\n", "shop/first.py"),
            Edit(FUNCTIONS, "def taxed", BY_POST + "\n\ndef taxed"),
            Remove("shop/first.py"),
        ),
        free(
            "order of methods",
            Edit(
                CLASSES,
                "    def rounding(self) -> int:\n        return 2\n\n    def described(self) -> int:\n        return 30\n",
                "    def described(self) -> int:\n        return 30\n\n    def rounding(self) -> int:\n        return 2\n",
            ),
        ),
        free("unrelated helper in the same module", Edit(FLOW, "return value + 1\n", "return value + 2\n")),
        free("unrelated helper in another module", Edit(WORDS, "more tomorrow", "more soon")),
        free(
            "unrelated constant",
            Append(LIMITS, "MIDDLE = 73\n"),
            Edit(VALUES, "from shop.limits import *", "from shop.limits import SMALL"),
        ),
        free("import that nobody uses", Edit(FLOW, "import os\n", "import json\nimport os\n")),
        free(
            "import that nobody uses, in a helper's module",
            Edit(FUNCTIONS, "import contextlib\n", "import contextlib\nimport json\n"),
        ),
        free("annotations as text", *(Edit(file, '"""\n\nimport', FUTURE) for file in (FUNCTIONS, KINDS, CLASSES))),
        free("__all__", Append(FUNCTIONS, '\n\n__all__ = ["figures"]\n')),
        free("constant written another way", Edit(VALUES, "FACTOR = 41", "FACTOR = 40 + 1")),
        free("members of a set in another order", Edit(VALUES, '{"tea", "salt"}', '{"salt", "tea"}')),
        free(
            "resources of a node",
            Edit(FLOW, '@node(provides="prices")', '@node(provides="prices", resources=Resources(cpu=1))'),
            Edit(FLOW, "import Pipeline, env, node", "import Pipeline, Resources, env, node"),
        ),
        free(
            "retry policy of a node",
            Edit(FLOW, '@node(provides="prices")', '@node(provides="prices", policy=Policy(max_attempts=3))'),
            Edit(FLOW, "import Pipeline, env, node", "import Pipeline, Policy, env, node"),
        ),
        free(
            "tags and priority of a node",
            Edit(FLOW, '@node(provides="prices")', '@node(provides="prices", tags=("money",), priority=5)'),
        ),
        free("order of the nodes in the pipeline", Edit(FLOW, "[orders, prices, report]", "[report, prices, orders]")),
        free("name of the pipeline", Edit(FLOW, "prices, report])", 'prices, report], name="shop")')),
        free("parameter given as it is", Param("limit", 4)),
        free(
            "path parameter to a copy of the file",
            Write("data/copy.csv", "tea,2\nsalt,5\nrice,1\ncorn,3\nhops,4\n"),
            Param("source", "data/copy.csv"),
        ),
        free("file that nobody declares", Write("data/notes.txt", "nobody reads this either\n")),
        free("data file touched", Touch("data/orders.csv")),
        free("source file touched", Touch(FUNCTIONS)),
        free("environment variable that nobody declares", Variable("COLOUR", "red")),
        free("seed of Python's hashes", Variable("PYTHONHASHSEED", "4711")),
        free("folder of the project", MoveProject("elsewhere")),
        free(
            "folder of a library",
            Rename("libraries/1.0", "libraries/stable"),
            Variable("PYTHONPATH", "{folder}/libraries/stable/site-packages"),
        ),
        free("another backend", Options(("--backend", "processes"))),
        free("another number of workers", Options(("--workers", "1"))),
        Case(
            "node that nobody waits for",
            (Edit(FLOW, "pipeline = Pipeline([", EXTRA + "\n\npipeline = Pipeline([extra, "),),
            runs=("extra",),
            because="new: ",
        ),
    ),
    "What no key sees": (
        unseen("order of a dictionary that a node returns", "prices", Edit(FLOW, ZONES + TOTAL, TOTAL + ZONES)),
        unseen("docstring that is read while a node runs", "", Edit(KINDS, "What somebody reads", "What nobody reads")),
        unseen("environment variable that is not declared", "", Variable("SHADE", "dark")),
        unseen("file that is not declared", "", Write("data/slogan.txt", "Small things, good prices\n")),
        unseen("library edited where it is installed", "", Edit(LIBRARY, "count * 1.0", "count * 1.5")),
    ),
}

CASES: tuple[Case, ...] = tuple(case for cases in TABLE.values() for case in cases)
