"""Chunk: cut the sections of a document into passages of whole sentences, none across a heading."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from weftline.documents.stages import StageContext
from weftline.documents.types import Chunk, Document, Place, Section

Span = tuple[int, int]

MAX_WORDS = 180
OVERLAP_SENTENCES = 2
MAX_OVERLAP_WORDS = 40
LOOK_BACK = 40  # characters; longer than any abbreviation
# The embedding model reads 256 pieces (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2), two of which are its
# own marks. The estimate below was at most 9 % too low in 2,700 passages of study records, so a tenth is kept free.
MAX_PIECES = 230

STOP = re.compile(r"""[.!?;]+['")\]]*(?=\s)|[\u3002\uff01\uff1f\uff1b]""")  # the second are the full-width ones
WORD = re.compile(r"\S+")
NEXT = re.compile(r"\s*(\S)")
RUN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
# a long word with such an ending is likely to be in the vocabulary as a whole; a drug's name is not
# fmt: off
COMMON_ENDINGS = (
    "al", "ance", "ants", "ary", "ate", "ed", "ence", "ent", "ents", "ers", "ing", "ion", "ions", "ity", "ive", "ly", "ria",
)
ABBREVIATIONS = frozenset((
    "al", "approx", "ca", "cf", "dr", "e.g", "eg", "fig", "i.e", "ie", "incl", "max", "min", "mr", "mrs", "no", "nos",
    "prof", "resp", "st", "vs",
))
# fmt: on


def chunk_document(
    document: Document, max_words: int = MAX_WORDS, overlap_sentences: int = OVERLAP_SENTENCES
) -> tuple[Chunk, ...]:
    """Passages in the document's order, each word for word what its place points to.

    A passage has at most `max_words` words and, by a careful estimate, fits the embedding model together with its
    title. Neighbours within a section share up to `overlap_sentences` sentences.
    """
    chunks: list[Chunk] = []
    for number, section in enumerate(document.sections):
        room = MAX_PIECES - estimate_pieces(f"{document.title}. {section.title}: ")
        for start, end in pack(section.text, max_words, max(room, MAX_PIECES // 2), overlap_sentences):
            ordinal = len(chunks)
            place = Place(number, path_of(section, start, end), start, end)
            name = f"{document.id}#{ordinal:04d}"
            chunks.append(Chunk(name, document.id, document.title, ordinal, section.title, section.text[start:end], place))
    return tuple(chunks)


def embedding_text(chunk: Chunk) -> str:
    """What the model reads: the passage after its title and heading, without the registry's escapes."""
    return f"{chunk.title}. {chunk.section}: {unescape(chunk.text)}"


def unescape(text: str) -> str:
    r"""The text without the backslashes that the registry puts before punctuation.

    >>> unescape(r"HbA1c \>= 7 \[%\]")
    'HbA1c >= 7 [%]'
    """
    return re.sub(r"\\([^\w\s])", r"\1", text)


def path_of(section: Section, start: int, end: int) -> str:
    """The path of the one field that the characters belong to, or that of the section when there are several."""
    first = bisect_right(section.parts, start, key=lambda part: part.end)
    touched = [part.path for part in section.parts[first : first + 2] if part.start < end]
    return touched[0] if len(touched) == 1 else section.path


def pack(text: str, max_words: int, max_pieces: int, overlap: int) -> Iterator[Span]:
    """Runs of neighbouring sentences that fit, each as long as it can be."""
    sentences = [piece for span in sentence_spans(text) for piece in split_long(text, span, max_words, max_pieces)]
    sizes = [(count_words(text[start:end]), estimate_pieces(text[start:end])) for start, end in sentences]
    first = 0
    while first < len(sentences):
        last = _fill(sizes, first, max_words, max_pieces)
        yield sentences[first][0], sentences[last][1]
        if last + 1 == len(sentences):
            return
        first = _step_back(sizes, first, last, overlap, max_words, max_pieces)


def _fill(sizes: list[tuple[int, int]], first: int, max_words: int, max_pieces: int) -> int:
    words, pieces = sizes[first]
    last = first
    while last + 1 < len(sizes):
        words += sizes[last + 1][0]
        pieces += sizes[last + 1][1]
        if words > max_words or pieces > max_pieces:
            break
        last += 1
    return last


def _step_back(sizes: list[tuple[int, int]], first: int, last: int, overlap: int, max_words: int, max_pieces: int) -> int:
    """Where the next run begins: a few short sentences back, as long as the sentence after `last` still fits."""
    start = last + 1
    words, pieces = 0, sizes[start][1]
    for candidate in range(last, max(first, last - overlap), -1):
        words += sizes[candidate][0]
        pieces += sizes[candidate][1]
        if words > MAX_OVERLAP_WORDS or words + sizes[last + 1][0] > max_words or pieces > max_pieces:
            break
        start = candidate
    return start


def sentence_spans(text: str) -> Iterator[Span]:
    """Where the sentences stand, without the white space around them. A line end always ends a sentence."""
    position = 0
    for line in text.splitlines(keepends=True):
        start = position
        for stop in STOP.finditer(line):
            if is_sentence_end(line, stop.start(), stop.end()):
                yield from _trimmed(text, start, position + stop.end())
                start = position + stop.end()
        yield from _trimmed(text, start, position + len(line))
        position += len(line)


def is_sentence_end(line: str, start: int, end: int) -> bool:
    """Whether the punctuation at `start:end` ends a sentence: not after abbreviations, initials and item numbers."""
    if line[start] != ".":
        return True
    words = line[max(0, start - LOOK_BACK) : start].split()
    before = words[-1].lstrip("([\"'") if words else ""
    if before.lower() in ABBREVIATIONS or len(before) < 2:
        return False
    if before.isdigit() and start < LOOK_BACK and all(word == "*" for word in words[:-1]):
        return False
    following = NEXT.match(line, end)
    return following is None or not following.group(1).islower()


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def split_long(text: str, span: Span, max_words: int, max_pieces: int) -> Iterator[Span]:
    """The span, or its pieces when it is too long for one passage: cut between words, and within a word if it must."""
    start, end = span
    if count_words(text[start:end]) <= max_words and estimate_pieces(text[start:end]) <= max_pieces:
        yield span
        return
    words = pieces = 0
    first = start
    last = start
    for begin, finish in _short_words(text, start, end, max_pieces):
        size = estimate_pieces(text[begin:finish])
        if words + 1 > max_words or pieces + size > max_pieces:
            yield first, last
            first, words, pieces = begin, 0, 0
        words += 1
        pieces += size
        last = finish
    yield first, last


def _short_words(text: str, start: int, end: int, max_pieces: int) -> Iterator[Span]:
    for word in WORD.finditer(text, start, end):
        for begin in range(word.start(), word.end(), max_pieces):
            yield begin, min(begin + max_pieces, word.end())


def count_words(text: str) -> int:
    """How many runs of characters without white space."""
    return len(text.split())


def estimate_pieces(text: str) -> int:
    """About how many word pieces a BERT vocabulary makes of a text; too many rather than too few.

    Words of a speciality fall into more pieces than common ones. Over passages of study records the estimate is a
    tenth too high on the average.
    """
    return sum(_run_pieces(run.group()) for run in RUN.finditer(text))


def _run_pieces(run: str) -> int:
    if run.isdigit():
        return ceil(len(run) / 3)
    if not run.isascii():
        return len(run)
    if run.isupper() and len(run) > 1:
        return ceil(len(run) / 1.7)
    if run.endswith(COMMON_ENDINGS):
        return 1 + max(0, ceil((len(run) - 9) / 3))
    return 1 + max(0, ceil((len(run) - 6) / 2))


@dataclass(frozen=True, slots=True)
class SentenceChunker:
    """The chunk stage."""

    max_words: int = MAX_WORDS
    overlap_sentences: int = OVERLAP_SENTENCES

    def execute(self, ctx: StageContext, document: Document) -> tuple[Chunk, ...]:  # noqa: ARG002 - part of the contract
        """See `chunk_document`."""
        return chunk_document(document, self.max_words, self.overlap_sentences)
