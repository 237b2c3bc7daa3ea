"""Files of manifests become pipelines: what names stand for, and where it is told that one stands for nothing."""

import pytest

from weftline import node
from weftline.author.compose import GroupPipeline
from weftline.author.manifest.load import load_manifest
from weftline.author.manifest.source import text_of
from weftline.author.registry import Registry
from weftline.errors import InvalidManifestError, TargetNotFoundError
from weftline.model.gate import Clause, FieldSpec, Gate

HEAD = "apiVersion: weftline.dev/v1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"
POLICIES = (
    HEAD.format("Policies", "all") + "  policies:\n    polite: {max_attempts: 4, rate_limit: {rate_limit_per_second: 5}}\n"
)


@node(provides="text")
def read(name: str = "nobody", times: int = 1) -> str:
    return name * times


@node(requires={"text": "text"})
def words(text: str) -> list[str]:
    return text.split()


@pytest.fixture
def registry():
    found = Registry()
    found.nodes.add("text.read", read)
    found.nodes.add("text.words", words)
    found.pipelines.add("one", read)
    return found


@pytest.fixture
def load(tmp_path, registry):
    def load(text, name="", beside=""):
        if beside:
            (tmp_path / "policies.yaml").write_text(beside)
        file = tmp_path / "flow.yaml"
        file.write_text(text)
        return load_manifest(file, name, registry)

    return load


def pipeline(*nodes, params=""):
    return HEAD.format("Pipeline", "words") + params + "  nodes:\n" + "".join(f"    - {{{each}}}\n" for each in nodes)


def refused(load, *arguments, **options):
    """Code, line and column of every finding."""
    with pytest.raises(InvalidManifestError) as caught:
        load(*arguments, **options)
    return [(found.code, found.place.line, found.place.column) for found in caught.value.findings]


def test_a_pipeline_joins_registered_nodes_under_names_of_its_own(load):
    made = load(
        pipeline(
            "name: first, type: text.read, params: {name: you}, provides: {text: letter}",
            "name: second, type: text.words, requires: {text: letter}, tags: [slow], priority: 3",
        )
    )
    first, second = made.graph.nodes
    assert (first.name, first.provided, first.parameters["name"].default) == ("first", ("letter",), "you")
    assert (second.inputs[0].name, second.inputs[0].key) == ("text", "letter")
    assert (second.priority, second.tags) == (3, {"slow"})
    assert (made.name, second.place.line) == ("words", 7)


def test_a_nodes_own_parameter_is_above_that_of_the_pipeline(load):
    made = load(pipeline("name: a, type: text.read, params: {name: me}", params="  params: {name: all, times: 2}\n"))
    found = made.graph.nodes[0].parameters
    assert (found["name"].default, found["times"].default) == ("me", 2)


def test_policies_are_found_beside_the_file_and_in_it(load):
    text = pipeline("name: a, type: text.read, policy: polite")
    for made in (load(text, beside=POLICIES), load(POLICIES + "---\n" + text)):
        policy = made.graph.nodes[0].policy
        assert policy.max_attempts == 4
        assert (policy.limiter.name, policy.limiter.per_s) == ("polite", 5.0)


def test_an_unknown_policy_is_told_where_it_stands(load):
    text = pipeline("name: a, type: text.read, policy: polit")
    with pytest.raises(InvalidManifestError) as caught:
        load(text, beside=POLICIES)
    (finding,) = caught.value.findings
    assert (finding.code, finding.place.line, finding.place.column) == ("M106", 6, 42)
    assert finding.hint.startswith("did you mean 'polite'")


@pytest.mark.parametrize(
    ("each", "code", "column"),
    [
        ("name: a, type: text.reed", "G215", 23),
        ("name: a, type: text.read, params: {nmae: x}", "M102", 43),
        ("name: a, type: text.read, params: {times: x}", "P303", 50),
        ("name: a, type: text.read, provides: {texts: x}", "M102", 45),
        ("name: a, type: text.words, requires: {words: x}", "M102", 46),
    ],
)
def test_what_names_nothing_is_told_where_it_stands(load, each, code, column):
    ((found, line, at),) = refused(load, pipeline(each))
    assert (found, line, at) == (code, 6, column)


GATES = """  fields: {ready: {type: boolean, default: false}, pages: {type: integer, key: text}}
  gates:
    parsed:
      match: any
      timeout_seconds: 900
      clauses: [{field: ready, operator: equals, value: true}, {field: pages, operator: at_least, value: 3}]
    editor: {manual: true}
"""


