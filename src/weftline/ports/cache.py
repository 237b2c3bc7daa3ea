"""The port to stores of results."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from weftline.model.entry import Entry, Held, Stored


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

    def load(self, stored: Stored, key: bytes) -> bytes | memoryview:
        """The content of a stored value; a large one may be a view of a file, which stays valid while it is used.

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

    def remove(self, keys: Collection[bytes]) -> None:
        """Forgets entries, pinned ones too; contents that no other entry names go with the next `sweep`.

        A process that has found such an entry and reads it later is told that it is gone, and computes it again.
        """
        ...

    def free(self, keys: Collection[bytes]) -> None:
        """Takes the contents of entries away, and keeps what else is known of them; see `weftline.model.entry.freed`.

        A content that other entries name stays; one that nobody names goes now, or with a `sweep`.
        """
        ...

    def version(self) -> int:
        """A number that is another one as soon as somebody else may have stored something."""
        ...

    def close(self) -> None:
        """Frees files and connections."""
        ...


class Tended(Protocol):
    """What takes care of a cache needs of it, besides."""

    def held(self) -> Iterator[Held]:
        """Every entry that is there, in no order; damaged ones are put aside as they are met."""
        ...

    def pin(self, keys: Collection[bytes], *, pinned: bool) -> None:
        """Marks entries as not to be removed to make room, or takes the mark away."""
        ...

    def sweep(self) -> int:
        """Frees what no entry names any more; gives the number of bytes.

        What another process has written a short while ago, and is about to name in an entry, stays.
        """
        ...

    def located(self, digest: bytes) -> Path | None:
        """The file in which a stored content lies by itself, whole; None if there is none."""
        ...

    def damage(self) -> list[str]:
        """What was put aside since the last time it was asked, in words."""
        ...


class TendedCache(Cache, Tended, Protocol):
    """A cache of a home: one class gives both."""


class Staging(Protocol):
    """What a cache can besides, that leaves small results to the transactions of a ledger: one flush for result and journal."""

    def stage(self, entries: Sequence[Entry]) -> None:
        """Keeps entries as `Cache.store` does; but they survive a power failure only when the ledger's next `append` returns.

        In this process they are found at once.

        Raises:
            StoreUnusableError: the store cannot be written, such as on a full disk.
        """
        ...

    def settle(self) -> None:
        """Moves what the ledger has taken along to its place in the cache.

        Raises:
            StoreUnusableError: the store cannot be written; nothing is lost.
        """
        ...
