"""A registered study as its registry describes it: frozen data, in the registry's words and order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Intervention:
    """What is given or done: type such as DRUG, and the name as registered."""

    type: str
    name: str
    description: str = ""
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arm:
    """One group of participants. `interventions` are names with their type: `Drug: Cisplatin`."""

    label: str
    type: str
    description: str
    interventions: tuple[str, ...]


class OutcomeKind(StrEnum):
    """The three lists that the registry keeps."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that is measured. `position` counts within its kind, from 0."""

    kind: OutcomeKind
    position: int
    measure: str
    time_frame: str
    description: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Who may take part.

    Attributes:
        criteria: the whole text as registered.
        inclusion: its items under a heading of inclusion, each a substring of `criteria`; empty when it has no headings.
        exclusion: the same for exclusion.
        sex: ALL, FEMALE or MALE.
        minimum_age: as registered, such as `18 Years`; empty when there is no limit.
        maximum_age: likewise.
        healthy_volunteers: None when the record does not say.
    """

    criteria: str
    inclusion: tuple[str, ...]
    exclusion: tuple[str, ...]
    sex: str
    minimum_age: str
    maximum_age: str
    healthy_volunteers: bool | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """A sponsor or collaborator; `category` is the registry's class, such as INDUSTRY."""

    name: str
    category: str


@dataclass(frozen=True, slots=True)
class Dates:
    """Dates with the precision that was registered: `2015-04` stays `2015-04`. Empty when absent."""

    start: str
    primary_completion: str
    completion: str
    first_posted: str
    last_update: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a registered study says about itself, in the registry's words and order."""

    nct_id: str
    brief_title: str
    official_title: str
    acronym: str
    status: str
    study_type: str
    phases: tuple[str, ...]
    conditions: tuple[str, ...]
    keywords: tuple[str, ...]
    interventions: tuple[Intervention, ...]
    arms: tuple[Arm, ...]
    outcomes: tuple[Outcome, ...]
    eligibility: Eligibility
    sponsor: Organisation | None
    collaborators: tuple[Organisation, ...]
    dates: Dates
    enrolment: int | None
    condition_mesh: tuple[str, ...]
    intervention_mesh: tuple[str, ...]
    countries: tuple[str, ...]
