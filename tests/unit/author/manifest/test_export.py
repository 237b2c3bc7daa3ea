"""The schemas take what is loaded, and refuse what a shape can show to be wrong."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from tests.unit.author.manifest.test_check import BROKEN, SOUND

from weftline.author.manifest.check import checked
from weftline.author.manifest.export import ANY, names, schema_of
from weftline.author.manifest.located import read
from weftline.author.manifest.shapes import KINDS

ROOT = Path(__file__).parents[4]
VALIDATORS = {name: jsonschema.Draft202012Validator(schema_of(name)) for name in names()}
#: Findings that no schema sees: rules between fields, and numbers that JSON does not have.
UNSEEN = re.compile(r"needs |has no value|only `changed`|a gate has clauses|of the type|shorter than|finite")


def of_docs():
    """Manifests in the pages of the documentation, and in the examples."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)):
            yield f"{page.name}-{number}", text
    for file in sorted((ROOT / "examples").rglob("*.yaml")):
        yield file.name, file.read_text("utf-8")


DOCS = dict(of_docs())


@pytest.mark.parametrize("name", names())
def test_a_schema_is_one_and_has_a_lasting_name(name):
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:weftline:manifest:{name}:v1"
    assert all("title" not in part for part in schema["$defs"].values())


@pytest.mark.parametrize("text", [*SOUND.values(), *DOCS.values()], ids=[*SOUND, *DOCS])
def test_what_is_loaded_fits_its_schema_and_what_is_not_does_not(text):
    documents, findings = read(text, "a.yaml")
    assert documents
    assert not findings
    for document in documents:
        manifest, findings = checked(document)
        assert VALIDATORS[ANY].is_valid(document.value) == (manifest is not None), findings
        if document.value.get("kind") in KINDS:
            assert VALIDATORS[document.value["kind"]].is_valid(document.value) == (manifest is not None), findings


@pytest.mark.parametrize("row", BROKEN, ids=[f"{row[0]}: {row[5][:40]}" for row in BROKEN])
def test_what_a_schema_can_see_is_refused_by_it(row):
    example, old, new = row[:3]
    documents, findings = read(SOUND[example].replace(old, new, 1), "a.yaml")
    for document in documents if not findings else ():
        seen = [found for found in checked(document)[1] if not UNSEEN.search(found.message)]
        assert VALIDATORS[ANY].is_valid(document.value) == (not seen), seen
        kind = document.value.get("kind") if isinstance(document.value, dict) else None
        if isinstance(kind, str) and kind in KINDS:
            assert VALIDATORS[kind].is_valid(document.value) == (not seen), seen


def test_a_schema_is_the_same_each_time():
    assert json.dumps(schema_of(ANY)) == json.dumps(schema_of(ANY))
