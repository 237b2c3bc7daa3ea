r"""Registered clinical trials: from a folder of ClinicalTrials.gov records to a search index and a knowledge graph.

```text
    ingest -> parse -> validate -> chunk -> embed -> index
                            \\--> extract ----------> knowledge
```

Parameters: `source`, the folder; `max_record_bytes`; `index` and `knowledge`, the two files that are made.
"""

from __future__ import annotations

from weftline.author.pipeline import Pipeline
from weftline.documents.chunk import SentenceChunker
from weftline.documents.embed import ChunkEmbedder, find_embedder
from weftline.documents.extract import TrialExtractor
from weftline.documents.index import SqliteIndex
from weftline.documents.ingest import FolderIngest
from weftline.documents.knowledge import SqliteKnowledge
from weftline.documents.nodes import Chunks, Embed, Extract, Index, Ingest, Knowledge, Parse, Validate
from weftline.documents.parse import RecordParser
from weftline.documents.validate import DocumentValidator

NAME = "clinical-trials"
EMBEDDER = "minilm"


def pipeline(embedder: str = EMBEDDER) -> Pipeline:
    """The pipeline with its embedded implementations.

    Args:
        embedder: name of an installed embedder.

    Raises:
        MissingExtraError: the embedder's packages are not installed.
    """
    return Pipeline(
        [
            Ingest(FolderIngest),
            Parse(RecordParser()),
            Validate(DocumentValidator()),
            Chunks(SentenceChunker()),
            Embed(ChunkEmbedder(find_embedder(embedder))),
            Index(SqliteIndex),
            Extract(TrialExtractor()),
            Knowledge(SqliteKnowledge),
        ],
        name=NAME,
    )
