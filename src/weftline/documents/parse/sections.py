"""The sections of a study: which fields stand under which heading, and which characters are which field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weftline.documents.trial import Arm, Intervention, Outcome, OutcomeKind, Trial
from weftline.documents.types import Part, Section, SectionKind

PROTOCOL = "protocolSection"
ARMS = f"{PROTOCOL}.armsInterventionsModule"
OUTCOME_PATHS = {
    OutcomeKind.PRIMARY: f"{PROTOCOL}.outcomesModule.primaryOutcomes",
    OutcomeKind.SECONDARY: f"{PROTOCOL}.outcomesModule.secondaryOutcomes",
    OutcomeKind.OTHER: f"{PROTOCOL}.outcomesModule.otherOutcomes",
}


class Composer:
    """Builds the text of one section and keeps account of where each field went."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._parts: list[Part] = []

    def add(self, text: str) -> None:
        """Words of ours, between fields."""
        self._pieces.append(text)
        self._length += len(text)

    def field(self, path: str, text: str, before: str = "", after: str = "") -> None:
        """A field with what stands around it; nothing at all when the field is empty."""
        if not text.strip():
            return
        self.add(before)
        self._parts.append(Part(path, self._length, self._length + len(text)))
        self.add(text)
        self.add(after)

    def fields(self, path: str, texts: Sequence[str], before: str, after: str = ".\n", suffix: str = "") -> None:
        """A list of fields in one line, separated by semicolons."""
        named = [(f"{path}[{number}]{suffix}", text) for number, text in enumerate(texts) if text.strip()]
        for place, (name, text) in enumerate(named):
            self.field(name, text, before="; " if place else before)
        if named:
            self.add(after)

    def section(self, kind: SectionKind, title: str, path: str) -> Section:
        """What was built; its text ends without white space."""
        return Section(kind, title, "".join(self._pieces).rstrip(), path, tuple(self._parts))


def trial_sections(trial: Trial, summary: str, details: str, results: Section | None) -> tuple[Section, ...]:
    """All sections that have a text, in a fixed order."""
    sections = (
        _overview(trial),
        Section(SectionKind.SUMMARY, "Brief summary", summary, f"{PROTOCOL}.descriptionModule.briefSummary"),
        Section(SectionKind.DESCRIPTION, "Detailed description", details, f"{PROTOCOL}.descriptionModule.detailedDescription"),
        _conditions(trial),
        _interventions(trial.interventions, trial.arms),
        _outcomes(trial.outcomes),
        Section(
            SectionKind.ELIGIBILITY,
            "Eligibility criteria",
            trial.eligibility.criteria,
            f"{PROTOCOL}.eligibilityModule.eligibilityCriteria",
        ),
        results,
    )
    return tuple(section for section in sections if section is not None and section.text.strip())


def _overview(trial: Trial) -> Section:
    text = Composer()
    identity = f"{PROTOCOL}.identificationModule"
    text.field(f"{identity}.briefTitle", trial.brief_title, after="\n")
    text.field(f"{identity}.officialTitle", trial.official_title, after="\n")
    text.field(f"{identity}.acronym", trial.acronym, before="Acronym: ", after=". ")
    text.field(f"{identity}.nctId", trial.nct_id, before="Registered as ", after=".\n")
    _design(text, trial)
    _sponsors(text, trial)
    _participants(text, trial)
    _dates(text, trial)
    if trial.countries:
        text.add(f"Countries: {'; '.join(trial.countries)}.")
    return text.section(SectionKind.OVERVIEW, "Overview", PROTOCOL)


def _design(text: Composer, trial: Trial) -> None:
    design = f"{PROTOCOL}.designModule"
    text.field(f"{PROTOCOL}.statusModule.overallStatus", trial.status, before="Status: ", after=". ")
    text.field(f"{design}.studyType", trial.study_type, before="Study type: ", after=". ")
    text.fields(f"{design}.phases", trial.phases, before="Phase: ", after="")
    if trial.phases:
        text.add(f" ({', '.join(map(phase_words, trial.phases))}).")
    text.add("\n")


def _sponsors(text: Composer, trial: Trial) -> None:
    sponsors = f"{PROTOCOL}.sponsorCollaboratorsModule"
    if trial.sponsor is not None:
        text.field(f"{sponsors}.leadSponsor.name", trial.sponsor.name, before="Sponsor: ", after=" ")
        text.field(f"{sponsors}.leadSponsor.class", trial.sponsor.category, before="(", after=")")
        text.add(".\n")
    names = [organisation.name for organisation in trial.collaborators]
    text.fields(f"{sponsors}.collaborators", names, before="Collaborators: ", suffix=".name")


