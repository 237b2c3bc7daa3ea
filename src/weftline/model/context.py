"""The typed context of a class-form node: reads what it declares, writes each declared key once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weftline.errors import ContractError, KeyAlreadySetError, KeyNotSetError, Place, UndeclaredKeyError, did_you_mean
from weftline.model.contract import mismatch, render
from weftline.model.keys import is_pattern, matches, namespace
from weftline.model.node import Input, Output


class Context:
    """What `Node.run` is given.

    Args:
        node: the node's name, for messages.
        inputs: its declared inputs.
        outputs: its declared outputs.
        values: a value for each required input and a mapping for each optional one, by the input's name.
        params: bound parameters by name.
    """

    def __init__(
        self,
        node: str,
        inputs: tuple[Input, ...],
        outputs: tuple[Output, ...],
        values: Mapping[str, Any],
        params: Mapping[str, Any],
    ) -> None:
        self._node = node
        self._inputs = inputs
        self._outputs = {output.key: output for output in outputs}
        self._values = values
        self._written: dict[str, Any] = {}
        self.params = params

    def get(self, key: str) -> Any:
        """The value of a key.

        A key of `requires` is always there. A key of `consumes` may be absent: ask `namespace`, or test with `in`.

        Raises:
            UndeclaredKeyError: the node does not declare the key, or nothing provides it.
        """
        if key in self._written:
            return self._written[key]
        for found in self._inputs:
            if found.optional and matches(found.key, key) and key in self._values[found.name]:
                return self._values[found.name][key]
            if not found.optional and found.key == key:
                return self._values[found.name]
        raise self._undeclared("reads", key, "`requires` or `consumes`", [found.key for found in self._inputs])

    def __contains__(self, key: str) -> bool:
        """Whether `get` would give a value."""
        try:
            self.get(key)
        except UndeclaredKeyError:
            return False
        return True

    def namespace(self, name: str) -> dict[str, Any]:
        """All declared keys of a namespace that there are: `conditioning` and `conditioning.*` mean the same.

        Returns:
            Values by full key, sorted by key; empty when nothing provides one.

        Raises:
            UndeclaredKeyError: the node declares nothing in that namespace.
        """
        pattern = namespace(name) + ".*"
        declared = False
        found: dict[str, Any] = {}
        for read in self._inputs:
            if is_pattern(read.key):
                declared |= matches(pattern, namespace(read.key)) or namespace(read.key) == namespace(name)
                declared |= matches(read.key, namespace(name))
            else:
                declared |= matches(pattern, read.key) or read.key == name
            values = self._values[read.name] if read.optional else {read.key: self._values[read.name]}
            found |= {key: value for key, value in values.items() if matches(pattern, key) or key == name}
        if not declared:
            raise self._undeclared("reads", name, "`requires` or `consumes`", [read.key for read in self._inputs])
        return dict(sorted(found.items()))

    def set(self, key: str, value: Any) -> None:
        """Writes a declared key, once, with a value of the declared type.

        Raises:
            UndeclaredKeyError: the key is not in `provides`.
            KeyAlreadySetError: it was written before.
            ContractError: the value is of another type.
        """
        output = self._outputs.get(key)
        if output is None:
            raise self._undeclared("sets", key, "`provides`", list(self._outputs))
        if key in self._written:
            raise KeyAlreadySetError(node=self._node, key=key)
        if not output.check(value):
            raise broken(self._node, output, value)
        self._written[key] = value

    def _undeclared(self, verb: str, key: str, where: str, known: list[str]) -> UndeclaredKeyError:
        listing = ", ".join(map(repr, known)) or "nothing"
        return UndeclaredKeyError(
            node=self._node, verb=verb, key=key, where=where, declared=listing, hint=did_you_mean(key, known)
        )

    def outputs(self) -> tuple[Any, ...]:
        """What was written, in the order of declaration.

        Raises:
            KeyNotSetError: a declared key was not written.
        """
        missing = [key for key in self._outputs if key not in self._written]
        if missing:
            raise KeyNotSetError(node=self._node, keys=", ".join(map(repr, missing)))
        return tuple(self._written[key] for key in self._outputs)


def broken(node: str, output: Output, value: Any, place: Place | None = None) -> ContractError:
    """The error for a value that is not of the declared type."""
    detail = mismatch(value, output.kind)
    return ContractError(node=node, key=output.key, wanted=render(output.kind), detail=detail, place=place)
