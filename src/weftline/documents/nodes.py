"""The stages as nodes: each holds an implementation of its stage, so that another one can take its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from weftline.author.node import Node
from weftline.documents.ingest import MAX_RECORD_BYTES
from weftline.documents.stages import (
    ChunkStage,
    EmbedStage,
    ExtractStage,
    IndexStage,
    IngestStage,
    KnowledgeStage,
    ParseStage,
    StageContext,
    ValidateStage,
    require_stage,
)
from weftline.documents.types import (
    Chunk,
    Document,
    EmbeddingBatch,
    Extraction,
    IndexReceipt,
    KnowledgeReceipt,
    RawPayload,
)
from weftline.model.context import Context

_CONTEXT = StageContext()


class Ingest(Node):
    """Finds the records: one call, since only together can they be told apart."""

    provides = {"records": tuple[RawPayload, ...]}
    params = {"source": Path("records"), "max_record_bytes": MAX_RECORD_BYTES}

    def __init__(self, open_source: Callable[[int], IngestStage]) -> None:
        self.open_source = open_source

    def run(self, ctx: Context) -> None:
        stage = require_stage(self.open_source(ctx.params["max_record_bytes"]), IngestStage)
        ctx.set("records", stage.execute(_CONTEXT, str(ctx.params["source"])))


class _PerDocument(Node):
    """A stage that has a call for each document; one that cannot be worked on is told, and the others go on."""

    on_item_error = "skip"

    def __init__(self, stage: Any, contract: type) -> None:
        self.stage = require_stage(stage, contract)


class Parse(_PerDocument):
    """Reads a record into a document."""

    over = "records"
    requires = {"records": RawPayload}
    provides = {"documents.parsed": Document}

    def __init__(self, stage: ParseStage) -> None:
        super().__init__(stage, ParseStage)

    def run(self, ctx: Context) -> None:
        ctx.set("documents.parsed", self.stage.execute(_CONTEXT, ctx.get("records")))


class Validate(_PerDocument):
    """Lets a consistent document pass."""

    over = "documents.parsed"
    requires = {"documents.parsed": Document}
    provides = {"documents.valid": Document}

    def __init__(self, stage: ValidateStage) -> None:
        super().__init__(stage, ValidateStage)

    def run(self, ctx: Context) -> None:
        ctx.set("documents.valid", self.stage.execute(_CONTEXT, ctx.get("documents.parsed")))


class Chunks(_PerDocument):
    """Cuts a document into passages."""

    name = "chunk"
    over = "documents.valid"
    requires = {"documents.valid": Document}
    provides = {"passages": tuple[Chunk, ...]}

    def __init__(self, stage: ChunkStage) -> None:
        super().__init__(stage, ChunkStage)

    def run(self, ctx: Context) -> None:
        ctx.set("passages", self.stage.execute(_CONTEXT, ctx.get("documents.valid")))


class Embed(_PerDocument):
    """Adds vectors to the passages of a document."""

    over = "passages"
    requires = {"passages": tuple[Chunk, ...]}
    provides = {"embeddings": EmbeddingBatch}

    def __init__(self, stage: EmbedStage) -> None:
        super().__init__(stage, EmbedStage)

    def run(self, ctx: Context) -> None:
        ctx.set("embeddings", self.stage.execute(_CONTEXT, ctx.get("passages")))


class Index(Node):
    """Makes the index equal to the embeddings, by word and by vector, or not at all."""

    requires = {"embeddings": list[EmbeddingBatch]}
    provides = {"index.receipt": IndexReceipt}
    params = {"index": ".weftline/index.db"}

    def __init__(self, open_index: Callable[[Path], IndexStage]) -> None:
        self.open_index = open_index

    def effect(self, **params: Any) -> IndexStage:
        return require_stage(self.open_index(Path(params["index"])), IndexStage)

    def run(self, ctx: Context) -> None:
        ctx.set("index.receipt", self.effect(index=ctx.params["index"]).execute(_CONTEXT, ctx.get("embeddings")))


class Extract(_PerDocument):
    """Reads entities and claims out of a document."""

    over = "documents.valid"
    requires = {"documents.valid": Document}
    provides = {"extractions": Extraction}

    def __init__(self, stage: ExtractStage) -> None:
        super().__init__(stage, ExtractStage)

    def run(self, ctx: Context) -> None:
        ctx.set("extractions", self.stage.execute(_CONTEXT, ctx.get("documents.valid")))


class Knowledge(Node):
    """Makes the knowledge graph equal to the extractions, or leaves it as it was."""

    requires = {"extractions": list[Extraction]}
    provides = {"knowledge.receipt": KnowledgeReceipt}
    params = {"knowledge": ".weftline/knowledge.db"}

    def __init__(self, open_graph: Callable[[Path], KnowledgeStage]) -> None:
        self.open_graph = open_graph

    def effect(self, **params: Any) -> KnowledgeStage:
        return require_stage(self.open_graph(Path(params["knowledge"])), KnowledgeStage)

    def run(self, ctx: Context) -> None:
        ctx.set("knowledge.receipt", self.effect(knowledge=ctx.params["knowledge"]).execute(_CONTEXT, ctx.get("extractions")))
