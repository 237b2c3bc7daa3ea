"""Context keys: dotted names such as `features.train`, and patterns such as `conditioning.*`."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KEY = re.compile(r"[^\W\d]\w*(?:[.\-]\w+)*")
_WILDCARD = ".*"


def is_key(text: str) -> bool:
    """Whether a text may be a key: words joined by dots, the first not beginning with a digit."""
    return _KEY.fullmatch(text) is not None


def is_pattern(text: str) -> bool:
    """Whether a text names a whole namespace."""
    return text.endswith(_WILDCARD)


def namespace(text: str) -> str:
    """The namespace that `conditioning` and `conditioning.*` both mean."""
    return text.removesuffix(_WILDCARD)


def matches(pattern: str, key: str) -> bool:
    """Whether a key is the one named, or lies in the namespace of a pattern; only whole segments match."""
    if is_pattern(pattern):
        return key.startswith(namespace(pattern) + ".")
    return key == pattern


def matching(pattern: str, keys: Iterable[str]) -> list[str]:
    """The keys that a pattern takes, sorted."""
    return sorted(key for key in keys if matches(pattern, key))
