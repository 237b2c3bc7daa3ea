"""Whether a worker process has the code that its parent has: the key of a result was made from what the parent has."""

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
        versions: of the distributions that it uses, Python among them.
    """

    digest: bytes
    parts: dict[str, tuple[bytes, str]]
    versions: tuple[tuple[str, str], ...]


class SymbolReader:
    """Reads the code of bodies as they are in the parent, each once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Body, Symbols | None]] = {}

    def read(self, body: Body) -> Symbols | None:
        """The symbols of a body; None if it has none that could be compared, as a node may that is never cached."""
        if id(body) not in self._known:
            self._known[id(body)] = (body, _symbols_of(body))
        return self._known[id(body)][1]


class SymbolChecker:
    """Compares bodies in a worker with what the parent has, those of each node once."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, bytes, tuple[tuple[str, str], ...]]] = set()

    def check(self, node: str, body: Body, expected: Symbols | None) -> None:
        """Compares one.

        Raises:
            OtherVersionsError: the code uses other versions there.
            OtherCodeError: the code differs.
        """
        if expected is None or (node, expected.digest, expected.versions) in self._seen:
            return
        found = _symbols_of(body)
        if found is not None and (others := list(_other_versions(found, expected))):
            raise OtherVersionsError(node=node, detail="; ".join(others))
        if found is not None and found.digest != expected.digest:
            raise OtherCodeError(node=node, detail="; ".join(_differences(found, expected)) or "its code differs")
        self._seen.add((node, expected.digest, expected.versions))


def _symbols_of(body: Body) -> Symbols | None:
    try:
        closure = CodeReader(InstalledValues().digester).read(body.root, leave_out=body.left_out)
    except UndigestableError:
        return None
    parts = {symbol.name: (symbol.digest, symbol.text) for symbol in closure.symbols}
    return Symbols(closure.digest, parts, tuple(sorted(closure.distributions.items())))


def _other_versions(found: Symbols, expected: Symbols) -> Iterator[str]:
    there = dict(found.versions)
    for name, here in expected.versions:
        if there.get(name, here) != here:  # one that is used on one side only means other code
            yield f"{name} is {there[name]} there, {here} here"


def _differences(found: Symbols, expected: Symbols) -> Iterator[str]:
    for name in dict.fromkeys((*expected.parts, *found.parts)):
        mine, theirs = found.parts.get(name), expected.parts.get(name)
        if mine is None or theirs is None:
            yield f"{name} is {'missing' if mine is None else 'there'} in the worker"
        elif mine[0] != theirs[0]:
            yield f"{name} is {mine[1]} there, {theirs[1]} here" if mine[1] or theirs[1] else f"{name} differs"
