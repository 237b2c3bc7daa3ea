"""Files in the spellings of earlier systems: checked, planned, run and rewritten as a user does."""

import json

import pytest

NODES = """
from weftline import node, register_node, register_pipeline
from weftline.documents.types import Document, RawPayload, Section, SectionKind


@register_node("documents.download")
@node(over="records", requires={"record": "records"}, provides="documents.valid")
def download(record: RawPayload) -> Document:
    text = record.data.decode()
    return Document(record.source, record.source, record.source, (Section(SectionKind.SUMMARY, "all", text, "text"),))


@register_node("slow.embed")
@node(requires={"passages": "passages"}, provides="embeddings")
def embed(passages: list) -> int:
    return len(passages)


@register_node("slow.index")
@node(requires={"embeddings": "embeddings"}, provides="index.receipt")
def index(embeddings: int) -> int:
    return embeddings


@register_pipeline("one")
@node
def one() -> int:
    return 1
"""
PAPERS = """\
name: papers
version: "2026-01-05"
applicable_sources: [repo-a]
stages:
  - {name: fetch,  type: ingest,     policy: polite-api, config: {source: records}}
  - {name: get,    type: download,   policy: polite-api, depends_on: [fetch]}
  - {name: wait,   type: gate,       policy: default,    depends_on: [get]}
  - {name: cut,    type: chunk,      policy: default,    depends_on: [wait]}
  - {name: vec,    type: slow.embed, policy: gpu-bound,  depends_on: [cut]}
  - {name: put,    type: slow.index, policy: default,    depends_on: [vec]}
  - {name: facts,  type: extract,    policy: gpu-bound,  depends_on: [cut]}   # beside vec/put
  - {name: graph,  type: knowledge-graph, depends_on: [facts, put]}
gates:
  - name: layout_ready
    stage: wait
    resume_stage: cut
    retry: {max_attempts: 5, delay_seconds: 5}
    condition:
      match: all
      clauses: [{field: pdf_ir_ready, operator: equals, value: true}, {field: pdf_downloaded, operator: equals, value: true}]
      timeout_seconds: 900
      poll_interval_seconds: 10
"""
GROUP = """\
apiVersion: spine.io/v1
name: both
steps:
  - {name: a, pipeline: one}
  - {name: b, pipeline: one, depends_on: a}
"""


@pytest.fixture
def papers(shell):
    shell.write("mine.py", NODES)
    shell.write("papers.yaml", PAPERS)
    shell.write("group.yaml", GROUP)
    shell.write("records/one.json", "Nothing. At all.")
    return lambda *words: shell(*words, WEFTLINE_MODULES="mine")


def test_the_two_phases_of_documents_are_checked_planned_and_run_to_the_gate_and_behind_it(papers, shell):
    done = papers("check", "papers.yaml", "--backend", "processes")
    assert (done.returncode, done.stdout) == (0, "papers: 7 nodes, sound; 9 notes (--notes)\n")
    assert "note: papers.yaml:13:1: an older spelling: a list of gates; write spec.gates:" in done.stderr
    assert "weftline migrate papers.yaml" in done.stderr
    planned = papers("plan", "papers.yaml", "--backend", "processes", "--json")
    assert "an older spelling" in planned.stderr
    answer = json.loads(planned.stdout)
    assert [step["decision"] for step in answer["steps"]] == ["RUN"] * 2 + ["BLOCKED"] * 5
    assert [note["code"] for note in answer["notes"][:8]] == ["M112"] * 8
    assert answer["notes"][0]["place"] == {"file": "papers.yaml", "line": 3, "column": 1}
    run = papers("run", "papers.yaml", "--backend", "processes")
    assert run.returncode == 1
    assert "an older spelling" in run.stderr
    assert "2 ran, 5 blocked" in run.stderr
    (found,) = json.loads(papers("runs", "--json").stdout)["runs"]
    opened = papers("field", "set", found["run"], "pdf_ir_ready=true", "pdf_downloaded=true")
    assert "layout_ready is open" in opened.stdout + opened.stderr
    resumed = papers("resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "5 ran, 2 cached" in resumed.stderr


def test_the_rewritten_file_is_the_same_pipeline(papers, shell):
    before = json.loads(papers("plan", "papers.yaml", "--backend", "processes", "--json").stdout)
    assert papers("migrate", "papers.yaml").stdout.endswith("next: weftline migrate papers.yaml --write\n")
    assert (shell.folder / "papers.yaml").read_text() == PAPERS, "a difference is shown, and nothing is written"
    assert papers("migrate", "papers.yaml", "--write").stdout == "papers.yaml is rewritten\n"
    done = papers("plan", "papers.yaml", "--backend", "processes", "--json")
    assert "older" not in done.stderr
    after = json.loads(done.stdout)
    assert after["steps"] == before["steps"]
    assert "# beside vec/put" in (shell.folder / "papers.yaml").read_text()
    assert "nothing to do" in papers("migrate", "papers.yaml").stdout


def test_a_flat_group_runs(papers):
    done = papers("run", "group.yaml", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "completed"
    assert "note: group.yaml:1:13: an older spelling: apiVersion: spine.io/v1; write apiVersion: weftline.dev/v1" in done.stderr


def test_a_file_that_is_not_valid_is_told_and_left_as_it_is(papers, shell):
    shell.edit("papers.yaml", "resume_stage: cut", "resume_stage: fetch")
    done = papers("migrate", "papers.yaml", "--write")
    assert done.returncode == 3
    assert "papers.yaml:16:19" in done.stderr
    assert "resume_stage: fetch" in (shell.folder / "papers.yaml").read_text()


def test_the_shipped_policies_are_a_file_to_begin_with(papers, shell):
    shell.write("policies.yaml", papers("policies").stdout)
    shell.edit("policies.yaml", "max_attempts: 1\n", "max_attempts: 99\n")
    assert "policies.yaml:17:21" in papers("check", "papers.yaml").stderr
