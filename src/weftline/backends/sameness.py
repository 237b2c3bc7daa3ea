"""Whether a worker process has the code that its parent has: the key of a result was made from what the parent has.

Another Python reads the same source, and makes members of its own for enums and named tuples; it may have libraries that the
parent lacks. There each symbol is compared by itself, so what it refers to counts by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from weftline.digest import CodeReader
from weftline.errors import OtherCodeError, UndigestableError
from weftline.model.node import Body
from weftline.ports.plugins import InstalledValues


class Symbols(NamedTuple):
    """What a node's code consists of, in short.

    Attributes:
        digest: of the whole.
        parts: digest and text of each symbol by its name.
        is_whole: whether the digest of the whole has to be the same, as within one Python.
        libraries: version by distribution of what it uses, where the worker may have others; they have to be the same.
    """

    digest: bytes
    parts: dict[str, tuple[bytes, str]]
    is_whole: bool = True
    libraries: Mapping[str, str] = MappingProxyType({})


class Likeness(NamedTuple):
    """How like this process the workers of a backend are.

    Attributes:
        is_whole: whether they have a Python of this version.
        with_libraries: whether they may have other libraries than this process, and must not.
    """

    is_whole: bool = True
    with_libraries: bool = False


def read_symbols(body: Body, likeness: Likeness = Likeness(with_libraries=True)) -> Symbols | None:  # noqa: B008 - frozen
    """The symbols of a body as this process has it; None if it has none to compare, as a node may that is never cached."""
    try:
        closure = CodeReader(InstalledValues().digester).read(body.root, leave_out=body.left_out)
    except UndigestableError:
        return None
    parts = {symbol.name: (symbol.digest, symbol.text) for symbol in closure.symbols}
    return Symbols(closure.digest, parts, likeness.is_whole, closure.distributions if likeness.with_libraries else {})


def refuse_other_code(node: str, body: Body, expected: Symbols | None) -> None:
    """Compares a node's code in a worker with what the parent has.

    Raises:
        OtherCodeError: they differ.
    """
    found = None if expected is None else read_symbols(body)
    if expected is None or found is None:
        return
    differences = list(_other_libraries(found, expected))
    if found.digest != expected.digest:
        differences += _differences(found, expected)
        if expected.is_whole and not differences:
            differences.append("its code differs")
    if differences:
        hint = "the other machine needs the same sources and the same libraries" if expected.libraries else None
        raise OtherCodeError(node=node, detail="; ".join(differences), hint=hint)


def _other_libraries(found: Symbols, expected: Symbols) -> Iterator[str]:
    for name, version in expected.libraries.items():
        theirs = found.libraries.get(name, "not used")
        if theirs != version:
            yield f"{name} is {theirs} there, {version} here"


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
