"""Imports inside a body, in every form, lead to the code behind them, whether or not it was imported before."""

import pytest

FILES = {
    "bakery/__init__.py": "",
    "bakery/mill.py": """
        GRADE = 5

        def grind(x):
            return fine(x) + 1

        def fine(x):
            return x * 2

        class Wheel:
            size = 3

            @staticmethod
            def turn(x):
                return x * 4
    """,
    "bakery/deep/__init__.py": "",
    "bakery/deep/cellar.py": """
        def store(x):
            return x * 6
    """,
    "stall.py": """
        def sell(x):
            return x * 7
    """,
}
ALL_LOADED = "import bakery.mill as _1, bakery.deep.cellar as _2, stall as _3\n"

FORMS = {
    "import x": ("import stall", "stall.sell(x)", "x * 7"),
    "import x as y": ("import stall as s", "s.sell(x)", "x * 7"),
    "import a.b": ("import bakery.mill", "bakery.mill.grind(x)", "x * 2"),
    "import a.b as c": ("import bakery.mill as m", "m.grind(x)", "x * 2"),
    "import a.b.c": ("import bakery.deep.cellar", "bakery.deep.cellar.store(x)", "x * 6"),
    "import a.b.c as d": ("import bakery.deep.cellar as c", "c.store(x)", "x * 6"),
    "from a import module": ("from bakery import mill", "mill.grind(x)", "x * 2"),
    "from a import module as b": ("from bakery import mill as m", "m.grind(x)", "x * 2"),
    "from a.b import function": ("from bakery.mill import grind", "grind(x)", "x * 2"),
    "from a.b import function as c": ("from bakery.mill import grind as g", "g(x)", "x * 2"),
    "from a.b import several": ("from bakery.mill import GRADE, grind, fine", "GRADE + grind(x) + fine(x)", "GRADE = 5"),
    "from a.b import a constant": ("from bakery.mill import GRADE", "GRADE", "GRADE = 5"),
    "constant of an imported module": ("import bakery.mill as m", "m.GRADE", "GRADE = 5"),
    "from a.b import Class, its method": ("from bakery.mill import Wheel", "Wheel.turn(x)", "x * 4"),
    "from a.b import Class, its attribute": ("from bakery.mill import Wheel", "Wheel.size", "size = 3"),
    "from a.b import Class, an instance": ("from bakery.mill import Wheel", "Wheel().turn(x)", "x * 4"),
    "import a.b, a class in it": ("import bakery.mill", "bakery.mill.Wheel.turn(x)", "x * 4"),
    "from a.b.c import function": ("from bakery.deep.cellar import store", "store(x)", "x * 6"),
    "two at once": ("import stall, bakery.mill as m", "stall.sell(x) + m.grind(x)", "x * 2"),
}
#: The module is used as a whole, so all of it counts.
WHOLE = {
    "module handed on": ("import bakery.mill as m", "use(m)", "x * 2"),
    "getattr": ("import bakery.mill as m", "getattr(m, 'grind')(x)", "x * 2"),
}


@pytest.mark.parametrize("head", ["", ALL_LOADED], ids=["first use", "imported before"])
@pytest.mark.parametrize(("statement", "use", "marker"), (FORMS | WHOLE).values(), ids=FORMS | WHOLE)
def test_an_import_in_a_body_is_followed(projects, statement, use, marker, head):
    files = FILES | {
        "bakery_flow.py": f"{head}def use(m):\n    return m.grind(1)\n\ndef node(x):\n    {statement}\n    return {use}\n"
    }
    assert projects.tells_apart(files, marker, marker + "0")
    assert projects.read(files).not_followed == ()


@pytest.mark.parametrize(("statement", "use", "marker"), FORMS.values(), ids=FORMS)
def test_what_the_body_does_not_use_does_not_count(projects, statement, use, marker):
    files = FILES | {"bakery_flow.py": f"def node(x):\n    {statement}\n    return {use}\n"}
    files["bakery/mill.py"] += "\n        def unused(x):\n            return 999\n"
    assert not projects.tells_apart(files, "999", "998")


RELATIVE = {
    "from . import module": ("from . import mill", "mill.grind(x)", "x * 2"),
    "from .a import function": ("from .mill import grind", "grind(x)", "x * 2"),
    "from .a import Class, its method": ("from .mill import Wheel", "Wheel.turn(x)", "x * 4"),
    "from .a.b import function": ("from .deep.cellar import store", "store(x)", "x * 6"),
    "from .a import module": ("from .deep import cellar", "cellar.store(x)", "x * 6"),
}


@pytest.mark.parametrize("head", ["", ALL_LOADED], ids=["first use", "imported before"])
@pytest.mark.parametrize(("statement", "use", "marker"), RELATIVE.values(), ids=RELATIVE)
def test_a_relative_import_in_a_body_is_followed(projects, statement, use, marker, head):
    flow = f"{head}def node(x):\n    {statement}\n    return {use}\n"
    files = FILES | {"bakery/flow.py": flow, "bakery_flow.py": "from bakery.flow import node\n"}
    assert projects.tells_apart(files, marker, marker + "0")
    assert projects.read(files).not_followed == ()


