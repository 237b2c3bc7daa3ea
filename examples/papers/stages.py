"""Stages that stand for services: one that downloads papers, and one that reads their layout. They take what is in a folder."""

from weftline import node, register_node
from weftline.documents.types import Document, RawPayload


@register_node("papers.download")
@node(over="records", requires={"record": "records"}, provides="pdfs")
def download(record: RawPayload) -> RawPayload:
    """What a publisher would send for a record."""
    return record


@register_node("papers.arrived")
@node(requires={"pdfs": "pdfs"}, provides="pdfs.complete")
def arrived(pdfs: list[RawPayload]) -> bool:
    """Whether there is something to read; the field `pdf_downloaded` holds it."""
    return bool(pdfs)


@register_node("papers.layout")
@node(over="documents.parsed", requires={"document": "documents.parsed"}, provides="documents.laid_out")
def layout(document: Document) -> Document:
    """What a layout model would make of a document."""
    return document
