import json

import pytest

from weftline.documents.parse import parse_record
from weftline.documents.trial import Arm, Dates, Intervention, Organisation, Outcome, OutcomeKind
from weftline.documents.types import Problem, ProblemKind, RawPayload, SectionKind
from weftline.errors import DataError, WeftlineError, WrongFieldTypesError

SOURCE = "folder/record.json"


def test_the_trial_says_what_the_record_says(document):
    trial = document.trial
    assert (document.id, document.title, document.source) == ("NCT00000001", "Examplinib for Low Back Pain", SOURCE)
    assert (trial.acronym, trial.status, trial.study_type) == ("EXAMPLE", "RECRUITING", "INTERVENTIONAL")
    assert trial.phases == ("PHASE1", "PHASE2")
    assert trial.dates == Dates("2015-04", "2016-04-30", "2016", "2015-01-02", "2017-01-02")
    assert trial.interventions == (
        Intervention("DRUG", "Examplinib 20 mg", "A tablet.", ("EX-1, Exampla",)),
        Intervention("DRUG", "Placebo"),
    )
    assert trial.arms == (
        Arm("Active", "EXPERIMENTAL", "Daily.", ("Drug: Examplinib",)),
        Arm("Control", "PLACEBO_COMPARATOR", "", ()),
    )
    assert trial.outcomes == (
        Outcome(OutcomeKind.PRIMARY, 0, "Pain", "12 weeks", "On a scale."),
        Outcome(OutcomeKind.SECONDARY, 0, "Sleep", "", ""),
        Outcome(OutcomeKind.OTHER, 0, "Cost", "1 year", ""),
    )
    assert trial.eligibility.inclusion == ("Age 18 or older", "ECOG 0-1")
    assert trial.eligibility.exclusion == ("BMI \\> 40 kg/m2",)
    assert trial.eligibility.healthy_volunteers is False
    assert trial.sponsor == Organisation("Example Institute (EXI)", "OTHER")
    assert trial.collaborators == (Organisation("Sample Foundation", "NETWORK"),)
    assert (trial.enrolment, trial.countries) == (120, ("France", "Japan"))
    assert (trial.condition_mesh, trial.intervention_mesh) == (("Low Back Pain",), ("examplinib",))


def test_a_record_with_an_id_and_a_title_is_enough(payload):
    bare = {"protocolSection": {"identificationModule": {"nctId": "NCT00000002", "briefTitle": "T"}}}
    document = parse_record(payload(bare))
    assert [section.kind for section in document.sections] == [SectionKind.OVERVIEW]
    assert (document.trial.sponsor, document.trial.enrolment, document.trial.outcomes) == (None, None, ())


def test_the_official_title_serves_when_there_is_no_brief_one(study, payload):
    del study["protocolSection"]["identificationModule"]["briefTitle"]
    assert parse_record(payload(study)).title.startswith("A Randomised Trial")


def test_a_blank_title_is_no_title(study, payload):
    study["protocolSection"]["identificationModule"]["briefTitle"] = " "
    assert parse_record(payload(study)).title.startswith("A Randomised Trial")


def test_a_byte_order_mark_is_accepted(study, payload):
    marked = b"\xef\xbb\xbf" + json.dumps(study).encode()
    assert parse_record(payload(marked)) == parse_record(payload(study))


def test_sections_stand_in_a_fixed_order(document):
    assert [section.kind for section in document.sections] == [
        SectionKind.OVERVIEW,
        SectionKind.SUMMARY,
        SectionKind.DESCRIPTION,
        SectionKind.CONDITIONS,
        SectionKind.INTERVENTIONS,
        SectionKind.OUTCOMES,
        SectionKind.ELIGIBILITY,
    ]


