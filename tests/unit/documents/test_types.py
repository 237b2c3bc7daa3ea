import dataclasses
import enum
import types as builtin_types
import typing

import pytest

from weftline.documents import trial, types
from weftline.documents.types import Part, Place, Section, SectionKind

NOUNS = [
    noun
    for module in (types, trial)
    for noun in vars(module).values()
    if isinstance(noun, type) and dataclasses.is_dataclass(noun) and noun.__module__ == module.__name__
]
PLAIN = (str, bytes, int, float, bool, type(None))


def is_storable(annotation) -> bool:
    origin = typing.get_origin(annotation)
    if origin is tuple:
        return all(argument is Ellipsis or is_storable(argument) for argument in typing.get_args(annotation))
    if origin in (typing.Union, builtin_types.UnionType):
        return all(map(is_storable, typing.get_args(annotation)))
    return annotation in PLAIN or annotation in NOUNS or (isinstance(annotation, type) and issubclass(annotation, enum.Enum))


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_every_noun_is_frozen_slotted_and_storable(noun):
    assert noun.__dataclass_params__.frozen
    assert "__slots__" in vars(noun)
    hints = typing.get_type_hints(noun)
    assert {name for name in hints if not is_storable(hints[name])} == set()


def test_a_place_reads_as_field_and_characters():
    assert str(Place(0, "a.b", 120, 480)) == "a.b, characters 120-480"


def test_a_document_quotes_a_place_and_finds_fields(document):
    place = document.places()["protocolSection.armsInterventionsModule.interventions[0].name"]
    assert document.quote(place) == "Examplinib 20 mg"
    criteria = document.places()["protocolSection.eligibilityModule.eligibilityCriteria"]
    assert document.quote(criteria) == document.trial.eligibility.criteria


def test_of_a_field_that_is_shown_twice_the_first_place_counts(document):
    doubled = Section(
        SectionKind.RESULTS, "Again", "xPain", "p", (Part("protocolSection.conditionsModule.conditions[0]", 1, 5),)
    )
    longer = dataclasses.replace(document, sections=(*document.sections, doubled))
    assert longer.places()["protocolSection.conditionsModule.conditions[0]"].section < len(document.sections)
