"""Retrieve: the documents that answer a query, by words, by meaning, or by both."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import nsmallest
from operator import mul
from pathlib import Path

from weftline.documents.database import reading
from weftline.documents.embed import FLOAT_BYTES, embed_texts, unpack_floats
from weftline.documents.index import LAYOUT, unusable
from weftline.documents.stages import Embedder
from weftline.documents.types import Hit, Place
from weftline.errors import EmbedderMismatchError, NoEmbedderError

CANDIDATES = 100
# Cormack, Clarke, Buettcher: Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, SIGIR 2009
FUSION_K = 60
# a query is what a person types; more words than this would only make SQLite's expression tree deep
MAX_QUERY_WORDS = 200

BY_WORDS = """
    SELECT passages.document, passages.number, bm25(words) AS score
    FROM words JOIN passages ON passages.number = words.rowid
    WHERE words MATCH ?
    ORDER BY score, passages.id
"""
PASSAGE = """
    SELECT document, title, section, text, section_number, path, start, "end" FROM passages WHERE number = ?
"""


class Mode(StrEnum):
    """How documents are found. HYBRID fuses the ranks of the other two."""

    KEYWORD = "keyword"
    VECTOR = "vector"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document in one list: its rank from 1, its score (more is better), and its best passage."""

    document: str
    rank: int
    score: float
    passage: int


@dataclass(frozen=True, slots=True)
class Vectors:
    """All vectors of one generation of an index, in the order of passage ids."""

    generation: str
    model: str
    documents: tuple[str, ...]
    passages: tuple[int, ...]
    rows: tuple[Sequence[float], ...]


class SqliteRetriever:
    """Searches an index file.

    Vectors are compared one by one in pure Python, about 10 us each: good for some 5,000 passages. They are kept in
    memory and read again when the index has changed. Instances may be shared by threads.
    """

    def __init__(self, path: Path, embedder: Embedder | None = None) -> None:
        """Opens nothing yet. Without an embedder only Mode.KEYWORD is possible."""
        self._path = path
        self._embedder = embedder
        self._vectors: Vectors | None = None

    def search(self, query: str, mode: Mode | None = None, limit: int = 10) -> tuple[Hit, ...]:
        """The best documents, each once, with its best passage; equal scores are ordered by document id.

        Args:
            query: words; nothing in it is an operator.
            mode: HYBRID when there is an embedder, else KEYWORD.
            limit: how many documents at most.

        Raises:
            IndexUnusableError: the file is missing, damaged or of another program.
            EmbedderMismatchError: the index was made by another embedder.
            NoEmbedderError: the mode needs an embedder.
        """
        if mode is None:
            mode = Mode.KEYWORD if self._embedder is None else Mode.HYBRID
        query = query.encode("utf-8", "replace").decode()  # a command line may hold bytes that are no text
        with reading(self._path, LAYOUT) as db:
            words = [] if mode is Mode.VECTOR else rank_by_words(db, query)
            meaning = [] if mode is Mode.KEYWORD else self._rank_by_meaning(db, query)
            return tuple(self._hit(db, item) for item in fuse(words, meaning)[: max(0, limit)])

    def _rank_by_meaning(self, db: sqlite3.Connection, query: str) -> list[Ranked]:
        vectors = self._current_vectors(db)
        if self._embedder is None:
            raise NoEmbedderError(path=str(self._path), indexed=vectors.model)
        if not query.strip() or not vectors.rows:
            return []
        if self._embedder.name != vectors.model or self._embedder.dimension != len(vectors.rows[0]):
            given = f"{self._embedder.name!r} ({self._embedder.dimension})"
            indexed = f"{vectors.model!r} ({len(vectors.rows[0])} dimensions)"
            raise EmbedderMismatchError(where=str(self._path), indexed=indexed, given=given)
        wanted = tuple(unpack_floats(embed_texts([query], self._embedder)))
        return rank_by_meaning(vectors, wanted)

    def _current_vectors(self, db: sqlite3.Connection) -> Vectors:
        meta: dict[str, str] = dict(db.execute("SELECT name, value FROM meta"))
        generation = meta.get("generation")
        if generation is None:
            raise unusable(str(self._path), "it says nothing about its content")
        if self._vectors is None or self._vectors.generation != generation:
            self._vectors = _load(db, str(self._path), generation, meta.get("model", ""), int(meta.get("dimension", "0")))
        return self._vectors

    def _hit(self, db: sqlite3.Connection, item: tuple[float, Ranked | None, Ranked | None]) -> Hit:
        score, words, meaning = item
        best = min((found for found in (words, meaning) if found is not None), key=lambda found: found.rank)
        row = db.execute(PASSAGE, (best.passage,)).fetchone()
        if row is None:
            raise unusable(str(self._path), f"it has lost passage {best.passage}")
        document, title, section, text, number, path, start, end = row
        return Hit(
            document=document,
            title=title,
            section=section,
            passage=text,
            place=Place(number, path, start, end),
            score=score,
            keyword_rank=words.rank if words else None,
            vector_rank=meaning.rank if meaning else None,
        )