def test_a_node_waits_for_a_gate_of_its_file(load):
    made = load(pipeline("name: a, type: text.read, gate: parsed", "name: b, type: text.words, gate: editor", params=GATES))
    clauses = (Clause("ready", "equals", True), Clause("pages", "at_least", 3))
    assert [found.gate for found in made.graph.nodes] == [Gate("parsed", clauses, "any", 900), Gate("editor")]
    assert made.graph.fields == {"ready": FieldSpec(bool, default=False), "pages": FieldSpec(int, key="text")}


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column"),
    [
        ("gate: parsed", "gate: prased", "M111", 13, 40),
        ("field: ready", "field: redy", "M110", 10, 25),
        ("value: true", "value: 3", "M105", 10, 57),
        ("at_least, value: 3", "in, value: [1, 2.5]", "M105", 10, 104),
    ],
)
def test_what_a_gate_asks_for_is_declared(load, old, new, code, line, column):
    text = pipeline("name: a, type: text.read, gate: parsed", params=GATES)
    assert refused(load, text.replace(old, new)) == [(code, line, column)]


def test_a_long_value_is_cut_short_where_it_is_told(load):
    with pytest.raises(InvalidManifestError) as caught:
        load(pipeline("name: a, type: text.read, gate: parsed", params=GATES.replace("value: true", f"value: {'x' * 9999}")))
    assert max(len(line) for line in caught.value.findings[0].lines()) < 300


def test_all_findings_of_a_file_come_at_once(load):
    text = pipeline("name: a, type: text.reed", "name: b, type: text.read, params: {nmae: x}")
    assert [code for code, *_ in refused(load, text)] == ["G215", "M102"]


def test_a_group_names_pipelines_of_its_file_and_of_the_registry(load):
    group = (
        HEAD.format("PipelineGroup", "both")
        + "  pipelines:\n    - {name: x, pipeline: one}\n    - {name: y, pipeline: words}\n"
    )
    made = load(pipeline("name: a, type: text.read", "name: b, type: text.words") + "---\n" + group)
    assert isinstance(made, GroupPipeline)
    assert [found.name for found in made.graph.nodes] == ["x", "y/a", "y/b"]


def test_a_workflow_names_groups_of_its_file(load):
    group = HEAD.format("PipelineGroup", "inner") + "  pipelines:\n    - {name: x, pipeline: one}\n"
    flow = (
        HEAD.format("Workflow", "outer")
        + "  groups:\n    - {name: g, group: inner}\n    - {name: h, group: inner, depends_on: g}\n"
    )
    made = load(group + "---\n" + flow)
    assert [(found.name, found.after) for found in made.graph.nodes] == [("g/x", ()), ("h/x", ("g/x",))]
    assert load(group + "---\n" + flow, "inner").name == "inner", "one of several by its name"


def test_two_of_one_name_are_refused(load):
    group = HEAD.format("PipelineGroup", "same") + "  pipelines:\n    - {name: x, pipeline: one}\n"
    assert refused(load, group + "---\n" + group) == [("M102", 10, 18)]


def test_a_file_without_a_pipeline_is_no_target(load):
    with pytest.raises(TargetNotFoundError, match="no pipeline, group or workflow"):
        load(POLICIES)
    with pytest.raises(TargetNotFoundError, match="no pipeline 'word'"):
        load(pipeline("name: a, type: text.read"), "word")


def test_policies_of_the_file_itself_go_before_those_beside_it_and_those_before_the_shipped(load):
    text = pipeline("name: a, type: text.read, policy: polite", "name: b, type: text.words, policy: default")
    own = POLICIES.replace("max_attempts: 4", "max_attempts: 7")
    beside = POLICIES + "    default: {max_attempts: 9}\n"
    assert [found.policy.max_attempts for found in load(own + "---\n" + text, beside=beside).graph.nodes] == [7, 9]
    (plain,) = load(pipeline("name: a, type: text.read, policy: gpu-bound"), beside=beside).graph.nodes
    assert (plain.policy.max_attempts, plain.policy.timeout_s) == (1, 60)


def test_two_policies_of_one_name_in_one_file_are_refused(load):
    assert refused(load, POLICIES + "---\n" + POLICIES + "---\n" + pipeline("name: a, type: text.read")) == [("M102", 13, 5)]


def test_older_files_have_notes(load):
    made = load("name: g\nsteps: [{name: x, pipeline: one}]\n")
    assert [note.code for note in made.notes] == ["M112", "M112"]
    assert load(pipeline("name: a, type: text.read")).notes == ()


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, registry):
    file = tmp_path / "flow.yaml"
    file.write_bytes(pipeline("name: a, type: text.read").encode("utf-8-sig"))
    assert load_manifest(file, registry=registry).name == "words"
    assert text_of(file) == pipeline("name: a, type: text.read")


def test_a_file_that_is_no_text_is_told_where(tmp_path, registry):
    file = tmp_path / "flow.yaml"
    file.write_bytes(b"kind: Pipeline\nname: \xff\n")
    with pytest.raises(InvalidManifestError) as caught:
        load_manifest(file, registry=registry)
    assert [(found.code, found.place.line, found.place.column) for found in caught.value.findings] == [("M107", 2, 7)]
