import math

import pytest

from weftline.documents import embed
from weftline.documents.chunk import chunk_document
from weftline.documents.embed import HashEmbedder, embed_chunks, find_embedder, pack_floats, unpack_floats
from weftline.errors import BrokenEmbedderError, MissingExtraError, UnknownEmbedderError


def test_floats_keep_their_bytes_whatever_the_machine(monkeypatch):
    assert pack_floats([1.0, -2.0]) == b"\x00\x00\x80\x3f\x00\x00\x00\xc0"
    assert list(unpack_floats(b"\x00\x00\x80\x3f\x00\x00\x00\xc0")) == [1.0, -2.0]
    # on a machine of the other order the same calls swap; here that shows as swapped bytes
    monkeypatch.setattr(embed.sys, "byteorder", "big")
    assert pack_floats([1.0]) == b"\x3f\x80\x00\x00"
    assert list(unpack_floats(pack_floats([1.0, -2.0]))) == [1.0, -2.0]


def test_hash_vectors_have_length_one_and_depend_on_their_text_alone():
    embedder = HashEmbedder()
    both = embedder.embed(["back pain", "sleep"])
    assert both == embedder.embed(["back pain"]) + embedder.embed(["sleep"])
    vector = unpack_floats(embedder.embed(["Back PAIN"]))
    assert math.isclose(sum(value * value for value in vector), 1.0, rel_tol=1e-6)
    assert list(vector) == list(unpack_floats(both))[: embedder.dimension]
    assert set(unpack_floats(embedder.embed(["..."]))) == {0.0}


def test_hash_vectors_are_the_same_in_every_release():
    values = [round(value, 4) for value in unpack_floats(HashEmbedder().embed(["low back pain"]))]
    assert {number: value for number, value in enumerate(values) if value} == {3: -0.5774, 11: -0.5774, 21: 0.5774}


def test_a_batch_holds_the_chunks_with_a_vector_each(document):
    chunks = chunk_document(document)
    batch = embed_chunks(chunks, HashEmbedder())
    assert (batch.document, batch.model, batch.dimension, batch.chunks) == ("NCT00000001", "hash", 64, chunks)
    assert len(batch.vectors) == len(chunks) * 64 * 4


def test_chunks_of_several_documents_or_none_are_refused(document):
    with pytest.raises(ValueError, match="not of 0"):
        embed_chunks((), HashEmbedder())


class Short(HashEmbedder):
    name = "short"

    def embed(self, texts):
        return super().embed(texts)[:-1]


def test_an_embedder_that_returns_too_little_is_found_out(document):
    with pytest.raises(BrokenEmbedderError) as caught:
        embed_chunks(chunk_document(document), Short())
    assert caught.value.given == caught.value.wanted - 1


class Point:
    """An entry point, as far as the look-up goes."""

    def __init__(self, name, loaded):
        self.name = name
        self._loaded = loaded

    def load(self):
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


def test_embedders_are_found_by_name(monkeypatch):
    monkeypatch.setattr(embed, "entry_points", lambda group: [Point("short", Short)] if group == "weftline.embedders" else [])
    assert isinstance(find_embedder("short"), Short)
    assert find_embedder("hash").dimension == 64
    with pytest.raises(UnknownEmbedderError) as caught:
        find_embedder("shrot")
    assert caught.value.fix == "use one of: hash, short"


def test_a_missing_extra_is_named(monkeypatch):
    point = Point("minilm", ModuleNotFoundError("No module named 'onnxruntime'"))
    monkeypatch.setattr(embed, "entry_points", lambda group: [point])
    with pytest.raises(MissingExtraError, match="minilm") as caught:
        find_embedder("minilm")
    assert caught.value.fix == "pip install 'weftline[minilm]'"
