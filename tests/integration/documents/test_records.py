"""Every record of a folder against its own JSON: set WEFTLINE_TRIALS to check other records than the shipped ones."""

import json
from pathlib import Path

import pytest

from weftline.documents.chunk import MAX_WORDS, chunk_document, count_words
from weftline.documents.extract import extract_claims
from weftline.documents.ingest import read_records
from weftline.documents.parse import parse_record
from weftline.documents.validate import validate_document


@pytest.fixture(scope="module")
def pairs(folder):
    """Each document with the record that it was read from."""
    payloads = read_records(str(folder))
    return [
        (validate_document(parse_record(payload)), json.loads((folder / payload.source).read_bytes())) for payload in payloads
    ]


def test_there_are_records(pairs, folder):
    assert len(pairs) == len(list(folder.glob("*.json"))) > 0


def test_ids_titles_status_and_design(pairs):
    for document, record in pairs:
        trial, protocol = document.trial, record["protocolSection"]
        identity = protocol["identificationModule"]
        assert document.id == trial.nct_id == identity["nctId"] == Path(document.source).stem
        assert document.title == trial.brief_title == identity["briefTitle"]
        assert trial.official_title == identity.get("officialTitle", "")
        assert trial.acronym == identity.get("acronym", "")
        assert trial.status == protocol["statusModule"]["overallStatus"]
        assert trial.study_type == protocol["designModule"]["studyType"]
        assert list(trial.phases) == protocol["designModule"].get("phases", [])
        assert trial.enrolment == protocol["designModule"].get("enrollmentInfo", {}).get("count")


def test_dates_keep_their_precision(pairs):
    names = {
        "start": "startDateStruct",
        "primary_completion": "primaryCompletionDateStruct",
        "completion": "completionDateStruct",
        "first_posted": "studyFirstPostDateStruct",
        "last_update": "lastUpdatePostDateStruct",
    }
    for document, record in pairs:
        status = record["protocolSection"]["statusModule"]
        for ours, theirs in names.items():
            assert getattr(document.trial.dates, ours) == status.get(theirs, {}).get("date", "")


def test_conditions_keywords_and_mesh_terms(pairs):
    for document, record in pairs:
        module = record["protocolSection"]["conditionsModule"]
        assert list(document.trial.conditions) == module["conditions"]
        assert list(document.trial.keywords) == module.get("keywords", [])
        derived = record.get("derivedSection", {})
        for ours, theirs in (("condition_mesh", "conditionBrowseModule"), ("intervention_mesh", "interventionBrowseModule")):
            assert list(getattr(document.trial, ours)) == [mesh["term"] for mesh in derived.get(theirs, {}).get("meshes", [])]


def test_interventions_and_arms(pairs):
    for document, record in pairs:
        module = record["protocolSection"].get("armsInterventionsModule", {})
        assert [(i.type, i.name, i.description, list(i.other_names)) for i in document.trial.interventions] == [
            (i["type"], i["name"], i.get("description", ""), i.get("otherNames", [])) for i in module.get("interventions", [])
        ]
        assert [(a.label, a.type, a.description, list(a.interventions)) for a in document.trial.arms] == [
            (a["label"], a.get("type", ""), a.get("description", ""), a.get("interventionNames", []))
            for a in module.get("armGroups", [])
        ]


def test_outcomes(pairs):
    for document, record in pairs:
        module = record["protocolSection"].get("outcomesModule", {})
        for kind in ("primary", "secondary", "other"):
            ours = [(o.measure, o.time_frame, o.description) for o in document.trial.outcomes if o.kind == kind]
            theirs = module.get(f"{kind}Outcomes", [])
            assert ours == [(o["measure"], o.get("timeFrame", ""), o.get("description", "")) for o in theirs]


def test_eligibility(pairs):
    for document, record in pairs:
        ours, theirs = document.trial.eligibility, record["protocolSection"]["eligibilityModule"]
        assert ours.criteria == theirs["eligibilityCriteria"]
        assert (ours.sex, ours.healthy_volunteers) == (theirs["sex"], theirs.get("healthyVolunteers"))
        assert (ours.minimum_age, ours.maximum_age) == (theirs.get("minimumAge", ""), theirs.get("maximumAge", ""))
        items = (*ours.inclusion, *ours.exclusion)
        assert all(item in ours.criteria for item in items)
        lines = [line for line in ours.criteria.splitlines() if line.strip()]
        assert len(items) <= len(lines)


def test_nearly_all_criteria_are_read_as_items(pairs):
    both = [d for d, _ in pairs if d.trial.eligibility.inclusion and d.trial.eligibility.exclusion]
    assert len(both) >= 0.9 * len(pairs)


def test_sponsors(pairs):
    for document, record in pairs:
        module = record["protocolSection"]["sponsorCollaboratorsModule"]
        lead = module["leadSponsor"]
        assert (document.trial.sponsor.name, document.trial.sponsor.category) == (lead["name"], lead["class"])
        assert [(c.name, c.category) for c in document.trial.collaborators] == [
            (c["name"], c["class"]) for c in module.get("collaborators", [])
        ]


def test_long_texts_are_sections_as_they_are(pairs):
    for document, record in pairs:
        texts = {section.path: section.text for section in document.sections}
        description = record["protocolSection"]["descriptionModule"]
        for name, text in description.items():
            if text.strip():
                assert texts[f"protocolSection.descriptionModule.{name}"] == text


def test_parts_are_the_fields_that_they_name(pairs):
    counted = 0
    for document, record in pairs:
        for section in document.sections:
            for part in section.parts:
                value = record
                for step in part.path.replace("]", "").replace("[", ".").split("."):
                    value = value[int(step)] if step.isdigit() else value[step]
                shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
                assert section.text[part.start : part.end] == shown
                counted += 1
    assert counted > 20 * len(pairs)


def test_passages_claims_and_mentions_quote_their_places(pairs):
    for document, _ in pairs:
        for chunk in chunk_document(document):
            assert document.quote(chunk.place) == chunk.text
            assert count_words(chunk.text) <= MAX_WORDS
        extraction = extract_claims(document)
        assert len(extraction.claims) >= 5
        for item in (*extraction.claims, *extraction.mentions):
            assert document.quote(item.place) == item.text


def test_the_shipped_records_are_small_and_varied(documents, shipped):
    assert len(documents) == 40
    assert sum(path.stat().st_size for path in shipped.glob("*.json")) < 900_000
    trials = [document.trial for document in documents]
    assert {trial.study_type for trial in trials} == {"INTERVENTIONAL", "OBSERVATIONAL"}
    assert {kind for trial in trials for kind in (item.type for item in trial.interventions)} >= {
        "DRUG",
        "DEVICE",
        "BEHAVIORAL",
    }
    assert {phase for trial in trials for phase in trial.phases} >= {
        "EARLY_PHASE1",
        "PHASE1",
        "PHASE2",
        "PHASE3",
        "PHASE4",
        "NA",
    }
    with_results = [document for document in documents if any(section.kind == "results" for section in document.sections)]
    assert 3 <= len(with_results) < 20
