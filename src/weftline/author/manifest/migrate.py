"""Rewrites a file from an older spelling into that of today, and looks whether the new text says the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import yaml
from yaml.events import DocumentStartEvent

from weftline.author.manifest.check import checked
from weftline.author.manifest.comments import Comment, comments
from weftline.author.manifest.located import PARSER, read
from weftline.author.manifest.older import Modern, modern
from weftline.author.manifest.written import written
from weftline.errors import CannotMigrateError, InvalidManifestError, Place, WeftlineError


class Migrated(NamedTuple):
    """A file in the spelling of today.

    Attributes:
        text: all of it; the text that was there if nothing in it is older.
        notes: what was spelled otherwise.
    """

    text: str
    notes: list[WeftlineError]


def migrated(text: str, file: str, types: Callable[[], Collection[str]] = tuple) -> Migrated:
    """A text in the spelling of today, with its comments.

    Args:
        text: YAML.
        file: its name, for errors.
        types: gives the names of registered nodes; a stage whose type is one of them keeps it.

    Raises:
        InvalidManifestError: it carries all findings: what is wrong in the old text, and what cannot be carried over.
        CannotMigrateError: the new text would not say the same, or not have all comments.
    """
    documents, findings = read(text, file)
    read_as = [modern(document, types) for document in documents]
    findings += [each for found in read_as for each in (*found.findings, *checked(found.document)[1])]
    if findings:
        raise InvalidManifestError(file=file, findings=tuple(findings))
    notes: list[WeftlineError] = [note for found in read_as for note in found.notes]
    if not notes:
        return Migrated(text, notes)
    made = _made(text, read_as)
    _compare(text, made, file, read_as)
    return Migrated(made, notes)


def _made(text: str, read_as: Sequence[Modern]) -> str:
    lines, told = text.splitlines(), comments(text)
    result: list[str] = []
    for found, (first, begin, end) in zip(read_as, _parts(text, len(lines)), strict=True):
        if not found.notes:
            result += lines[first:end]
            continue
        result += lines[first:begin]
        own = [comment for comment in told if begin < comment.line <= end]
        result += written(found.document, found.added, lines, own)
    return "\n".join(result) + "\n"


def _parts(text: str, count: int) -> list[tuple[int, int, int]]:
    """For each document its first line, the first one of its content, and where it ends; what is before `---` belongs to it."""
    starts = [
        (event.start_mark.line, bool(event.explicit))
        for event in yaml.parse(text, Loader=PARSER)
        if isinstance(event, DocumentStartEvent) and event.start_mark is not None
    ]
    parts = []
    for number, (line, is_explicit) in enumerate(starts):
        first = 0 if number == 0 else line
        end = starts[number + 1][0] if number + 1 < len(starts) else count
        parts.append((first, line + 1 if is_explicit else first, end))
    return parts


def _compare(text: str, made: str, file: str, read_as: Sequence[Modern]) -> None:
    """The new text has to say the same, with nothing older in it and all comments of the old one."""
    again, findings = read(made, file)
    is_same = [_said(found.value) for found in again] == [_said(found.document.value) for found in read_as]
    is_new = not any(modern(found).notes for found in again)
    if findings or not is_same or not is_new or _texts(comments(text)) != _texts(comments(made)):
        raise CannotMigrateError(file=file, place=Place(file, 1, 1))


def _said(value: object) -> str:
    """What a document says, whatever its order; numbers and truth values are told apart."""
    return json.dumps(value, sort_keys=True)


def _texts(found: Sequence[Comment]) -> list[str]:
    """What comments say, in an order of their own."""
    return sorted(part for comment in found for part in comment.text.split("  #") if part)