def _participants(text: Composer, trial: Trial) -> None:
    module = f"{PROTOCOL}.eligibilityModule"
    who = trial.eligibility
    text.field(f"{module}.sex", who.sex, before="Sex: ", after=". ")
    text.field(f"{module}.minimumAge", who.minimum_age, before="Minimum age: ", after=". ")
    text.field(f"{module}.maximumAge", who.maximum_age, before="Maximum age: ", after=". ")
    if who.healthy_volunteers is not None:
        answer = "yes" if who.healthy_volunteers else "no"
        text.field(f"{module}.healthyVolunteers", answer, before="Healthy volunteers: ", after=". ")
    if trial.enrolment is not None:
        text.field(f"{PROTOCOL}.designModule.enrollmentInfo.count", str(trial.enrolment), before="Enrolment: ", after=".")
    text.add("\n")


def _dates(text: Composer, trial: Trial) -> None:
    status = f"{PROTOCOL}.statusModule"
    dates = trial.dates
    text.field(f"{status}.startDateStruct.date", dates.start, before="Start: ", after=". ")
    primary = dates.primary_completion
    text.field(f"{status}.primaryCompletionDateStruct.date", primary, before="Primary completion: ", after=". ")
    text.field(f"{status}.completionDateStruct.date", dates.completion, before="Completion: ", after=". ")
    text.field(f"{status}.studyFirstPostDateStruct.date", dates.first_posted, before="First posted: ", after=". ")
    text.field(f"{status}.lastUpdatePostDateStruct.date", dates.last_update, before="Last update: ", after=".\n")


def _conditions(trial: Trial) -> Section:
    text = Composer()
    module = f"{PROTOCOL}.conditionsModule"
    text.fields(f"{module}.conditions", trial.conditions, before="Conditions: ")
    text.fields(f"{module}.keywords", trial.keywords, before="Keywords: ")
    for word, terms in (("condition", trial.condition_mesh), ("intervention", trial.intervention_mesh)):
        text.fields(f"derivedSection.{word}BrowseModule.meshes", terms, before=f"MeSH terms ({word}): ", suffix=".term")
    return text.section(SectionKind.CONDITIONS, "Conditions and keywords", module)


def _interventions(interventions: Iterable[Intervention], arms: Iterable[Arm]) -> Section:
    text = Composer()
    for number, item in enumerate(interventions):
        path = f"{ARMS}.interventions[{number}]"
        text.field(f"{path}.type", item.type, after=": ")
        text.field(f"{path}.name", item.name, after=". ")
        text.fields(f"{path}.otherNames", item.other_names, before="Also known as ", after=". ")
        text.field(f"{path}.description", item.description)
        text.add("\n\n")
    for number, arm in enumerate(arms):
        path = f"{ARMS}.armGroups[{number}]"
        text.add("Arm: ")
        text.field(f"{path}.label", arm.label)
        text.field(f"{path}.type", arm.type, before=" (", after=")")
        text.add(". ")
        text.fields(f"{path}.interventionNames", arm.interventions, before="Receives ", after=". ")
        text.field(f"{path}.description", arm.description)
        text.add("\n\n")
    return text.section(SectionKind.INTERVENTIONS, "Arms and interventions", ARMS)


def _outcomes(outcomes: Iterable[Outcome]) -> Section:
    text = Composer()
    for item in outcomes:
        path = f"{OUTCOME_PATHS[item.kind]}[{item.position}]"
        text.add(f"{item.kind.capitalize()} outcome: ")
        text.field(f"{path}.measure", item.measure)
        text.field(f"{path}.timeFrame", item.time_frame, before=" (", after=")")
        text.field(f"{path}.description", item.description, before=". ")
        text.add("\n\n")
    return text.section(SectionKind.OUTCOMES, "Outcomes", f"{PROTOCOL}.outcomesModule")


def phase_words(phase: str) -> str:
    """The registry's token as people write it.

    >>> phase_words("EARLY_PHASE1"), phase_words("PHASE2"), phase_words("NA")
    ('Early Phase 1', 'Phase 2', 'not applicable')
    """
    if phase == "NA":
        return "not applicable"
    return " ".join(word.capitalize() for word in phase.replace("_", " ").replace("PHASE", "PHASE ").split())
