import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.documents.names import (
    abbreviations,
    canonical,
    canonical_drug,
    components,
    contains,
    drug_forms,
    forms,
    is_given,
    listed,
    narrows,
    normal_form,
)

SAME = [
    ("Non-Small Cell Lung Cancer", "Carcinoma, Non-Small-Cell Lung"),
    ("Non-small Cell Lung Cancer (NSCLC)", "non small cell lung carcinoma"),
    ("Type 2 Diabetes Mellitus", "Diabetes Mellitus, Type II"),
    ("Parkinson's Disease", "Parkinson Disease"),
    ("Acute Myeloid Leukaemia", "Leukemia, Myeloid, Acute"),
    ("Intervertebral Disk Displacement", "Intervertebral Disc Displacement"),
    ("Sj\u00f6gren Syndrome", "Sjogren syndrome"),
    ("Herniated Disc", "Disc, Herniated"),
]
DIFFERENT = [
    ("Type 1 Diabetes", "Type 2 Diabetes"),
    ("Hypertension", "Hypotension"),
    ("Hodgkin Lymphoma", "Non-Hodgkin Lymphoma"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_of_a_condition_are_one(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_conditions_are_two(one, other):
    assert not set(forms(one)) & set(forms(other))


@pytest.mark.parametrize(
    ("name", "drug"),
    [
        ("Cisplatin 75mg/m2", "cisplatin"),
        ("Semaglutide 2.4 mg", "semaglutide"),
        ("TY-9591(10mg,40mg)", "ty 9591"),
        ("Spectrila\u00ae", "spectrila"),
        ("K-877 0.2 mg/day (once daily)", "k 877"),
        ("Gefitinib Tablets", "gefitinib"),
        ("Hyaluronic acid 50 mg/capsule", "hyaluronic acid"),
        ("Kanglaite Injection", "kanglaite"),
        ("Vitamin C oral solution 5 ml", "vitamin c"),
        ("Injection", "inject"),
        ("BT-001", "bt 001"),
    ],
)
def test_a_drug_goes_without_dose_and_form(name, drug):
    assert canonical_drug(name) == drug
    assert drug in drug_forms(name)


@given(st.text(max_size=60))
def test_a_normal_form_is_plain_words_and_contains_itself(name):
    form = normal_form(name)
    assert form == " ".join(form.split())
    assert form == form.casefold()
    assert not form or (contains(form, form) and narrows(form, form))


@pytest.mark.parametrize(
    ("form", "phrase", "expected"),
    [
        ("insulin glargine", "insulin", True),
        ("insulin glargine", "sulin", False),
        ("type 2 diabete mellitus", "diabete", True),
        ("non small cell lung cancer", "small cell lung cancer", False),
        ("small cell lung cancer non small cell lung cancer", "small cell lung cancer", True),
        ("non hodgkin lymphoma", "hodgkin lymphoma", False),
        ("lymphoma", "hodgkin lymphoma", False),
    ],
)
def test_contains(form, phrase, expected):
    assert contains(form, phrase) is expected


@pytest.mark.parametrize(
    ("form", "phrase", "expected"),
    [
        ("disc herniat lumbar", "herniat disc", True),
        ("chronic low back pain", "chronic pain", True),
        ("cancer of the lung", "lung cancer", True),
        ("lung disease and cancer", "lung cancer", False),
        ("lung disease or breast cancer", "lung cancer", False),
        ("kidney disease with heart failure", "kidney failure", False),
        ("non small cell lung cancer", "small cell lung cancer", False),
        ("cancer a b c d lung", "lung cancer", False),
        ("pain", "back pain", False),
    ],
)
def test_narrows(form, phrase, expected):
    assert narrows(form, phrase) is expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("insulin for all", True),
        ("insulin", True),
        ("insulin resistance", False),
        ("insulin naive patient", False),
        ("no insulin", False),
    ],
)
def test_a_title_speaks_of_a_drug_that_is_given(title, expected):
    assert is_given(title, "insulin") is expected


def parts(spans, name):
    return [name[start:end] for start, end in spans(name)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Radiotherapy + durvalumab", ["Radiotherapy", "durvalumab"]),
        ("Adebelimumab+Famitinib + FOLFIRI", ["Adebelimumab", "Famitinib", "FOLFIRI"]),
        ("Alflutinib plus chemotherapy", ["Alflutinib", "chemotherapy"]),
        ("furmonertinib combined with anlotinib", ["furmonertinib", "anlotinib"]),
        ("CD4+ T cells", []),
        ("NOVOCART Disc plus", []),
        ("MamaLift Plus", []),
        ("Surplus care", []),
    ],
)
def test_components(name, expected):
    assert parts(components, name) == expected


def test_a_list_in_one_name_is_taken_apart():
    assert parts(listed, "Leukaemia; Syndromes;Other ") == ["Leukaemia", "Syndromes", "Other"]
    assert parts(listed, "Leukaemia;") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Low back pain (LBP)", [("LBP", "Low back pain")]),
        ("tyrosine kinase inhibitors (TKIs) and more", [("TKIs", "tyrosine kinase inhibitors")]),
        ("granulocyte colony-stimulating factor (G-CSF)", [("G-CSF", "granulocyte colony-stimulating factor")]),
        ("numbers (n=3), years (2015) and words (in full)", []),
        ("nothing that fits (XYZ)", []),
        ("(NSCLC) at the start", []),
    ],
)
def test_abbreviations(text, expected):
    assert list(abbreviations(text)) == expected
