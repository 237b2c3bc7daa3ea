"""Prints the closure digests of small projects; run under several hash seeds, it must print the same."""

import json
import sys
import tempfile
from pathlib import Path

from weftline.digest import CodeReader

ENUMS = "".join(f"class E{n}(enum.Enum):\n    M{n} = {n}\n\n" for n in range(8))
MEMBERS = ", ".join(f"E{n}.M{n}" for n in range(8))
PROJECTS = {
    "set of texts": "ALL = {'rye', 'oat', 'bran', 'malt', 'salt', 'yeast'}\n",
    "set of members of several enums": f"import enum\n\n{ENUMS}\nALL = {{{MEMBERS}}}\n",
    "subclass of set": "class Names(set):\n    pass\n\nALL = Names(['rye', 'oat', 'bran', 'malt', 'salt'])\n",
    "dict by sets": "ALL = {frozenset({'rye', 'oat', 'bran'}): {'malt', 'salt'}}\n",
    "attributes": "class Loaf:\n    pass\n\nALL = Loaf()\nfor name in {'rye', 'oat', 'bran'}:\n    setattr(ALL, name, 1)\n",
    "abstract class": """
import abc

class Base(abc.ABC):
    @abc.abstractmethod
    def one(self): ...
    @abc.abstractmethod
    def two(self): ...
    @abc.abstractmethod
    def three(self): ...

class ALL(Base):
    def one(self): ...
    def two(self): ...
    def three(self): ...
""",
    "function in a namespace": "import types\n\ndef one():\n    return 1\n\nALL = types.SimpleNamespace(one=one)\n",
    "annotated type": "import typing\n\nclass Unit:\n    pass\n\nALL = typing.Annotated[int, Unit()]\n",
    "set in a body": "def ALL(x):\n    return x in {'rye', 'oat', 'bran', 'malt', 'salt', 'yeast'}\n",
}
NODE = "\n\ndef node(x):\n    return ALL\n"
#: Without a file the byte code is digested.
EXECUTED = "set in byte code"


def digest(text: str, file: Path) -> str:
    if file.parent.is_dir():
        file.write_text(text, "utf-8")
    scope = {"__name__": "__main__"}
    exec(compile(text, str(file), "exec"), scope)
    return CodeReader().read(scope["node"]).digest.hex()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        found = {title: digest(text + NODE, Path(name, "bakery_flow.py")) for title, text in PROJECTS.items()}
    found[EXECUTED] = digest(PROJECTS["set in a body"] + NODE, Path(name, "gone.py"))
    json.dump(found, sys.stdout)
