"""Graph: questions to the knowledge file, each answered with the words that support it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from weftline.documents.ask import FactQuestion, TrialsQuestion, understand
from weftline.documents.database import reading
from weftline.documents.knowledge import LAYOUT
from weftline.documents.names import ROMAN, contains, drug_forms, forms, is_given, narrows, normal_form
from weftline.documents.synonyms import synonyms
from weftline.documents.types import Answer, EntityKind, Evidence, Place, Predicate, TrialReference

MATCHING_NAMES = """
    SELECT document, entity, form FROM names WHERE kind = ? AND instr(' ' || form || ' ', ' ' || ? || ' ')
"""
TITLES = """
    SELECT document, text, section_number, path, start, "end" FROM mentions WHERE entity = 'trial:' || document
"""
CLAIMS = """
    SELECT object, text, section_number, path, start, "end" FROM claims WHERE document = ? AND predicate = ? ORDER BY rowid
"""
CLAIMS_ON = """
    SELECT document, text, section_number, path, start, "end" FROM claims WHERE object = ? AND predicate = ?
"""
EVIDENCE_PER_TERM = 3

SEVERAL = re.compile(r"\s+(?:and|with|versus|vs\.?|plus)\s+|\s*\+\s*", re.IGNORECASE)

Support = dict[str, list[Evidence]]


@dataclass(frozen=True, slots=True)
class Term:
    """What a name is looked for in: entities of a kind that trials claim something of, and how names are compared."""

    kind: EntityKind
    predicates: tuple[Predicate, ...]
    matches: Callable[[str, str], bool]


DRUG = Term(EntityKind.INTERVENTION, (Predicate.TESTS, Predicate.TESTS_INDEXED), contains)
CONDITION = Term(EntityKind.CONDITION, (Predicate.STUDIES, Predicate.STUDIES_INDEXED), narrows)
SPONSOR = Term(EntityKind.ORGANISATION, (Predicate.SPONSORED_BY,), contains)


@dataclass(frozen=True, slots=True)
class KnowledgeGraph:
    """Reads a knowledge file.

    All methods raise KnowledgeUnusableError when the file is missing, damaged or of another program.
    """

    path: Path

    def trials(self, drug: str = "", condition: str = "", phase: str = "", status: str = "", sponsor: str = "") -> Answer:
        """The trials to which all that is given applies, by id; with nothing given, all of them.

        A drug or condition is found under any name that a record or its MeSH terms give it, and as a part of a longer
        name: `insulin` finds `Insulin glargine`, `diabetes` finds `Type 2 diabetes mellitus`. A condition is also
        found in the title; a drug only when no intervention has the name. `pregabalin and gabapentin` finds trials of
        both, `phase 2` finds phase 1/2 too.
        """
        with reading(self.path, LAYOUT) as db:
            return _trials(db, drug, condition, phase, status, sponsor)

    def facts(self, trial: str, predicates: Iterable[Predicate]) -> Answer:
        """What one trial says under the predicates, in the order of its record; without values when it is not known."""
        with reading(self.path, LAYOUT) as db:
            return _facts(db, trial, " or ".join(predicates), tuple(predicates))

    def ask(self, question: str) -> Answer | None:
        """The answer to an English question, or None when it has none of the forms that are known (see ask.py).

        An answer without trials or values means that the question was understood and the graph knows nothing.
        """
        asked = understand(question)
        if asked is None:
            return None
        with reading(self.path, LAYOUT) as db:
            answer = (
                _facts(db, asked.trial, asked.wanted, asked.predicates) if isinstance(asked, FactQuestion) else _best(db, asked)
            )
        return Answer(question, answer.understood, answer.values, answer.trials, answer.evidence)


def _best(db: sqlite3.Connection, asked: TrialsQuestion) -> Answer:
    """The first reading that has an answer, or else the likeliest."""
    likeliest: Answer | None = None
    for drug, condition in asked.pairs:
        answer = _trials(db, drug, condition, asked.phase, asked.status, asked.sponsor)
        if answer.trials:
            return answer
        likeliest = likeliest or answer
    assert likeliest is not None, "a question has a reading"
    return likeliest


def _trials(db: sqlite3.Connection, drug: str, condition: str, phase: str, status: str, sponsor: str) -> Answer:
    others: list[Support] = []
    understood = ["trials", *([f"that test {drug!r}"] if drug else [])]
    if condition:
        phrases = _phrases(db, EntityKind.CONDITION, condition)
        others.append(_joined(_named(db, CONDITION, phrases), _titled(db, phrases, contains)))
        understood.append(f"for {condition!r}")
    if phase:
        others.append(_claimed(db, Predicate.HAS_PHASE, _phase_ids(phase)))
        understood.append(f"in {phase}")
    if status:
        others.append(_claimed(db, Predicate.HAS_STATUS, {f"{EntityKind.STATUS}:{normal_form(status)}"}))
        understood.append(f"with status {status}")
    if sponsor:
        others.append(_named(db, SPONSOR, _phrases(db, EntityKind.ORGANISATION, sponsor)))
        understood.append(f"sponsored by {sponsor!r}")
    titles: dict[str, str] = dict(db.execute("SELECT id, title FROM documents ORDER BY id"))
    readings = ([tested, *others] for tested in _tested(db, drug)) if drug else iter([others])
    found: list[str] = []
    supports: list[Support] = []
    for supports in readings:
        found = [document for document in titles if all(document in support for support in supports)]
        if found:
            break
    evidence = tuple(item for document in found for support in supports for item in support[document][:EVIDENCE_PER_TERM])
    trials = tuple(TrialReference(document, titles[document]) for document in found)
    return Answer("", " ".join(understood), (), trials, evidence)


def _tested(db: sqlite3.Connection, drug: str) -> Iterator[Support]:
    """Readings of a drug's name, the surest first: one intervention, several of them, words of a title."""
    phrases = _phrases(db, EntityKind.INTERVENTION, drug)
    yield _named(db, DRUG, phrases)
    several = [_named(db, DRUG, _phrases(db, EntityKind.INTERVENTION, part)) for part in SEVERAL.split(drug)]
    if len(several) > 1:
        yield {
            document: [item for support in several for item in support[document]]
            for document in several[0]
            if all(document in support for support in several)
        }
    yield _titled(db, phrases, is_given)


