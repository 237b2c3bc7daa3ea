"""The normal form of code: the source only where it is what runs, the byte code where it is not."""

import importlib
import itertools
import sys

import pytest

from weftline.digest import CodeReader
from weftline.digest.code import form_of

LINES = itertools.count()


def apart(text):
    """The text on lines where no other test has the same code, which a process might remember."""
    return "\n" * next(LINES) + text


def form(text, name="f"):
    """The form of a function that no file holds."""
    scope: dict[str, object] = {"__name__": "bakery_flow"}
    exec(compile(apart(text), "<nowhere>", "exec"), scope)
    return form_of(scope[name].__code__)


# --- a file that was edited after it was imported -----------------------------------------------------------------

DATACLASS = "from dataclasses import dataclass, field\n"
EDITS = {
    "body": ("def node(x):\n    return x * 2\n", "x * 2", "x * 3"),
    "constant of another type": ("def node(x):\n    return x * 2\n", "x * 2", "x * 2.0"),
    "sign of zero": ("def node(x):\n    return x * 0.0\n", "0.0", "-0.0"),
    "nested function": ("def node(x):\n    def inner(y):\n        return y * 2\n    return inner(x)\n", "y * 2", "y * 3"),
    "lambda": ("node = lambda x: x * 2\n", "x * 2", "x * 3"),
    "kind of an argument": ("def node(x, y):\n    return x - y\n", "x, y):", "x, *, y):"),
    "position of an argument": ("def node(x, y):\n    return x - y\n", "x, y):", "x, /, y):"),
    "helper": ("def helper(x):\n    return x * 2\n\ndef node(x):\n    return helper(x)\n", "x * 2", "x * 3"),
    "method": ("class Loaf:\n    def size(self): return 2\ndef node(x):\n    return Loaf().size()\n", "return 2", "return 3"),
    "class attribute": ("class Loaf:\n    size = 2\n\ndef node(x):\n    return Loaf.size\n", "size = 2", "size = 3"),
    "factory of a field": (
        f"{DATACLASS}@dataclass\nclass Loaf:\n    x: list = field(default_factory=lambda: [2])\ndef node():\n    return Loaf\n",
        "[2]",
        "[3]",
    ),
    "argument of a class decorator": (
        f"{DATACLASS}@dataclass(order=False)\nclass Loaf:\n    size: int = 1\ndef node(x):\n    return Loaf() < Loaf(2)\n",
        "order=False",
        "order=True",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new"), EDITS.values(), ids=EDITS)
def test_an_edit_after_the_import_is_not_believed(projects, text, old, new):
    """Else what the old code computes would be kept under the key of the new one."""
    assert old in text
    text = apart(text)
    folder = projects.write({"bakery_flow.py": text})
    with projects.imported(folder) as module:
        (folder / "bakery_flow.py").write_text(text.replace(old, new), "utf-8")
        stale = CodeReader().read(module.node).digest
    with projects.imported(folder) as module:
        assert CodeReader().read(module.node).digest != stale


def test_a_file_that_is_gone_leaves_the_byte_code(projects):
    def digest(text):
        folder = projects.write({"bakery_flow.py": apart(text)})
        with projects.imported(folder) as module:
            (folder / "bakery_flow.py").unlink()
            return CodeReader().read(module.node).digest

    assert digest("def node(x):\n    return x * 2\n") == digest('def node(x: int):\n\n    """Words."""\n    return  x * 2\n')
    assert digest("def node(x):\n    return x * 2\n") != digest("def node(x):\n    return x * 3\n")


def test_source_is_believed_where_it_is_what_runs(projects):
    text = "def node(x):\n    return x * 2\n\nplus = lambda x: x + 1\na, b = (lambda x: x * 1), (lambda x: x * 2)\n"
    with projects.imported(projects.write({"bakery_flow.py": apart(text)})) as module:
        assert all(form_of(found.__code__).from_source for found in (module.node, module.plus, module.a, module.b))


def test_source_is_believed_where_several_functions_have_one_name(projects):
    text = "class A:\n    def size(self):\n        return 1\n\nclass B:\n    def size(self):\n        return 2\n"
    with projects.imported(projects.write({"bakery_flow.py": apart(text)})) as module:
        assert form_of(module.A.size.__code__).from_source
        assert form_of(module.B.size.__code__).from_source


def test_equal_code_of_an_edited_file_does_not_stand_for_that_of_another(projects):
    """Else a digest would depend on what was read before it in the same process."""
    text = apart("def node(x):\n    return x * 2\n")
    edited = projects.write({"bakery_flow.py": text})
    with projects.imported(edited) as module:
        (edited / "bakery_flow.py").write_text(text.replace("2", "3"), "utf-8")
        assert not form_of(module.node.__code__).from_source
    with projects.imported(projects.write({"bakery_flow.py": text})) as module:
        assert form_of(module.node.__code__).from_source


# --- code without a file ------------------------------------------------------------------------------------------


def run(text, name="node", **scope):
    exec(compile(apart(text), "<nowhere>", "exec"), scope)
    return CodeReader().read(scope[name]).digest


SCOPES = [{"__name__": "bakery_made"}, {"__name__": "__main__"}, {}]
SCOPE_NAMES = ["module", "main", "nameless"]


@pytest.mark.parametrize("scope", SCOPES, ids=SCOPE_NAMES)
def test_executed_functions_count_by_their_code(scope):
    text = "def helper(x):\n    return x * 2\n\ndef node(x):\n    return helper(x)\n"
    assert run(text, **scope) == run(text, **scope)
    assert run(text, **scope) != run(text.replace("x * 2", "x * 3"), **scope)


@pytest.mark.parametrize("scope", SCOPES, ids=SCOPE_NAMES)
def test_executed_classes_count_by_their_code(scope):
    text = "class Loaf:\n    def size(self, x):\n        return x * 2\n\ndef node(x):\n    return Loaf().size(x)\n"
    assert run(text, **scope) != run(text.replace("x * 2", "x * 3"), **scope)


def test_an_executed_class_as_a_root_counts_by_its_code():
    text = "class Step:\n    def run(self, x):\n        return x * 2\n\nnode = Step()\n"
    assert run(text, __name__="__main__") != run(text.replace("x * 2", "x * 3"), __name__="__main__")


def test_a_helper_of_a_module_without_a_file_is_followed():
    def digest(factor):
        made: dict[str, object] = {"__name__": "bakery_made_elsewhere"}
        exec(f"def helper(x):\n    return x * {factor}\n", made)
        return run("def node(x):\n    return helper(x)\n", __name__="bakery_made", helper=made["helper"])

    assert digest(2) != digest(3)


DIFFERENT_CODE = [
    "def f(x, y): return x - y",
    "def f(x, y): return y - x",
    "def f(y, x): return x - y",
    "def f(x, /, y): return x - y",
    "def f(x, *, y): return x - y",
    "def f(x, *y): return x - y",
    "def f(x, **y): return x - y",
    "async def f(x, y): return x - y",
    "def f(x, y): yield x - y",
    "def f(x, y): return x - y.z",
    "def f(x, y): return x - 1",
    "def f(x, y): return x - 1.0",
    "def f(x, y): return x - True",
    "def f(x, y): return x - 0.0",
    "def f(x, y): return x - -0.0",
    "def f(x, y): return x in {1, 2}",
    "def f(x, y): return x in (1, 2)",
    "def f(x, y): return (lambda: x)",
    "def f(x, y): return (lambda: y)",
    "def f(x, y):\n try: return x\n except ValueError: return y",
    "def f(x, y):\n try: return x\n except TypeError: return y",
]


def test_byte_code_tells_functions_apart():
    by_form: dict[bytes, list[str]] = {}
    for text in DIFFERENT_CODE:
        by_form.setdefault(form(text).body, []).append(text)
    assert [texts for texts in by_form.values() if len(texts) > 1] == []


SAME_CODE = {
    "name": "def g(x, y): return x - y",
    "line": "\n\n\ndef g(x, y):\n\n    return x - y",
    "docstring": 'def g(x, y):\n    """Words."""\n    return x - y',
    "annotations": "def g(x: int, y: float) -> float: return x - y",
}


@pytest.mark.parametrize("text", SAME_CODE.values(), ids=SAME_CODE)
def test_byte_code_leaves_looks_out(text):
    found = form(text, "g")
    assert not found.from_source
    assert found.body == form(DIFFERENT_CODE[0]).body


# --- names --------------------------------------------------------------------------------------------------------

NAMES = {
    "global": ("def f(x): return a + a", {("a",)}),
    "attributes": ("def f(x): return a.b.c(x).d", {("a", "b", "c")}),
    "method": ("def f(x): return a.b(c.d)", {("a", "b"), ("c", "d")}),
    "item": ("def f(x): return a[b.c].d", {("a",), ("b", "c")}),
    "local": ("def f(x): return x.a.b", set()),
    "local of the name of a global": ("def f(a): return a.b", set()),
    "nested": ("def f(x):\n def g(y): return a(y, x)\n return g", {("a",)}),
    "comprehension": ("def f(x): return [a.b(y) for y in c.d if e]", {("a", "b"), ("c", "d"), ("e",)}),
    "default of a nested function": ("def f(x):\n def g(y=a.b): return y\n return g", {("a", "b")}),
    "decorator of a nested function": ("def f(x):\n @a.b\n def g(y): return y\n return g", {("a", "b")}),
    "store": ("def f(x):\n a.b = x", {("a",)}),
    "global statement": ("def f(x):\n global a\n a = x\n return a", {("a",)}),
    "except": ("def f(x):\n try: return x\n except a.B: return 1", {("a", "B")}),
    "match": ("def f(x):\n match x:\n  case a.B(c=1): return 1\n  case D(): return 2", {("a", "B"), ("D",)}),
    "string": ("def f(x): return f'{a.b!r}'", {("a", "b")}),
    "assert": ("def f(x):\n assert a.b(x)", {("a", "b")}),
}


@pytest.mark.parametrize(("text", "chains"), NAMES.values(), ids=NAMES)
def test_names_that_code_loads_from_outside(text, chains):
    assert set(form(text).chains) - {("AssertionError",)} == chains  # which some versions of Python load by name
    assert form(text).imports == ()


def test_a_node_in_main_and_in_a_module_has_one_closure(projects):
    """`python flow.py` and `weftline run flow.py` share what they computed."""
    text = "LIMIT = 2\n\ndef helper(x):\n    return x * LIMIT\n\ndef node(x):\n    return helper(x)\n"
    folder = projects.write({"bakery_flow.py": text})
    with projects.imported(folder) as module:
        imported = CodeReader().read(module.node).digest
    scope = {"__name__": "__main__"}
    exec(compile(text, str(folder / "bakery_flow.py"), "exec"), scope)
    assert CodeReader().read(scope["node"]).digest == imported


def test_an_unreadable_source_is_no_error(projects):
    folder = projects.write({"bakery_flow.py": apart("def node(x):\n    return x\n")})
    with projects.imported(folder) as module:
        (folder / "bakery_flow.py").write_text("def node(:\n", "utf-8")
        assert not form_of(module.node.__code__).from_source
    importlib.invalidate_caches()
    assert "bakery_flow" not in sys.modules
