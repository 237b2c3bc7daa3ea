"""Embed: vectors for the chunks of a document, by an embedder that is looked up by name."""

from __future__ import annotations

import math
import re
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import EntryPoint, entry_points

from weftline.documents.chunk import embedding_text
from weftline.documents.stages import Embedder, StageContext
from weftline.documents.types import Chunk, EmbeddingBatch
from weftline.errors import BrokenEmbedderError, MissingExtraError, UnknownEmbedderError

GROUP = "weftline.embedders"
FLOAT_BYTES = 4


def embed_chunks(chunks: Sequence[Chunk], embedder: Embedder) -> EmbeddingBatch:
    """One vector per chunk of one document; the model reads each passage after its title and heading.

    Raises:
        BrokenEmbedderError: the embedder returned another number of bytes than it should.
        ValueError: no chunks, or chunks of several documents.
    """
    documents = {chunk.document for chunk in chunks}
    if len(documents) != 1:
        raise ValueError(f"the chunks of one document are wanted, not of {len(documents)}")
    vectors = embed_texts([embedding_text(chunk) for chunk in chunks], embedder)
    return EmbeddingBatch(documents.pop(), embedder.name, embedder.dimension, tuple(chunks), vectors)


def embed_texts(texts: Sequence[str], embedder: Embedder) -> bytes:
    """What the embedder returns for the texts, once its length is right.

    Raises:
        BrokenEmbedderError: it is not.
    """
    vectors = embedder.embed(texts)
    wanted = len(texts) * embedder.dimension * FLOAT_BYTES
    if len(vectors) != wanted:
        raise BrokenEmbedderError(name=embedder.name, texts=len(texts), given=len(vectors), wanted=wanted)
    return vectors


def find_embedder(name: str) -> Embedder:
    """A new instance of the embedder of that name: an entry point of `weftline.embedders`, or the built-in `hash`.

    Raises:
        UnknownEmbedderError: no such name, with the names there are.
        MissingExtraError: known, but what it is built on is not installed.
    """
    known: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=GROUP)}
    if name in known:
        try:
            made: Embedder = known[name].load()()
        except ModuleNotFoundError as error:
            raise MissingExtraError(feature=f"embedder {name!r}", extra=name) from error
        return made
    if name == HashEmbedder.name:
        return HashEmbedder()
    raise UnknownEmbedderError(name=name, known=", ".join(sorted({*known, HashEmbedder.name})))


def pack_floats(values: Iterable[float]) -> bytes:
    """Values as little-endian float32, whatever this machine uses."""
    packed = array("f", values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def unpack_floats(data: bytes) -> Sequence[float]:
    """The values of little-endian float32 bytes; without a copy on little-endian machines."""
    if sys.byteorder == "big":
        swapped = array("f", data)
        swapped.byteswap()
        data = swapped.tobytes()
    return memoryview(data).cast("f")


class HashEmbedder:
    """Vectors from word hashes, for tests and for trying a pipeline without a model.

    Not semantic: texts are near each other exactly as far as they share words. `drug` and `medicine` have nothing in
    common here. Deterministic across processes and machines, up to the rounding of float32.
    """

    name = "hash"
    dimension = 64

    def embed(self, texts: Sequence[str]) -> bytes:
        """One vector per text: signed counts of its words' hashes, normalised; the zero vector for no words."""
        return b"".join(map(self._vector, texts))

    def _vector(self, text: str) -> bytes:
        values = [0.0] * self.dimension
        for word in re.findall(r"\w+", text.lower()):
            number = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
            values[number % self.dimension] += 1.0 if number >> 63 else -1.0
        length = math.sqrt(sum(value * value for value in values)) or 1.0
        return pack_floats(value / length for value in values)


@dataclass(frozen=True, slots=True)
class ChunkEmbedder:
    """The embed stage."""

    embedder: Embedder

    def execute(self, ctx: StageContext, chunks: Sequence[Chunk]) -> EmbeddingBatch:  # noqa: ARG002 - part of the contract
        """See `embed_chunks`."""
        return embed_chunks(chunks, self.embedder)
