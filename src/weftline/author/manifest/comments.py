"""The comments of a YAML text, and its empty lines: what a parser leaves out."""

from __future__ import annotations

from typing import NamedTuple

import yaml
from yaml.tokens import ScalarToken

from weftline.author.manifest.located import PARSER


class Comment(NamedTuple):
    """A comment, or an empty line.

    Attributes:
        line: from 1.
        text: with the `#`; nothing for an empty line.
        is_alone: whether nothing else stands in its line.
    """

    line: int
    text: str
    is_alone: bool


def comments(text: str) -> list[Comment]:
    """All of them, in order.

    Args:
        text: sound YAML.
    """
    lines = text.splitlines()
    taken: dict[int, list[tuple[int, int]]] = {}
    for token in yaml.scan(text, Loader=PARSER):
        if isinstance(token, ScalarToken):
            _take(token, lines, taken)
    found = []
    for number, line in enumerate(lines):
        spans = taken.get(number, [])
        if not line.strip() and not spans:
            found.append(Comment(number + 1, "", True))
        for column, character in enumerate(line):
            if (
                character == "#"
                and (column == 0 or line[column - 1] in " \t")
                and not any(start <= column < end for start, end in spans)
            ):
                found.append(Comment(number + 1, line[column:].rstrip(), not line[:column].strip()))
                break
    return found


def _take(token: ScalarToken, lines: list[str], taken: dict[int, list[tuple[int, int]]]) -> None:
    """Notes where a scalar stands: there, `#` is a character like others."""
    start, end = token.start_mark, token.end_mark
    is_block = token.style in {"|", ">"}
    for number in range(start.line, min(end.line + 1, len(lines))):
        first = start.column if number == start.line else 0
        last = end.column if number == end.line else len(lines[number])
        if is_block and number == start.line:
            last = first + 1  # the line of the indicator may end with a comment
        if last > first or (is_block and number < end.line):
            taken.setdefault(number, []).append((first, last))
