"""The nouns of the documents pack: frozen data that travels from stage to stage.

Every field is a built-in, a tuple, bytes, an enum, another noun of this module, or None, so that a store can keep any of
them without pickle. One `Document` serves all sources; what only registered studies have lies in its `trial` (trial.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weftline.documents.trial import Trial

# --- what came in -------------------------------------------------------------------------------------------------


class ProblemKind(StrEnum):
    """What can be wrong with a file before anybody reads its contents."""

    EMPTY = "empty"
    OVERSIZED = "oversized"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault that was noted while reading; `parse` raises it, so that one bad file never stops the others.

    Attributes:
        detail: for OVERSIZED the limit in bytes; for DUPLICATE the id; for UNREADABLE what the system said.
        first: for DUPLICATE, the source that gave the id first.
        size_bytes: the size of the file.
    """

    kind: ProblemKind
    detail: str = ""
    first: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RawPayload:
    """The bytes of one record as they were found.

    Attributes:
        source: the name of its file, without the folder: content must not depend on where it lies.
        data: empty when there is a problem.
    """

    source: str
    media_type: str
    data: bytes
    problem: Problem | None = None


# --- documents ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: a field of the source, and characters of a section.

    Attributes:
        section: position of the section in its document.
        path: address of the field in the source's own terms, such as a JSON path.
        start: first character, counted in the text of the *section*.
        end: one past the last character.
    """

    section: int
    path: str
    start: int
    end: int

    def __str__(self) -> str:
        """`protocolSection.eligibilityModule.eligibilityCriteria, characters 120-480`."""
        return f"{self.path}, characters {self.start}-{self.end}"


class SectionKind(StrEnum):
    """What a section is about, whatever its heading says."""

    OVERVIEW = "overview"
    SUMMARY = "summary"
    DESCRIPTION = "description"
    CONDITIONS = "conditions"
    INTERVENTIONS = "interventions"
    OUTCOMES = "outcomes"
    ELIGIBILITY = "eligibility"
    RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Part:
    """A run of characters of a composed section that is, word for word, one field of the source."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """One heading with its text.

    The text of a section that is a single field is that field, unchanged. A section composed of many short fields
    lists in `parts` which characters are which field.
    """

    kind: SectionKind
    title: str
    text: str
    path: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A text with headings, whatever it was read from."""

    id: str
    title: str
    source: str
    sections: tuple[Section, ...]
    trial: Trial | None = None

    def quote(self, place: Place) -> str:
        """The characters that a place of this document points to."""
        return self.sections[place.section].text[place.start : place.end]

    def places(self) -> dict[str, Place]:
        """The place of every field, by its path; of a field that is shown twice, the first."""
        found: dict[str, Place] = {}
        for number, section in enumerate(self.sections):
            for part in section.parts or (Part(section.path, 0, len(section.text)),):
                found.setdefault(part.path, Place(number, part.path, part.start, part.end))
        return found


# --- search -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of one section: `text` is exactly what `place` points to."""

    id: str
    document: str
    title: str
    ordinal: int
    section: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class EmbeddingBatch:
    """The chunks of one document with a vector for each.

    Attributes:
        vectors: `len(chunks) * dimension` little-endian float32 values; each vector has length 1.
    """

    document: str
    model: str
    dimension: int
    chunks: tuple[Chunk, ...]
    vectors: bytes


@dataclass(frozen=True, slots=True)
class IndexReceipt:
    """What an index holds after a write; `generation` is the digest of its logical content."""

    path: str
    generation: str
    documents: int
    chunks: int
    keyword_ok: bool
    vector_ok: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """One document that answers a query, with its best passage.

    Attributes:
        score: comparable within one answer only.
        keyword_rank: rank among the documents found by words, from 1; None when it was not found so.
        vector_rank: likewise by meaning.
    """

    document: str
    title: str
    section: str
    passage: str
    place: Place
    score: float
    keyword_rank: int | None
    vector_rank: int | None


# --- knowledge ----------------------------------------------------------------------------------------------------


class EntityKind(StrEnum):
    """What a name in the graph stands for."""

    TRIAL = "trial"
    CONDITION = "condition"
    INTERVENTION = "intervention"
    ORGANISATION = "organisation"
    PHASE = "phase"
    STATUS = "status"
    OUTCOME = "outcome"
    FACT = "fact"


class Predicate(StrEnum):
    """How two entities are related; read `subject predicate object`."""

    TESTS = "tests"
    TESTS_INDEXED = "tests (MeSH)"
    STUDIES = "studies"
    STUDIES_INDEXED = "studies (MeSH)"
    SPONSORED_BY = "sponsored by"
    SUPPORTED_BY = "supported by"
    MEASURES = "measures"
    MEASURES_SECONDARY = "measures (secondary)"
    MEASURES_OTHER = "measures (other)"
    HAS_PHASE = "has phase"
    HAS_STATUS = "has status"
    ADMITS = "admits"
    REQUIRES = "requires"
    EXCLUDES = "excludes"


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing that documents name.

    Attributes:
        id: kind and normalised name, so that equal things of two documents have one id.
        name: as the document writes it.
        aliases: other names that this document gives it.
    """

    id: str
    kind: EntityKind
    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where a document names an entity, in the words found there."""

    entity: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of one document, with the words that say so."""

    subject: str
    predicate: Predicate
    object: str
    document: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one document says, as entities and claims."""

    document: str
    title: str
    entities: tuple[Entity, ...]
    mentions: tuple[Mention, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class KnowledgeReceipt:
    """What a graph holds after a write; `generation` is the digest of its logical content."""

    path: str
    generation: str
    documents: int
    entities: int
    claims: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words of a document that support an answer, and the field they stand in."""

    document: str
    field: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class TrialReference:
    """A study by id and title."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the graph knows about a question.

    Attributes:
        understood: the question as it was read, such as `trials that test 'aspirin' for 'stroke'`.
        values: what was asked for when it is not trials, such as the sponsor's name.
        trials: the trials that answer, or that the question names.
        evidence: at least one for each trial or value.
    """

    question: str
    understood: str
    values: tuple[str, ...]
    trials: tuple[TrialReference, ...]
    evidence: tuple[Evidence, ...]
