"""Whether a worker process has the code that its parent has: the key of a result was made from what the parent has.

Another Python reads the same source, and makes members of its own for enums and named tuples; it may have libraries that the
parent lacks. There each symbol is compared by itself, so what it refers to counts by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from weftline.digest import CodeReader
from weftline.errors import OtherCodeError, OtherVersionsError, UndigestableError
from weftline.model.node import Body
from weftline.ports.plugins import InstalledValues


class Symbols(NamedTuple):
    """What a node's code consists of, in short.

    Attributes:
        digest: of the whole.
        parts: digest and text of each symbol by its name.
        versions: by distribution, of all that it uses, Python among them.
        is_whole: whether the whole has to be the same, versions included; another Python has its own.
    """

    digest: bytes
    parts: dict[str, tuple[bytes, str]]
    versions: dict[str, str]
    is_whole: bool = True


def read_symbols(body: Body, *, is_whole: bool = True) -> Symbols | None:
    """The symbols of a body as this process has it; None if it has none to compare, as a node may that is never cached.

    Args:
        body: what runs.
        is_whole: whether another process is the same only if it has the same Python, with the same libraries.
    """
    try:
        closure = CodeReader(InstalledValues().digester).read(body.root, leave_out=body.left_out)
    except UndigestableError:
        return None
    parts = {symbol.name: (symbol.digest, symbol.text) for symbol in closure.symbols}
    return Symbols(closure.digest, parts, closure.distributions, is_whole)


def refuse_other_code(node: str, body: Body, expected: Symbols | None) -> None:
    """Compares a node's code in a worker with what the parent has.

    Raises:
        OtherVersionsError: the code uses other versions there.
        OtherCodeError: the code differs.
    """
    found = None if expected is None else read_symbols(body)
    if expected is None or found is None:
        return
    if expected.is_whole and (others := list(_other_versions(found, expected))):
        raise OtherVersionsError(node=node, detail="; ".join(others))
    if found.digest == expected.digest:
        return
    differences = list(_differences(found, expected))
    if expected.is_whole or differences:
        raise OtherCodeError(node=node, detail="; ".join(differences) or "its code differs")


def _other_versions(found: Symbols, expected: Symbols) -> Iterator[str]:
    for name, here in expected.versions.items():
        there = found.versions.get(name, here)  # one that is used on one side only means other code
        if there != here:
            yield f"{name} is {there} there, {here} here"


def _differences(found: Symbols, expected: Symbols) -> Iterator[str]:
    for name in dict.fromkeys((*expected.parts, *found.parts)):
        mine, theirs = found.parts.get(name), expected.parts.get(name)
        if not expected.is_whole and _is_made_by_python(mine or theirs):
            continue
        if mine is None or theirs is None:
            yield f"{name} is {'missing' if mine is None else 'there'} in the worker"
        elif mine[0] != theirs[0]:
            yield f"{name} is {mine[1]} there, {theirs[1]} here" if mine[1] or theirs[1] else f"{name} differs"


def _is_made_by_python(part: tuple[bytes, str] | None) -> bool:
    """Whether a symbol is a member that each Python writes in its own way; a function behind it is a symbol of its own."""
    return part is not None and part[1] in {"staticmethod", "classmethod", "_tuplegetter"}
