"""Known-item search over study records: quality, embedding cost and latency.

Usage: python benchmarks/retrieval.py FOLDER [--model minilm|hash] [--queries 60]

Each query is made of words of one record, which should come back among the first three. The words of the brief title
are the easy kind; the others show what is lost when the words are fewer or common.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from weftline.documents.chunk import chunk_document
from weftline.documents.embed import HashEmbedder, embed_chunks
from weftline.documents.index import SqliteIndex
from weftline.documents.ingest import read_records
from weftline.documents.parse import parse_record
from weftline.documents.retrieve import Mode, SqliteRetriever
from weftline.documents.types import Document
from weftline.errors import DataError

SEED = 7
DEPTH = 100


def title(document: Document) -> str:
    return document.title


def half_of_the_title(document: Document) -> str:
    words = document.title.split()
    return " ".join(random.Random(document.id).sample(words, max(3, len(words) // 2))) if len(words) > 5 else ""


def first_sentence(document: Document) -> str:
    return next((s.text.split(". ")[0] for s in document.sections if s.kind == "summary"), "")


def condition_and_interventions(document: Document) -> str:
    trial = document.trial
    return " ".join((*trial.conditions[:1], *(item.name for item in trial.interventions[:2]))) if trial.interventions else ""


KINDS: dict[str, Callable[[Document], str]] = {
    "brief title": title,
    "half of its words": half_of_the_title,
    "first sentence of the summary": first_sentence,
    "condition and interventions": condition_and_interventions,
}


def read(folder: Path) -> list[Document]:
    documents = []
    for payload in read_records(str(folder)):
        try:
            documents.append(parse_record(payload))
        except DataError as finding:
            print(finding)
    return documents


def measure(retriever: SqliteRetriever, queries: list[tuple[str, str]], mode: Mode) -> tuple[int, float, list[float]]:
    top3, reciprocal, times = 0, 0.0, []
    for query, wanted in queries:
        started = time.perf_counter()
        hits = retriever.search(query, mode, limit=DEPTH)
        times.append(time.perf_counter() - started)
        rank = next((rank for rank, hit in enumerate(hits, 1) if hit.document == wanted), None)
        top3 += rank is not None and rank <= 3
        reciprocal += 1 / rank if rank else 0
    return top3, reciprocal / len(queries), times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", choices=("minilm", "hash"), default="minilm")
    parser.add_argument("--queries", type=int, default=60)
    arguments = parser.parse_args()
    if arguments.model == "minilm":
        from weftline.ext.minilm import MiniLM

        embedder = MiniLM()
        embedder.embed(["load the model"])
    else:
        embedder = HashEmbedder()

    started = time.perf_counter()
    documents = read(arguments.folder)
    chunked = [chunk_document(document) for document in documents]
    prepared = time.perf_counter() - started
    chunks = sum(map(len, chunked))
    print(f"{len(documents)} documents, {chunks} passages, read and cut in {prepared:.2f} s")
    started, cpu = time.perf_counter(), time.process_time()
    batches = [embed_chunks(passages, embedder) for passages in chunked]
    spent = time.process_time() - cpu
    print(
        f"embedding: {1000 * spent / chunks:.1f} CPU ms per passage, {chunks / (time.perf_counter() - started):.0f} passages/s"
    )

    with tempfile.TemporaryDirectory() as folder:
        index = SqliteIndex(Path(folder) / "index.db")
        started = time.perf_counter()
        index.write(batches)
        written = time.perf_counter() - started
        started = time.perf_counter()
        index.write(batches)
        print(f"index: written in {written:.2f} s, again without a change in {time.perf_counter() - started:.2f} s")
        retriever = SqliteRetriever(index.path, embedder)
        retriever.search("load the vectors")
        chosen = random.Random(SEED).sample(documents, min(arguments.queries, len(documents)))
        report(retriever, chosen)


def report(retriever: SqliteRetriever, chosen: list[Document]) -> None:
    print(f"\n{'query':32} {'mode':8} {'top 3':>9} {'MRR':>6} {'p50 ms':>7} {'p95 ms':>7}")
    for kind, make in KINDS.items():
        queries = [(query, document.id) for document in chosen if (query := make(document).strip())]
        for mode in Mode:
            top3, reciprocal, times = measure(retriever, queries, mode)
            p95 = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
            found = f"{top3}/{len(queries)}"
            print(f"{kind:32} {mode:8} {found:>9} {reciprocal:6.3f} {1000 * statistics.median(times):7.1f} {1000 * p95:7.1f}")


if __name__ == "__main__":
    main()
