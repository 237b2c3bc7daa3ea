import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.documents.chunk import (
    MAX_PIECES,
    chunk_document,
    count_words,
    embedding_text,
    estimate_pieces,
    pack,
    path_of,
    sentence_spans,
)
from weftline.documents.types import Document, Part, Section, SectionKind


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Given daily, e.g. at noon. Then i.e. later.", ["Given daily, e.g. at noon.", "Then i.e. later."]),
        ("Smith et al. 2010 found it. Dr. Jones vs. Dr. Who.", ["Smith et al. 2010 found it.", "Dr. Jones vs. Dr. Who."]),
        ("1. First item\n2. Second item\n\n* 3. Third", ["1. First item", "2. Second item", "* 3. Third"]),
        ("Grade 1.5 or more. P = 0.05. S. aureus.", ["Grade 1.5 or more.", "P = 0.05.", "S. aureus."]),
        ('He said "stop." Then (he left.) So.', ['He said "stop."', "Then (he left.)", "So."]),
        ("\u4e00\u3002\u4e8c\uff01", ["\u4e00\u3002", "\u4e8c\uff01"]),
        ("approx. five of them. lower case goes on.", ["approx. five of them. lower case goes on."]),
        ("  \n\n ", []),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_passages_are_what_their_places_point_to(document):
    chunks = chunk_document(document, max_words=8)
    assert len(chunks) > len(document.sections)
    for number, chunk in enumerate(chunks):
        assert chunk.text == document.quote(chunk.place)
        assert chunk.section == document.sections[chunk.place.section].title
        assert (chunk.ordinal, chunk.document, chunk.title) == (number, document.id, document.title)
        assert count_words(chunk.text) <= 8
    assert len({chunk.id for chunk in chunks}) == len(chunks)


def test_a_passage_within_one_field_has_that_field_as_its_path(document):
    chunks = chunk_document(document, max_words=3, overlap_sentences=0)
    placebo = next(chunk for chunk in chunks if chunk.text.startswith("DRUG: Placebo"))
    assert placebo.place.path == "protocolSection.armsInterventionsModule"
    title = next(chunk for chunk in chunks if chunk.text.startswith("Examplinib for"))
    assert title.place.path == "protocolSection.identificationModule.briefTitle"


def test_a_path_is_that_of_the_one_part_that_is_touched():
    section = Section(SectionKind.OUTCOMES, "Outcomes", "aa bb cc", "all", (Part("a", 0, 2), Part("b", 3, 5), Part("c", 6, 8)))
    paths = {
        (start, end): path_of(section, start, end) for start, end in ((0, 2), (3, 5), (6, 8), (1, 4), (2, 3), (0, 8), (5, 7))
    }
    assert paths == {(0, 2): "a", (3, 5): "b", (6, 8): "c", (1, 4): "all", (2, 3): "all", (0, 8): "all", (5, 7): "c"}


def test_neighbours_share_two_short_sentences_and_only_those():
    text = "\n".join(f"Sentence number {number} of this text." for number in range(12))
    spans = list(pack(text, max_words=30, max_pieces=MAX_PIECES, overlap=2))
    for one, other in pairwise(spans):
        assert len(sentences(text[other[0] : one[1]])) == 2
    long = "\n".join(" ".join(["word"] * 100) + f" {number}." for number in range(4))
    apart = list(pack(long, max_words=180, max_pieces=10_000, overlap=2))
    assert len(apart) == 4
    assert all(one[1] <= other[0] for one, other in pairwise(apart))


def test_long_sentences_are_not_shared():
    text = "\n".join(" ".join(["word"] * 44) + f" {number}." for number in range(8))
    spans = list(pack(text, max_words=180, max_pieces=10_000, overlap=2))
    assert len(spans) == 2
    assert spans[0][1] <= spans[1][0]


words = st.text(alphabet="aB9\u4e00.,;-\\ \n", min_size=0, max_size=400)


@given(words, st.integers(1, 12), st.integers(4, 60), st.integers(0, 3))
def test_every_character_is_in_a_passage_and_every_passage_fits(text, max_words, max_pieces, overlap):
    covered = set()
    last = (-1, -1)
    for start, end in pack(text, max_words, max_pieces, overlap):
        assert start > last[0]
        assert end > last[1]
        last = (start, end)
        assert count_words(text[start:end]) <= max_words
        # the pieces are counted per sentence; what stands between two of them is white space
        assert estimate_pieces(text[start:end]) <= max_pieces
        covered.update(range(start, end))
    assert {number for number, character in enumerate(text) if not character.isspace()} <= covered


def test_a_single_endless_word_is_cut():
    text = "x" * 5000
    spans = list(pack(text, max_words=180, max_pieces=100, overlap=2))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(estimate_pieces(text[start:end]) <= 100 for start, end in spans)


@pytest.mark.timeout(10)
def test_a_very_long_line_takes_no_longer_than_many_short_ones():
    line = "One of 40,000 sentences. " * 40_000
    chunks = chunk_document(Document("X", "Title", "s", (Section(SectionKind.SUMMARY, "Summary", line, "p"),)))
    assert len(chunks) > 1000


def test_a_very_long_title_leaves_room_for_the_passage():
    section = Section(SectionKind.SUMMARY, "Summary", "A sentence of a few words. " * 50, "p")
    chunks = chunk_document(Document("X", "Unpronounceable " * 60, "s", (section,)))
    assert all(estimate_pieces(chunk.text) <= MAX_PIECES for chunk in chunks)


def test_the_model_reads_title_and_heading_and_no_escapes(document):
    chunk = next(chunk for chunk in chunk_document(document) if chunk.section == "Eligibility criteria")
    assert "\\>" in chunk.text
    read = embedding_text(chunk)
    assert read.startswith("Examplinib for Low Back Pain. Eligibility criteria: Inclusion Criteria:")
    assert read.endswith("BMI > 40 kg/m2")


def test_a_section_is_never_mixed_with_another(document):
    merged = dataclasses.replace(document, sections=tuple(dataclasses.replace(s, text="One.") for s in document.sections))
    assert len(chunk_document(merged)) == len(document.sections)


@pytest.mark.parametrize(
    ("text", "pieces"), [("", 0), ("the cat", 2), ("a-b", 3), ("2024", 2), ("EGFR", 3), ("\u4e00\u4e8c", 2)]
)
def test_pieces_are_estimated(text, pieces):
    assert estimate_pieces(text) == pieces
