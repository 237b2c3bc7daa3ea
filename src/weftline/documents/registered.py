"""The nodes of the stages by the names that manifests have for them: `documents.ingest`, `documents.chunk` and so on.

Each is made when it is asked for, since some need packages that are not always installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weftline.documents import nodes
from weftline.documents.chunk import SentenceChunker
from weftline.documents.embed import ChunkEmbedder, find_embedder
from weftline.documents.extract import TrialExtractor
from weftline.documents.index import SqliteIndex
from weftline.documents.ingest import FolderIngest
from weftline.documents.knowledge import SqliteKnowledge
from weftline.documents.parse import RecordParser
from weftline.documents.validate import DocumentValidator

EMBEDDER = "minilm"
_NODES: dict[str, Callable[[], Any]] = {
    "ingest": lambda: nodes.Ingest(FolderIngest),
    "parse": lambda: nodes.Parse(RecordParser()),
    "validate": lambda: nodes.Validate(DocumentValidator()),
    "chunk": lambda: nodes.Chunks(SentenceChunker()),
    "embed": lambda: nodes.Embed(ChunkEmbedder(find_embedder(EMBEDDER))),
    "index": lambda: nodes.Index(SqliteIndex),
    "extract": lambda: nodes.Extract(TrialExtractor()),
    "knowledge": lambda: nodes.Knowledge(SqliteKnowledge),
}


def __getattr__(name: str) -> Any:
    """A node; an entry point names it as an attribute of this module (PEP 562)."""
    if name not in _NODES:
        raise AttributeError(name)
    return _NODES[name]()
