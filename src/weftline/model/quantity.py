"""Durations and sizes as people write them: `90s`, `12h`, `30d`; `500MB`, `10GiB`."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_BYTES = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgtp", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgtp", 1)},
}
_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE | re.ASCII)


def duration_s(text: str) -> float:
    """Seconds in a duration.

    Raises:
        ValueError: it is no number with one of the units ms, s, m, h, d, w.
    """
    return _read(text, _SECONDS, "a duration such as 90s, 45m, 12h, 30d or 2w")


def size_bytes(text: str) -> int:
    """Bytes in a size; `k`, `M`, `G` and so on are powers of 1000, `Ki`, `Mi`, `Gi` of 1024.

    Raises:
        ValueError: it is no number with a unit.
    """
    return int(_read(text, _BYTES, "a size such as 500MB or 10GiB"))


def shown_bytes(count: float) -> str:
    """A size for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def shown_age(seconds: float) -> str:
    """How long ago something was, for people: the largest unit that fits."""
    for unit in ("w", "d", "h", "m"):
        if seconds >= _SECONDS[unit]:
            return f"{seconds // _SECONDS[unit]:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def _read(text: str, units: Mapping[str, float], example: str) -> float:
    found = _FORM.fullmatch(text)
    if found is None or found[2].lower() not in units:
        raise ValueError(f"{text!r} is not {example}")
    return float(found[1]) * units[found[2].lower()]
