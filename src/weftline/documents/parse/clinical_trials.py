"""One study record of ClinicalTrials.gov (API v2) as a document.

The names of modules and fields are those of the registry's data structure:
https://clinicaltrials.gov/data-api/about-api/study-data-structure
"""

from __future__ import annotations

import re
from typing import Any

from weftline.documents.parse.criteria import split_criteria
from weftline.documents.parse.fields import Fields
from weftline.documents.parse.results import results_section
from weftline.documents.parse.sections import trial_sections
from weftline.documents.trial import Arm, Dates, Eligibility, Intervention, Organisation, Outcome, OutcomeKind, Trial
from weftline.documents.types import Document
from weftline.errors import MissingFieldError, Place, UnreadableRecordError, WrongFieldTypesError

ID_PATH = "protocolSection.identificationModule.nctId"
TITLE_PATH = "protocolSection.identificationModule.briefTitle"
ID_FORM = re.compile(r"NCT[0-9]{8}")
OUTCOME_LISTS = {
    OutcomeKind.PRIMARY: "primaryOutcomes",
    OutcomeKind.SECONDARY: "secondaryOutcomes",
    OutcomeKind.OTHER: "otherOutcomes",
}


def read_study(source: str, record: dict[str, Any]) -> Document:
    """The study that one JSON object describes; absent modules leave their fields empty.

    Raises:
        WrongFieldTypesError: all fields of another type than the format says.
        MissingFieldError: no id or no title.
        UnreadableRecordError: an id of another form, or an answer to a search instead of a study.
    """
    if "protocolSection" not in record and isinstance(record.get("studies"), list):
        detail = f"it is the answer to a search, with {len(record['studies'])} studies"
        advice = "save one study per file: each object of its list `studies`"
        raise UnreadableRecordError(source=source, detail=detail, advice=advice, place=Place(source))
    root = Fields(record)
    protocol = root.group("protocolSection")
    description = protocol.group("descriptionModule")
    trial = _trial(protocol, root.group("derivedSection"))
    summary, details = description.text("briefSummary"), description.text("detailedDescription")
    results = results_section(root.group("resultsSection"))
    if root.faults:
        raise WrongFieldTypesError(source=source, faults=tuple(root.faults), place=Place(source))
    _check_identity(source, trial)
    return Document(
        id=trial.nct_id,
        title=trial.brief_title if trial.brief_title.strip() else trial.official_title,
        source=source,
        sections=trial_sections(trial, summary, details, results),
        trial=trial,
    )


def _check_identity(source: str, trial: Trial) -> None:
    if not trial.nct_id.strip():
        raise MissingFieldError(source=source, field=f"NCT id ({ID_PATH})", place=Place(source))
    if ID_FORM.fullmatch(trial.nct_id) is None:
        detail = f"{ID_PATH} is {trial.nct_id!r}, which is not `NCT` and eight digits"
        raise UnreadableRecordError(source=source, detail=detail, advice="correct the id", place=Place(source))
    if not (trial.brief_title.strip() or trial.official_title.strip()):
        raise MissingFieldError(source=source, field=f"title ({TITLE_PATH})", place=Place(source))


def _trial(protocol: Fields, derived: Fields) -> Trial:
    identity = protocol.group("identificationModule")
    design = protocol.group("designModule")
    conditions = protocol.group("conditionsModule")
    arms = protocol.group("armsInterventionsModule")
    sponsors = protocol.group("sponsorCollaboratorsModule")
    lead = sponsors.group("leadSponsor")
    return Trial(
        nct_id=identity.text("nctId"),
        brief_title=identity.text("briefTitle"),
        official_title=identity.text("officialTitle"),
        acronym=identity.text("acronym"),
        status=protocol.group("statusModule").text("overallStatus"),
        study_type=design.text("studyType"),
        phases=design.texts("phases"),
        conditions=conditions.texts("conditions"),
        keywords=conditions.texts("keywords"),
        interventions=tuple(_intervention(item) for item in arms.groups("interventions")),
        arms=tuple(_arm(item) for item in arms.groups("armGroups")),
        outcomes=_outcomes(protocol.group("outcomesModule")),
        eligibility=_eligibility(protocol.group("eligibilityModule")),
        sponsor=_organisation(lead) if lead else None,
        collaborators=tuple(_organisation(item) for item in sponsors.groups("collaborators")),
        dates=_dates(protocol.group("statusModule")),
        enrolment=design.group("enrollmentInfo").whole("count"),
        condition_mesh=_terms(derived.group("conditionBrowseModule")),
        intervention_mesh=_terms(derived.group("interventionBrowseModule")),
        countries=_countries(protocol.group("contactsLocationsModule")),
    )


def _intervention(item: Fields) -> Intervention:
    return Intervention(item.text("type"), item.text("name"), item.text("description"), item.texts("otherNames"))


def _arm(item: Fields) -> Arm:
    return Arm(item.text("label"), item.text("type"), item.text("description"), item.texts("interventionNames"))


def _outcomes(module: Fields) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(kind, position, item.text("measure"), item.text("timeFrame"), item.text("description"))
        for kind, name in OUTCOME_LISTS.items()
        for position, item in enumerate(module.groups(name))
    )


def _eligibility(module: Fields) -> Eligibility:
    criteria = module.text("eligibilityCriteria")
    inclusion, exclusion = split_criteria(criteria)
    return Eligibility(
        criteria=criteria,
        inclusion=tuple(criteria[start:end] for start, end in inclusion),
        exclusion=tuple(criteria[start:end] for start, end in exclusion),
        sex=module.text("sex"),
        minimum_age=module.text("minimumAge"),
        maximum_age=module.text("maximumAge"),
        healthy_volunteers=module.flag("healthyVolunteers"),
    )


def _organisation(item: Fields) -> Organisation:
    return Organisation(item.text("name"), item.text("class"))


def _dates(status: Fields) -> Dates:
    return Dates(
        start=status.group("startDateStruct").text("date"),
        primary_completion=status.group("primaryCompletionDateStruct").text("date"),
        completion=status.group("completionDateStruct").text("date"),
        first_posted=status.group("studyFirstPostDateStruct").text("date"),
        last_update=status.group("lastUpdatePostDateStruct").text("date"),
    )


def _terms(module: Fields) -> tuple[str, ...]:
    return tuple(item.text("term") for item in module.groups("meshes"))


def _countries(module: Fields) -> tuple[str, ...]:
    named = (item.text("country") for item in module.groups("locations"))
    return tuple(dict.fromkeys(name for name in named if name))
