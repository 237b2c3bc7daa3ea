"""Parse: one payload to one document, or one finding that says what is wrong with it, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from weftline.documents.parse.clinical_trials import read_study
from weftline.documents.parse.payload import decode_record, raise_problem
from weftline.documents.stages import StageContext
from weftline.documents.types import Document, RawPayload
from weftline.errors import Place, UnreadableRecordError

READERS = {"application/json": read_study}


def parse_record(payload: RawPayload) -> Document:
    """The document that a payload holds.

    Raises:
        UnreadableRecordError: empty, wrong encoding, broken JSON, not one study, or an id of the wrong form.
        OversizedRecordError, DuplicateRecordError: as noted when it was read.
        MissingFieldError: no id or no title.
        WrongFieldTypesError: fields of another type than the format says, all of them at once.
    """
    if payload.problem is not None:
        raise_problem(payload.source, payload.problem)
    reader = READERS.get(payload.media_type)
    if reader is None:
        detail = f"no parser for the media type {payload.media_type!r}"
        advice = "give one of: " + ", ".join(sorted(READERS))
        raise UnreadableRecordError(source=payload.source, detail=detail, advice=advice, place=Place(payload.source))
    return reader(payload.source, decode_record(payload.source, payload.data))


@dataclass(frozen=True, slots=True)
class RecordParser:
    """The parse stage for registered studies."""

    def execute(self, ctx: StageContext, payload: RawPayload) -> Document:  # noqa: ARG002 - part of the contract
        """See `parse_record`."""
        return parse_record(payload)
