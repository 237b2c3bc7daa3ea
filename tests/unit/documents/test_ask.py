import pytest

from weftline.documents.ask import FactQuestion, TrialsQuestion, understand
from weftline.documents.types import Predicate

TRIALS = {
    "Which trials test aspirin for stroke?": TrialsQuestion((("aspirin", "stroke"), ("aspirin for stroke", ""))),
    "which clinical trials use X against Y": TrialsQuestion((("X", "Y"), ("X against Y", ""))),
    "What studies are testing X in patients with Y?": TrialsQuestion((("X", "Y"), ("X in patients with Y", ""))),
    "which trials test X": TrialsQuestion((("X", ""),)),
    "trials of X in Y": TrialsQuestion((("X", "Y"), ("X in Y", ""), ("", "X in Y"))),
    "Trials of X": TrialsQuestion((("X", ""), ("", "X"))),
    "which trials study the flu?": TrialsQuestion((("", "flu"),)),
    "Which trials are about Y?": TrialsQuestion((("", "Y"),)),
    "trials for Y": TrialsQuestion((("", "Y"),)),
    "which recruiting trials study Y": TrialsQuestion((("", "Y"),), status="recruiting"),
    "Which phase 3 trials test X?": TrialsQuestion((("X", ""),), phase="phase 3"),
    "completed phase 2/3 trials of X": TrialsQuestion((("X", ""), ("", "X")), phase="phase 2/3", status="completed"),
    "which trials are recruiting?": TrialsQuestion((("", ""),), status="recruiting"),
    "trials in phase 1": TrialsQuestion((("", ""),), phase="phase 1"),
    "Which trials does the NIH sponsor?": TrialsQuestion((("", ""),), sponsor="NIH"),
    "Which trials are sponsored by Better Therapeutics?": TrialsQuestion((("", ""),), sponsor="Better Therapeutics"),
    "trials by Pfizer": TrialsQuestion((("", ""),), sponsor="Pfizer"),
}


@pytest.mark.parametrize("question", TRIALS)
def test_questions_about_trials(question):
    assert understand(question) == TRIALS[question]


MEASURES = (Predicate.MEASURES, Predicate.MEASURES_SECONDARY, Predicate.MEASURES_OTHER)
FACTS = {
    "Who sponsors NCT00000410?": (Predicate.SPONSORED_BY,),
    "who is the sponsor of trial nct00000410": (Predicate.SPONSORED_BY,),
    "Who supports NCT00000410?": (Predicate.SUPPORTED_BY,),
    "What does NCT00000410 measure?": MEASURES,
    "what are the primary outcomes of NCT00000410": (Predicate.MEASURES,),
    "What is the secondary endpoint of NCT00000410?": (Predicate.MEASURES_SECONDARY,),
    "What does NCT00000410 test?": (Predicate.TESTS,),
    "which drugs are tested in NCT00000410": (Predicate.TESTS,),
    "What does NCT00000410 study?": (Predicate.STUDIES,),
    "Which phase is NCT00000410 in?": (Predicate.HAS_PHASE,),
    "What is the phase of NCT00000410?": (Predicate.HAS_PHASE,),
    "is NCT00000410 still recruiting?": (Predicate.HAS_STATUS,),
    "Who can take part in NCT00000410?": (Predicate.ADMITS, Predicate.REQUIRES, Predicate.EXCLUDES),
}


@pytest.mark.parametrize("question", FACTS)
def test_questions_about_one_trial(question):
    asked = understand(question)
    assert isinstance(asked, FactQuestion)
    assert (asked.trial, asked.predicates) == ("NCT00000410", FACTS[question])


@pytest.mark.parametrize(
    "question",
    [
        "",
        "?",
        "tell me a joke",
        "list trials",
        "how many trials test X",
        "who sponsors NCT123",
        "which trials",
        "who sponsors NCT000004101",
    ],
)
def test_what_has_no_known_form_is_not_guessed(question):
    assert understand(question) is None


@pytest.mark.timeout(10)
def test_an_endless_question_has_few_readings():
    asked = understand("which trials test X" + " for Y" * 10_000)
    assert len(asked.pairs) < 10
