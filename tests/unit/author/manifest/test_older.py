"""Older spellings: what they are today, where that is told, and what cannot be carried over."""

import pytest

from weftline.author.manifest.check import checked
from weftline.author.manifest.located import read
from weftline.author.manifest.older import modern

API = "weftline.dev/v1"
GROUP = """\
name: sales.nightly
domain: sales
version: 3
defaults: {region: eu}
steps:
  - {name: pull, pipeline: sales.pull}
  - {name: clean, pipeline: sales.clean, depends_on: pull}
policy: {execution: parallel}
"""
TWO_PHASE = """\
name: papers
version: "2026-01-05"
applicable_sources: [repo-a]
stages:
  - {name: fetch, type: ingest, policy: polite-api}
  - {name: get, type: download, depends_on: [fetch]}
  - {name: wait, type: gate, policy: default, depends_on: [get]}
  - {name: cut, type: chunk, depends_on: [wait], config: {size: 3}}
  - {name: put, type: index, depends_on: [cut]}
gates:
  - name: layout_ready
    stage: wait
    resume_stage: cut
    retry: {max_attempts: 5, delay_seconds: 5}
    skip_download_on_resume: true
    condition:
      match: all
      clauses: [{field: ready, operator: equals, value: true}, {field: pages, operator: in, value: [1, 2]}]
      timeout_seconds: 900
      poll_interval_seconds: 10
"""
INLINE = """\
name: papers
stages:
  - {name: get, type: IngestStage}
  - {name: ready, type: gate, depends_on: [get], condition: {ledger_field: pdf_ir_ready, equals: true}, resume_stage: cut}
  - {name: cut, type: ChunkStage, depends_on: ready}
"""
POLICIES = """\
policies:
  default: {max_attempts: 3, backoff: exponential, initial: 0.5, maximum: 30, jitter: true}
  nested: {backoff: {strategy: linear, initial: 1, max: 10}, rate_limit: {rate_limit_per_second: 5}}
  short: {rate_limit: 5, circuit_breaker: {failures: 5, reset_timeout: 60}}
"""
HEADER = "apiVersion: spine.io/v1\nkind: PipelineGroup\nmetadata: {name: a}\nspec: {pipelines: [{name: x, pipeline: y}]}\n"
POLICY = {
    "default": {"max_attempts": 3, "backoff": {"strategy": "exponential", "initial": 0.5, "maximum": 30, "jitter": True}},
    "nested": {"backoff": {"strategy": "linear", "initial": 1, "maximum": 10}, "rate_limit": {"rate_limit_per_second": 5}},
    "short": {
        "rate_limit": {"rate_limit_per_second": 5},
        "circuit_breaker": {"failure_threshold": 5, "recovery_timeout": 60},
    },
}
STEPS = [
    {"name": "pull", "pipeline": "sales.pull"},
    {"name": "clean", "pipeline": "sales.clean", "depends_on": "pull"},
]
CLAUSES = [
    {"field": "ready", "operator": "equals", "value": True},
    {"field": "pages", "operator": "in", "value": [1, 2]},
]


def taken(text, types=()):
    (document,), findings = read(text, "a.yaml")
    assert not findings
    new, notes, unfit, _ = modern(document, lambda: types)
    return new, notes, [*unfit, *checked(new)[1]]


def sound(text, types=()):
    new, notes, findings = taken(text, types)
    assert findings == []
    assert notes
    return new.value


def refused(text):
    return [(found.place.line, found.place.column, f"{found.message}; {found.fix}; {found.hint}") for found in taken(text)[2]]


def test_a_flat_group():
    assert sound(GROUP) == {
        "apiVersion": API,
        "kind": "PipelineGroup",
        "metadata": {"name": "sales.nightly", "domain": "sales", "version": 3},
        "spec": {"defaults": {"region": "eu"}, "pipelines": STEPS, "policy": {"execution": "parallel"}},
    }
    assert sound(GROUP) == sound(GROUP.replace("steps:", "pipelines:"))
    assert sound(GROUP) == sound("apiVersion: spine.io/v1\nkind: PipelineGroup\n" + GROUP)


def test_the_older_header():
    text = f"apiVersion: spine.io/v1\nkind: PipelineGroup\nmetadata: {{name: a}}\nspec: {{pipelines: {STEPS}}}\n"
    new, notes, findings = taken(text)
    assert not findings
    assert new.value["apiVersion"] == API
    assert [(note.place.line, note.place.column, note.fix) for note in notes] == [(1, 13, f"write apiVersion: {API}")]


