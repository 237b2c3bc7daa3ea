"""Reads YAML as data, and remembers where everything stands.

What it takes is YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema): `on`, `yes` and dates are text. Keys are
text and stand once; tags and merge keys are refused; what aliases repeat is counted, so that a small file cannot become a large
one. The parser reports events, which are put together without recursion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isinf, nan
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from weftline.author.manifest.source import MOST_BYTES
from weftline.errors import ManifestError, ManifestSyntaxError, Place, WeftlineError, brief

#: The deepest nesting; the most values that all documents of a file hold; and the most that its aliases repeat.
_DEEPEST = 64
_MOST_VALUES = 2_000_000
_MOST_REPEATED = 100_000
#: The most characters of a number: no machine's number has as many digits, and Python writes no longer ones.
_LONGEST_NUMBER = 1000
_PLAIN_TAGS = {None, "!"}
_NAMED: dict[str, bool | None] = {"null": None, "Null": None, "NULL": None, "~": None, "": None}
_NAMED |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
#: libyaml's, where it is there.
PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path = tuple[str | int, ...]


class Spot(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Located:
    """One document: its data, and where each part of it stands.

    Attributes:
        file: as errors name it.
        value: mappings, lists, text, numbers, truth values and None.
        values: where the value at a path begins.
        keys: where the key of a path stands.
    """

    file: str
    value: Any
    values: dict[Path, Spot] = field(default_factory=dict)
    keys: dict[Path, Spot] = field(default_factory=dict)

    def at(self, path: Sequence[str | int]) -> Any:
        """The value at a path; None where there is nothing."""
        found = self.value
        for step in path:
            if isinstance(found, list):
                found = found[step] if isinstance(step, int) and step < len(found) else None
            else:
                found = found.get(step) if isinstance(found, Mapping) else None
        return found

    def place(self, path: Sequence[str | int], *, key: bool = False) -> Place:
        """Where something stands; where what is around it stands, if it is not there itself."""
        steps = tuple(path)
        while True:
            spot = (self.keys.get(steps) if key else None) or self.values.get(steps)
            if spot is not None or not steps:
                return Place(self.file, *(spot or Spot(1, 1)))
            steps, key = steps[:-1], False


def read(text: str, file: str) -> tuple[list[Located], list[WeftlineError]]:
    """The documents of a text, and what is wrong with it.

    Args:
        text: YAML.
        file: its name, for errors.

    Returns:
        The documents, none if the text is no YAML; and findings: syntax, duplicate keys, keys that are no text, tags, aliases
        that repeat too much.
    """
    reader = _Reader(file)
    if len(text) > MOST_BYTES:
        return [], [ManifestError(detail=f"it is larger than {MOST_BYTES >> 20} MiB", advice="split it", place=Place(file))]
    try:
        for event in yaml.parse(text, Loader=PARSER):
            reader.take(event)
    except _TooMuchError as error:
        return [], [*reader.findings, ManifestError(detail=str(error), advice="write it out, or split it", place=error.place)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file) if mark is None else Place(file, mark.line + 1, mark.column + 1)
        detail = " ".join(word for word in (error.context, error.problem) if word)
        return [], [*reader.findings, ManifestSyntaxError(detail=detail or "it cannot be read", place=place)]
    except (yaml.YAMLError, ValueError) as error:  # characters that YAML does not have
        before = text[: getattr(error, "position", 0) or 0]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        return [], [ManifestSyntaxError(detail=str(getattr(error, "reason", error)), place=place)]
    return reader.documents, reader.findings


class _TooMuchError(Exception):
    def __init__(self, what: str, place: Place) -> None:
        super().__init__(what)
        self.place = place


class _Open(NamedTuple):
    """A mapping or a list whose end has not come."""

    made: dict[str, Any] | list[Any]
    path: Path
    anchor: str | None
    key: list[Any]  # of a mapping: the key that waits for its value, or nothing


class _Reader:
    """Puts events together."""

    def __init__(self, file: str) -> None:
        self.documents: list[Located] = []
        self.findings: list[WeftlineError] = []
        self._file = file
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0
        self._repeated = 0
        self._sizes: list[int] = []

    def take(self, event: Event) -> None:
        """The next event."""
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def begin_document(self, _: DocumentStartEvent) -> None:
        self._anchors = {}
        self.documents.append(Located(self._file, None))

    def begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        place = self._place(event)
        if len(self._stack) >= _DEEPEST:
            raise _TooMuchError(f"it is nested more than {_DEEPEST} deep", place)
        self._refuse_tag(event)
        if self._is_key():
            self._add(ManifestError(detail="a key is a mapping or a list", advice="use text as a key", place=place))
        path = self._next_path(event)
        made: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        self._stack.append(_Open(made, path, event.anchor, []))
        self._sizes.append(self._count)

    def end(self, _: MappingEndEvent | SequenceEndEvent) -> None:
        opened = self._stack.pop()
        if opened.anchor is not None:
            self._anchors[opened.anchor] = opened.made, self._count - self._sizes[-1] + 1
        self._sizes.pop()
        self._put(opened.made)

    def scalar(self, event: ScalarEvent) -> None:
        self._refuse_tag(event)
        if self._is_key():
            self._begin_value(event)
            return
        self._next_path(event)
        value = self._resolved(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, 1
        self._put(value)

    def alias(self, event: AliasEvent) -> None:
        place = self._place(event)
        if event.anchor not in self._anchors:
            detail = f"the alias *{brief(event.anchor or '')} names nothing that stands before it, or what it stands in"
            self._add(ManifestError(detail=detail, advice="write it out", place=place))
            value, size = None, 1
        else:
            value, size = self._anchors[event.anchor]
        self._count += size
        self._repeated += size
        if self._repeated > _MOST_REPEATED:
            raise _TooMuchError("its aliases repeat too much", place)
        if self._is_key():
            self._add(ManifestError(detail="an alias is no key", advice="write the key out", place=place))
            self._stack[-1].key.append(None)
            return
        self._next_path(event)
        self._put(_copied(value))

    # --- places and values ---

    def _place(self, event: Event) -> Place:
        return Place(self._file, *_spot(event))

    def _add(self, finding: WeftlineError) -> None:
        self.findings.append(finding)

    def _refuse_tag(self, event: Any) -> None:
        tag = event.tag
        if tag in _PLAIN_TAGS or (isinstance(event, ScalarEvent) and tag == "tag:yaml.org,2002:str"):
            return
        shown = brief(tag.replace("tag:yaml.org,2002:", "!!"))
        self._add(ManifestError(detail=f"the tag {shown} is not allowed", advice="leave it out", place=self._place(event)))

    def _is_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].made, dict) and not self._stack[-1].key

    def _begin_value(self, event: ScalarEvent) -> None:
        opened = self._stack[-1]
        key, place = event.value, self._place(event)
        if event.implicit[0] and not isinstance(self._resolved(event), str):
            told = brief(key)
            self._add(ManifestError(detail=f"the key {told} is no text", advice=f'put it in quotes: "{told}"', place=place))
        elif event.implicit[0] and key == "<<":
            self._add(ManifestError(detail="merge keys are no part of YAML 1.2", advice="write the keys out", place=place))
        elif key in opened.made:
            before = self.documents[-1].keys[*opened.path, key]
            detail = f"the key {brief(key)!r} stands here for the second time, first in line {before.line}"
            self._add(ManifestError(detail=detail, advice="keep one of the two", place=place))
        else:
            self.documents[-1].keys[*opened.path, key] = _spot(event)
        opened.key.append(key)

    def _next_path(self, event: Event) -> Path:
        """The path of what begins here; it is counted, and its place is kept."""
        self._count += 1
        if self._count > _MOST_VALUES:
            raise _TooMuchError(f"it holds more than {_MOST_VALUES:,} values", self._place(event))
        path: Path = ()
        if self._stack:
            opened = self._stack[-1]
            if isinstance(opened.made, dict):
                step = opened.key[0] if opened.key and isinstance(opened.key[0], str) else ""
                path = (*opened.path, step)
            else:
                path = (*opened.path, len(opened.made))
        document = self.documents[-1]
        document.values.setdefault(path, _spot(event))
        return path

    def _put(self, value: Any) -> None:
        if not self._stack:
            self.documents[-1].value = value
            return
        opened = self._stack[-1]
        if isinstance(opened.made, list):
            opened.made.append(value)
        elif not opened.key:
            opened.key.append(None)  # a mapping or a list was used as a key; it was told
        else:
            key = opened.key.pop()
            if key is not None:
                opened.made.setdefault(key, value)

    def _resolved(self, event: ScalarEvent) -> Any:
        """What a plain scalar means in the core schema; text in quotes is text."""
        text = event.value
        if not event.implicit[0]:
            return text
        if text in _NAMED:
            return _NAMED[text]
        if (is_whole := _INT.fullmatch(text)) or _FLOAT.fullmatch(text):
            if len(text) > _LONGEST_NUMBER or isinf(float(text) if not is_whole else 0.0):
                self._add(ManifestError(detail="the number is too long", advice="quote it", place=self._place(event)))
                return 0
            return float(text) if not is_whole else int(text, 0) if text[1:2] in {"o", "x"} else int(text)
        if found := _INFINITE.fullmatch(text):
            return -inf if found[1] == "-" else inf
        return nan if text in {".nan", ".NaN", ".NAN"} else text


def _spot(event: Event) -> Spot:
    mark = event.start_mark
    assert mark is not None, "the parser marks every event"
    return Spot(mark.line + 1, mark.column + 1)


def _copied(value: Any) -> Any:
    """What an alias repeats, as data of its own; its depth is bounded."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


_HANDLERS: dict[type, Callable[[_Reader, Any], None]] = {
    DocumentStartEvent: _Reader.begin_document,
    MappingStartEvent: _Reader.begin,
    SequenceStartEvent: _Reader.begin,
    MappingEndEvent: _Reader.end,
    SequenceEndEvent: _Reader.end,
    ScalarEvent: _Reader.scalar,
    AliasEvent: _Reader.alias,
}
