import dataclasses
import random
import sqlite3

import pytest

from weftline.documents.extract import entity_id, extract_claims
from weftline.documents.graph import KnowledgeGraph
from weftline.documents.knowledge import SqliteKnowledge
from weftline.documents.stages import StageContext
from weftline.documents.types import Claim, Entity, EntityKind, Extraction, Place, Predicate
from weftline.errors import KnowledgeUnusableError


@pytest.fixture(scope="module")
def extractions(documents):
    return tuple(map(extract_claims, documents))


@pytest.fixture(scope="module")
def graph(tmp_path_factory, extractions):
    path = tmp_path_factory.mktemp("graph") / "knowledge.db"
    SqliteKnowledge(path).write(extractions)
    return KnowledgeGraph(path)


@pytest.fixture
def knowledge(tmp_path):
    return SqliteKnowledge(tmp_path / "knowledge.db")


OSIMERTINIB = {"NCT04811001", "NCT04870190", "NCT05693090", "NCT05773092", "NCT06032936"}
TYPE_2_DIABETES = {"NCT03369626", "NCT04886388", "NCT05302050"}

# checked by hand, by reading the records: question -> (trials, values)
GOLD = {
    "Which trials test osimertinib for non-small cell lung cancer?": (OSIMERTINIB, ()),
    # a brand name that one record gives, an abbreviation that no record defines for all of them
    "Trials of Tagrisso in NSCLC": (OSIMERTINIB, ()),
    "Which phase 3 trials test AZD9291?": ({"NCT04870190"}, ()),
    "which trials test poziotinib for lung cancer": ({"NCT04044170", "NCT05378763"}, ()),
    # MeSH calls it Precursor Cell Lymphoblastic Leukemia-Lymphoma
    "Which trials evaluate ABT-199 in acute lymphoblastic leukaemia?": ({"NCT05268003", "NCT05464836"}, ()),
    "Which trials study type II diabetes?": (TYPE_2_DIABETES, ()),
    "Which trials test BT-001 for diabetes?": ({"NCT04886388", "NCT05302050"}, ()),
    "Which trials study insomnia?": ({"NCT05809544", "NCT05822999"}, ()),
    # not to be found inside non-small cell lung cancer
    "Which trials study small cell lung cancer?": (set(), ()),
    "Which recruiting trials study leukaemia?": (
        {"NCT01174615", "NCT03294980", "NCT03873311", "NCT03895671", "NCT05268003", "NCT05464836", "NCT05480501"},
        (),
    ),
    # named in the titles only
    "Which trials test digital therapeutics for smoking cessation?": ({"NCT03694327", "NCT05440721"}, ()),
    "Which trials are sponsored by Better Therapeutics?": ({"NCT04886388", "NCT05302050"}, ()),
    "Who sponsors NCT00777179?": ({"NCT00777179"}, ("Genzyme, a Sanofi Company",)),
    "What does NCT00000410 measure?": (
        {"NCT00000410"},
        (
            "Changes in health-related quality of life as measured by the SF-36 health status questionnaire",
            "Patient satisfaction with treatment",
            (
                "utility for current health in order to estimate quality-adjusted life years (QALYS) "
                "as the measure for cost effectiveness"
            ),
            "resource utilization",
            "cost",
        ),
    ),
    "Who can take part in NCT03608150?": (
        {"NCT03608150"},
        ("sex all", "minimum age 4 Years", "maximum age 7 Years", "no healthy volunteers"),
    ),
}


@pytest.mark.parametrize("question", GOLD)
def test_gold(graph, question):
    trials, values = GOLD[question]
    answer = graph.ask(question)
    assert {trial.id for trial in answer.trials} == trials
    assert answer.values == values


