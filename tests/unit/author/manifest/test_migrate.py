"""Files in older spellings are rewritten: they say the same, and every comment is kept where it belongs."""

import math
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.author.manifest.test_older import GROUP, HEADER, INLINE, POLICIES, TWO_PHASE

from weftline.author.manifest import migrate
from weftline.author.manifest.comments import comments
from weftline.author.manifest.located import read
from weftline.author.manifest.migrate import migrated
from weftline.author.manifest.older import modern
from weftline.author.manifest.written import flow, written
from weftline.errors import CannotMigrateError, InvalidManifestError

OLD = {"group": GROUP, "two-phase": TWO_PHASE, "inline": INLINE, "policies": POLICIES, "header": HEADER}


def values(text):
    documents, findings = read(text, "a.yaml")
    assert not findings
    return [document.value for document in documents]


def commented(text):
    """The text with a comment above and behind each of its lines."""
    lines = []
    for number, line in enumerate(text.splitlines()):
        indent = line[: len(line) - len(line.lstrip())]
        lines += [f"{indent}# above {number}", f"{line}  # behind {number}"]
    return "\n".join(lines) + "\n# the end\n"


@pytest.mark.parametrize("text", OLD.values(), ids=OLD)
def test_a_rewritten_file_says_the_same_and_has_nothing_older_in_it(text):
    (document,), _ = read(text, "a.yaml")
    found = migrated(text, "a.yaml")
    assert values(found.text) == [modern(document).document.value]
    assert found.notes
    again = migrated(found.text, "a.yaml")
    assert (again.text, again.notes) == (found.text, [])


@pytest.mark.parametrize("text", OLD.values(), ids=OLD)
def test_every_comment_is_kept(text):
    text = commented(text)
    found = {comment.text for comment in comments(migrated(text, "a.yaml").text)}
    missing = [comment.text for comment in comments(text) if not any(comment.text in each for each in found)]
    assert not missing


def test_a_comment_stays_with_what_it_is_about():
    text = textwrap.dedent("""\
        # Sales, every night.

        name: sales.nightly  # as in the report
        steps:
          # what comes from outside
          - name: pull
            pipeline: sales.pull   # slow
          - {name: clean, pipeline: sales.clean, depends_on: pull}  # cheap
          # there will be more
        """)
    assert migrated(text, "a.yaml").text == textwrap.dedent("""\
        # Sales, every night.

        apiVersion: weftline.dev/v1
        kind: PipelineGroup
        metadata:
          name: sales.nightly  # as in the report
        spec:
          pipelines:
            # what comes from outside
            - name: pull
              pipeline: sales.pull  # slow
            - {name: clean, pipeline: sales.clean, depends_on: pull}  # cheap
        # there will be more
        """)


def test_text_of_several_lines_stays_so():
    text = "name: g\ndescription: |\n  All of it.\n\n  # no comment\nsteps: [{name: a, pipeline: b}]\n"
    found = migrated(text, "a.yaml").text
    assert "  description: |\n    All of it.\n\n    # no comment\n" in found


def test_what_a_gate_became():
    text = textwrap.dedent("""\
        name: papers
        stages:
          - {name: get, type: ingest}
          # until the layout is known
          - {name: wait, type: gate, depends_on: [get], condition: {ledger_field: ready, equals: true}}  # hours
          - {name: cut, type: chunk, depends_on: [wait]}
        """)
    assert migrated(text, "a.yaml").text == textwrap.dedent("""\
        apiVersion: weftline.dev/v1
        kind: Pipeline
        metadata:
          name: papers
        spec:
          fields:
            ready:
              type: boolean
          gates:
            # until the layout is known
            wait: {clauses: [{field: ready, operator: equals, value: true}]}  # hours
          nodes:
            - {name: get, type: documents.ingest}
            - {name: cut, type: documents.chunk, depends_on: [get], gate: wait}
        """)


