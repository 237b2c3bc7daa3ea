import dataclasses

import pytest

from weftline.documents.types import Part
from weftline.documents.validate import validate_document
from weftline.errors import InvalidDocumentError


def test_a_consistent_document_passes_unchanged(document):
    assert validate_document(document) is document


def with_parts(document, *parts):
    section = dataclasses.replace(document.sections[0], parts=parts)
    return dataclasses.replace(document, sections=(section, *document.sections[1:]))


BROKEN = {
    "id": (lambda d: dataclasses.replace(d, id=" "), "no id"),
    "title": (lambda d: dataclasses.replace(d, title=""), "no title"),
    "sections": (lambda d: dataclasses.replace(d, sections=()), "no section with a text"),
    "another trial": (lambda d: dataclasses.replace(d, id="NCT00000002"), "its trial is 'NCT00000001'"),
    "blank text": (
        lambda d: dataclasses.replace(d, sections=(dataclasses.replace(d.sections[1], text=" \n"),)),
        "no section with a text",
    ),
    "heading": (
        lambda d: dataclasses.replace(d, sections=(d.sections[0], dataclasses.replace(d.sections[1], title=""))),
        "section 1 (): it has no title",
    ),
    "path": (
        lambda d: dataclasses.replace(d, sections=(dataclasses.replace(d.sections[1], path=""),)),
        "no path in the source",
    ),
    "part past the end": (lambda d: with_parts(d, Part("p", 0, 100_000)), "p is said to stand at 0-100000"),
    "parts that overlap": (lambda d: with_parts(d, Part("p", 0, 5), Part("q", 4, 6)), "q is said to stand at 4-6"),
    "empty part": (lambda d: with_parts(d, Part("p", 3, 3)), "p is said to stand at 3-3"),
}


@pytest.mark.parametrize(("spoil", "told"), BROKEN.values(), ids=BROKEN)
def test_what_does_not_hold_is_told(document, spoil, told):
    with pytest.raises(InvalidDocumentError) as caught:
        validate_document(spoil(document))
    assert told in caught.value.message
    assert caught.value.code == "D709"
    assert str(caught.value.place) == "folder/record.json"
