"""The cache of a home: one in a folder, whose small results become durable with the journal that tells of them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from weftline.errors import StoreUnusableError
from weftline.model.entry import Entry, Held
from weftline.store.files import INLINE_BYTES, FileCache, rows_of, with_texts
from weftline.store.replaceable import Row
from weftline.store.staged import Staged

#: Results that lie in the ledger's file before they are moved to the index.
_MOST = 256
#: Results that come at once and are worth a flush of their own: to write each of them twice would cost more.
_MANY = 24


class JoinedCache(FileCache):
    """A cache that fits `weftline.ports.cache.Staging`, too.

    Args:
        folder: its own.
        staged: where the ledger takes small results along. What others have left there is found, or moved to the index at once.
    """

    def __init__(self, folder: Path, staged: Staged) -> None:
        super().__init__(folder)
        self._staged = staged
        with contextlib.suppress(StoreUnusableError):  # it is found where it is; who stores something is told
            self.settle()

    def stage(self, entries: Sequence[Entry]) -> None:
        """A few small entries become durable with the ledger's next transaction, others at once."""
        small: list[Entry] = []
        others: list[Entry] = []
        for entry in entries:
            (small if len(entries) < _MANY and _is_small(entry) else others).append(entry)
        if len(self._staged) >= _MOST or self._staged.rows([entry.key for entry in others]):
            self.settle()
        if others:
            super().store(others)
        self._staged.put([row for entry in small for row in rows_of(entry)])

    def settle(self) -> None:
        """Moves what the ledger has taken along into the index."""
        self._staged.settle(self._keep)

    def _keep(self, rows: Sequence[Row]) -> None:
        self._index.write(map(with_texts, rows), {row[8] for row in rows}, {})

    # --- looking ---

    def _rows(self, keys: Sequence[bytes]) -> dict[bytes, list[Row]]:
        staged = self._staged.rows(keys)  # first: somebody may move them to the index meanwhile
        found = super()._rows([key for key in keys if key not in staged] if staged else keys)
        found.update(staged)
        return found

    def version(self) -> int:
        """Counts what others have changed in the ledger, where they all tell of what they have stored."""
        return self._staged.version()

    def recipes(self, recipes: Collection[bytes]) -> set[bytes]:
        """Which recipes have made an entry."""
        staged = self._staged.recipes()  # first, as above
        return super().recipes(recipes) | staged.intersection(recipes)

    # --- what needs everything in its place ---

    def store(self, entries: Sequence[Entry]) -> None:
        """Keeps entries, in the place of those that were staged."""
        self.settle()
        super().store(entries)

    def held(self) -> Iterator[Held]:
        """Every entry that is sound."""
        self.settle()
        return super().held()

    def remove(self, keys: Collection[bytes]) -> None:
        """Forgets entries, also those that no transaction has taken along yet."""
        self.settle()
        self._staged.forget(keys)
        super().remove(keys)

    def pin(self, keys: Collection[bytes], *, pinned: bool) -> None:
        """Marks entries, or takes the mark away."""
        self.settle()
        super().pin(keys, pinned=pinned)

    def sweep(self) -> int:
        """Removes files that no entry names, and gives free pages of the index back."""
        self.settle()
        return super().sweep()

    def _put_aside(self, key: bytes, objects: Sequence[bytes], detail: str) -> None:
        if self._staged.rows([key]):
            self.settle()
        super()._put_aside(key, objects, detail)

    def close(self) -> None:
        """Closes the index."""
        with contextlib.suppress(StoreUnusableError):  # nothing is lost: who opens the cache next does it
            self.settle()
        super().close()


def _is_small(entry: Entry) -> bool:
    """Whether an entry may lie in the ledger's file for a while; a pickle must not, since others may be able to write there."""
    return all(
        stored.content is not None and stored.size <= INLINE_BYTES and stored.codec != "pickle" for stored in entry.outputs
    )
