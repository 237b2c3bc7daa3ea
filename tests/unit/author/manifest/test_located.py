"""YAML as data with places: what the core schema means, and what is refused where."""

import math

import pytest

from weftline.author.manifest.located import read
from weftline.errors import Place


def value(text):
    documents, findings = read(text, "a.yaml")
    assert not findings
    (document,) = documents
    return document.value


def refused(text):
    """Line, column and sentence of every finding."""
    _, findings = read(text, "a.yaml")
    return [(found.place.line, found.place.column, found.message) for found in findings]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("on: no", {"on": "no"}),
        ("day: 2026-01-05", {"day": "2026-01-05"}),
        ("time: 12:30", {"time": "12:30"}),
        ("a: 017", {"a": 17}),
        ("a: 0o17", {"a": 15}),
        ("a: 0x1F", {"a": 31}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: .5", {"a": 0.5}),
        ("a: -.inf", {"a": -math.inf}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: True", {"a": True}),
        ("a: tRue", {"a": "tRue"}),
        ('a: "1"', {"a": "1"}),
        ("a: !!str 1", {"a": "1"}),
        ("a: '1'", {"a": "1"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: &x [1, {b: 2}]\nc: *x", {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}),
        ("'1': x", {"1": "x"}),
        ("[]", []),
        ("a: {}", {"a": {}}),
    ],
)
def test_what_the_core_schema_means(text, meant):
    found = value(text)
    assert found == meant
    assert [type(part) for part in (found.values() if isinstance(found, dict) else found)] == [
        type(part) for part in (meant.values() if isinstance(meant, dict) else meant)
    ]


def test_what_is_no_number_is_none():
    assert math.isnan(value("a: .nan")["a"])


def test_what_an_alias_repeats_is_data_of_its_own():
    found = value("a: &x [1]\nb: *x")
    found["a"].append(2)
    assert found["b"] == [1]


def test_every_part_has_a_place():
    (document,), _ = read("kind: Group\nspec:\n  steps:\n    - name: a\n    - {name: b, x: [1, 2]}\n", "a.yaml")
    assert document.place(["kind"]) == Place("a.yaml", 1, 7)
    assert document.place(["kind"], key=True) == Place("a.yaml", 1, 1)
    assert document.place(["spec", "steps", 0, "name"]) == Place("a.yaml", 4, 13)
    assert document.place(["spec", "steps", 1, "x", 1]) == Place("a.yaml", 5, 24)
    assert document.place(["spec", "steps", 1, "x"], key=True) == Place("a.yaml", 5, 17)
    assert document.place(["spec", "steps", 1, "missing"]) == Place("a.yaml", 5, 7), "what it would stand in"


def test_several_documents_have_places_of_their_own():
    documents, findings = read("a: 1\n---\na: 2\n", "a.yaml")
    assert not findings
    assert [document.value for document in documents] == [{"a": 1}, {"a": 2}]
    assert [document.place(["a"]).line for document in documents] == [1, 3]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "second time, first in line 1"),
        ("x:\n  1: one\n", 2, 3, "the key 1 is no text"),
        ("x:\n  true: one\n", 2, 3, "the key true is no text"),
        ("? [a]\n: 1\n", 1, 3, "a key is a mapping or a list"),
        ("b: &b {x: 1}\na:\n  <<: *b\n", 3, 3, "merge keys"),
        ("a: !!python/object:os.system x\n", 1, 4, "the tag !!python/object:os.system is not allowed"),
        ("a: !mine {b: 1}\n", 1, 4, "the tag !mine is not allowed"),
        ("a: *nobody\n", 1, 4, "*nobody names nothing"),
        ("a: &a [*a]\n", 1, 8, "*a names nothing"),
        ("a: [1, 2\n", 2, 1, "no YAML"),
        ("a: b: c\n", 1, 5, "no YAML"),
        ("a:\n\t- b\n", 2, 1, "no YAML"),
        ("a: \x00\n", 1, 4, "no YAML"),
        ("a: " + "1" * 5000, 1, 4, "too long"),
        ("a: 0x" + "f" * 5000, 1, 4, "too long"),
        ("a: 1e999", 1, 4, "too long"),
        ("[" * 100, 1, 65, "nested more than 64 deep"),
    ],
)
def test_what_is_refused_and_where(text, line, column, words):
    found = refused(text)
    assert len(found) == 1, found
    assert found[0][:2] == (line, column)
    assert words in found[0][2]


def test_all_of_it_is_told_at_once():
    assert [line for line, _, _ in refused("a: 1\na: 2\nb: !x 3\n4: 5\n")] == [2, 3, 4]


def test_a_small_file_does_not_become_a_large_one():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 20)]
    found = refused("\n".join(lines))
    assert [words for _, _, words in found] == ["its aliases repeat too much"]


def test_aliases_repeat_only_so_much():
    listed = f"a: &a [{', '.join(['x'] * 999)}]\n"
    assert not read(listed + f"b: [{', '.join(['*a'] * 100)}]", "a.yaml")[1]
    assert [line for line, _, _ in refused(listed + f"b: [{', '.join(['*a'] * 101)}]")] == [2]
