"""Typed reading of JSON objects: absent is fine, another type is noted, and all notes are told at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WORDS = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class Fields:
    """One object of a record, and where it stands.

    Reading an absent field gives an empty value. Reading a field of another type gives an empty value too and adds a
    line to `faults`, a list that all objects of one record share.
    """

    __slots__ = ("_values", "faults", "path")

    def __init__(self, values: dict[str, Any], path: str = "", faults: list[str] | None = None) -> None:
        self._values = values
        self.path = path
        self.faults: list[str] = [] if faults is None else faults

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def at(self, name: str) -> str:
        """The path of a field of this object."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str) -> str:
        """A string; empty when absent."""
        value = self._typed(name, str)
        return "" if value is None else self._storable(value, self.at(name))

    def whole(self, name: str) -> int | None:
        """A whole number."""
        value: int | None = self._typed(name, int)
        return value

    def flag(self, name: str) -> bool | None:
        """True, false, or None when absent."""
        value: bool | None = self._typed(name, bool)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings, with its positions kept: one of another type is noted and read as empty."""
        found = []
        for number, value in enumerate(self._typed(name, list) or ()):
            path = f"{self.at(name)}[{number}]"
            if type(value) is str:
                found.append(self._storable(value, path))
            else:
                found.append("")
                self.faults.append(f"{path} is {_word(value)}, not {WORDS[str]}")
        return tuple(found)

    def group(self, name: str) -> Fields:
        """An object; an empty one when absent."""
        return Fields(self._typed(name, dict) or {}, self.at(name), self.faults)

    def groups(self, name: str) -> Iterator[Fields]:
        """A list of objects, with its positions kept."""
        for number, value in enumerate(self._typed(name, list) or ()):
            path = f"{self.at(name)}[{number}]"
            if not isinstance(value, dict):
                self.faults.append(f"{path} is {_word(value)}, not an object")
            yield Fields(value if isinstance(value, dict) else {}, path, self.faults)

    def _storable(self, value: str, path: str) -> str:
        try:
            value.encode()
        except UnicodeEncodeError:
            self.faults.append(f"{path} holds half of a surrogate pair, which no file can store")
            return ""
        return value

    def _typed(self, name: str, kind: type) -> Any:
        if name not in self._values:
            return None
        value = self._values[name]
        if type(value) is kind:
            return value
        self.faults.append(f"{self.at(name)} is {_word(value)}, not {WORDS[kind]}")
        return None


def _word(value: object) -> str:
    return WORDS.get(type(value), type(value).__name__)
