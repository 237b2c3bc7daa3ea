"""The port to stores of results."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from weftline.model.entry import Entry, Stored


class Cache(Protocol):
    """Keeps what calls made, by key and by content.

    Whatever is returned has been checked against its digest. A damaged entry is put aside, told through `damage`, and from
    then on not there.
    """

    def find(self, keys: Sequence[bytes]) -> Mapping[bytes, Entry]:
        """The entries of those keys that are there; small contents come with them.

        Raises:
            StoreUnusableError: the store cannot be read at all.
        """
        ...

    def load(self, stored: Stored, key: bytes) -> bytes:
        """The content of a stored value.

        Raises:
            DamagedEntryError: the content is gone or altered; the entry of that key is put aside.
        """
        ...

    def store(self, entries: Sequence[Entry]) -> None:
        """Keeps entries whose outputs carry their contents. They survive a power failure once this returns.

        An entry takes the place of one with the same key: a result that was forced, or a newer receipt.

        Raises:
            StoreUnusableError: the store cannot be written, such as on a full disk.
        """
        ...

    def recipes(self, recipes: Collection[bytes]) -> set[bytes]:
        """Which of these recipes have made an entry that is still there."""
        ...

    def damage(self) -> list[str]:
        """What was put aside since the last time it was asked, in words."""
        ...

    def close(self) -> None:
        """Frees files and connections."""
        ...
