"""Validate: what must hold for every document before anything is built on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weftline.documents.stages import StageContext
from weftline.documents.types import Document, Section
from weftline.errors import InvalidDocumentError, Place


def validate_document(document: Document) -> Document:
    """The same document, when it is consistent.

    Raises:
        InvalidDocumentError: the first thing that does not hold.
    """
    for detail in _faults(document):
        place = Place(document.source or document.id)
        raise InvalidDocumentError(source=document.source, document=document.id, detail=detail, place=place)
    return document


def _faults(document: Document) -> Iterator[str]:
    if not document.id.strip():
        yield "it has no id"
    if not document.title.strip():
        yield "it has no title"
    if not any(section.text.strip() for section in document.sections):
        yield "it has no section with a text"
    if document.trial is not None and document.trial.nct_id != document.id:
        yield f"its trial is {document.trial.nct_id!r}"
    for number, section in enumerate(document.sections):
        for detail in _section_faults(section):
            yield f"section {number} ({section.title}): {detail}"


def _section_faults(section: Section) -> Iterator[str]:
    if not section.title.strip():
        yield "it has no title"
    if not section.path:
        yield "it has no path in the source"
    end = 0
    for part in section.parts:
        if not end <= part.start < part.end <= len(section.text):
            yield f"{part.path} is said to stand at {part.start}-{part.end}, of {len(section.text)} characters after {end}"
        end = part.end


@dataclass(frozen=True, slots=True)
class DocumentValidator:
    """The validate stage."""

    def execute(self, ctx: StageContext, document: Document) -> Document:  # noqa: ARG002 - part of the contract
        """See `validate_document`."""
        return validate_document(document)
