"""Ask: a few English forms of question, read into what the graph can look up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from weftline.documents.types import Predicate


@dataclass(frozen=True, slots=True)
class TrialsQuestion:
    """Which trials fit.

    Attributes:
        pairs: readings of the question as (drug, condition), the likeliest first; either may be empty.
        phase: such as `phase 3`; empty for any.
        status: such as `recruiting`; empty for any.
        sponsor: an organisation; empty for any.
    """

    pairs: tuple[tuple[str, str], ...]
    phase: str = ""
    status: str = ""
    sponsor: str = ""


@dataclass(frozen=True, slots=True)
class FactQuestion:
    """What one trial says under some predicates; `wanted` is the thing in words."""

    trial: str
    wanted: str
    predicates: tuple[Predicate, ...]


MAX_QUESTION = 500  # characters
MAX_READINGS = 5
MEASURES = (Predicate.MEASURES, Predicate.MEASURES_SECONDARY, Predicate.MEASURES_OTHER)
STATUS = r"not yet recruiting|active,? not recruiting|recruiting|completed|terminated|withdrawn|suspended"
PHASE = r"(?:early )?phase\s*[1-4ivIV]+(?:\s*/\s*[1-4ivIV]+)?"
WHICH = (
    r"(?:(?:which|what|list|show me|show|find|are there|give me)\s+)?(?:(?:all|any|the)\s+)*"
    rf"(?:(?P<status>{STATUS})\s+)?(?:(?P<phase>{PHASE})\s+)?(?:clinical\s+)?(?:trials?|studies|study)"
)
TRIALS = rf"{WHICH}\s+(?:(?:that|which|do|does|are|is|have|has|there)\s+)*"
TESTS = (
    r"(?:tests?|tested|testing|uses?|used|using|evaluat(?:es?|ed|ing)|investigat(?:es?|ed|ing)|compar(?:es?|ed|ing)"
    r"|examin(?:es?|ed|ing)|giv(?:es?|ing)|try|tries|trying|assess(?:es|ed|ing)?|with)"
)
STUDIES = (
    r"(?:study|studies|studying|about|address(?:es)?|treats?|treating|targets?|targeting|concerns?|focus(?:es)? on"
    r"|enrol[ls]?l? (?:people|patients|participants) with|for|on|in)"
)
TRIAL = r"(?:trial |study )?(?P<trial>NCT\d{8})"
# the place of a word that may stand between a drug and a condition
BETWEEN = re.compile(
    r"\s+(?:for(?: treating| the treatment of)?|in(?: (?:people|patients) with)?|against|to treat)\s+", re.IGNORECASE
)

FACTS: tuple[tuple[str, str, tuple[Predicate, ...]], ...] = (
    (rf"who (?:sponsors|funds|pays for|leads|runs) {TRIAL}", "sponsor", (Predicate.SPONSORED_BY,)),
    (rf"who is the sponsor of {TRIAL}", "sponsor", (Predicate.SPONSORED_BY,)),
    (rf"who (?:supports|collaborates (?:on|in)) {TRIAL}", "collaborators", (Predicate.SUPPORTED_BY,)),
    (rf"what does {TRIAL} measure", "outcomes", MEASURES),
    (rf"what (?:is|are) the primary (?:outcomes?|endpoints?) of {TRIAL}", "primary outcomes", (Predicate.MEASURES,)),
    (
        rf"what (?:is|are) the secondary (?:outcomes?|endpoints?) of {TRIAL}",
        "secondary outcomes",
        (Predicate.MEASURES_SECONDARY,),
    ),
    (rf"what (?:is|are) the (?:outcomes?|endpoints?) of {TRIAL}", "outcomes", MEASURES),
    (rf"(?:what|which (?:drugs?|interventions?|treatments?)) (?:does|do) {TRIAL} {TESTS}", "interventions", (Predicate.TESTS,)),
    (
        rf"(?:what|which (?:drugs?|interventions?|treatments?)) (?:is|are) tested in {TRIAL}",
        "interventions",
        (Predicate.TESTS,),
    ),
    (rf"(?:what|which (?:conditions?|diseases?)) does {TRIAL} (?:study|treat|address)", "conditions", (Predicate.STUDIES,)),
    (
        rf"(?:what|which) phase is {TRIAL}(?: in)?|what is the phase of {TRIAL.replace('trial>', 'trial2>')}",
        "phase",
        (Predicate.HAS_PHASE,),
    ),
    (
        rf"what is the status of {TRIAL}|is {TRIAL.replace('trial>', 'trial2>')} (?:still )?recruiting",
        "status",
        (Predicate.HAS_STATUS,),
    ),
    (
        rf"who (?:can|may) (?:take part in|join|participate in|enrol in|enroll in) {TRIAL}",
        "who may take part",
        (Predicate.ADMITS, Predicate.REQUIRES, Predicate.EXCLUDES),
    ),
)


def understand(question: str) -> TrialsQuestion | FactQuestion | None:
    """What is asked, or None when the question has none of the known forms."""
    words = " ".join(question[:MAX_QUESTION].split()).strip(" ?!.")
    return _fact_question(words) or _plain_question(words) or _sponsor_question(words) or _trials_question(words)


def _fact_question(words: str) -> FactQuestion | None:
    for pattern, wanted, predicates in FACTS:
        match = re.fullmatch(pattern, words, re.IGNORECASE)
        if match is not None:
            trial = next(text for name, text in match.groupdict().items() if name.startswith("trial") and text)
            return FactQuestion(trial.upper(), wanted, predicates)
    return None


def _sponsor_question(words: str) -> TrialsQuestion | None:
    match = re.fullmatch(rf"{TRIALS}(?:(?:sponsored|funded|run) )?by (?P<by>.+)", words, re.IGNORECASE) or re.fullmatch(
        rf"{TRIALS}(?P<by>.+?) (?:sponsors?|funds?|runs?)", words, re.IGNORECASE
    )
    return None if match is None else _question(match, (("", ""),), sponsor=match["by"])


def _trials_question(words: str) -> TrialsQuestion | None:
    tests = re.fullmatch(rf"{TRIALS}{TESTS} (?P<rest>.+)", words, re.IGNORECASE)
    if tests is not None:
        return _question(tests, (*_splits(tests["rest"]), (tests["rest"], "")))
    studies = re.fullmatch(rf"{TRIALS}{STUDIES} (?P<rest>.+)", words, re.IGNORECASE)
    if studies is not None:
        return _question(studies, (("", studies["rest"]), *_splits(studies["rest"])))
    trials_of = re.fullmatch(rf"{TRIALS}of (?P<rest>.+)", words, re.IGNORECASE)
    if trials_of is not None:
        return _question(trials_of, (*_splits(trials_of["rest"]), (trials_of["rest"], ""), ("", trials_of["rest"])))
    return None


def _plain_question(words: str) -> TrialsQuestion | None:
    match = re.fullmatch(rf"{WHICH}(?:\s+(?:that|which|are|is|there|in|now|(?P<late>{STATUS}|{PHASE})))*", words, re.IGNORECASE)
    if match is None or not (match["status"] or match["phase"] or match["late"]):
        return None
    late = match["late"] or ""
    question = _question(match, (("", ""),))
    return replace(question, phase=late) if "phase" in late.lower() else replace(question, status=question.status or late)


def _splits(rest: str) -> Iterator[tuple[str, str]]:
    for match in islice(BETWEEN.finditer(rest), MAX_READINGS):
        yield rest[: match.start()], rest[match.end() :]


def _bare(name: str) -> str:
    """The name without an article."""
    return re.sub(r"^(?:the|an?)\s+", "", name, flags=re.IGNORECASE)


def _question(match: re.Match[str], pairs: tuple[tuple[str, str], ...], sponsor: str = "") -> TrialsQuestion:
    bare = tuple((_bare(drug), _bare(condition)) for drug, condition in pairs)
    return TrialsQuestion(bare, phase=match["phase"] or "", status=match["status"] or "", sponsor=_bare(sponsor))
