"""A file that may be changed while a process lives: the newest sound reading of it, and what is wrong with a newer one.

There is no thread: whoever asks has the file looked at, if the last look is long enough ago. What was given out stays as it is,
so that a run keeps what it began with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from weftline.author.manifest.source import Stamp, stamp_of, text_of
from weftline.clock import Clock
from weftline.errors import KeptManifestError, Place, UnreadableManifestError, WeftlineError

T = TypeVar("T")


class Seen(NamedTuple, Generic[T]):
    """What a look at a file gave.

    Attributes:
        document: of the newest sound reading, the same object until there is another one; None if there was none.
        findings: what is wrong with the file as it is now; empty where `document` is what it says.
    """

    document: T | None
    findings: tuple[WeftlineError, ...]


class Watched(Generic[T]):
    """A file, as it is now.

    Args:
        path: the file; it need not be there yet.
        made: what a text, of a file of this name, declares, and what is wrong with it; it is taken only if nothing is.
        clock: the time.
        every_s: seconds between two looks; a change is seen at the first question after that.
    """

    def __init__(
        self, path: Path, made: Callable[[str, str], tuple[T, Sequence[WeftlineError]]], clock: Clock, every_s: float = 0.5
    ) -> None:
        self._path = path
        self._made = made
        self._clock = clock
        self._every_s = every_s
        self._looked_at: float | None = None
        self._stamp: Stamp | None = None
        self._is_settled = False
        self._text: str | None = None
        self._seen: Seen[T] = Seen(None, ())

    def current(self) -> Seen[T]:
        """The newest sound reading; the file is looked at if the last look is long enough ago."""
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at >= self._every_s:
            self._looked_at = now
            self._look()
        return self._seen

    def _look(self) -> None:
        """Reads the file after a change, and once more at the next look: two changes may have one stamp."""
        before = stamp_of(self._path)
        is_same = before is not None and before == self._stamp
        if is_same and self._is_settled:
            return
        try:
            text = text_of(self._path)
        except UnreadableManifestError as error:
            self._stamp, self._text = None, None
            self._refuse([error])
            return
        if stamp_of(self._path) != before:  # somebody writes to it now
            self._stamp = None
            return
        self._stamp, self._is_settled = before, is_same
        if text != self._text:
            self._text = text
            document, findings = self._made(text, str(self._path))
            if findings:
                self._refuse(findings)
            else:
                self._seen = Seen(document, ())

    def _refuse(self, findings: Sequence[WeftlineError]) -> None:
        kept = self._seen.document
        told: list[WeftlineError] = [*findings]
        if kept is not None:
            told.insert(0, KeptManifestError(file=str(self._path), place=Place(str(self._path))))
        self._seen = Seen(kept, tuple(told))
