"""What a closure tells besides its digest: errors with the way to the cause, distributions, and how a reader keeps it."""

import sys
from importlib.metadata import version

import pytest

from weftline.digest import CodeReader
from weftline.errors import UndigestableError

STREAM = "STREAM = (item for item in ())\n"
LOAF = "class Loaf:\n    pass\nLOAF = Loaf()\n"

ERRORS = {
    "global": (f"{STREAM}def node(x):\n    return STREAM\n", "STREAM"),
    "inside a global": ("TABLE = {'a': [1, (item for item in ())]}\ndef node(x):\n    return TABLE\n", "TABLE['a'][1]"),
    "global of a helper": (f"{STREAM}def helper():\n    return STREAM\ndef node(x):\n    return helper()\n", "STREAM"),
    "default": ("def node(x, y=(item for item in ())):\n    return y\n", "node(y=...)"),
    "class attribute": ("class Loaf:\n    stream = (item for item in ())\ndef node(x):\n    return Loaf\n", "Loaf.stream"),
    "closure variable": (
        """
            def make():
                stream = (item for item in ())
                def inner(x):
                    return stream
                return inner

            node = make()
        """,
        "stream in make.<locals>.inner",
    ),
    "attribute of a global": (
        f"{STREAM}{LOAF}LOAF.stream = STREAM\ndef node(x):\n    return LOAF\n",
        "LOAF.stream",
    ),
    "attribute of an attribute": (
        f"{STREAM}{LOAF}LOAF.inner = Loaf()\nLOAF.inner.all = [STREAM]\ndef node(x):\n    return LOAF\n",
        "LOAF.inner.all[0]",
    ),
    "object in a list": (
        f"{STREAM}{LOAF}LOAF.stream = STREAM\nALL = [LOAF]\ndef node(x):\n    return ALL\n",
        "ALL[0].stream",
    ),
    "argument of a partial": (
        f"import functools\n{STREAM}part = functools.partial(print, STREAM)\ndef node(x):\n    return part()\n",
        "part",
    ),
    "constant of a module": ("import stall\ndef node(x):\n    return stall.STREAM\n", "stall.STREAM"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path"), ERRORS.values(), ids=ERRORS)
def test_the_error_has_the_path_to_what_has_no_digest(read, text, path):
    with pytest.raises(UndigestableError) as caught:
        read({"bakery_flow.py": text, "stall.py": STREAM})
    assert caught.value.path.startswith(path)
    assert caught.value.kind == "builtins.generator"


def test_an_open_file_has_no_digest(read):
    text = f"""import os\n{LOAF}LOAF.file = open(os.devnull)\nLOAF.file.close()\ndef node(x):\n    return LOAF\n"""
    with pytest.raises(UndigestableError, match="TextIOWrapper"):
        read(text)


def test_a_provider_without_a_digest_is_named(read):
    text = f"{STREAM}class Step:\n    def run(self, x):\n        return x\n\nnode = Step()\nnode.stream = STREAM\n"
    with pytest.raises(UndigestableError) as caught:
        read(text)
    assert caught.value.path.endswith(".stream")


# --- distributions ------------------------------------------------------------------------------------------------

USES = {
    "module": "import numpy\n\ndef node(x):\n    return numpy.zeros(x)\n",
    "short name": "import numpy as np\n\ndef node(x):\n    return np.linalg.norm(x)\n",
    "function": "from numpy import mean\n\ndef node(x):\n    return mean(x)\n",
    "function written in C": "from numpy import array\n\ndef node(x):\n    return array(x)\n",
    "dispatcher": "from numpy import dot\n\ndef node(x):\n    return dot(x, x)\n",
    "universal function": "from numpy import add\n\ndef node(x):\n    return add(x, x)\n",
    "class": "from numpy import ndarray\n\ndef node(x):\n    return isinstance(x, ndarray)\n",
    "import in the body": "def node(x):\n    import numpy as np\n    return np.zeros(x)\n",
    "import of a name in the body": "def node(x):\n    from numpy import array\n    return array(x)\n",
    "base class": "import numpy\n\nclass Rows(numpy.ndarray):\n    pass\n\ndef node(x):\n    return x.view(Rows)\n",
    "object": "import numpy\n\nDICE = numpy.random.default_rng(1)\n\ndef node(x):\n    return DICE.random()\n",
    "helper's": "import numpy\n\ndef helper(x):\n    return numpy.zeros(x)\n\ndef node(x):\n    return helper(x)\n",
}


@pytest.mark.parametrize("text", USES.values(), ids=USES)
def test_the_version_of_a_library_in_use_is_told(read, text):
    found = read(text).distributions
    assert found["numpy"] == version("numpy")
    assert found["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_a_library_that_is_imported_but_not_used_is_not_told(read):
    assert set(read("import numpy\n\ndef node(x):\n    return x\n").distributions) == {"python"}


def test_the_machinery_is_told_neither_as_code_nor_as_a_library(read):
    text = """
        import weftline

        @weftline.node(provides="a")
        def helper():
            return 1

        def node(x):
            return helper(), weftline.Node
    """
    closure = read(text)
    assert set(closure.distributions) == {"python"}
    assert [symbol.name for symbol in closure.symbols] == ["node()", "helper()"]


def test_a_helper_that_is_a_node_counts_by_its_function(tells_apart):
    text = "import weftline\n\n@weftline.node(provides='a')\ndef helper():\n    return 1\n\ndef node(x):\n    return helper()\n"
    assert tells_apart(text, "return 1", "return 2")
    assert not tells_apart(text, "provides='a'", "provides='b'")


# --- the reader ---------------------------------------------------------------------------------------------------


def test_one_reader_reads_a_root_once_and_a_new_one_sees_what_changed(projects):
    with projects.imported(projects.write({"bakery_flow.py": "LIMIT = 1\n\ndef node(x):\n    return LIMIT\n"})) as module:
        reader = CodeReader()
        first = reader.read(module.node)
        module.LIMIT = 2
        assert reader.read(module.node) is first
        assert CodeReader().read(module.node).digest != first.digest


def test_a_change_is_told_by_its_symbol(read):
    before = read("LIMIT = 1\n\ndef helper(x):\n    return LIMIT\n\ndef node(x):\n    return helper(x)\n")
    after = read("LIMIT = 2\n\ndef helper(x):\n    return LIMIT\n\ndef node(x):\n    return helper(x)\n")
    old, new = ({symbol.name: symbol for symbol in closure.symbols} for closure in (before, after))
    assert {name for name in old if old[name].digest != new[name].digest} == {"LIMIT"}
    assert (old["LIMIT"].text, new["LIMIT"].text) == ("1", "2")
    assert old["helper()"].place.line == 3


def test_a_long_constant_is_told_in_short(read):
    closure = read("TEXT = 'a' * 1000\n\ndef node(x):\n    return TEXT\n")
    assert len({symbol.name: symbol for symbol in closure.symbols}["TEXT"].text) == 60