def _named(db: sqlite3.Connection, term: Term, phrases: Iterable[str]) -> Support:
    """Per document, the claims on things that have one of the names, or that it is a part of."""
    objects: dict[str, set[str]] = {}
    for phrase in phrases:
        for word in phrase.split()[:1]:
            for document, entity, form in db.execute(MATCHING_NAMES, (term.kind, word)):
                if term.matches(form, phrase):
                    objects.setdefault(document, set()).add(entity)
    found: Support = {}
    for document, entities in objects.items():
        for predicate in term.predicates:
            found.setdefault(document, []).extend(
                evidence for key, evidence in _evidence(db, document, predicate) if key in entities
            )
    return {document: evidence for document, evidence in found.items() if evidence}


def _phrases(db: sqlite3.Connection, kind: EntityKind, name: str) -> tuple[str, ...]:
    spelled = drug_forms(name) if kind is EntityKind.INTERVENTION else forms(name)
    return tuple(dict.fromkeys(synonym for form in spelled for synonym in synonyms(db, kind, form)))


def _titled(db: sqlite3.Connection, phrases: Iterable[str], says: Callable[[str, str], bool]) -> Support:
    """Per document, its title when that says one of the phrases."""
    wanted = tuple(phrases)
    found: Support = {}
    for document, text, *place in db.execute(TITLES):
        title = normal_form(text)
        if any(says(title, phrase) for phrase in wanted):
            found[document] = [_as_evidence(document, text, place)]
    return found


def _claimed(db: sqlite3.Connection, predicate: Predicate, objects: Collection[str]) -> Support:
    """Per document, its claims on all of the objects; nothing for a document that lacks one."""
    said: dict[str, dict[str, Evidence]] = {}
    for key in objects:
        for document, text, *place in db.execute(CLAIMS_ON, (key, predicate)):
            said.setdefault(document, {})[key] = _as_evidence(document, text, place)
    return {document: list(found.values()) for document, found in said.items() if objects and len(found) == len(objects)}


def _joined(one: Support, other: Support) -> Support:
    return {document: [*one.get(document, ()), *other.get(document, ())] for document in one.keys() | other.keys()}


def _phase_ids(phase: str) -> set[str]:
    """The ids of what people call `phase 2`, `Phase II/III` or `early phase 1`."""
    early = "early " if re.search("early", phase, re.IGNORECASE) else ""
    numbers = re.findall(r"[1-4]|\b[iv]+\b", phase.lower().replace("phase", "phase "))
    return {f"{EntityKind.PHASE}:{early}phase{ROMAN.get(number, number)}" for number in numbers}


def _facts(db: sqlite3.Connection, trial: str, wanted: str, predicates: tuple[Predicate, ...]) -> Answer:
    names: dict[str, str] = dict(db.execute("SELECT id, name FROM entities WHERE document = ?", (trial,)))
    row = db.execute("SELECT title FROM documents WHERE id = ?", (trial,)).fetchone()
    # an entity is always named; should its name be lost with a damaged page, the words of the claim serve
    said = [
        (names.get(key, evidence.text), evidence)
        for predicate in predicates
        for key, evidence in _evidence(db, trial, predicate)
    ]
    return Answer(
        question="",
        understood=f"{trial}: {wanted}",
        values=tuple(dict.fromkeys(name for name, _ in said)),
        trials=() if row is None else (TrialReference(trial, row[0]),),
        evidence=tuple(evidence for _, evidence in said),
    )


def _evidence(db: sqlite3.Connection, document: str, predicate: Predicate) -> list[tuple[str, Evidence]]:
    rows = db.execute(CLAIMS, (document, predicate))
    return [(key, _as_evidence(document, text, place)) for key, text, *place in rows]


def _as_evidence(document: str, text: str, place: list[int | str]) -> Evidence:
    section, path, start, end = place
    return Evidence(document, str(path), text, Place(int(section), str(path), int(start), int(end)))
