"""One small, complete study record, and what is made of it, without touching a disk."""

import copy
import json

import pytest

from weftline.documents.parse import parse_record
from weftline.documents.types import RawPayload

STUDY = {
    "protocolSection": {
        "identificationModule": {
            "nctId": "NCT00000001",
            "briefTitle": "Examplinib for Low Back Pain",
            "officialTitle": "A Randomised Trial of Examplinib in Adults With Chronic Low Back Pain (LBP)",
            "acronym": "EXAMPLE",
        },
        "statusModule": {
            "overallStatus": "RECRUITING",
            "startDateStruct": {"date": "2015-04"},
            "primaryCompletionDateStruct": {"date": "2016-04-30", "type": "ACTUAL"},
            "completionDateStruct": {"date": "2016"},
            "studyFirstPostDateStruct": {"date": "2015-01-02"},
            "lastUpdatePostDateStruct": {"date": "2017-01-02"},
        },
        "sponsorCollaboratorsModule": {
            "leadSponsor": {"name": "Example Institute (EXI)", "class": "OTHER"},
            "collaborators": [{"name": "Sample Foundation", "class": "NETWORK"}],
        },
        "descriptionModule": {
            "briefSummary": "Examplinib may ease pain. This study compares it with placebo.",
            "detailedDescription": "First part, e.g. a run-in. Second part.\n\n* one\n* two",
        },
        "conditionsModule": {"conditions": ["Low Back Pain", "Sciatica"], "keywords": ["spine"]},
        "designModule": {
            "studyType": "INTERVENTIONAL",
            "phases": ["PHASE1", "PHASE2"],
            "enrollmentInfo": {"count": 120, "type": "ACTUAL"},
        },
        "armsInterventionsModule": {
            "armGroups": [
                {"label": "Active", "type": "EXPERIMENTAL", "description": "Daily.", "interventionNames": ["Drug: Examplinib"]},
                {"label": "Control", "type": "PLACEBO_COMPARATOR"},
            ],
            "interventions": [
                {"type": "DRUG", "name": "Examplinib 20 mg", "description": "A tablet.", "otherNames": ["EX-1, Exampla"]},
                {"type": "DRUG", "name": "Placebo"},
            ],
        },
        "outcomesModule": {
            "primaryOutcomes": [{"measure": "Pain", "timeFrame": "12 weeks", "description": "On a scale."}],
            "secondaryOutcomes": [{"measure": "Sleep"}],
            "otherOutcomes": [{"measure": "Cost", "timeFrame": "1 year"}],
        },
        "eligibilityModule": {
            "eligibilityCriteria": "Inclusion Criteria:\n\n* Age 18 or older\n* ECOG 0-1\n\n"
            "Exclusion Criteria:\n\n* BMI \\> 40 kg/m2",
            "sex": "ALL",
            "minimumAge": "18 Years",
            "healthyVolunteers": False,
        },
        "contactsLocationsModule": {"locations": [{"country": "France"}, {"country": "Japan"}, {"country": "France"}]},
    },
    "derivedSection": {
        "conditionBrowseModule": {"meshes": [{"id": "D017116", "term": "Low Back Pain"}]},
        "interventionBrowseModule": {"meshes": [{"id": "D1", "term": "examplinib"}]},
    },
    "hasResults": False,
}


@pytest.fixture
def study():
    """A fresh copy, free to be changed."""
    return copy.deepcopy(STUDY)


@pytest.fixture
def payload():
    """Wrap a record, or raw bytes, as the ingest stage would."""

    def wrap(content, source="folder/record.json"):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        return RawPayload(source, "application/json", data)

    return wrap


@pytest.fixture
def document(study, payload):
    return parse_record(payload(study))
