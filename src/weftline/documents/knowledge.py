"""Knowledge: the graph of all extractions in one SQLite file, written all or none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from weftline.documents.database import Layout, content_digest, reading, writing
from weftline.documents.names import drug_forms, forms
from weftline.documents.stages import StageContext
from weftline.documents.types import Entity, EntityKind, Extraction, KnowledgeReceipt, Place
from weftline.errors import KnowledgeUnusableError

# only these are asked for by name; a name of an outcome is a sentence
NAMED = frozenset((EntityKind.CONDITION, EntityKind.INTERVENTION, EntityKind.ORGANISATION, EntityKind.TRIAL))
ADD_ENTITY = "INSERT INTO entities (document, id, kind, name) VALUES (?, ?, ?, ?)"
# a form that is both the name and an alias counts as the name
ADD_NAME = """
    INSERT INTO names (document, entity, kind, form, is_alias) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET is_alias = min(is_alias, excluded.is_alias)
"""
ADD_MENTION = 'INSERT INTO mentions (document, entity, text, section_number, path, start, "end") VALUES (?, ?, ?, ?, ?, ?, ?)'
ADD_CLAIM = """
    INSERT INTO claims (document, subject, predicate, object, text, section_number, path, start, "end")
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
COUNTS = """
    SELECT (SELECT count(*) FROM documents), (SELECT count(DISTINCT id) FROM entities), (SELECT count(*) FROM claims)
"""


def unusable(path: str, detail: str) -> KnowledgeUnusableError:
    """The error of a graph file; a file that is there must go before another can be built in its place."""
    hint = "a file that is damaged or of another program has to be moved away first" if Path(path).exists() else None
    return KnowledgeUnusableError(path=path, detail=detail, hint=hint)


LAYOUT = Layout(application_id=0x7766746B, version=1, schema="knowledge.sql", unusable=unusable)


@dataclass(frozen=True, slots=True)
class SqliteKnowledge:
    """The knowledge stage over one file; `graph.KnowledgeGraph` reads it.

    Safe to open from several processes: readers see the old state until a write is complete.
    """

    path: Path

    def write(self, extractions: Iterable[Extraction]) -> KnowledgeReceipt:
        """Make the graph hold what these extractions say and nothing else, in one transaction.

        Only documents whose extraction has changed are rewritten. An iterator is consumed inside the transaction; if
        it raises, the old state stays.

        Raises:
            KnowledgeUnusableError: the file is damaged, of another program, or cannot be written.
        """
        with writing(self.path, LAYOUT) as db:
            known: dict[str, str] = dict(db.execute("SELECT id, digest FROM documents"))
            digests: dict[str, str] = {}
            for extraction in extractions:
                if extraction.document in digests:
                    raise ValueError(f"document {extraction.document!r} is given twice")
                digest = digests[extraction.document] = content_digest(_parts(extraction))
                if known.get(extraction.document) != digest:
                    _remove(db, extraction.document)
                    _add(db, extraction, digest)
            for document in known.keys() - digests.keys():
                _remove(db, document)
            generation = content_digest(part for item in sorted(digests.items()) for part in item)
            db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('generation', ?)", (generation,))
            documents, entities, claims = db.execute(COUNTS).fetchone()
            return KnowledgeReceipt(str(self.path), generation, documents, entities, claims)

    def confirms(self, receipt: KnowledgeReceipt) -> bool:
        """Whether the file holds what the receipt says; false also when it is missing or cannot be read."""
        try:
            with reading(self.path, LAYOUT) as db:
                row = db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
        except KnowledgeUnusableError:
            return False
        return row is not None and row[0] == receipt.generation

    def execute(self, ctx: StageContext, extractions: Iterable[Extraction]) -> KnowledgeReceipt:  # noqa: ARG002 - contract
        """See `write`."""
        return self.write(extractions)


def _remove(db: sqlite3.Connection, document: str) -> None:
    for table in ("claims", "mentions", "names", "entities"):
        db.execute(f"DELETE FROM {table} WHERE document = ?", (document,))  # noqa: S608 - the names stand above
    db.execute("DELETE FROM documents WHERE id = ?", (document,))


def _add(db: sqlite3.Connection, said: Extraction, digest: str) -> None:
    db.execute("INSERT INTO documents (id, title, digest) VALUES (?, ?, ?)", (said.document, said.title, digest))
    db.executemany(ADD_ENTITY, ((said.document, item.id, item.kind, item.name) for item in said.entities))
    db.executemany(ADD_NAME, (row for item in said.entities for row in _names(said.document, item)))
    db.executemany(ADD_MENTION, ((said.document, item.entity, item.text, *_fields(item.place)) for item in said.mentions))
    db.executemany(
        ADD_CLAIM,
        ((item.document, item.subject, item.predicate, item.object, item.text, *_fields(item.place)) for item in said.claims),
    )


def _names(document: str, entity: Entity) -> Iterator[tuple[str, str, str, str, bool]]:
    if entity.kind not in NAMED:
        return
    spell = drug_forms if entity.kind is EntityKind.INTERVENTION else forms
    for name, is_alias in ((entity.name, False), *((alias, True) for alias in entity.aliases)):
        for form in spell(name):
            # another spelling of the name itself is no alias: it has the same id
            yield document, entity.id, entity.kind, form, is_alias and form != entity.id.partition(":")[2]


def _fields(place: Place) -> tuple[int, str, int, int]:
    return place.section, place.path, place.start, place.end


def _parts(said: Extraction) -> Iterator[str | bytes | int]:
    yield from (said.document, said.title, len(said.entities), len(said.mentions))
    for entity in said.entities:
        yield from (entity.id, entity.kind, entity.name, len(entity.aliases))
        yield from entity.aliases
    for mention in said.mentions:
        yield from (mention.entity, mention.text, *_fields(mention.place))
    for claim in said.claims:
        yield from (claim.subject, claim.predicate, claim.object, claim.text, *_fields(claim.place))
