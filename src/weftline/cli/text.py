"""How things look on a terminal: colours where one is, none where not."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import IO, Any

from weftline.errors import Place
from weftline.plan.render import counted, seconds

_STYLES = {
    "RUN": "1;33",
    "MAY RUN": "36",
    "CACHED": "32",
    "BLOCKED": "31",
    "SKIP": "2",
    "succeeded": "32",
    "cached": "32",
    "completed": "32",
    "failed": "31",
    "partial": "33",
    "skipped": "2",
    "cancelled": "33",
    "running": "36",
    "abandoned": "31",
    "dim": "2",
    "bold": "1",
    "error": "1;31",
}


#: Characters of somebody else's text that are shown.
_MOST_SHOWN = 2000
#: Control characters, and the marks that turn the direction of writing around, as escapes.
_VISIBLE = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (*range(9), *range(11, 32), *range(127, 160), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
#: Where `out_json` writes, once stdout was set apart for it.
_results: list[IO[str]] = []


def paints(stream: IO[str]) -> bool:
    """Whether a stream shows colours: a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint_out(text: str, style: str) -> str:
    """Text in a style, for stdout."""
    return _painted(text, style) if paints(sys.stdout) else text


def paint_err(text: str, style: str) -> str:
    """Text in a style, for stderr."""
    return _painted(text, style) if paints(sys.stderr) else text


def _painted(text: str, style: str) -> str:
    code = _STYLES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def printable(text: str, *, one_line: bool = False) -> str:
    """Text of somebody else's, such as an error's: nothing in it moves the cursor or changes colours, and it has an end.

    Args:
        text: what somebody wrote.
        one_line: put the lines into one.
    """
    lines = text.splitlines() or [""]
    shown = (" / " if one_line else "\n").join(line.translate(_VISIBLE) for line in lines)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]} ... ({len(shown) - _MOST_SHOWN:,} more characters)"


def out(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")


def err(text: str = "") -> None:
    """A line beside the result."""
    sys.stderr.write(text + "\n")


def stdout_for_json() -> None:
    """From here on stdout is for `out_json` alone: what nodes, or programs that they start, write there goes to stderr."""
    with contextlib.suppress(OSError):  # no stdout at all
        sys.stdout.flush()
        _results.append(os.fdopen(os.dup(1), "w", encoding="utf-8"))
        os.dup2(2, 1)


def out_json(value: Any) -> None:
    """A result for programs."""
    stream = _results[-1] if _results else sys.stdout
    json.dump(value, stream, indent=2, default=str)
    stream.write("\n")
    stream.flush()


def source_lines(place: Place, around: int = 2) -> list[str]:
    """The lines of a file around a place, the place itself marked; empty if the file cannot be read."""
    try:
        lines = Path(place.file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    line = place.line or 1
    first = max(1, line - around)
    shown = []
    for number in range(first, min(len(lines), line + around) + 1):
        mark = ">" if number == line else " "
        shown.append(f"{mark} {number:>4} | {lines[number - 1]}")
    return shown


__all__ = [
    "counted",
    "err",
    "out",
    "out_json",
    "paint_err",
    "paint_out",
    "paints",
    "printable",
    "seconds",
    "source_lines",
    "stdout_for_json",
]