def test_a_topology_with_a_list_of_gates():
    assert sound(TWO_PHASE) == {
        "apiVersion": API,
        "kind": "Pipeline",
        "metadata": {"name": "papers", "version": "2026-01-05", "tags": ["repo-a"]},
        "spec": {
            "fields": {"ready": {"type": "boolean"}, "pages": {"type": "integer"}},
            "gates": {
                "layout_ready": {"match": "all", "clauses": CLAUSES, "timeout_seconds": 900, "poll_interval_seconds": 10}
            },
            "nodes": [
                {"name": "fetch", "type": "documents.ingest", "policy": "polite-api"},
                {"name": "get", "type": "documents.download", "depends_on": ["fetch"]},
                {
                    "name": "cut",
                    "type": "documents.chunk",
                    "depends_on": ["get"],
                    "params": {"size": 3},
                    "gate": "layout_ready",
                },
                {"name": "put", "type": "documents.index", "depends_on": ["cut"]},
            ],
        },
    }


def test_a_topology_with_the_gate_in_its_stage():
    spec = sound(INLINE)["spec"]
    assert spec["gates"] == {"ready": {"clauses": [{"field": "pdf_ir_ready", "operator": "equals", "value": True}]}}
    assert spec["nodes"] == [
        {"name": "get", "type": "documents.ingest"},
        {"name": "cut", "type": "documents.chunk", "depends_on": ["get"], "gate": "ready"},
    ]


def test_everything_that_depends_on_a_gate_waits_there():
    text = TWO_PHASE.replace(
        "  - {name: put, type: index, depends_on: [cut]}", "  - {name: put, type: index, depends_on: [wait]}"
    )
    nodes = {node["name"]: node for node in sound(text)["spec"]["nodes"]}
    assert nodes["put"] == {"name": "put", "type": "documents.index", "depends_on": ["get"], "gate": "layout_ready"}


def test_a_stage_that_resumes_may_come_later():
    nodes = {node["name"]: node for node in sound(TWO_PHASE.replace("resume_stage: cut", "resume_stage: put"))["spec"]["nodes"]}
    assert nodes["cut"]["gate"] == nodes["put"]["gate"] == "layout_ready"


def test_a_type_that_is_registered_stays():
    nodes = sound(TWO_PHASE, types=("chunk", "mine.ingest"))["spec"]["nodes"]
    assert [node["type"] for node in nodes] == ["documents.ingest", "documents.download", "chunk", "documents.index"]
    assert sound(INLINE.replace("IngestStage", "mine.ingest"))["spec"]["nodes"][0]["type"] == "mine.ingest"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("kg", "knowledge"),
        ("knowledge-graph", "knowledge"),
        ("ir_validation", "validate"),
        ("KnowledgeGraphStage", "knowledge"),
    ],
)
def test_the_types_of_both_dialects(word, name):
    assert sound(INLINE.replace("IngestStage", word))["spec"]["nodes"][0]["type"] == f"documents.{name}"


def test_policies_nested_and_flat():
    assert sound(POLICIES) == {
        "apiVersion": API,
        "kind": "Policies",
        "metadata": {"name": "policies"},
        "spec": {"policies": POLICY},
    }


@pytest.mark.parametrize("text", [GROUP, TWO_PHASE, INLINE, POLICIES])
def test_every_note_shows_where_and_what_to_write(text):
    _, notes, _ = taken(text)
    assert all(note.place.line and note.place.column and note.fix.startswith("write ") for note in notes)
    assert notes[0].hint == "weftline migrate a.yaml rewrites the file"
    assert [note.place for note in notes] == sorted(note.place for note in notes)


@pytest.mark.parametrize("text", [GROUP, TWO_PHASE, INLINE, POLICIES])
def test_what_is_new_stays_as_it_is(text):
    new, _, _ = taken(text)
    assert modern(new) == (new, (), (), frozenset())