def test_an_import_from_two_levels_up_is_followed(projects):
    flow = "def node(x):\n    from ..mill import grind\n    return grind(x)\n"
    files = FILES | {"bakery/deep/flow.py": flow, "bakery_flow.py": "from bakery.deep.flow import node\n"}
    assert projects.tells_apart(files, "x * 2", "x * 3")


MILL = "from bakery.mill import grind as go"
STALL = "from stall import sell as go"
BRANCHES = {
    "if": f"if x:\n        {MILL}\n    else:\n        {STALL}\n    return go(x)",
    "try": f"try:\n        {MILL}\n    except ImportError:\n        {STALL}\n    return go(x)",
    "modules": "if x:\n        import bakery.mill as m\n    else:\n        import stall as m\n    return m",
    "one after the other": f"{MILL}\n    y = go(x)\n    {STALL}\n    return go(y)",
}


@pytest.mark.parametrize("body", BRANCHES.values(), ids=BRANCHES)
@pytest.mark.parametrize("marker", ["x * 2", "x * 7"])
def test_every_branch_that_binds_a_name_is_followed(projects, body, marker):
    files = FILES | {"bakery_flow.py": f"def node(x):\n    {body}\n"}
    assert projects.tells_apart(files, marker, marker + "0")


def test_an_import_is_followed_into_nested_functions(projects):
    flow = """
        def node(x):
            import bakery.mill as m
            from stall import sell

            def inner(y):
                return m.fine(y) + sell(y)

            return inner(x)
    """
    files = FILES | {"bakery_flow.py": flow}
    assert projects.tells_apart(files, "x * 2", "x * 3")
    assert projects.tells_apart(files, "x * 7", "x * 8")


def test_an_import_in_a_nested_function_is_followed(projects):
    flow = """
        def node(x):
            def inner():
                from stall import sell

                return sell(x)

            return inner()
    """
    files = FILES | {"bakery_flow.py": flow}
    assert projects.tells_apart(files, "x * 7", "x * 8")


def test_an_import_that_is_only_run_counts_as_a_whole(projects):
    files = FILES | {"bakery_flow.py": "def node(x):\n    import stall\n    return x\n"}
    assert projects.tells_apart(files, "x * 7", "x * 8")


def test_the_body_of_a_large_function_is_followed_as_exactly_as_that_of_a_small_one(projects):
    """Names beyond the 255th need a second instruction."""
    lines = "\n".join(f"    a{number} = x.b{number}" for number in range(300))
    flow = f"import bakery.mill as m\n\ndef node(x):\n{lines}\n    return m.fine(x)\n"
    files = FILES | {"bakery_flow.py": flow}
    assert projects.tells_apart(files, "x * 2", "x * 3")
    assert not projects.tells_apart(files, "GRADE = 5", "GRADE = 6")


# --- what cannot be followed is said ------------------------------------------------------------------------------

MISSING = {
    "name that is not bound yet": ("def node(x):\n    return later(x)\n", "later in node(): not bound yet"),
    "attribute that is not there": (
        "import stall\ndef node(x):\n    return stall.gone(x)\n",
        "stall.gone in node(): no such attribute now",
    ),
    "module that is not there": ("def node(x):\n    import nowhere_at_all\n    return nowhere_at_all.f(x)\n", "nowhere_at_all"),
    "module of the project": ("def node(x):\n    from bakery.gone import f\n    return f(x)\n", "bakery.gone"),
    "attribute of an imported module": ("def node(x):\n    from stall import gone\n    return gone(x)\n", "gone"),
    "module that does not import": ("def node(x):\n    import broken\n    return broken.f(x)\n", "broken"),
}  # fmt: skip


@pytest.mark.parametrize(("flow", "told"), MISSING.values(), ids=MISSING)
def test_what_cannot_be_followed_is_listed(projects, flow, told):
    found = projects.read(FILES | {"bakery_flow.py": flow, "broken.py": "1 / 0\n"}).not_followed
    assert len(found) == 1
    assert told in found[0]


def test_a_name_that_gets_bound_changes_the_closure(projects):
    flow = "def node(x):\n    return later(x)\n"
    assert projects.tells_apart(flow, "def node", "def later(x):\n    return x\n\ndef node")


def test_names_local_to_a_nested_class_are_no_globals(projects):
    closure = projects.read(
        "def node(x):\n    class Inner:\n        first = 1\n        second = first + 1\n    return Inner.second\n"
    )
    assert closure.not_followed == ()


def test_a_module_used_as_a_whole_counts_with_all_it_holds(projects):
    files = FILES | {"bakery_flow.py": "import bakery.mill\n\ndef node(name, x):\n    return getattr(bakery.mill, name)(x)\n"}
    for marker in ("x * 2", "x * 4", "GRADE = 5", "size = 3"):
        assert projects.tells_apart(files, marker, marker + "0")


def test_what_a_whole_module_holds_without_a_digest_is_listed(projects):
    files = FILES | {"bakery_flow.py": "import stall\n\ndef node(name):\n    return getattr(stall, name)\n"}
    files["stall.py"] += "\n        STREAM = (item for item in ())\n"
    assert projects.read(files).not_followed == ("stall.STREAM: a generator",)
