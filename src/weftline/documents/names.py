"""Names of conditions, drugs and organisations in one form, so that two spellings of a thing are one thing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

MARKS = re.compile("[\u00ae\u2122\u00a9\u2120]")
POSSESSIVE = re.compile(r"['\u2019\u2018`]s\b")
BRACKETS = re.compile(r"\s?[(\[\uff08]([^()\[\]\uff08\uff09]*)[)\]\uff09]")
NOT_WORD = re.compile(r"[\W_]+")
# British spelling and other doublets, as far as they are common in names of diseases
SPELLINGS = (
    ("aemia", "emia"),
    ("haem", "hem"),
    ("anaesth", "anesth"),
    ("disk", "disc"),
    ("tumour", "tumor"),
    ("oedema", "edema"),
    ("oesoph", "esoph"),
    ("diarrhoea", "diarrhea"),
    ("paediatr", "pediatr"),
    ("behaviour", "behavior"),
    ("randomis", "randomiz"),
)
# MeSH says neoplasms, pathologists say carcinoma, and people ask for cancer
SAME_WORD = {"neoplasm": "cancer", "carcinoma": "cancer"}
ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
NUMBERED = frozenset(("type", "phase", "stage", "grade", "class"))
NEGATIONS = frozenset(("non", "not", "no", "without"))
SEPARATORS = frozenset((*NEGATIONS, "and", "as", "by", "due", "following", "from", "or", "to", "with"))
MAX_INSERTED = 2
LOOK_BACK = 200  # characters; room for the fifteen words that an abbreviation may stand for
# what follows a drug in a title that is about those who do not get it, or about something else
NOT_GIVEN = ("resist", "naive", "intoleran", "sensitiv", "refractory", "depend", "pretreat", "experienc", "induc")

DOSE = re.compile(
    r"\b\d+(?:[.,]\d+)?\s*(?:mg|g|mcg|\u00b5g|\u03bcg|ug|ng|kg|ml|l|iu|units?|gy|%)(?:\b|(?<=%)|/).*", re.IGNORECASE
)
LISTED = re.compile(r"[^;\s][^;]*(?<=[^;\s])")
# a plus sign joins only where it cannot be a charge or a marker, as in `CD4+ cells`
COMPONENTS = re.compile(r"\s+\+\s*|(?<=[a-z]{3})\+(?=\w)|\s+(?:plus|combined with|in combination with)\s+", re.IGNORECASE)


def normal_form(name: str) -> str:
    """The name in lower-case words without accents, punctuation, some endings and British spelling.

    It is a key, not for display.

    >>> normal_form("Carcinoma, Non-Small-Cell Lung"), normal_form("Type II Diabetes"), normal_form("Parkinson's disease")
    ('cancer non small cell lung', 'type 2 diabete', 'parkinson disease')
    """
    text = POSSESSIVE.sub("", MARKS.sub("", name))
    text = unicodedata.normalize("NFKD", text).casefold()
    text = "".join(character for character in text if not unicodedata.combining(character))
    for british, american in SPELLINGS:
        text = text.replace(british, american)
    words: list[str] = []
    for word in NOT_WORD.sub(" ", text).split():
        if words and words[-1] in NUMBERED:
            word = ROMAN.get(word, word)
        words.append(_stem(word))
    return " ".join(SAME_WORD.get(word, word) for word in words)


def _stem(word: str) -> str:
    """The word without its plural, and without what makes `herniated` and `herniation` two words."""
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 7:
        for ending in ("ion", "ed"):
            word = word.removesuffix(ending)
    return word


DOSE_FORMS = frozenset(
    map(_stem, ("tablet", "capsule", "injection", "infusion", "oral", "intravenous", "cream", "gel", "dose", "solution"))
)


def canonical(name: str) -> str:
    """The one form that stands for a condition or an organisation: without brackets, its commas turned round.

    >>> canonical("Diabetes Mellitus, Type 2"), canonical("Low Back Pain (LBP)")
    ('type 2 diabete mellitus', 'low back pain')
    """
    turned = " ".join(reversed(BRACKETS.sub("", name).split(",")))
    return normal_form(turned) or normal_form(name)


def canonical_drug(name: str) -> str:
    """The one form that stands for a drug: without brackets, its dose and the form it is given in.

    >>> canonical_drug("Cisplatin 75mg/m2"), canonical_drug("Gefitinib Tablets")
    ('cisplatin', 'gefitinib')
    """
    words = normal_form(DOSE.sub("", BRACKETS.sub("", name))).split()
    while len(words) > 1 and words[-1] in DOSE_FORMS:
        words.pop()
    return " ".join(words) or normal_form(name)


def forms(name: str) -> tuple[str, ...]:
    """The normal forms under which a name is found: as it is, without brackets, and with its commas turned round.

    >>> forms("Diabetes Mellitus, Type 2")
    ('diabete mellitus type 2', 'type 2 diabete mellitus')
    """
    return _distinct((normal_form(name), normal_form(BRACKETS.sub("", name)), canonical(name)))


def drug_forms(name: str) -> tuple[str, ...]:
    """The normal forms under which a drug is found: those of any name, and without its dose.

    >>> drug_forms("Cisplatin 75mg/m2")
    ('cisplatin 75mg m2', 'cisplatin')
    """
    return _distinct((*forms(name), canonical_drug(name)))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def listed(name: str) -> Iterator[tuple[int, int]]:
    """Where the entries of a list stand that was typed into one name; nothing when it is a single name.

    >>> [("Leukemia; Lymphoma;")[start:end] for start, end in listed("Leukemia; Lymphoma;")]
    ['Leukemia', 'Lymphoma']
    """
    parts = [match.span() for match in LISTED.finditer(name)]
    if len(parts) > 1:
        yield from parts


def components(name: str) -> Iterator[tuple[int, int]]:
    """Where the parts of a combination stand in its name; nothing when it is a single thing.

    >>> [("Osimertinib + Cisplatin")[start:end] for start, end in components("Osimertinib + Cisplatin")]
    ['Osimertinib', 'Cisplatin']
    """
    start = 0
    parts = []
    for begin, end in (*(match.span() for match in COMPONENTS.finditer(name)), (len(name), len(name))):
        if name[start:begin].strip():
            parts.append((start, begin))
        start = end
    if len(parts) > 1:
        yield from parts


def contains(form: str, phrase: str) -> bool:
    """Whether the words of a phrase stand in a row in a name, and are not negated there; both in normal form.

    >>> contains("insulin glargine", "insulin"), contains("non small cell lung cancer", "small cell lung cancer")
    (True, False)
    """
    padded, wanted = f" {form} ", f" {phrase} "
    position = padded.find(wanted)
    while position >= 0:
        if padded[:position].rsplit(" ", 1)[-1] not in NEGATIONS:
            return True
        position = padded.find(wanted, position + 1)
    return False


def is_given(title: str, drug: str) -> bool:
    """Whether a title speaks of a drug as of something that is given; both in normal form.

    >>> is_given("insulin in type 2 diabete", "insulin"), is_given("insulin resistance in obesity", "insulin")
    (True, False)
    """
    position = f" {title} ".find(f" {drug} ")
    following = title[position + len(drug) :].split()[:1] if position >= 0 else []
    return contains(title, drug) and not (following and following[0].startswith(NOT_GIVEN))


def narrows(form: str, phrase: str) -> bool:
    """Whether a name says the words of a phrase close together, in any order, as names of diseases do; in normal form.

    >>> narrows("disc herniat lumbar", "herniat disc"), narrows("kidney disease and heart failure", "kidney failure")
    (True, False)
    """
    if contains(form, phrase):
        return True
    words, wanted = form.split(), set(phrase.split())
    if len(wanted) < 2 or not wanted <= set(words):
        return False
    reach = len(wanted) + MAX_INSERTED
    return any(_says(words, start, reach, wanted) for start, word in enumerate(words) if word in wanted)


def _says(words: list[str], start: int, reach: int, wanted: set[str]) -> bool:
    missing = set(wanted)
    for position in range(start, min(start + reach, len(words))):
        word = words[position]
        if word in SEPARATORS or (word in wanted and position > 0 and words[position - 1] in NEGATIONS):
            return False
        missing.discard(word)
        if not missing:
            return True
    return False


def abbreviations(text: str) -> Iterator[tuple[str, str]]:
    """Short and long forms that a text defines, such as `low back pain (LBP)`.

    The long form is found as Schwartz and Hearst do (A simple algorithm for identifying abbreviation definitions in
    biomedical text, PSB 2003): the letters of the short form must be found in order, from right to left, in the words
    before the bracket, the first of them at the beginning of a word.

    >>> list(abbreviations("in non-small cell lung cancer (NSCLC) and others (n=3)"))
    [('NSCLC', 'non-small cell lung cancer')]
    """
    for match in BRACKETS.finditer(text):
        short = match.group(1).strip()
        if not (2 <= len(short) <= 10 and sum(map(str.isupper, short)) >= 2 and " " not in short):
            continue
        words = text[max(0, match.start() - LOOK_BACK) : match.start()].split()
        window = " ".join(words[-min(len(short) + 5, 2 * len(short)) :])
        start = _long_form_start(short, window)
        if start is not None:
            yield short, window[start:]


def _long_form_start(short: str, window: str) -> int | None:
    position = len(window)
    letters = [letter.lower() for letter in short if letter.isalnum()]
    for number in range(len(letters) - 1, -1, -1):
        position -= 1
        while position >= 0 and not (
            window[position].lower() == letters[number] and (number > 0 or position == 0 or not window[position - 1].isalnum())
        ):
            position -= 1
        if position < 0:
            return None
    return position
