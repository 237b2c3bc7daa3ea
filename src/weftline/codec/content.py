"""The content of a stored value: one byte string, or pieces of memory that are written one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable


class Pieces:
    """A large content whose parts lie apart in memory: it is digested and stored without being put together.

    Args:
        parts: one after the other.
        identity: what `ports.plugins.ForeignValues.digest` says of the value, found from what the parts were made of.

    Attributes:
        known: gives the digest of the parts, where somebody knows it.
    """

    __slots__ = ("identity", "known", "parts")

    parts: Iterable[bytes | memoryview]

    def __init__(self, *parts: bytes | memoryview, identity: Callable[[], bytes] | None = None) -> None:
        self.parts = parts
        self.identity = identity
        self.known: Callable[[], bytes] | None = None

    def __len__(self) -> int:
        return sum(len(part) if isinstance(part, bytes) else part.nbytes for part in self.parts)


Content = bytes | Pieces


def whole(content: Content) -> bytes:
    """A content as one byte string."""
    return b"".join(content.parts) if isinstance(content, Pieces) else content


def sha256_of(content: Content) -> bytes:
    """The digest by which a content is found."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    if content.known is not None:
        return content.known()
    found = hashlib.sha256()
    for part in content.parts:
        found.update(part)
    return found.digest()
