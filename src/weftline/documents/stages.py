"""The contracts of the stages: what may stand in the place of each, and a check that says so before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from weftline.documents.types import (
    Chunk,
    Document,
    EmbeddingBatch,
    Extraction,
    IndexReceipt,
    KnowledgeReceipt,
    RawPayload,
)
from weftline.errors import StageShapeError


@dataclass(frozen=True, slots=True)
class StageContext:
    """For whom and for which job a stage works. Results never depend on it: it is for telling, not for computing."""

    tenant_id: str = "default"
    job_id: str = ""
    doc_id: str = ""
    correlation_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    pipeline_name: str = ""
    pipeline_version: str = ""


class Embedder(Protocol):
    """Turns texts into vectors of one length.

    A vector depends on its text alone, not on its neighbours in the call. Implementations may be called from several
    threads.
    """

    @property
    def name(self) -> str:
        """Model and variant; vectors of different names are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """How many values a vector has."""
        ...

    def embed(self, texts: Sequence[str], /) -> bytes:
        """One L2-normalised vector per text, as little-endian float32 values, one after the other."""
        ...


class IngestStage(Protocol):
    """Finds records at a source. Faults of a single record are noted on its payload, not raised."""

    def execute(self, ctx: StageContext, source: str, /) -> tuple[RawPayload, ...]:
        """One payload per record, in an order that depends on the source alone."""
        ...


class ParseStage(Protocol):
    """Reads one payload, or raises a `DataError` that names the record, the place and the fix."""

    def execute(self, ctx: StageContext, payload: RawPayload, /) -> Document:
        """The document; never one with missing parts that the payload has."""
        ...


class ValidateStage(Protocol):
    """Lets a consistent document pass, unchanged."""

    def execute(self, ctx: StageContext, document: Document, /) -> Document:
        """The same document."""
        ...


class ChunkStage(Protocol):
    """Cuts a document into passages."""

    def execute(self, ctx: StageContext, document: Document, /) -> tuple[Chunk, ...]:
        """Passages in the document's order; each is word for word in its section."""
        ...


class EmbedStage(Protocol):
    """Adds vectors to the chunks of one document."""

    def execute(self, ctx: StageContext, chunks: tuple[Chunk, ...], /) -> EmbeddingBatch:
        """The chunks, unchanged, with one vector each."""
        ...


class IndexStage(Protocol):
    """Makes an index equal to the batches: both its halves, or neither."""

    def execute(self, ctx: StageContext, batches: Iterable[EmbeddingBatch], /) -> IndexReceipt:
        """A receipt that `confirms` accepts as long as the index still holds that content."""
        ...

    def confirms(self, receipt: IndexReceipt, /) -> bool:
        """Whether the index holds what the receipt says. Cheap, and false when in doubt."""
        ...


class ExtractStage(Protocol):
    """Reads entities and claims out of one document."""

    def execute(self, ctx: StageContext, document: Document, /) -> Extraction:
        """Every claim carries the words that say so."""
        ...


class KnowledgeStage(Protocol):
    """Makes a graph equal to the extractions, all of them or none."""

    def execute(self, ctx: StageContext, extractions: Iterable[Extraction], /) -> KnowledgeReceipt:
        """A receipt that `confirms` accepts as long as the graph still holds that content."""
        ...

    def confirms(self, receipt: KnowledgeReceipt, /) -> bool:
        """Whether the graph holds what the receipt says. Cheap, and false when in doubt."""
        ...


Stage = TypeVar("Stage")


def require_stage(candidate: Stage, protocol: type) -> Stage:
    """The candidate, unchanged, once it is known to have every method of the protocol with room for its arguments.

    Call it where a pipeline is built, so that a stage of the wrong shape is found before anything runs.

    Raises:
        StageShapeError: naming the first method that is missing or has another shape.
    """
    for name, wanted in _methods(protocol):
        given = getattr(candidate, name, None)
        detail = _misfit(name, given, wanted)
        if detail is not None:
            signature = inspect.signature(wanted)
            positional = ", ".join(str(p).replace("'", "") for p in signature.parameters.values())
            raise StageShapeError(
                stage=candidate.__name__ if isinstance(candidate, type) else type(candidate).__name__,
                protocol=protocol.__name__,
                detail=detail,
                wanted=f"def {name}({positional}) -> {signature.return_annotation}",
            )
    return candidate


def _methods(protocol: type) -> list[tuple[str, Callable[..., Any]]]:
    return [(name, member) for name, member in vars(protocol).items() if inspect.isfunction(member) and name[0] != "_"]


def _misfit(name: str, given: Any, wanted: Callable[..., Any]) -> str | None:
    if given is None:
        return f"it has no method {name!r}"
    if not callable(given):
        return f"its {name!r} is not a method but {type(given).__name__}"
    if isinstance(given, type) or (inspect.isfunction(given) and list(inspect.signature(given).parameters)[:1] == ["self"]):
        return f"it is a class; its {name!r} needs an instance"
    arguments = len(inspect.signature(wanted).parameters) - 1
    try:
        inspect.signature(given).bind(*[None] * arguments)
    except TypeError as error:
        return f"its {name!r} does not accept {arguments} positional arguments: {error}"
    except ValueError:  # a method written in C may have no signature that can be read
        return None
    return None