def test_other_documents_of_the_file_are_left_as_they_are():
    new = "# mine\napiVersion:   weftline.dev/v1\nkind: Policies  # all\nmetadata: {name: x}\nspec: {policies: {a:   {}}}\n"
    found = migrated(f"{new}---\n{GROUP}---\n{new}", "a.yaml").text
    assert found.startswith(new + "---\napiVersion: weftline.dev/v1\n")
    assert found.endswith("---\n" + new)
    assert len(values(found)) == 3


def test_a_file_that_is_new_is_left_alone():
    text = "apiVersion: weftline.dev/v1\nkind: Policies\nmetadata: {name: x}\nspec: {policies: {a: {}}}"
    assert migrated(text, "a.yaml") == (text, [])


def test_a_file_that_is_not_valid_is_not_rewritten():
    with pytest.raises(InvalidManifestError) as caught:
        migrated(TWO_PHASE.replace("resume_stage: cut", "resume_stage: ctu"), "a.yaml")
    assert [found.place.line for found in caught.value.findings] == [13]


def test_a_file_that_cannot_be_rewritten_is_refused():
    with pytest.raises(CannotMigrateError):
        migrated("%YAML 1.2\n" + "---\n" + GROUP + "...\n# a\n%YAML 1.2\n---\n" + GROUP, "a.yaml")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    TEXT,
    st.sampled_from(["on", "1e3", "~", "-", "2026-01-05", "a: b"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)


@given(VALUES)
def test_what_is_written_is_read_again(value):
    (found,) = values(f"a: {flow(value)}\n")
    assert found == {"a": value}
    assert repr(found) == repr({"a": value})


@given(st.dictionaries(TEXT, VALUES, max_size=3))
def test_any_parameters_are_written_in_lines_of_their_own(params):
    text = f"name: g\nsteps:\n- name: a\n  pipeline: b\n  params: {flow(params)}\n"
    (value,) = values(migrated(text, "a.yaml").text)
    assert value["spec"]["pipelines"][0].get("params") == params


def test_numbers_that_are_none():
    assert math.isnan(values(f"a: {flow(math.nan)}")[0]["a"])
    assert [flow(math.inf), flow(-math.inf)] == [".inf", "-.inf"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1 # x", [(1, "# x", False)]),
        ("# x\n  # y\na: 1", [(1, "# x", True), (2, "# y", True)]),
        ("a: 'x # y'  # z", [(1, "# z", False)]),
        ("a: x#y", []),
        ("a: |  # one\n  # text\n# two\n", [(1, "# one", False), (3, "# two", True)]),
        ("a: |\n  x\n\n  y\nb: 1\n", []),
        ("a: [1, # one\n  2]  # two", [(1, "# one", False), (2, "# two", False)]),
        ('a: "x\n  # y\n  z"  # w', [(3, "# w", False)]),
        ("a: 1\n\nb: 2", [(2, "", True)]),
    ],
)
def test_where_comments_are(text, found):
    assert comments(text) == found


def test_an_empty_line_parts_what_it_parted():
    text = "name: g\n\n# the steps\nsteps:\n  - {name: a, pipeline: b}\n"
    assert "  name: g\n\nspec:\n  # the steps\n  pipelines:\n    - {name: a" in migrated(text, "a.yaml").text


def test_what_does_not_fit_a_line_is_written_in_several():
    step = "{name: a, pipeline: b, depends_on: [" + ", ".join(f"step{number}" for number in range(20)) + "]}"
    text = migrated(f"name: g\nsteps: [{step}]\n", "a.yaml").text
    assert "    - name: a\n      pipeline: b\n      depends_on:\n        - step0\n" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_text_that_has_lost_a_comment_is_not_given_out(monkeypatch):
    def careless(*arguments):
        return [line.partition(" #")[0] for line in written(*arguments)]

    monkeypatch.setattr(migrate, "written", careless)
    with pytest.raises(CannotMigrateError):
        migrated(GROUP.replace("version: 3", "version: 3 # counted"), "a.yaml")
