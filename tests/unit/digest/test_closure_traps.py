"""Edits that a careless reading of code misses: each of them changes a result."""

import pytest

from weftline.errors import UndigestableError

CASES = {
    "the name of a helper in a list": (
        """
        def mean(values): return sum(values) / len(values)
        FUNCTIONS = [mean]
        def node(): return {found.__name__: found([1, 2]) for found in FUNCTIONS}
        """,
        [("mean", "average")],
    ),
    "the name of a class in a list": (
        """
        class Cat:
            pass
        PETS = [Cat]
        def node(): return [found.__name__ for found in PETS]
        """,
        [("Cat", "Dog")],
    ),
    "an annotation that a nested registration reads": (
        """
        from functools import singledispatch
        def node():
            @singledispatch
            def told(x): return "other"
            @told.register
            def _(x: int): return "hit"
            return told(1)
        """,
        [("x: int", "x: str")],
    ),
    "what a nested function says that it returns": (
        """
        def node():
            def inner() -> int: return 1
            return inner.__annotations__
        """,
        [("-> int", "-> str")],
    ),
    "an attribute beyond the fields of a record": (
        """
        import dataclasses
        @dataclasses.dataclass
        class Record:
            x: int
        RECORD = Record(1)
        RECORD.further = 1
        def node(): return RECORD.further
        """,
        [("further = 1", "further = 2")],
    ),
    "the room of a deque": (
        """
        from collections import deque
        LAST = deque([1], maxlen=1)
        def node(): return LAST.maxlen
        """,
        [("maxlen=1", "maxlen=2")],
    ),
    "the order of axes of a constant array": (
        """
        import numpy as np
        GRID = np.array([[1, 2], [3, 4]], order="C")
        def node(): return GRID.ravel(order="K")
        """,
        [('order="C"', 'order="F"')],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_noticed(projects, name):
    text, edits = CASES[name]
    changed = text
    for old, new in edits:
        changed = changed.replace(old, new)
    assert changed != text
    assert projects.read(text).digest != projects.read(changed).digest


@pytest.mark.parametrize("name", ["profile", "calendar", "trace"])
@pytest.mark.parametrize(
    "node",
    ["from {0} import f\ndef node(): return f()\n", "import {0}\ndef node(): return {0}.f()\n",
     "def node():\n    from {0} import f\n    return f()\n"],
    ids=["from", "import", "inside"],
)  # fmt: skip
def test_a_module_of_the_project_with_the_name_of_one_of_pythons(projects, monkeypatch, name, node):
    import sys

    from weftline.digest import origin

    monkeypatch.delitem(sys.modules, name, raising=False)
    origin._origin_of_top.cache_clear()
    try:
        files = {"bakery_flow.py": node.format(name), f"{name}.py": "def f(): return 1\n"}
        assert projects.tells_apart(files, "return 1", "return 2")
    finally:
        origin._origin_of_top.cache_clear()


def test_a_function_that_a_library_has_swallowed_is_refused(projects):
    """It has a name, and nothing is found under it."""
    text = """
        import numpy as np
        def f(x): return x + 1
        ADD = np.frompyfunc(f, 1, 1)
        def node(): return ADD(1)
    """
    with pytest.raises(UndigestableError, match="ADD"):
        projects.read(text)
    assert projects.read(text.replace("np.frompyfunc(f, 1, 1)", "np.add")).digest


@pytest.mark.parametrize("error", ["ImportError('install the extra')", "RuntimeError('no')", "RecursionError()"])
def test_a_module_that_makes_its_attributes_may_raise_anything(projects, error):
    files = {
        "bakery_flow.py": "import pantry\ndef node(x):\n    return pantry.fast(x) if x else 0\n",
        "pantry.py": f"def __getattr__(name):\n    raise {error}\n",
    }
    (told,) = projects.read(files).not_followed
    assert told.startswith("pantry.fast in node(): " + error.partition("(")[0])


def test_a_metaclass_that_makes_up_members_is_not_asked(projects):
    text = """
        class Meta(type):
            def __getattr__(cls, name): raise RuntimeError(name)
        class Odd(metaclass=Meta):
            pass
        ODD = Odd()
        def node(): return ODD
    """
    with pytest.raises(UndigestableError, match="Odd"):  # told, rather than the metaclass's own error
        projects.read(text)


def test_an_object_that_cannot_say_what_it_is_names_itself(projects):
    text = """
        class Odd:
            def __weftline_digest__(self): raise OSError("no such file")
        ODD = Odd()
        def node(): return ODD
    """
    with pytest.raises(UndigestableError, match="Odd, whose __weftline_digest__ raises OSError: no such file"):
        projects.read(text)


def test_asserts_count_when_they_are_left_out():
    import subprocess
    import sys

    ask = "from weftline.digest.origin import version_of; print(version_of('python'))"
    told = [
        subprocess.run([sys.executable, *flags, "-c", ask], capture_output=True, text=True, check=True).stdout
        for flags in ([], ["-O"], ["-OO"])
    ]
    assert len(set(told)) == 3
