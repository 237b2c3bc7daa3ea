import dataclasses
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from weftline.documents import database
from weftline.documents.embed import HashEmbedder
from weftline.documents.index import LAYOUT, SqliteIndex
from weftline.documents.retrieve import Mode, SqliteRetriever
from weftline.documents.stages import StageContext
from weftline.errors import BrokenEmbedderError, EmbedderMismatchError, IndexUnusableError, NoEmbedderError


@pytest.fixture
def index(tmp_path):
    return SqliteIndex(tmp_path / "deep" / "index.db")


def rows(index):
    with sqlite3.connect(index.path) as db:
        found = db.execute(
            "SELECT id, document, title, section, text, path, start, vector FROM passages ORDER BY id"
        ).fetchall()
        indexed = db.execute("SELECT count(*) FROM words_docsize").fetchone()
    db.close()
    return found, indexed


def test_a_write_holds_all_and_is_confirmed(index, batches):
    receipt = index.execute(StageContext(), batches)
    assert (receipt.documents, receipt.chunks) == (len(batches), sum(len(batch.chunks) for batch in batches))
    assert receipt.keyword_ok
    assert receipt.vector_ok
    assert index.confirms(receipt)
    assert not index.confirms(dataclasses.replace(receipt, generation="other"))


def test_a_second_write_changes_nothing(index, batches):
    receipt = index.write(batches)
    before = index.path.read_bytes()
    assert index.write(batches) == receipt
    assert index.write(reversed(batches)) == receipt
    with sqlite3.connect(index.path) as db:
        assert db.execute("SELECT max(number) FROM passages").fetchone() == (receipt.chunks,)
    db.close()
    assert len(index.path.read_bytes()) == len(before)


def test_only_what_changed_is_rewritten_and_what_is_gone_is_removed(index, batches):
    index.write(batches[:10])
    with sqlite3.connect(index.path) as db:
        before = dict(db.execute("SELECT id, number FROM passages"))
    db.close()
    changed = dataclasses.replace(
        batches[3], chunks=(dataclasses.replace(batches[3].chunks[0], text="zyzzyva"), *batches[3].chunks[1:])
    )
    receipt = index.write((*batches[:3], changed, *batches[4:9], batches[12]))
    with sqlite3.connect(index.path) as db:
        after = dict(db.execute("SELECT id, number FROM passages"))
    db.close()
    moved = {name.partition("#")[0] for name in after if after[name] != before.get(name)}
    assert moved <= {batches[3].document, batches[12].document}
    assert not any(name.startswith(batches[9].document) for name in after)
    assert receipt.documents == 10
    retriever = SqliteRetriever(index.path)
    assert [hit.document for hit in retriever.search("zyzzyva")] == [batches[3].document]
    assert batches[9].document not in {hit.document for hit in retriever.search(batches[9].chunks[0].title, limit=100)}


def test_other_vectors_are_another_content(index, batches):
    receipt = index.write(batches[:2])
    other = dataclasses.replace(batches[0], vectors=batches[0].vectors[::-1])
    assert index.write((other, batches[1])).generation != receipt.generation
    with sqlite3.connect(index.path) as db:
        (vector,) = db.execute("SELECT vector FROM passages WHERE id = ?", (other.chunks[0].id,)).fetchone()
    db.close()
    assert other.vectors.startswith(vector)


def test_a_write_does_not_wait_for_readers(index, batches, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)
    index.write(batches[:2])
    with database.reading(index.path, LAYOUT) as reader:
        assert reader.execute("SELECT count(*) FROM documents").fetchone() == (2,)
        index.write(batches[:4])
        assert reader.execute("SELECT count(*) FROM documents").fetchone() == (2,)


def test_the_way_to_a_content_does_not_matter(tmp_path, batches):
    straight, winding = SqliteIndex(tmp_path / "a.db"), SqliteIndex(tmp_path / "b.db")
    receipt = straight.write(batches)
    shuffled = list(batches)
    for seed in range(3):
        random.Random(seed).shuffle(shuffled)
        winding.write(shuffled[: 10 * (seed + 1)])
    assert winding.write(shuffled).generation == receipt.generation
    assert rows(winding) == rows(straight)
    for query in ("osimertinib lung cancer", "pain", "insomnia device"):
        for mode in Mode:
            one, other = (SqliteRetriever(made.path, HashEmbedder()).search(query, mode) for made in (straight, winding))
            assert [(hit.document, hit.passage) for hit in one] == [(hit.document, hit.passage) for hit in other]