@pytest.mark.parametrize("question", GOLD)
def test_every_answer_shows_its_evidence(graph, documents, question):
    by_id = {document.id: document for document in documents}
    answer = graph.ask(question)
    assert answer.question == question
    assert {evidence.document for evidence in answer.evidence} == {trial.id for trial in answer.trials}
    for evidence in answer.evidence:
        assert by_id[evidence.document].quote(evidence.place) == evidence.text
        assert evidence.field == evidence.place.path
    for trial in answer.trials:
        assert by_id[trial.id].title == trial.title


def test_what_is_not_understood_is_none_and_what_is_not_known_is_empty(graph):
    assert graph.ask("Is there life on Mars?") is None
    unknown = graph.ask("Who sponsors NCT99999999?")
    assert (unknown.trials, unknown.values, unknown.evidence) == ((), (), ())
    assert graph.ask("Which trials test unobtainium for boredom?").trials == ()


def found(graph, **given):
    return {trial.id for trial in graph.trials(**given).trials}


def test_trials_by_parts_of_names(graph):
    assert found(graph, condition="diabetes") == TYPE_2_DIABETES
    assert found(graph, drug="Osimertinib 80 mg", condition="lung cancer") == OSIMERTINIB
    assert found(graph, drug="pregabalin and gabapentin") == {"NCT02120703"}
    assert found(graph, drug="Zactima") == {"NCT00777179"}
    assert found(graph, condition="herniated lumbar disk") == {"NCT01824108", "NCT04520009"}
    assert found(graph, phase="Phase II/III") == {"NCT05144685"}
    assert found(graph, phase="early phase 1") == {"NCT05480501"}
    assert found(graph, status="not yet recruiting") == {"NCT05309213", "NCT05865379"}
    assert found(graph, sponsor="NHGRI") == {"NCT00684879"}
    assert len(found(graph)) == 40


def test_facts_of_one_trial(graph):
    answer = graph.facts("NCT05268003", (Predicate.TESTS, Predicate.HAS_PHASE))
    assert answer.values == ("Ponatinib", "Venetoclax", "Mini-hyper CVD", "PHASE2")


# --- synonyms -------------------------------------------------------------------------------------------------------


def trial_of(number, *tested, headings=()):
    """A trial that tests things, each (name, *other names), some of them under their MeSH heading."""
    document, place = f"NCT{number:08d}", Place(0, "p", 0, 1)
    keys = [entity_id(EntityKind.INTERVENTION, name) for name, *_ in tested]
    entities = tuple(
        Entity(key, EntityKind.INTERVENTION, name, tuple(others)) for key, (name, *others) in zip(keys, tested, strict=True)
    )
    subject = entity_id(EntityKind.TRIAL, document)
    claims = [(Predicate.TESTS, key) for key in keys]
    claims += [(Predicate.TESTS_INDEXED, entity_id(EntityKind.INTERVENTION, heading)) for heading in headings]
    return Extraction(
        document,
        "A title",
        (Entity(subject, EntityKind.TRIAL, document), *entities),
        (),
        tuple(Claim(subject, predicate, key, document, "x", place) for predicate, key in claims),
    )


def numbers(knowledge, drug, *trials):
    knowledge.write(trials)
    return sorted(int(trial.id[3:]) for trial in KnowledgeGraph(knowledge.path).trials(drug=drug).trials)


def test_another_name_finds_the_trials_that_do_not_give_it(knowledge):
    trials = trial_of(1, ("Osimertinib", "Tagrisso")), trial_of(2, ("osimertinib 80 mg",)), trial_of(3, ("Gefitinib",))
    assert numbers(knowledge, "Tagrisso", *trials) == [1, 2]
    assert numbers(knowledge, "Osimertinib", *trials) == [1, 2]


def test_the_name_finds_the_trials_that_know_only_the_other(knowledge):
    trials = trial_of(1, ("Osimertinib", "Tagrisso"), headings=["osimertinib"]), trial_of(2, ("Tagrisso",))
    assert numbers(knowledge, "Osimertinib", *trials) == [1, 2]


