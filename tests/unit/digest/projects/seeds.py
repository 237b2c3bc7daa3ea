"""Prints the closure digests of small projects; run under several hash seeds, it must print the same."""

import json
import sys
import tempfile
from pathlib import Path

from weftline.digest import CodeReader

PROJECTS = {
    "set of texts": "NAMES = {'rye', 'oat', 'bran', 'malt', 'salt', 'yeast'}\n\ndef node(x):\n    return x in NAMES\n",
    "set in a body": "def node(x):\n    return x in {'rye', 'oat', 'bran', 'malt', 'salt', 'yeast'}\n",
    "set of members of several enums": (
        "import enum\n\n"
        + "".join(f"class E{n}(enum.Enum):\n    M{n} = {n}\n\n" for n in range(8))
        + f"ALL = {{{', '.join(f'E{n}.M{n}' for n in range(8))}}}\n\ndef node(x):\n    return x in ALL\n"
    ),
    "subclass of set": (
        "class Names(set):\n    pass\n\nNAMES = Names(['rye', 'oat', 'bran', 'malt', 'salt'])\n\ndef node(x):\n    return x in NAMES\n"
    ),
    "dict by sets": "TABLE = {frozenset({'rye', 'oat', 'bran'}): {'malt', 'salt'}}\n\ndef node(x):\n    return TABLE[x]\n",
    "attributes": "class Loaf:\n    pass\n\nLOAF = Loaf()\nfor name in {'rye', 'oat', 'bran'}:\n    setattr(LOAF, name, 1)\n\ndef node(x):\n    return LOAF\n",
    "abstract class": (
        "import abc\n\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def one(self): ...\n    @abc.abstractmethod\n    def two(self): ...\n    @abc.abstractmethod\n    def three(self): ...\n\n"
        "class Loaf(Base):\n    def one(self): ...\n    def two(self): ...\n    def three(self): ...\n\ndef node(x):\n    return Loaf()\n"
    ),
    "function in a namespace": "import types\n\ndef one(): return 1\n\nALL = types.SimpleNamespace(one=one)\n\ndef node(x):\n    return ALL.one()\n",
    "annotated type": "import typing\n\nclass Unit:\n    pass\n\nGrams = typing.Annotated[int, Unit()]\n\ndef node(x):\n    return Grams\n",
    "executed": None,
}  # fmt: skip


def digest(text: str | None, folder: Path) -> str:
    if text is None:
        scope = {"__name__": "bakery_flow"}
        exec("def node(x):\n    return x in {'rye', 'oat', 'bran', 'malt'}\n", scope)
        return CodeReader().read(scope["node"]).digest.hex()
    file = folder / "bakery_flow.py"
    file.write_text(text, "utf-8")
    scope = {"__name__": "__main__"}
    exec(compile(text, str(file), "exec"), scope)
    return CodeReader().read(scope["node"]).digest.hex()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        json.dump({title: digest(text, Path(name)) for title, text in PROJECTS.items()}, sys.stdout)
