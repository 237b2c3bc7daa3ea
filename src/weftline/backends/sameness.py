"""Whether a worker process has the code that its parent has: the key of a result was made from what the parent has."""

from __future__ import annotations

from collections.abc import Iterator
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
    """

    digest: bytes
    parts: dict[str, tuple[bytes, str]]


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
        self._seen: set[tuple[str, bytes]] = set()

    def check(self, node: str, body: Body, expected: Symbols | None) -> None:
        """Compares one.

        Raises:
            OtherCodeError: they differ.
        """
        if expected is None or (node, expected.digest) in self._seen:
            return
        found = _symbols_of(body)
        if found is not None and found.digest != expected.digest:
            raise OtherCodeError(node=node, detail="; ".join(_differences(found, expected)) or "its code differs")
        self._seen.add((node, expected.digest))


def _symbols_of(body: Body) -> Symbols | None:
    try:
        closure = CodeReader(InstalledValues().digester).read(body.root, leave_out=body.left_out)
    except UndigestableError:
        return None
    return Symbols(closure.digest, {symbol.name: (symbol.digest, symbol.text) for symbol in closure.symbols})


def _differences(found: Symbols, expected: Symbols) -> Iterator[str]:
    for name in dict.fromkeys((*expected.parts, *found.parts)):
        mine, theirs = found.parts.get(name), expected.parts.get(name)
        if mine is None or theirs is None:
            yield f"{name} is {'missing' if mine is None else 'there'} in the worker"
        elif mine[0] != theirs[0]:
            yield f"{name} is {mine[1]} there, {theirs[1]} here" if mine[1] or theirs[1] else f"{name} differs"
