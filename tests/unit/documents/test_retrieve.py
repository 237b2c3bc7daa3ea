import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.documents.embed import pack_floats, unpack_floats
from weftline.documents.retrieve import (
    CANDIDATES,
    MAX_QUERY_WORDS,
    Ranked,
    Vectors,
    fuse,
    match_expression,
    rank_by_meaning,
)


def ranked(*documents):
    return [Ranked(document, rank, 1.0 / rank, rank) for rank, document in enumerate(documents, 1)]


def order(words, meaning):
    return [(words_item or meaning_item).document for _, words_item, meaning_item in fuse(words, meaning)]


def test_one_list_alone_keeps_its_order():
    assert order(ranked("c", "a", "b"), []) == ["c", "a", "b"]
    assert order([], ranked("c", "a", "b")) == ["c", "a", "b"]
    assert fuse([], []) == []


def test_scores_are_those_of_reciprocal_rank_fusion():
    (score, words, meaning), *rest = fuse(ranked("a", "b"), ranked("b", "c"))
    assert (words.document, words.rank, meaning.rank) == ("b", 2, 1)
    assert score == pytest.approx(1 / 62 + 1 / 61)
    assert [round(other, 6) for other, _, _ in rest] == [round(1 / 61, 6), round(1 / 62, 6)]


def test_of_equal_scores_the_better_rank_by_words_comes_first():
    assert order(ranked("b", "a"), ranked("a", "b")) == ["b", "a"]
    assert order(ranked("x"), ranked("a")) == ["x", "a"]


def test_a_document_counts_with_its_best_passage():
    rows = [pack_floats(row) for row in ([0.0, 1.0], [1.0, 0.0], [0.6, 0.8])]
    vectors = Vectors("g", "m", ("one", "one", "two"), (10, 11, 12), tuple(map(unpack_floats, rows)))
    found = rank_by_meaning(vectors, (1.0, 0.0))
    assert [(item.document, item.rank, item.passage) for item in found] == [("one", 1, 11), ("two", 2, 12)]


def test_equal_cosines_are_ordered_by_document():
    row = unpack_floats(pack_floats([1.0, 0.0]))
    names = tuple(f"d{number:03d}" for number in reversed(range(CANDIDATES + 20)))
    vectors = Vectors("g", "m", names, tuple(range(len(names))), (row,) * len(names))
    found = rank_by_meaning(vectors, (1.0, 0.0))
    assert [item.document for item in found] == sorted(names)[:CANDIDATES]


@given(st.text(max_size=300))
def test_no_query_is_more_than_quoted_words(query):
    expression = match_expression(query)
    for term in expression.split(" OR ") if expression else []:
        assert term[0] == term[-1] == '"'
        assert '"' not in term[1:-1]


def test_a_very_long_query_is_bounded():
    assert match_expression(" ".join(f"w{number}" for number in range(5000))).count(" OR ") == MAX_QUERY_WORDS - 1
