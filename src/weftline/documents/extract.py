"""Extract: the entities of a study and what it says of them, each claim with the words that say so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from weftline.documents.names import abbreviations, canonical, canonical_drug, components, listed, normal_form
from weftline.documents.parse.criteria import Span, split_criteria
from weftline.documents.parse.sections import ARMS, OUTCOME_PATHS, PROTOCOL
from weftline.documents.stages import StageContext
from weftline.documents.thresholds import thresholds
from weftline.documents.trial import OutcomeKind, Trial
from weftline.documents.types import (
    Claim,
    Document,
    Entity,
    EntityKind,
    Extraction,
    Mention,
    Place,
    Predicate,
    SectionKind,
)
from weftline.documents.vocabulary import common_names

SPONSORS = f"{PROTOCOL}.sponsorCollaboratorsModule"
ELIGIBILITY = f"{PROTOCOL}.eligibilityModule"
MEASURES = {
    OutcomeKind.PRIMARY: Predicate.MEASURES,
    OutcomeKind.SECONDARY: Predicate.MEASURES_SECONDARY,
    OutcomeKind.OTHER: Predicate.MEASURES_OTHER,
}
# one name in the field `otherNames` may be a list of them; only where the thing has brand names is a comma a separator
WITH_BRANDS = frozenset(("DRUG", "BIOLOGICAL", "DIETARY_SUPPLEMENT", "COMBINATION_PRODUCT"))
LIST_COMMA = re.compile(r"[,;](?![^()]*\))")
MENTIONED_IN = frozenset((SectionKind.OVERVIEW, SectionKind.SUMMARY, SectionKind.DESCRIPTION))
MIN_MENTION = 3
MAX_ABBREVIATION = 6
MAX_NAMES = 500  # all are tried at every character


def extract_claims(document: Document) -> Extraction:
    """Entities, mentions and claims of one document; a document that is not a registered study has none."""
    if document.trial is None:
        return Extraction(document.id, document.title, (), (), ())
    gathered = _Gathered(document)
    trial = document.trial
    gathered.entity(EntityKind.TRIAL, trial.nct_id, (trial.acronym,))
    gathered.mention(f"{PROTOCOL}.identificationModule.briefTitle", trial.brief_title)
    _conditions(gathered, trial)
    _interventions(gathered, trial)
    _organisations(gathered, trial)
    _design(gathered, trial)
    _outcomes(gathered, trial)
    _admitted(gathered, trial)
    _criteria(gathered, document)
    return gathered.extraction()


def entity_id(kind: EntityKind, name: str) -> str:
    """One id for all spellings of a name.

    >>> entity_id(EntityKind.CONDITION, "Carcinoma, Non-Small-Cell Lung")
    'condition:non small cell lung cancer'
    """
    if kind is EntityKind.INTERVENTION:
        return f"{kind}:{canonical_drug(name) or name}"
    if kind in (EntityKind.CONDITION, EntityKind.ORGANISATION):
        return f"{kind}:{canonical(name) or name}"
    if kind is EntityKind.TRIAL:
        return f"{kind}:{name}"
    return f"{kind}:{normal_form(name) or name}"


class _Gathered:
    """The entities and claims of one document, as they are found; each entity once, with all its aliases."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._places = document.places()
        self._names: dict[str, tuple[EntityKind, str, dict[str, None]]] = {}
        self._mentions: list[Mention] = []
        self._claims: list[Claim] = []
        self._trial = entity_id(EntityKind.TRIAL, document.id)

    def entity(self, kind: EntityKind, name: str, aliases: Iterable[str] = ()) -> str:
        """Note an entity; its id."""
        key = entity_id(kind, name)
        _, shown, known = self._names.setdefault(key, (kind, name, {}))
        known.update(dict.fromkeys(alias for alias in (name, *aliases) if alias.strip() and alias != shown))
        return key

    def mention(self, path: str, text: str) -> None:
        """Note where the trial itself is named."""
        if path in self._places:
            self._mentions.append(Mention(self._trial, text, self._places[path]))

    def claim(
        self,
        predicate: Predicate,
        kind: EntityKind,
        name: str,
        path: str,
        aliases: Iterable[str] = (),
        span: Span | None = None,
    ) -> None:
        """Note that the trial says `predicate name` in the field at `path`, or in the characters `span` of it."""
        if not name.strip():
            return
        place = self._places[path]
        if span is not None:
            place = Place(place.section, path, place.start + span[0], place.start + span[1])
        key = self.entity(kind, name, aliases)
        self._claims.append(Claim(self._trial, predicate, key, self._document.id, self._document.quote(place), place))

    def extraction(self) -> Extraction:
        """Everything that was noted, and where else the document names its conditions and interventions."""
        entities = tuple(Entity(key, kind, name, tuple(known)) for key, (kind, name, known) in self._names.items())
        mentions = (*self._mentions, *find_mentions(self._document, entities))
        return Extraction(self._document.id, self._document.title, entities, mentions, tuple(self._claims))


def _conditions(gathered: _Gathered, trial: Trial) -> None:
    short = dict(_definitions(trial))
    for number, name in enumerate(trial.conditions):
        aliases = (*short.get(normal_form(name), ()), *common_names(name))
        path = f"{PROTOCOL}.conditionsModule.conditions[{number}]"
        gathered.claim(Predicate.STUDIES, EntityKind.CONDITION, name, path, aliases)
        for start, end in listed(name):
            part = name[start:end]
            gathered.claim(Predicate.STUDIES, EntityKind.CONDITION, part, path, common_names(part), span=(start, end))
    for number, name in enumerate(trial.condition_mesh):
        path = f"derivedSection.conditionBrowseModule.meshes[{number}].term"
        aliases = (*short.get(normal_form(name), ()), *common_names(name))
        gathered.claim(Predicate.STUDIES_INDEXED, EntityKind.CONDITION, name, path, aliases)