def test_a_section_of_one_field_is_that_field_and_parts_are_theirs(document, study):
    summary = document.sections[1]
    assert summary.text == study["protocolSection"]["descriptionModule"]["briefSummary"]
    assert summary.path == "protocolSection.descriptionModule.briefSummary"
    for section in document.sections:
        for part in section.parts:
            value = study
            for step in part.path.replace("]", "").replace("[", ".").split("."):
                value = value[int(step)] if step.isdigit() else value[step]
            shown = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
            assert section.text[part.start : part.end] == shown, part


def test_results_are_told_within_bounds(study, payload):
    measure = {
        "type": "PRIMARY",
        "title": "Pain",
        "timeFrame": "12 weeks",
        "unitOfMeasure": "points",
        "groups": [{"id": "OG000", "title": "Active"}],
        "classes": [{"categories": [{"measurements": [{"groupId": "OG000", "value": "2.5", "spread": "1.1"}]}]}] * 40,
    }
    study["resultsSection"] = {
        "outcomeMeasuresModule": {"outcomeMeasures": [measure] * 50},
        "adverseEventsModule": {"eventGroups": [{"title": "Active", "seriousNumAffected": 1, "seriousNumAtRisk": 60}]},
        "moreInfoModule": {"limitationsAndCaveats": {"description": "Few participants."}},
    }
    results = parse_record(payload(study)).sections[-1]
    assert results.kind is SectionKind.RESULTS
    assert results.text.count("Primary result: Pain (12 weeks)") == 12
    assert results.text.count("Active: 2.5 (spread 1.1) points") == 144
    assert "Serious adverse events, Active: 1 of 60." in results.text
    assert results.text.endswith("Limitations: Few participants.")


# --- bad records ----------------------------------------------------------------------------------------------------


def without(study, *path):
    *above, last = path
    for step in above:
        study = study[step]
    del study[last]


def changed(study, value, *path):
    *above, last = path
    for step in above:
        study = study[step]
    study[last] = value


PROTOCOL = "protocolSection"
BAD_BYTES = {
    "broken JSON": (b'{\n "protocolSection": {\n  "a" 1\n}', "D701", "record.json:3:7", "broken JSON: Expecting ':' delimiter"),
    "cut off": (b'{"protocolSection": {"identification', "D701", "record.json:1:22", "ends too early"),
    "utf-16 with mark": ('{"a": 1}'.encode("utf-16"), "D701", "record.json:1:1", "it is UTF-16"),
    "utf-16 without mark": ('{"a": 1}'.encode("utf-16-le"), "D701", "record.json:1:1", "it is UTF-16"),
    "utf-32": ('{"a": 1}'.encode("utf-32"), "D701", "record.json:1:1", "it is UTF-32"),
    "latin-1": ('{\n "a": "caf\u00e9"}'.encode("latin-1"), "D701", "record.json:2:11", "it is not UTF-8: byte 0xe9"),
    "a list": (b"[1]", "D701", "record.json", "its JSON is a list"),
    "a string": (b'"NCT00000001"', "D701", "record.json", "its JSON is of type str"),
    "a search answer": (b'{"studies": [{}, {}]}', "D701", "record.json", "the answer to a search, with 2 studies"),
    "html": (b"<!DOCTYPE html><p>", "D701", "record.json:1:1", "this is HTML or XML"),
    "too deep": (b"[" * 200_000, "D701", "record.json", "nested too deeply"),
    "a huge number": (b'{"a": ' + b"1" * 5000 + b"}", "D701", "record.json", "broken JSON"),
    "an empty object": (b"{}", "D702", "record.json", "has no NCT id"),
}


@pytest.mark.parametrize(("data", "code", "place", "told"), BAD_BYTES.values(), ids=BAD_BYTES)
def test_bad_bytes_are_one_finding(payload, data, code, place, told):
    with pytest.raises(DataError) as caught:
        parse_record(payload(data))
    assert_finding(caught.value, code, place, told)


