"""The text of definitions and long constants, as people wrote it."""

import functools
import linecache
from pathlib import Path

import pytest

from weftline.digest.source import LONGEST, text_of

TEXT = '''
import functools

def marked(function):
    @functools.wraps(function)
    def around(x):
        return function(x)
    return around

@marked
def node(x):
    """What it does."""

    return x  # as it is

class Model:
    """A model."""

    size = 3

    @property
    def area(self):
        return self.size ** 2

    rate = 0.5

    class Inner:
        depth = 1

CALLS = [lambda x: x + 1,
         lambda x: x + 2]
'''


@pytest.fixture
def module(projects):
    with projects.imported(projects.write({"bakery_flow.py": TEXT})) as module:
        yield module


def test_a_function_with_its_decorators_comments_and_docstring(module):
    assert text_of(module.node.__wrapped__) == ('@marked\ndef node(x):\n    """What it does."""\n\n    return x  # as it is\n')


def test_a_function_inside_a_function_is_dedented(module):
    assert text_of(module.node.__closure__[0].cell_contents) == text_of(module.node.__wrapped__)
    inner = module.marked(len)
    del inner.__wrapped__
    assert text_of(inner) == "@functools.wraps(function)\ndef around(x):\n    return function(x)\n"


def test_a_lambda_by_its_line(module):
    assert text_of(module.CALLS[1]).strip() == "lambda x: x + 2]"


def test_a_class_without_its_methods_keeps_its_lines(module):
    assert text_of(module.Model) == (
        'class Model:\n    """A model."""\n\n    size = 3\n\n\n\n\n\n    rate = 0.5\n\n    class Inner:\n        depth = 1\n'
    )
    assert text_of(module.Model.Inner) == "class Inner:\n    depth = 1\n"


def test_a_file_that_was_edited_after_its_import_says_nothing(module):
    Path(module.__file__).write_text(TEXT.replace("return x  # as it is", "return x + 1"), "utf-8")
    assert text_of(module.node.__wrapped__) == ""
    assert "around" in text_of(module.marked), "this one is as it was"


def test_code_of_a_notebook_has_the_text_of_its_cell():
    text = "def cell(x):\n    return x\n\nlast = 1\n"
    linecache.cache["<cell 1>"] = (len(text), None, text.splitlines(keepends=True), "<cell 1>")
    scope = {}
    exec(compile(text, "<cell 1>", "exec"), scope)
    assert text_of(scope["cell"]) == "def cell(x):\n    return x\n"


def test_code_that_no_file_holds_has_none():
    scope = {}
    exec("def made(x):\n    return x\n", scope)
    assert text_of(scope["made"]) == ""
    assert text_of(type("Made", (), {})) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["a", 1], "'a',\n1,\n"),
        (("a", [1, 2]), "'a',\n[1, 2],\n"),
        ({"a": 1, "b": {"c": 2}}, "'a': 1,\n'b': {'c': 2},\n"),
        ({"b", "a"}, "'a',\n'b',\n"),
        ("one\n  two", "one\n  two\n"),
        (3, ""),
        (object(), ""),
        (functools.partial(len), ""),
        (len, ""),
    ],
)
def test_a_container_has_a_line_for_each_item(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize("value", ["line of text\n" * 10_000, list(range(10**6))])
def test_a_long_text_ends_with_a_whole_line(value):
    text = text_of(value)
    assert LONGEST - 20 < len(text) <= LONGEST
    assert text.endswith("\n")
