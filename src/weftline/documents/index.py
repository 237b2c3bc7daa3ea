"""Index: passages by word and by vector in one SQLite file, written both or neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from weftline.documents.database import Layout, content_digest, reading, writing
from weftline.documents.embed import FLOAT_BYTES
from weftline.documents.stages import StageContext
from weftline.documents.types import EmbeddingBatch, IndexReceipt
from weftline.errors import BrokenEmbedderError, EmbedderMismatchError, IndexUnusableError

ADD_PASSAGE = """
    INSERT INTO passages (id, document, title, section, text, section_number, path, start, "end", vector)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# the second and third come from different structures of the file, so a half-written one would show
COUNTS = """
    SELECT (SELECT count(*) FROM documents),
           (SELECT count(*) FROM passages),
           (SELECT count(*) FROM words_docsize),
           (SELECT count(*) FROM passages WHERE length(vector) = ?)
"""


def unusable(path: str, detail: str) -> IndexUnusableError:
    """The error of an index file; a file that is there must go before another can be built in its place."""
    hint = "a file that is damaged or of another program has to be moved away first" if Path(path).exists() else None
    return IndexUnusableError(path=path, detail=detail, hint=hint)


LAYOUT = Layout(application_id=0x77667469, version=1, schema="index.sql", unusable=unusable)


@dataclass(frozen=True, slots=True)
class SqliteIndex:
    """The index stage over one file.

    Safe to open from several processes: readers see the old state until a write is complete.
    """

    path: Path

    def write(self, batches: Iterable[EmbeddingBatch]) -> IndexReceipt:
        """Make the index hold these documents and no others, in one transaction.

        Only documents whose content has changed are rewritten. An iterator is consumed inside the transaction; if it
        raises, the old state stays.

        Raises:
            EmbedderMismatchError: the batches come from different models.
            IndexUnusableError: the file is damaged, of another program, or cannot be written.
        """
        with writing(self.path, LAYOUT) as db:
            written = _Written()
            known: dict[str, str] = dict(db.execute("SELECT id, digest FROM documents"))
            for batch in batches:
                digest = written.add(str(self.path), batch)
                if known.get(batch.document) != digest:
                    _remove(db, batch.document)
                    _add(db, batch, digest)
            for document in known.keys() - written.digests.keys():
                _remove(db, document)
            return self._finish(db, written)

    def _finish(self, db: sqlite3.Connection, written: _Written) -> IndexReceipt:
        documents, passages, worded, vectored = db.execute(COUNTS, (written.dimension * FLOAT_BYTES,)).fetchone()
        if not passages == worded == vectored:
            raise unusable(str(self.path), f"{passages} passages, but {worded} are indexed by word and {vectored} by vector")
        generation = written.generation()
        meta = {"generation": generation, "model": written.model, "dimension": str(written.dimension)}
        db.executemany("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", meta.items())
        return IndexReceipt(str(self.path), generation, documents, passages, keyword_ok=True, vector_ok=True)

    def confirms(self, receipt: IndexReceipt) -> bool:
        """Whether the file holds what the receipt says; false also when it is missing or cannot be read."""
        try:
            with reading(self.path, LAYOUT) as db:
                row = db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
        except IndexUnusableError:
            return False
        return row is not None and row[0] == receipt.generation

    def execute(self, ctx: StageContext, batches: Iterable[EmbeddingBatch]) -> IndexReceipt:  # noqa: ARG002 - contract
        """See `write`."""
        return self.write(batches)


class _Written:
    """What one write has seen so far."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.model = ""
        self.dimension = 0

    def add(self, path: str, batch: EmbeddingBatch) -> str:
        """Check a batch against those before it; its digest."""
        if batch.document in self.digests:
            raise ValueError(f"document {batch.document!r} is given twice")
        if not self.digests:
            self.model, self.dimension = batch.model, batch.dimension
        if (batch.model, batch.dimension) != (self.model, self.dimension):
            indexed = f"{self.model!r} ({self.dimension} dimensions)"
            raise EmbedderMismatchError(where=path, indexed=indexed, given=f"{batch.model!r} ({batch.dimension})")
        wanted = len(batch.chunks) * batch.dimension * FLOAT_BYTES
        if len(batch.vectors) != wanted:
            raise BrokenEmbedderError(name=batch.model, texts=len(batch.chunks), given=len(batch.vectors), wanted=wanted)
        digest = content_digest(_parts(batch))
        self.digests[batch.document] = digest
        return digest

    def generation(self) -> str:
        """The digest of everything that the index holds."""
        return content_digest(part for item in sorted(self.digests.items()) for part in item)


def _parts(batch: EmbeddingBatch) -> Iterator[str | bytes | int]:
    yield from (batch.document, batch.model, batch.dimension, batch.vectors)
    for chunk in batch.chunks:
        place = chunk.place
        yield from (chunk.id, chunk.title, chunk.section, chunk.text, place.section, place.path, place.start, place.end)


def _remove(db: sqlite3.Connection, document: str) -> None:
    db.execute("DELETE FROM passages WHERE document = ?", (document,))
    db.execute("DELETE FROM documents WHERE id = ?", (document,))


def _add(db: sqlite3.Connection, batch: EmbeddingBatch, digest: str) -> None:
    db.execute("INSERT INTO documents (id, digest) VALUES (?, ?)", (batch.document, digest))
    size = batch.dimension * FLOAT_BYTES
    db.executemany(
        ADD_PASSAGE,
        (
            (c.id, c.document, c.title, c.section, c.text, c.place.section, c.place.path, c.place.start, c.place.end, vector)
            for number, c in enumerate(batch.chunks)
            for vector in (batch.vectors[number * size : (number + 1) * size],)
        ),
    )