BAD_FIELDS = {
    "no id": (lambda s: without(s, PROTOCOL, "identificationModule", "nctId"), "D702", "has no NCT id (protocolSection"),
    "blank id": (lambda s: changed(s, " ", PROTOCOL, "identificationModule", "nctId"), "D702", "has no NCT id"),
    "short id": (lambda s: changed(s, "NCT123", PROTOCOL, "identificationModule", "nctId"), "D701", "'NCT123'"),
    "padded id": (lambda s: changed(s, "NCT00000001 ", PROTOCOL, "identificationModule", "nctId"), "D701", "eight digits"),
    "id is a number": (lambda s: changed(s, 1, PROTOCOL, "identificationModule", "nctId"), "D708", "nctId is a whole number"),
    "no titles": (lambda s: changed(s, {"nctId": "NCT00000001"}, PROTOCOL, "identificationModule"), "D702", "has no title"),
    "a string for a list": (
        lambda s: changed(s, "pain", PROTOCOL, "conditionsModule", "conditions"),
        "D708",
        "is a string, not a list",
    ),
    "null for a list": (lambda s: changed(s, None, PROTOCOL, "designModule", "phases"), "D708", "phases is null, not a list"),
    "null for a module": (
        lambda s: changed(s, None, PROTOCOL, "outcomesModule"),
        "D708",
        "outcomesModule is null, not an object",
    ),
    "text for an object": (
        lambda s: changed(s, ["x"], PROTOCOL, "armsInterventionsModule", "armGroups"),
        "D708",
        "armGroups[0] is a string, not an object",
    ),
    "null for a section": (lambda s: changed(s, None, "protocolSection"), "D708", "protocolSection is null"),
    "null for results": (lambda s: changed(s, None, "resultsSection"), "D708", "resultsSection is null"),
    "half a surrogate": (
        lambda s: changed(s, "\ud800", PROTOCOL, "descriptionModule", "briefSummary"),
        "D708",
        "briefSummary holds half of a surrogate pair",
    ),
}


@pytest.mark.parametrize(("spoil", "code", "told"), BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_bad_fields_are_one_finding(study, payload, spoil, code, told):
    spoil(study)
    with pytest.raises(DataError) as caught:
        parse_record(payload(study))
    assert_finding(caught.value, code, "record.json", told)


def test_all_wrong_fields_are_told_at_once(study, payload):
    changed(study, "x", PROTOCOL, "conditionsModule", "conditions")
    changed(study, "120", PROTOCOL, "designModule", "enrollmentInfo", "count")
    with pytest.raises(WrongFieldTypesError, match="has 2 fields of another type") as caught:
        parse_record(payload(study))
    assert len(caught.value.faults) == 2


PROBLEMS = {
    "empty": (Problem(ProblemKind.EMPTY), "D701", "the file is empty"),
    "oversized": (Problem(ProblemKind.OVERSIZED, "10", size_bytes=11), "D703", "has 11 bytes, more than the limit of 10"),
    "duplicate": (
        Problem(ProblemKind.DUPLICATE, "NCT00000001", "a.json"),
        "D704",
        "repeats the document NCT00000001, which a.json",
    ),
    "unreadable": (Problem(ProblemKind.UNREADABLE, "Permission denied"), "D701", "cannot be read: Permission denied"),
}


@pytest.mark.parametrize(("problem", "code", "told"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_noted_problem_is_raised(problem, code, told):
    with pytest.raises(DataError) as caught:
        parse_record(RawPayload(SOURCE, "application/json", b"", problem))
    assert_finding(caught.value, code, "record.json", told)


def test_another_media_type_is_refused():
    with pytest.raises(DataError, match="no parser for the media type 'text/csv'"):
        parse_record(RawPayload("x.csv", "text/csv", b"a,b"))


def assert_finding(error: WeftlineError, code: str, place: str, told: str) -> None:
    assert error.code == code
    assert str(error.place) == f"folder/{place}"
    assert told in str(error)
    assert error.fix