def rank_by_words(db: sqlite3.Connection, query: str) -> list[Ranked]:
    """Documents by the BM25 score of their best passage."""
    expression = match_expression(query)
    if not expression:
        return []
    rows = db.execute(BY_WORDS, (expression,))
    return _rank((document, -score, passage) for document, passage, score in rows)


def rank_by_meaning(vectors: Vectors, wanted: Sequence[float]) -> list[Ranked]:
    """Documents by the cosine of their best passage; the vectors have length 1, so that is the inner product."""
    scores = [sum(map(mul, wanted, row)) for row in vectors.rows]
    order = sorted(range(len(scores)), key=lambda number: -scores[number])
    return _rank((vectors.documents[number], scores[number], vectors.passages[number]) for number in order)


def match_expression(query: str) -> str:
    """A full-text query that finds any of the words; every word is quoted, so that none is an operator.

    >>> match_expression('insulin AND "type 2" NEAR(x)')
    '"insulin" OR "AND" OR "type" OR "2" OR "NEAR" OR "x"'
    """
    words = dict.fromkeys(re.findall(r"\w+", query))
    return " OR ".join(f'"{word}"' for word in list(words)[:MAX_QUERY_WORDS])


def fuse(words: Iterable[Ranked], meaning: Iterable[Ranked]) -> list[tuple[float, Ranked | None, Ranked | None]]:
    """Documents of two lists by reciprocal rank fusion, best first: (score, rank by words, rank by meaning).

    Of equal scores the better rank by words comes first, then the smaller id.
    """
    by_words = {item.document: item for item in words}
    by_meaning = {item.document: item for item in meaning}

    def score(document: str) -> float:
        found = (by_words.get(document), by_meaning.get(document))
        return sum(1 / (FUSION_K + item.rank) for item in found if item is not None)

    def order(document: str) -> tuple[float, int, str]:
        words_rank = by_words[document].rank if document in by_words else CANDIDATES + 1
        return -score(document), words_rank, document

    best = sorted(by_words.keys() | by_meaning.keys(), key=order)
    return [(score(document), by_words.get(document), by_meaning.get(document)) for document in best]


def _rank(passages: Iterable[tuple[str, float, int]]) -> list[Ranked]:
    """The first passage of each document, from passages that come best first; equal scores by document id."""
    best: dict[str, tuple[float, int]] = {}
    for document, score, passage in passages:
        best.setdefault(document, (score, passage))
    order = nsmallest(CANDIDATES, best.items(), key=lambda item: (-item[1][0], item[0]))
    return [Ranked(document, rank, score, passage) for rank, (document, (score, passage)) in enumerate(order, 1)]


def _load(db: sqlite3.Connection, path: str, generation: str, model: str, dimension: int) -> Vectors:
    rows = db.execute("SELECT document, number, vector FROM passages ORDER BY id").fetchall()
    if any(len(vector) != dimension * FLOAT_BYTES for _, _, vector in rows):
        raise unusable(path, "it holds a vector of another length than it says")
    values = tuple(unpack_floats(vector) for _, _, vector in rows)
    return Vectors(generation, model, tuple(row[0] for row in rows), tuple(row[1] for row in rows), values)
