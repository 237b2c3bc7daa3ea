"""Large contents in the tables of a SQLite file, for a cache that is a single file."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from weftline.codec import Content, Pieces
from weftline.store.replaceable import ReplaceableDatabase

#: Larger contents are taken apart.
_PIECE_BYTES = 16 << 20
#: A content younger than this may belong to an entry that is being written, in seconds.
_NEW_S = 3600.0


class ObjectTable:
    """What `ObjectFolder` is to a folder."""

    def __init__(self, database: ReplaceableDatabase) -> None:
        self._db = database

    def write(self, contents: Iterable[tuple[bytes, Content]]) -> Mapping[bytes, bytes]:
        """Keeps contents by digest, each in a transaction; when this returns they survive a power failure."""
        for digest, content in contents:
            if self.fault(digest, len(content), None) is None:
                self._db.change(("UPDATE objects SET written_at = ? WHERE object = ?", [(time.time(), digest)]))
                continue
            self._db.change(
                ("DELETE FROM pieces WHERE object = ?", [(digest,)]),
                ("INSERT INTO pieces VALUES (?, ?, ?)", _rows(digest, content)),
                ("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", [(digest, len(content), time.time())]),
            )
        return {}

    def read(self, digest: bytes, signature: bytes | None = None) -> tuple[bytes, bytes] | None:
        """The content, or None if it is gone or altered; nothing tells that it was compared before."""
        del signature
        sql = "SELECT content FROM pieces WHERE object = ? ORDER BY position"
        rows = self._db.do(lambda db: db.execute(sql, (digest,)).fetchall())
        content = rows[0][0] if len(rows) == 1 else b"".join(row[0] for row in rows)
        return (content, b"") if rows and hashlib.sha256(content).digest() == digest else None

    def fault(self, digest: bytes, size: int, signature: bytes | None = None) -> str | None:
        """What is wrong with a content, as far as its size tells."""
        del signature
        sql = "SELECT sum(length(content)) FROM pieces WHERE object = ?"
        found = self._db.do(lambda db: db.execute(sql, (digest,)).fetchone()[0])
        if found is None:
            return "its content is missing"
        return None if found == size else f"its content has {found} bytes instead of {size}"

    def sweep(self, named: Callable[[], Collection[bytes]]) -> int:
        """Removes contents that nobody names and that are not new; gives the number of bytes."""
        before = time.time() - _NEW_S
        sql = "SELECT object, size FROM objects WHERE written_at < ?"
        old: list[tuple[bytes, int]] = self._db.do(lambda db: db.execute(sql, (before,)).fetchall())
        kept = set(named())
        gone = [(digest, size) for digest, size in old if digest not in kept]
        self._db.change(  # if it is still old: somebody may be about to name it
            ("DELETE FROM objects WHERE object = ? AND written_at < ?", [(digest, before) for digest, _ in gone]),
            (
                "DELETE FROM pieces WHERE object = ? AND object NOT IN (SELECT object FROM objects)",
                [(digest,) for digest, _ in gone],
            ),
        )
        return sum(size for _, size in gone)

    def naming(self) -> AbstractContextManager[None]:
        """Nothing is dropped at once, so nothing has to be held off."""
        return nullcontext()

    def drop(self, digests: Sequence[bytes], named: Callable[[Sequence[bytes]], Collection[bytes]]) -> None:
        """Contents that nobody names go with the next sweep."""

    def located(self, digest: bytes) -> None:
        """Nothing lies in a file by itself."""
        del digest

    def put_aside(self, digest: bytes) -> None:
        """Removes a damaged content: a file that is handed on as a whole keeps no remains."""
        self._remove([digest])

    def _remove(self, digests: Iterable[bytes]) -> None:
        rows = [(digest,) for digest in digests]
        self._db.change(("DELETE FROM pieces WHERE object = ?", rows), ("DELETE FROM objects WHERE object = ?", rows))


def _rows(digest: bytes, content: Content) -> Iterator[tuple[bytes, int, sqlite3.Binary | memoryview]]:
    position = 0
    for part in content.parts if isinstance(content, Pieces) else (content,):
        view = memoryview(part).cast("B")
        for start in range(0, len(view), _PIECE_BYTES):
            yield digest, position, view[start : start + _PIECE_BYTES]
            position += 1
