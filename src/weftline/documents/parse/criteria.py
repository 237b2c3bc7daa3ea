"""The free text of eligibility criteria as two lists of items, each a slice of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

BULLET = re.compile(
    r"""\s*(?:(?:
        \\?[*•·\u2013]                          # `* ` and its like, also escaped
      | -(?!\d)                                 # `- `, but not a negative number
      | \.(?=\s)                                # what is left of `1. . text`
      | \(?\d{1,2}\\?[.)](?!\d)                 # `1. `, `(2) `, `3\. `, but not 1.5
      | \(?(?:[a-z]|[ivx]{2,4})[.)](?=\s)       # `a. `, `ii) `
      | [A-Z]\)(?=\s)                           # `A) `; `E. ` may begin a name
    )\s*)*""",
    re.VERBOSE,
)
HEADING = re.compile(r"(?:(?!not\b|meet)[\w.]+[ -]){0,4}(inclusion|exclusion)(?:\s+criteria)?\b", re.IGNORECASE)
MAX_HEADING = 100


def split_criteria(text: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Where the items of inclusion and of exclusion stand in the text, without their bullets.

    A line is one item; a line that is indented below a bullet is an item of its own. Text before the first heading
    belongs to neither list, and so does everything when there is no heading at all: the text does not say.
    """
    lists: dict[str, list[Span]] = {"inclusion": [], "exclusion": []}
    current: list[Span] | None = None
    for start, end in _lines(text):
        start += len(BULLET.match(text, start, end).group())  # type: ignore[union-attr]  # it matches the empty string
        heading = _heading(text[start:end])
        if heading is not None:
            word, length = heading
            current = lists[word]
            start += length
        if current is not None and text[start:end].strip():
            current.append((start, end))
    return tuple(lists["inclusion"]), tuple(lists["exclusion"])


def _lines(text: str) -> Iterator[Span]:
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, start + len(line.rstrip())
        start += len(line)


def _heading(line: str) -> tuple[str, int] | None:
    """Which list a line opens, and how many of its characters are the heading; None for an item."""
    found = HEADING.match(line)
    if found is None or re.search(r"inclusion\W+exclusion", line, re.IGNORECASE):
        return None
    word, rest = found.group(1).lower(), line[found.end() :]
    if len(line) <= MAX_HEADING and (line.endswith(":") or not rest.strip(" .:")):
        return word, len(line)
    if rest[:1] in (":", ".") or rest[:2] == " :":
        skipped = len(rest) - len(rest.lstrip(" :."))
        return word, found.end() + skipped
    if len(line) <= MAX_HEADING and line.lower().startswith(word) and line[:1].isupper():
        return word, len(line)
    return None