def test_a_comparator_among_the_other_names_is_no_synonym(knowledge):
    trials = (
        trial_of(1, ("Anlotinib", "Gefitinib Tablets"), headings=["anlotinib"]),
        trial_of(2, ("Gefitinib",), headings=["Gefitinib"]),
        trial_of(3, ("Anlotinib",)),
    )
    assert numbers(knowledge, "gefitinib", *trials) == [1, 2]
    assert numbers(knowledge, "gefitinib tablets", *trials) == [1, 2]
    assert numbers(knowledge, "anlotinib", *trials) == [1, 3]


def test_a_name_of_several_things_or_of_anything_is_no_synonym(knowledge):
    several = trial_of(1, ("Alpha", "Study product")), trial_of(2, ("Beta", "Study product")), trial_of(3, ("Alpha",))
    assert numbers(knowledge, "study product", *several) == [1, 2]
    generic = trial_of(1, ("Alpha", "Chemotherapy")), trial_of(2, ("Chemotherapy",)), trial_of(3, ("Alpha",))
    assert numbers(knowledge, "chemotherapy", *generic) == [1, 2]


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_write_is_idempotent_incremental_and_confirmed(knowledge, extractions):
    first = knowledge.write(extractions[:10])
    assert (first.documents, first.claims) == (10, sum(len(extraction.claims) for extraction in extractions[:10]))
    assert knowledge.write(reversed(extractions[:10])) == first
    assert knowledge.confirms(first)
    changed = dataclasses.replace(extractions[2], title="Another title")
    second = knowledge.execute(StageContext(), (*extractions[:2], changed))
    assert (second.documents, second.generation != first.generation) == (3, True)
    assert not knowledge.confirms(first)
    assert KnowledgeGraph(knowledge.path).trials().trials[2].title == "Another title"
    assert knowledge.write(extractions[:10]) == first


def breaking_off(extractions):
    yield from extractions
    raise ZeroDivisionError


def test_what_raises_in_the_middle_leaves_the_old_state(knowledge, extractions):
    receipt = knowledge.write(extractions[:5])
    with pytest.raises(ZeroDivisionError):
        knowledge.write(breaking_off(extractions[5:]))
    assert knowledge.confirms(receipt)
    assert len(KnowledgeGraph(knowledge.path).trials().trials) == 5


def test_a_document_given_twice_is_refused(knowledge, extractions):
    with pytest.raises(ValueError, match="given twice"):
        knowledge.write((extractions[0], extractions[0]))


@pytest.mark.parametrize("kind", ["missing", "text", "folder", "an index"])
def test_what_is_not_a_graph_is_one_error(tmp_path, extractions, kind):
    path = tmp_path / "other.db"
    if kind == "text":
        path.write_text("no database " * 500)
    elif kind == "folder":
        path.mkdir()
    elif kind == "an index":
        with sqlite3.connect(path) as db:
            db.executescript("PRAGMA application_id = 2003203177; CREATE TABLE documents (id TEXT)")
        db.close()
    with pytest.raises(KnowledgeUnusableError) as caught:
        KnowledgeGraph(path).ask("Who sponsors NCT00000410?")
    assert caught.value.code == "D707"
    if kind != "missing":
        with pytest.raises(KnowledgeUnusableError):
            SqliteKnowledge(path).write(extractions[:1])


def test_a_damaged_file_is_an_error_or_an_answer_never_a_crash(tmp_path, extractions):
    good = SqliteKnowledge(tmp_path / "good.db")
    good.write(extractions[:6])
    whole = good.path.read_bytes()
    path = tmp_path / "bad.db"
    told = 0
    for seed in range(60):
        chance = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(30):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            graph = KnowledgeGraph(path)
            graph.ask("Which phase 4 trials test osimertinib for lung cancer?")
            graph.ask("Who sponsors NCT00000410?")
            SqliteKnowledge(path).write(extractions[:7])
        except KnowledgeUnusableError:
            told += 1
        for extra in ("-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
    assert told > 20