class Interrupted(Exception):
    pass


def breaking_off(batches):
    yield from batches
    raise Interrupted


def test_what_raises_in_the_middle_leaves_the_old_state(index, batches):
    receipt = index.write(batches[:5])
    before = rows(index)
    with pytest.raises(Interrupted):
        index.write(breaking_off(batches[5:20]))
    assert rows(index) == before
    assert index.confirms(receipt)


def test_what_raises_in_the_first_write_leaves_no_index(index, batches):
    with pytest.raises(Interrupted):
        index.write(breaking_off(batches[:5]))
    with pytest.raises(IndexUnusableError, match="it is empty"):
        SqliteRetriever(index.path).search("pain")
    assert index.write(batches[:5]).documents == 5


KILLED = """
import sys, time
from pathlib import Path
from weftline.documents.chunk import chunk_document
from weftline.documents.embed import HashEmbedder, embed_chunks
from weftline.documents.index import LAYOUT, SqliteIndex
from weftline.documents.ingest import read_records
from weftline.documents.parse import parse_record

def batches():
    for payload in read_records(sys.argv[2])[5:]:
        yield embed_chunks(chunk_document(parse_record(payload)), HashEmbedder())
    print("written, not committed", flush=True)
    time.sleep(600)

SqliteIndex(Path(sys.argv[1])).write(batches())
"""


def test_a_kill_in_the_middle_leaves_the_old_state(index, batches, shipped):
    receipt = index.write(batches[:5])
    before = rows(index)
    source = str(Path(sys.modules["weftline"].__file__).parents[1])
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED, index.path, shipped], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": source}
    )
    assert writer.stdout.readline() == b"written, not committed\n"
    # readers see the old state while the other process holds its transaction
    assert index.confirms(receipt)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert index.confirms(receipt)
    assert rows(index) == before
    assert index.write(batches).documents == len(batches)


def write_part(path, batches):
    SqliteIndex(path).write(batches)


