from importlib.resources import files

from weftline.documents.names import canonical
from weftline.documents.vocabulary import common_names


def test_every_name_leads_to_its_heading():
    text = (files("weftline.documents") / "data" / "conditions.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    assert len(rows) > 50
    for heading, others in rows:
        for name in (heading, *others.split("|")):
            assert heading in common_names(name)
            assert set(map(canonical, others.split("|"))) <= set(map(canonical, common_names(name)))


def test_spelling_does_not_matter_and_others_are_unknown():
    assert "Leukemia, Myeloid, Acute" in common_names("acute myelogenous leukaemia")
    assert common_names("Diabetes Insipidus") == ()
