import dataclasses

import pytest

from weftline.documents.extract import entity_id, extract_claims
from weftline.documents.parse import parse_record
from weftline.documents.types import EntityKind, Predicate


def said(extraction, predicate):
    names = {entity.id: entity.name for entity in extraction.entities}
    return [(names[claim.object], claim.text) for claim in extraction.claims if claim.predicate is predicate]


def test_what_the_trial_claims(document):
    extraction = extract_claims(document)
    expected = {
        Predicate.STUDIES: [("Low Back Pain", "Low Back Pain"), ("Sciatica", "Sciatica")],
        Predicate.STUDIES_INDEXED: [("Low Back Pain", "Low Back Pain")],
        Predicate.TESTS: [("Examplinib 20 mg", "Examplinib 20 mg"), ("Placebo", "Placebo")],
        Predicate.TESTS_INDEXED: [("Examplinib 20 mg", "examplinib")],
        Predicate.SPONSORED_BY: [("Example Institute (EXI)", "Example Institute (EXI)")],
        Predicate.SUPPORTED_BY: [("Sample Foundation", "Sample Foundation")],
        Predicate.HAS_PHASE: [("PHASE1", "PHASE1"), ("PHASE2", "PHASE2")],
        Predicate.HAS_STATUS: [("RECRUITING", "RECRUITING")],
        Predicate.MEASURES: [("Pain", "Pain")],
        Predicate.MEASURES_SECONDARY: [("Sleep", "Sleep")],
        Predicate.MEASURES_OTHER: [("Cost", "Cost")],
        Predicate.ADMITS: [("sex all", "ALL"), ("minimum age 18 Years", "18 Years"), ("no healthy volunteers", "no")],
        Predicate.REQUIRES: [("ECOG 0-1", "ECOG 0-1")],
        Predicate.EXCLUDES: [("BMI > 40 kg/m2", "BMI \\> 40 kg/m2")],
    }
    assert {predicate: said(extraction, predicate) for predicate in Predicate} == expected


def test_every_claim_and_mention_quotes_its_place(document):
    extraction = extract_claims(document)
    assert extraction.mentions
    for item in (*extraction.claims, *extraction.mentions):
        assert document.quote(item.place) == item.text
    known = {entity.id for entity in extraction.entities}
    assert len(known) == len(extraction.entities)
    assert {claim.object for claim in extraction.claims} | {claim.subject for claim in extraction.claims} <= known
    assert {mention.entity for mention in extraction.mentions} <= known


def aliases(extraction, key):
    return next(entity.aliases for entity in extraction.entities if entity.id == key)


def test_other_names_and_definitions_are_aliases(document):
    extraction = extract_claims(document)
    assert aliases(extraction, "intervention:examplinib") == ("EX-1", "Exampla", "examplinib")
    assert aliases(extraction, "condition:low back pain") == ("LBP", "lumbago")
    assert aliases(extraction, "organisation:example institute") == ("EXI",)
    assert aliases(extraction, "trial:NCT00000001") == ("EXAMPLE",)


def interventions(study, payload, *items):
    study["protocolSection"]["armsInterventionsModule"]["interventions"] = list(items)
    return extract_claims(parse_record(payload(study)))


def test_a_combination_is_also_its_parts(study, payload):
    extraction = interventions(study, payload, {"type": "DRUG", "name": "Alpha 5 mg + Beta", "otherNames": ["AB"]})
    assert [text for _, text in said(extraction, Predicate.TESTS)] == ["Alpha 5 mg + Beta", "Alpha 5 mg", "Beta"]
    keys = {entity.id for entity in extraction.entities if entity.kind is EntityKind.INTERVENTION}
    assert {"intervention:alpha", "intervention:beta"} <= keys


def test_only_things_with_brands_have_a_list_in_one_other_name(study, payload):
    extraction = interventions(
        study,
        payload,
        {"type": "OTHER", "name": "Group A", "otherNames": ["TENS, hotpack"]},
        {"type": "DRUG", "name": "Gamma", "otherNames": ["(One, AG 221)", "Two (a, b)"]},
    )
    assert aliases(extraction, "intervention:group a") == ("TENS, hotpack",)
    assert aliases(extraction, "intervention:gamma") == ("One", "AG 221", "Two (a, b)")


def test_a_list_in_one_condition_is_taken_apart(study, payload):
    study["protocolSection"]["conditionsModule"]["conditions"] = ["Leukaemia; Lymphoma"]
    extraction = extract_claims(parse_record(payload(study)))
    assert [text for _, text in said(extraction, Predicate.STUDIES)] == ["Leukaemia; Lymphoma", "Leukaemia", "Lymphoma"]


def test_mentions_are_whole_words_and_the_longest_name_wins(study, payload):
    study["protocolSection"]["descriptionModule"]["briefSummary"] = "Low back pain, not sciaticas; SCIATICA; low backs."
    study["protocolSection"]["conditionsModule"]["conditions"] = ["Low Back", "Low Back Pain", "Sciatica"]
    extraction = extract_claims(parse_record(payload(study)))
    assert [mention.text for mention in extraction.mentions if mention.place.section == 1] == ["Low back pain", "SCIATICA"]


def test_an_abbreviation_in_small_letters_is_no_mention(study, payload):
    study["protocolSection"]["descriptionModule"]["briefSummary"] = "COPD and copd; Asthma and asthma."
    study["protocolSection"]["conditionsModule"]["conditions"] = ["COPD", "ASTHMA BRONCHIALE", "Asthma"]
    extraction = extract_claims(parse_record(payload(study)))
    assert [mention.text for mention in extraction.mentions if mention.place.section == 1] == ["COPD", "Asthma", "asthma"]


def test_a_document_that_is_no_study_claims_nothing(document):
    extraction = extract_claims(dataclasses.replace(document, trial=None))
    assert (extraction.entities, extraction.mentions, extraction.claims) == ((), (), ())


def test_a_name_without_words_still_has_an_id():
    assert entity_id(EntityKind.CONDITION, "???") == "condition:???"
    assert entity_id(EntityKind.INTERVENTION, "(100 mg)") == "intervention:100 mg"


@pytest.mark.timeout(10)
def test_thousands_of_names_are_read_in_seconds(study, payload):
    study["protocolSection"]["conditionsModule"]["conditions"] = [f"Condition {number} (CO{number})" for number in range(3000)]
    study["protocolSection"]["descriptionModule"]["detailedDescription"] = "Nothing of the kind. " * 2000
    extraction = extract_claims(parse_record(payload(study)))
    assert len(said(extraction, Predicate.STUDIES)) == 3000