def _definitions(trial: Trial) -> Iterator[tuple[str, tuple[str, ...]]]:
    """By normal form: the other form of a name that the title, a condition or a keyword defines in brackets."""
    for text in (trial.brief_title, trial.official_title, *trial.conditions, *trial.keywords):
        for short, long in abbreviations(text):
            yield normal_form(short), (long,)
            yield normal_form(long), (short,)


def _interventions(gathered: _Gathered, trial: Trial) -> None:
    for number, item in enumerate(trial.interventions):
        path = f"{ARMS}.interventions[{number}].name"
        parts = [item.name[start:end] for start, end in components(item.name)]
        aliases = tuple(_other_names(item.type, item.other_names)) if not parts else ()
        gathered.claim(Predicate.TESTS, EntityKind.INTERVENTION, item.name, path, aliases)
        for start, end in components(item.name):
            name = item.name[start:end]
            gathered.claim(Predicate.TESTS, EntityKind.INTERVENTION, name, path, span=(start, end))
    for number, name in enumerate(trial.intervention_mesh):
        path = f"derivedSection.interventionBrowseModule.meshes[{number}].term"
        gathered.claim(Predicate.TESTS_INDEXED, EntityKind.INTERVENTION, name, path)


def _other_names(kind: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if kind in WITH_BRANDS:
            bare = name[1:-1] if name.startswith("(") and name.endswith(")") else name
            yield from (part.strip() for part in LIST_COMMA.split(bare) if part.strip())
        else:
            yield name


def _organisations(gathered: _Gathered, trial: Trial) -> None:
    def claim(predicate: Predicate, name: str, path: str) -> None:
        short = tuple(short for short, _ in abbreviations(name))
        gathered.claim(predicate, EntityKind.ORGANISATION, name, path, short)

    if trial.sponsor is not None:
        claim(Predicate.SPONSORED_BY, trial.sponsor.name, f"{SPONSORS}.leadSponsor.name")
    for number, item in enumerate(trial.collaborators):
        claim(Predicate.SUPPORTED_BY, item.name, f"{SPONSORS}.collaborators[{number}].name")


def _design(gathered: _Gathered, trial: Trial) -> None:
    for number, phase in enumerate(trial.phases):
        gathered.claim(Predicate.HAS_PHASE, EntityKind.PHASE, phase, f"{PROTOCOL}.designModule.phases[{number}]")
    gathered.claim(Predicate.HAS_STATUS, EntityKind.STATUS, trial.status, f"{PROTOCOL}.statusModule.overallStatus")


def _outcomes(gathered: _Gathered, trial: Trial) -> None:
    for item in trial.outcomes:
        path = f"{OUTCOME_PATHS[item.kind]}[{item.position}].measure"
        gathered.claim(MEASURES[item.kind], EntityKind.OUTCOME, item.measure, path)


def _admitted(gathered: _Gathered, trial: Trial) -> None:
    who = trial.eligibility
    facts = {
        "sex": f"sex {who.sex.lower()}" if who.sex.strip() else "",
        "minimumAge": f"minimum age {who.minimum_age}" if who.minimum_age.strip() else "",
        "maximumAge": f"maximum age {who.maximum_age}" if who.maximum_age.strip() else "",
        "healthyVolunteers": {True: "healthy volunteers", False: "no healthy volunteers", None: ""}[who.healthy_volunteers],
    }
    for field, name in facts.items():
        gathered.claim(Predicate.ADMITS, EntityKind.FACT, name, f"{ELIGIBILITY}.{field}")


def _criteria(gathered: _Gathered, document: Document) -> None:
    path = f"{ELIGIBILITY}.eligibilityCriteria"
    for section in document.sections:
        if section.path != path:
            continue
        inclusion, exclusion = split_criteria(section.text)
        for predicate, items in ((Predicate.REQUIRES, inclusion), (Predicate.EXCLUDES, exclusion)):
            for start, end in items:
                for found in thresholds(section.text[start:end]):
                    span = (start + found.start, start + found.end)
                    gathered.claim(predicate, EntityKind.FACT, found.name, path, span=span)


def find_mentions(document: Document, entities: Iterable[Entity]) -> Iterator[Mention]:
    """Where titles, summary and description name the document's conditions and interventions, as whole words."""
    owners: dict[str, tuple[str, str]] = {}
    for entity in entities:
        if entity.kind in (EntityKind.CONDITION, EntityKind.INTERVENTION):
            for name in (entity.name, *entity.aliases):
                if len(name) >= MIN_MENTION:
                    owners.setdefault(name.lower(), (entity.id, name))
    if not owners:
        return
    # the longest first, so that `lung cancer` is not found inside a `small cell lung cancer` that is also known
    names = sorted(owners, key=lambda name: (-len(name), name))[-MAX_NAMES:]
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, names)) + r")(?!\w)", re.IGNORECASE)
    for number, section in enumerate(document.sections):
        if section.kind in MENTIONED_IN:
            for match in pattern.finditer(section.text):
                owner, name = owners.get(match.group().lower(), ("", ""))
                # an abbreviation in small letters is another word
                if owner and not (name.isupper() and len(name) <= MAX_ABBREVIATION and match.group() != name):
                    yield Mention(owner, match.group(), Place(number, section.path, *match.span()))


@dataclass(frozen=True, slots=True)
class TrialExtractor:
    """The extract stage for registered studies."""

    def execute(self, ctx: StageContext, document: Document) -> Extraction:  # noqa: ARG002 - part of the contract
        """See `extract_claims`."""
        return extract_claims(document)
