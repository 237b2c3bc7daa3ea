"""Real study records: those that the project ships, or a folder of others in WEFTLINE_TRIALS."""

import os
from pathlib import Path

import pytest

from weftline.documents.chunk import chunk_document
from weftline.documents.embed import HashEmbedder, embed_chunks
from weftline.documents.ingest import read_records
from weftline.documents.parse import parse_record

SHIPPED = Path(__file__).parents[3] / "examples" / "trials"


@pytest.fixture(scope="session")
def shipped():
    """The folder of the 40 records of the project."""
    return SHIPPED


@pytest.fixture(scope="session")
def folder():
    """The folder to test over."""
    return Path(os.environ.get("WEFTLINE_TRIALS", SHIPPED))


@pytest.fixture(scope="session")
def documents(shipped):
    return tuple(parse_record(payload) for payload in read_records(str(shipped)))


@pytest.fixture(scope="session")
def batches(documents):
    """The shipped records with vectors that cost nothing."""
    return tuple(embed_chunks(chunk_document(document), HashEmbedder()) for document in documents)
