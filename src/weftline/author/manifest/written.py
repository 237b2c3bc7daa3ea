"""Writes a document as YAML again, with the comments of the text that it was made of.

A comment stands before what it stood before, or behind what it stood behind. Mappings and lists in braces and brackets stay so
if they fit a line.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from math import isinf, isnan
from typing import Any

import yaml
from yaml.nodes import ScalarNode

from weftline.author.manifest.comments import Comment
from weftline.author.manifest.located import Located, Path

_WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*", re.ASCII)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_RESOLVER: Any = yaml.resolver.Resolver()
_FIRST = ("apiVersion", "kind", "metadata", "spec")


@dataclass(slots=True)
class _Line:
    """A line of the new text.

    Attributes:
        indent: in spaces.
        text: without it.
        origin: the line in the old text that it was made of; None for what is new, or goes on.
        is_added: whether it is a field that is new.
        behind: comments behind it.
    """

    indent: int
    text: str
    origin: int | None = None
    is_added: bool = False
    behind: str = ""


def written(document: Located, added: Set[Path], old: Sequence[str], comments: Sequence[Comment]) -> list[str]:
    """The lines of a document.

    Args:
        document: its places are those in the old text.
        added: paths of what has no place there.
        old: the lines of the old text.
        comments: those that belong to this document.
    """
    writer = _Writer(document, added, old)
    lines = list(writer.mapping((), document.value, 0)) if isinstance(document.value, Mapping) else []
    before, last = _attached(lines, comments)
    result = []
    for number, line in enumerate(lines):
        result += [" " * line.indent * bool(comment.text) + comment.text for comment in before.get(number, [])]
        result.append(" " * line.indent + line.text + line.behind)
    return result + [comment.text for comment in last]


def _attached(lines: Sequence[_Line], comments: Sequence[Comment]) -> tuple[dict[int, list[Comment]], list[Comment]]:
    """Which comments stand before which line, and those at the end; what stands behind a line is put there."""
    first: dict[int, int] = {}
    for number, line in enumerate(lines):
        if line.origin is not None:
            first.setdefault(line.origin, number)
    origins = sorted(first)
    before: dict[int, list[Comment]] = {}
    last = []
    for comment in comments:
        if not comment.is_alone and comment.line in first:
            lines[first[comment.line]].behind += f"  {comment.text}"
            continue
        following = bisect_left(origins, comment.line)
        if following == len(origins):
            last.append(comment)
            continue
        at = first[origins[following]] if following else 0
        while not comment.text and at and lines[at - 1].is_added:
            at -= 1  # an empty line does not part a new field from what is in it
        before.setdefault(at, []).append(comment)
    return before, last


class _Writer:
    """Writes one document."""

    def __init__(self, document: Located, added: Set[Path], old: Sequence[str]) -> None:
        self._document = document
        self._added = added
        self._old = old

    def mapping(self, path: Path, value: Mapping[str, Any], indent: int) -> Iterator[_Line]:
        """The lines of a mapping that stands in lines of its own."""
        for name in value if path else sorted(value, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST)):
            inside = (*path, name)
            head = _Line(indent, f"{scalar(name)}:", self._origin(inside, key=True), inside in self._added)
            yield from self._value(inside, value[name], head, indent)

    def _value(self, path: Path, value: Any, head: _Line, indent: int) -> Iterator[_Line]:
        """A value behind what it belongs to, or below it."""
        if (text := self._in_one_line(path, value, indent + len(head.text))) is not None:
            head.text += f" {text}"
            yield head
        elif isinstance(value, Mapping):
            yield head
            yield from self.mapping(path, value, indent + 2)
        elif isinstance(value, list):
            yield head
            for number, item in enumerate(value):
                yield from self._item((*path, number), item, indent + 2)
        else:
            head.text += " |" if value.endswith("\n") else " |-"
            yield head
            yield from (_Line(indent + 2 if line else 0, line) for line in value.removesuffix("\n").split("\n"))

    def _item(self, path: Path, value: Any, indent: int) -> Iterator[_Line]:
        """An item of a list."""
        head = _Line(indent, "-", self._origin(path))
        text = self._in_one_line(path, value, indent + 1)
        if text is None and isinstance(value, Mapping):
            lines = list(self.mapping(path, value, indent + 2))
            lines[0].indent, lines[0].text = indent, f"- {lines[0].text}"
            yield from lines
        else:
            yield from self._value(path, value, head, indent)

    def _origin(self, path: Path, *, key: bool = False) -> int | None:
        if path in self._added:
            return None
        spot = (self._document.keys if key else self._document.values).get(path)
        return None if spot is None else spot.line

    def _in_one_line(self, path: Path, value: Any, room: int) -> str | None:
        """A value that fits behind what it belongs to; a mapping or a list only if it was written so."""
        if isinstance(value, str) and "\n" in value and _is_block(value):
            return None
        if not isinstance(value, (Mapping, list)) or not value:
            return flow(value)
        text = flow(value) if self._was_flow(path) else None
        return text if text is not None and room + len(text) <= _WIDTH else None

    def _was_flow(self, path: Path) -> bool:
        spot = None if path in self._added else self._document.values.get(path)
        line = self._old[spot.line - 1] if spot is not None and spot.line <= len(self._old) else ""
        return spot is not None and line[spot.column - 1 : spot.column] in {"{", "["}


def flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name)}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar in one line; text that means something else to some reader of YAML is quoted."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return ".nan" if isnan(value) else f"{'-' if value < 0 else ''}.inf" if isinf(value) else repr(value)
    if isinstance(value, int):
        return str(value)
    is_text = _PLAIN.fullmatch(value) and _RESOLVER.resolve(ScalarNode, value, (True, False)) == "tag:yaml.org,2002:str"
    if is_text and not value[0].isdigit() and value[0] != ".":
        return str(value)
    return '"' + "".join(_ESCAPES.get(each) or (each if each.isprintable() else f"\\U{ord(each):08x}") for each in value) + '"'


def _is_block(value: str) -> bool:
    """Whether a text of several lines can stand below `|` as it is."""
    lines = value.removesuffix("\n").split("\n")
    is_plain = all(line.isprintable() and line == line.rstrip() for line in lines)
    return is_plain and bool(lines[0]) and bool(lines[-1]) and lines[0][0] != " "
