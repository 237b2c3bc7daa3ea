"""A document that is made of parts of another one, and keeps where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weftline.author.manifest.located import Located, Path, Spot
from weftline.errors import ManifestError, OlderSpellingNote, WeftlineError, brief


class Draft:
    """A new document that grows out of an old one.

    Args:
        old: it is not changed, and the new one shares no mapping and no list with it.

    Attributes:
        new: what is there so far.
        notes: what was spelled otherwise: one for each way of spelling, where it stands first.
        added: paths of what has nothing in the old document that it is made of.
        findings: what could not be carried over.
    """

    def __init__(self, old: Located) -> None:
        self.old = old
        self.new = Located(old.file, {})
        self.notes: list[OlderSpellingNote] = []
        self.findings: list[WeftlineError] = []
        self.added: set[Path] = set()
        self._noted: set[str] = set()

    def value(self, source: Path) -> Any:
        """What the old document has at a path; None where there is nothing."""
        return self.old.at(source)

    def move(self, source: Path, target: Path) -> None:
        """Takes a part over, with all that is in it; what is there already is told, and stays."""
        if self.has(target):
            detail = f"{source[-1]!r} says again what is said by another spelling of it"
            self.refuse(source, detail, "keep one of the two", key=True)
            return
        self.put(target, _copied(self.value(source)), source)
        waiting: list[tuple[Any, Path]] = [(self.value(source), ())]
        while waiting:
            value, below = waiting.pop()
            spot, key = self.old.values.get((*source, *below)), self.old.keys.get((*source, *below))
            if spot is not None:
                self.new.values[*target, *below] = spot
            if key is not None:
                self.new.keys[*target, *below] = key
            inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
            waiting += [(each, (*below, step)) for step, each in inner]

    def put(self, target: Path, value: Any, source: Path, *, is_added: bool = False) -> None:
        """Adds a value of our own, in the place of something in the old document, or besides what is there."""
        found = self.new.value
        for depth, (step, following) in enumerate(zip(target, (*target[1:], None), strict=True)):
            made = value if following is None else [] if isinstance(following, int) else {}
            if isinstance(found, list) and isinstance(step, int):
                assert step <= len(found), "items come in their order"
                if step == len(found):
                    found.append(made)
            elif not isinstance(found, dict):
                self.refuse(source, f"{target[depth - 1]!r} is no mapping, and has {step!r} elsewhere", "keep one of the two")
                return
            elif step not in found or following is None:
                found[step] = made
            path = target[: depth + 1]
            if path not in self.new.values:
                place = self._spot(source)
                self.new.values[path] = place
                if is_added or following is not None:
                    self.added.add(path)
                if isinstance(step, str):
                    self.new.keys.setdefault(path, self.old.keys.get(source, place))
            found = found[step]

    def _spot(self, source: Path) -> Spot:
        place = self.old.place(source)
        return Spot(place.line or 1, place.column or 1)

    def has(self, target: Path) -> bool:
        """Whether the new document has a mapping's value at a path."""
        around = self.new.at(target[:-1])
        return isinstance(around, Mapping) and target[-1] in around

    def refuse(self, source: Path, detail: str, advice: str, *, key: bool = False) -> None:
        """Tells what cannot be carried over."""
        self.findings.append(
            ManifestError(detail=brief(detail, 300), advice=brief(advice, 1000), place=self.old.place(source, key=key))
        )

    def note(self, source: Path, was: str, now: str, *, key: bool = False, once: str = "") -> None:
        """Tells that something is spelled otherwise now; once for each thing, or for all that have a word in common."""
        said = once or f"{was}: {now}"
        if said not in self._noted:
            self._noted.add(said)
            self.notes.append(OlderSpellingNote(was=brief(was), now=brief(now, 200), place=self.old.place(source, key=key)))


def _copied(value: Any) -> Any:
    """Data of its own; its depth is bounded."""
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value