def test_no_data_is_shared_with_the_old_document():
    (document,), _ = read(TWO_PHASE, "a.yaml")
    new = modern(document).document
    new.value["spec"]["nodes"][2]["params"]["size"] = 9
    assert document.value["stages"][3]["config"] == {"size": 3}


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "column", "words"),
    [
        (GROUP, "policy:", "polcy:", 8, 1, "spec has no field 'polcy'"),
        (GROUP, "execution: parallel", "execution: paralel", 8, 21, "is 'paralel'"),
        (GROUP, "name: sales.nightly\n", "", 1, 9, "metadata has no 'name'"),
        (TWO_PHASE, "stage: wait", "stage: wiat", 12, 12, "names no stage of the type gate; did you mean 'wait'?"),
        (TWO_PHASE, "stage: wait", "stage: get", 12, 12, "names no stage of the type gate"),
        (TWO_PHASE, "resume_stage: cut", "resume_stage: ctu", 13, 19, "resumes 'ctu', which is no stage; did you mean 'cut'?"),
        (TWO_PHASE, "resume_stage: cut", "resume_stage: fetch", 13, 19, "'fetch', which does not come after 'wait'"),
        (TWO_PHASE, "depends_on: [wait]", "depends_on: [get]", 13, 19, "'cut', which does not come after 'wait'"),
        (TWO_PHASE, "    condition:\n      match: all", "    conditon:\n      match: all", 16, 5, "has no field 'conditon'"),
        (TWO_PHASE, "operator: equals", "operator: equal", 18, 42, "did you mean 'equals'"),
        (TWO_PHASE, "config:", "confg:", 8, 50, "has no field 'confg'"),
        (TWO_PHASE, "depends_on: [fetch]}", "condition: x}", 6, 33, "has no field 'condition'"),
        (TWO_PHASE, "type: gate,", "type: gate, config: {},", 7, 30, "gate 'wait' has no field 'config' here"),
        (TWO_PHASE, "type: gate,", "type: gate, condition: {},", 7, 30, "gate 'wait' has no field 'condition' here"),
        (TWO_PHASE, "name: wait, ", "", 7, 5, "a gate has no name"),
        (TWO_PHASE, "  - {name: cut", "  - {name: wait, type: gate}\n  - {name: cut", 8, 5, "or that of another stage"),
        (
            TWO_PHASE,
            "gates:\n",
            "gates:\n  - {name: other, stage: wait, condition: {ledger_field: a, exists: x}}\n",
            12,
            5,
            "one gate",
        ),
        (INLINE, "condition: {ledger_field: pdf_ir_ready, equals: true}, ", "", 4, 5, "has no condition"),
        (INLINE, "equals: true", "equal: true", 4, 90, "has no field 'equal'"),
        (POLICIES, "initial: 0.5", "initial: 0.5, backoff_initial: 1", 2, 66, "says again"),
        (POLICIES, "max_attempts: 3", "max_attempts: 30", 2, 27, "less than or equal to 10"),
        (POLICIES, "backoff: exponential", "backoff: fibonacci", 2, 39, "'none', 'linear' or 'exponential'"),
        (POLICIES, "backoff: exponential", "backoff: []", 2, 52, "no mapping"),
        (POLICIES, "rate_limit: 5", "rate_limit: 500", 4, 23, "less than or equal to 100"),
        (POLICIES, "policies:\n", "policies:\n  other: 3\n", 2, 10, "is 3"),
        (POLICIES, "policies:\n", "extra: 3\npolicies:\n", 1, 1, "spec has no field 'extra'"),
    ],
)
def test_what_is_wrong_in_an_older_spelling_is_told_where_it_stands(text, old, new, line, column, words):
    assert old in text
    found = refused(text.replace(old, new, 1))
    assert any((at, where) == (line, column) and words in message for at, where, message in found), found


def test_gates_that_wait_for_each_other_are_no_endless_walk():
    text = """\
name: papers
stages:
  - {name: one, type: gate, depends_on: [two], condition: {ledger_field: a, exists: true}}
  - {name: two, type: gate, depends_on: [one], condition: {ledger_field: b, equals: 1.5}}
  - {name: cut, type: chunk, depends_on: [one]}
"""
    assert [(line, column) for line, column, words in refused(text) if "waits for itself" in words] == [(3, 41), (4, 41)]


def test_a_stage_behind_two_gates_is_refused():
    text = INLINE.replace("depends_on: [get]", "depends_on: [first]").replace(
        "stages:\n", "stages:\n  - {name: first, type: gate, condition: {ledger_field: a, exists: true}}\n"
    )
    assert [(line, column, "first, ready" in words) for line, column, words in refused(text)] == [(6, 5, True)]
