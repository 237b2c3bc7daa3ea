from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.documents.parse.criteria import split_criteria


def items(text):
    inclusion, exclusion = split_criteria(text)
    return [text[start:end] for start, end in inclusion], [text[start:end] for start, end in exclusion]


@pytest.mark.parametrize(
    ("text", "inclusion", "exclusion"),
    [
        ("Inclusion Criteria:\n\n* a\n* b\n\nExclusion Criteria:\n\n* c", ["a", "b"], ["c"]),
        ("Key Inclusion Criteria :\n1. a\n2) b\nKey Exclusion Criteria :\n(3) c", ["a", "b"], ["c"]),
        ("* INCLUSION CRITERIA:\n\nMen.\n\nEXCLUSION CRITERIA:\n\nUnder 18.", ["Men."], ["Under 18."]),
        ("III.6 EXCLUSION CRITERIA\n\n1. x", [], ["x"]),
        ("Inclusion Criteria: the person who is well\nExclusion Criteria. None", ["the person who is well"], ["None"]),
        ("Inclusion Criteria:\n* a\n  * a1\n* \u2022 b", ["a", "a1", "b"], []),
        ("Exclusion Criteria:\n1. . Allergies", [], ["Allergies"]),
        # neither is a heading
        ("Exclusion Criteria:\n* Not meeting inclusion criteria", [], ["Not meeting inclusion criteria"]),
        ("Inclusion Criteria:\n* Meets the inclusion criteria for entry", ["Meets the inclusion criteria for entry"], []),
        ("Inclusion Criteria:\nOther inclusion/exclusion criteria apply", ["Other inclusion/exclusion criteria apply"], []),
        # a number, a sign or an initial is not a bullet
        ("Inclusion Criteria:\n* 1.5 x ULN\n* -5 to 5\n* E. coli", ["1.5 x ULN", "-5 to 5", "E. coli"], []),
        # without a heading the text does not say
        ("1. adults\n2. healthy", [], []),
        ("", [], []),
    ],
)
def test_items(text, inclusion, exclusion):
    assert items(text) == (inclusion, exclusion)


@given(st.text(alphabet="Inclusion Exclusion Criteria:\n*.1ab ", max_size=200))
def test_items_stand_in_order_inside_the_text_and_apart(text):
    inclusion, exclusion = split_criteria(text)
    for start, end in (*inclusion, *exclusion):
        assert 0 <= start < end <= len(text)
        assert text[start:end].strip()
    for spans in (inclusion, exclusion):
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
