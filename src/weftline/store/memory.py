"""A cache in memory: for one process, forgotten with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from weftline.codec import whole
from weftline.errors import DamagedEntryError
from weftline.model.entry import Entry, Held, Stored, freed


class MemoryCache:
    """Entries in a dictionary; contents stay with them."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Entry] = {}
        self._pinned: set[bytes] = set()

    def find(self, keys: Sequence[bytes]) -> Mapping[bytes, Entry]:
        """The entries that are there."""
        return {key: self._entries[key] for key in keys if key in self._entries}

    def load(self, stored: Stored, key: bytes) -> bytes | memoryview:
        """The content that came with the entry."""
        entry = self._entries.get(key)
        for found in (stored, *(entry.outputs if entry is not None else ())):
            if found.object == stored.object and found.content is not None:
                return whole(found.content)
        raise DamagedEntryError(what_is_damaged=key.hex()[:12], detail="its content is gone")

    def store(self, entries: Sequence[Entry]) -> None:
        """Keeps entries; the last of a key stays."""
        self._entries.update((entry.key, entry) for entry in entries)

    def recipes(self, recipes: Collection[bytes]) -> set[bytes]:
        """Which recipes have made an entry."""
        return {entry.recipe for entry in self._entries.values()}.intersection(recipes)

    def held(self) -> Iterator[Held]:
        """Every entry."""
        for key, entry in list(self._entries.items()):
            bare = tuple(stored._replace(content=None) for stored in entry.outputs)
            yield Held(entry._replace(outputs=bare), key in self._pinned)

    def remove(self, keys: Collection[bytes]) -> None:
        """Forgets entries with their contents."""
        for key in keys:
            self._entries.pop(key, None)
        self._pinned -= set(keys)

    def free(self, keys: Collection[bytes]) -> None:
        """Drops contents."""
        self._entries.update((key, freed(self._entries[key])) for key in keys if key in self._entries)

    def pin(self, keys: Collection[bytes], *, pinned: bool) -> None:
        """Marks entries, or takes the mark away."""
        present = self._entries.keys() & set(keys)
        self._pinned = self._pinned | present if pinned else self._pinned - present

    def sweep(self) -> int:
        """Nothing is left without an entry."""
        return 0

    def located(self, digest: bytes) -> None:
        """Nothing is in files."""
        del digest

    def version(self) -> int:
        """Nobody else stores anything here."""
        return 0

    def damage(self) -> list[str]:
        """Nothing is ever damaged in memory."""
        return []

    def close(self) -> None:
        """Nothing to free."""
