"""Catches what calls print and log, each call's for itself, although they share the process's streams."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any, TextIO

#: The end of a call's output that is kept, in characters.
_KEPT = 256 * 1024


def kept(text: str, left_out: int = 0) -> str:
    """The end of a text, with a first line that says how much is missing.

    Args:
        text: what was written.
        left_out: characters before it that are gone already.
    """
    left_out += max(0, len(text) - _KEPT)
    return f"[{left_out:,} characters before this are left out]\n{text[-_KEPT:]}" if left_out else text


class Capture:
    """Stands in for `sys.stdout` and `sys.stderr` while a backend is open; sorts what is written by thread.

    Args:
        echo: also pass everything on to the real streams, as a program that runs a pipeline in its own process expects.
    """

    def __init__(self, *, echo: bool = False) -> None:
        self._echo = echo
        self._local = threading.local()
        self._streams: tuple[TextIO, TextIO] | None = None
        self._handler = _Handler(self)

    def open(self) -> None:
        """Puts itself in the place of the streams."""
        self._streams = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = _Stream(self, sys.stdout), _Stream(self, sys.stderr)
        logging.getLogger().addHandler(self._handler)

    def close(self) -> None:
        """Puts the streams back."""
        if self._streams is not None:
            sys.stdout, sys.stderr = self._streams
            self._streams = None
            logging.getLogger().removeHandler(self._handler)

    def begin(self) -> None:
        """A call starts on this thread."""
        self._local.parts = []

    def end(self) -> str:
        """The call on this thread is over: what it wrote."""
        parts = self._local.parts
        self._local.parts = None
        return kept("".join(parts)) if parts else ""

    def take(self, text: str) -> bool:
        """Keeps text for the call on this thread; False if there is none, or if it shall be seen as well."""
        parts = getattr(self._local, "parts", None)
        if parts is None:
            return False
        parts.append(text)
        return not self._echo


class _Stream:
    """A text stream that asks the capture first."""

    def __init__(self, capture: Capture, real: TextIO) -> None:
        self._capture = capture
        self._real = real

    def write(self, text: str) -> int:
        if not self._capture.take(text):
            self._real.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Handler(logging.Handler):
    """Keeps log records of calls with their output."""

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self._capture = capture
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s\n"))

    def emit(self, record: logging.LogRecord) -> None:
        self._capture.take(self.format(record))
