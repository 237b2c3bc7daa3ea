"""The examples of document pipelines as files: checked, planned, run to their gates, and behind these."""

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SETTINGS = {"WEFTLINE_MODULES": "stages", "WEFTLINE_BACKEND": "processes"}
STAGES = {
    "auto": "ingest parse validate chunk embed index extract knowledge",
    "two-phase": "ingest download arrived parse validate chunk embed index extract knowledge",
    "full-text": "ingest download parse layout validate chunk embed index extract knowledge",
}


@pytest.fixture
def papers(shell):
    for file in (EXAMPLES / "papers").iterdir():
        if file.is_file():
            shell.write(file.name, file.read_text(encoding="utf-8"))
    (shell.folder / "records").mkdir()
    for record in sorted((EXAMPLES / "trials").glob("*.json"))[:3]:
        shutil.copy(record, shell.folder / "records")
    return lambda *words: shell(*words, **SETTINGS)


@pytest.mark.parametrize("name", STAGES)
def test_an_example_is_sound_and_planned(papers, name):
    done = papers("check", f"{name}.yaml")
    assert done.returncode == 0, done.stderr
    planned = json.loads(papers("plan", f"{name}.yaml", "--json").stdout)
    assert [step["node"] for step in planned["steps"]] == STAGES[name].split()


def test_eight_stages_run(papers):
    done = papers("run", "auto.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert {step["status"] for step in json.loads(done.stdout)["steps"]} == {"succeeded"}


@pytest.mark.parametrize(("name", "before", "field"), [("two-phase", 3, "pdf_ir_ready=true"), ("full-text", 2, "pages=4")])
def test_a_run_waits_until_a_service_has_read_the_papers(papers, name, before, field):
    blocked = papers("run", f"{name}.yaml")
    assert blocked.returncode == 1
    assert f"{before} ran, {len(STAGES[name].split()) - before} blocked" in blocked.stderr
    (waits,) = json.loads(papers("gate", "ls", "--json").stdout)["waiting"]
    assert (waits["gate"], waits["nodes"], waits["open"]) == ("layout_ready", ["parse"], False)
    assert papers("field", "set", waits["run"], field).returncode == 0
    resumed = papers("resume", waits["run"])
    assert resumed.returncode == 0, resumed.stderr
    assert f"{before} cached" in resumed.stderr