def test_writers_wait_for_each_other(index, batches):
    context = multiprocessing.get_context("spawn")
    parts = [batches[:8], batches[8:16], batches[16:24]]
    writers = [context.Process(target=write_part, args=(index.path, part)) for part in parts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    found, _ = rows(index)
    assert {row[1] for row in found} in [{batch.document for batch in part} for part in parts]


def test_a_reader_in_another_thread_never_sees_a_half(index, batches):
    index.write(batches[:20])
    sizes = set()
    stop = threading.Event()

    def read():
        retriever = SqliteRetriever(index.path, HashEmbedder())
        while not stop.is_set():
            sizes.add(len(retriever.search("study", Mode.VECTOR, limit=100)))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        index.write(batches[:30])
        index.write(batches[:20])
    stop.set()
    reader.join()
    assert sizes <= {20, 30}


# --- what is not an index -------------------------------------------------------------------------------------------


def not_a_database(path):
    path.write_bytes(b"This is a text file, and long enough to be looked at as a database header, which it is not." * 20)


def cut_off(path, whole):
    path.write_bytes(whole[: len(whole) // 2])


def foreign(path):
    with sqlite3.connect(path) as db:
        db.executescript("PRAGMA user_version = 1; CREATE TABLE documents (id TEXT, digest TEXT)")
    db.close()


def newer(path, batches):
    SqliteIndex(path).write(batches[:1])
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


NOT_AN_INDEX = {
    "missing": "there is no such file",
    "text": "not a database",
    "folder": "there is no such file",
    "foreign": "it is a database of another program",
    "newer": "a newer weftline wrote it (schema 99, this one knows 1)",
    "empty": "it is empty",
}


@pytest.mark.parametrize("kind", NOT_AN_INDEX)
def test_what_is_not_an_index_is_one_error_for_readers(tmp_path, batches, kind):
    path = tmp_path / "index.db"
    {
        "missing": lambda: None,
        "text": lambda: not_a_database(path),
        "folder": path.mkdir,
        "foreign": lambda: foreign(path),
        "newer": lambda: newer(path, batches),
        "empty": path.touch,
    }[kind]()
    receipt = SqliteIndex(tmp_path / "good.db").write(batches[:1])
    assert not SqliteIndex(path).confirms(receipt)
    for mode in Mode:
        with pytest.raises(IndexUnusableError) as caught:
            SqliteRetriever(path, HashEmbedder()).search("pain", mode)
        assert caught.value.code == "D705"
        assert NOT_AN_INDEX[kind] in caught.value.message


@pytest.mark.parametrize("spoil", [not_a_database, foreign, Path.mkdir])
def test_what_is_not_an_index_is_not_written_over(tmp_path, batches, spoil):
    path = tmp_path / "index.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(IndexUnusableError, match="moved away first"):
        SqliteIndex(path).write(batches[:1])
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_damaged_file_is_an_error_or_right_never_a_crash(tmp_path, batches):
    good = SqliteIndex(tmp_path / "good.db")
    good.write(batches[:6])
    whole = good.path.read_bytes()
    path = tmp_path / "bad.db"
    told = 0
    for seed in range(60):
        chance = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(30):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(bytes(damaged) if seed % 3 else whole[: chance.randrange(len(whole))])
        try:
            SqliteRetriever(path, HashEmbedder()).search("study of pain")
            SqliteIndex(path).write(batches[:7])
        except IndexUnusableError:
            told += 1
        for extra in ("-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
    assert told > 20


def test_batches_of_two_models_are_refused(index, batches):
    other = dataclasses.replace(batches[1], model="other")
    with pytest.raises(EmbedderMismatchError, match="'other'"):
        index.write((batches[0], other))


def test_vectors_of_another_length_are_refused(index, batches):
    short = dataclasses.replace(batches[0], vectors=batches[0].vectors[:-4])
    with pytest.raises(BrokenEmbedderError):
        index.write((short,))


def test_a_document_given_twice_is_refused(index, batches):
    with pytest.raises(ValueError, match="given twice"):
        index.write((batches[0], batches[0]))


# --- searching ------------------------------------------------------------------------------------------------------


class Other(HashEmbedder):
    name = "other"


class Strict(HashEmbedder):
    """Wants what can be encoded, as tokenizers do."""

    def embed(self, texts):
        return super().embed([text.encode().decode() for text in texts])


def test_the_embedder_must_be_the_one_of_the_index(index, batches):
    index.write(batches[:2])
    with pytest.raises(NoEmbedderError, match="'hash'"):
        SqliteRetriever(index.path).search("pain", Mode.VECTOR)
    with pytest.raises(EmbedderMismatchError, match="'hash' \\(64 dimensions\\), but 'other'"):
        SqliteRetriever(index.path, Other()).search("pain")
    assert SqliteRetriever(index.path, Other()).search("pain", Mode.KEYWORD)


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "?!",
        '"',
        "'; DROP TABLE passages; --",
        "NEAR(",
        "title:pain",
        "pain*",
        "AND OR NOT",
        "_",
        "a_b",
        "\x00",
        "\udcff",
        "x" * 10_000,
        "é\u0301 \U0001f600",
        "- - -",
        "^pain",
        "{pain}",
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_no_query_breaks_the_search(index, batches, query, mode):
    index.write(batches[:3])
    hits = SqliteRetriever(index.path, Strict()).search(query, mode)
    assert isinstance(hits, tuple)


def test_a_very_long_query_is_answered(index, batches):
    index.write(batches[:3])
    assert SqliteRetriever(index.path).search("pain " + " ".join(f"w{number}" for number in range(20_000)))


def test_a_hit_names_its_document_its_passage_and_its_place(index, batches, documents):
    index.write(batches)
    by_id = {document.id: document for document in documents}
    hits = SqliteRetriever(index.path, HashEmbedder()).search("wallis interspinous stabilisation discectomy", limit=5)
    assert len(hits) == len({hit.document for hit in hits}) == 5
    assert hits[0].document == "NCT01824108"
    assert (hits[0].keyword_rank, hits[0].title) == (1, by_id["NCT01824108"].title)
    assert list(hits) == sorted(hits, key=lambda hit: -hit.score)
    for hit in hits:
        document = by_id[hit.document]
        assert document.quote(hit.place) == hit.passage
        assert document.sections[hit.place.section].title == hit.section


def test_words_are_found_in_all_their_forms(index, batches):
    index.write(batches)
    hits = SqliteRetriever(index.path).search("screened telangiectasias")
    assert hits[0].document == "NCT00684879"
    assert hits[0].vector_rank is None


def test_a_retriever_sees_what_was_written_since(index, batches):
    index.write(batches[:3])
    retriever = SqliteRetriever(index.path, HashEmbedder())
    assert len(retriever.search("study", Mode.VECTOR, limit=100)) == 3
    index.write(batches[:5])
    assert len(retriever.search("study", Mode.VECTOR, limit=100)) == 5
    index.write(())
    assert retriever.search("study") == ()
