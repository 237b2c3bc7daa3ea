from weftline.documents.names import canonical
from weftline.documents.vocabulary import NAMES, common_names


def test_every_name_leads_to_its_heading():
    assert len(NAMES) > 50
    for heading, others in NAMES.items():
        for name in (heading, *others.split("|")):
            assert heading in common_names(name)
            assert set(map(canonical, others.split("|"))) <= set(map(canonical, common_names(name)))


def test_spelling_does_not_matter_and_others_are_unknown():
    assert "Leukemia, Myeloid, Acute" in common_names("acute myelogenous leukaemia")
    assert common_names("Diabetes Insipidus") == ()
