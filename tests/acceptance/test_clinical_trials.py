"""The main job on records that ship with the project: not computed twice, searched, and its bad records told."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

RECORDS = Path(__file__).parents[2] / "examples" / "trials"
FLOW = "from weftline.documents.pipelines.clinical_trials import pipeline as make\ndef trials():\n    return make('hash')\n"
TARGET = ("flow.py:trials", "-p", "source=records")
PER_DOCUMENT = ("parse", "validate", "chunk", "embed", "extract")


@pytest.fixture
def trials(shell):
    """A folder with twelve records and the pipeline, with the embedder that needs no model."""
    (shell.folder / "records").mkdir()
    for path in sorted(RECORDS.glob("*.json"))[:12]:
        shutil.copy(path, shell.folder / "records")
    shell.write("flow.py", FLOW)
    return shell


def calls(run: dict) -> dict[str, tuple[int, int, int]]:
    """Ran, cached and failed calls by node."""
    return {step["node"]: (step["calls"]["ran"], step["calls"]["cached"], step["calls"]["failed"]) for step in run["steps"]}


def change(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    record["protocolSection"]["descriptionModule"]["briefSummary"] += " One more sentence about the outcome."
    path.write_text(json.dumps(record), encoding="utf-8")


def generation(folder: Path, name: str) -> str:
    database = sqlite3.connect(folder / ".weftline" / name)
    try:
        return database.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()[0]
    finally:
        database.close()


def test_every_record_is_a_call_and_nothing_is_computed_twice(trials) -> None:
    first = trials.json("run", *TARGET)
    assert {node: counts[0] for node, counts in calls(first).items()} == {
        "ingest": 1, "index": 1, "knowledge": 1, **dict.fromkeys(PER_DOCUMENT, 12),
    }  # fmt: skip
    second = trials.json("run", *TARGET)
    assert second["status"] == "completed"
    assert all(counts[0] == 0 for counts in calls(second).values())
    assert trials("plan", *TARGET).returncode == 0
    items = trials.json("status", first["run"], "parse")["nodes"][0]["calls"]
    assert [call["item"] for call in items] == list(range(12))
    assert all(call["outcome"] == "succeeded" and call["attempt"] == 1 and call["key"] for call in items)


def test_one_changed_record_runs_alone(trials) -> None:
    trials.json("run", *TARGET)
    change(sorted((trials.folder / "records").glob("*.json"))[3])
    plan = trials.json("plan", *TARGET, code=2)
    assert plan["steps"][0]["reason"] == {"code": "input", "detail": "the content of records changed"}
    counts = calls(trials.json("run", *TARGET))
    assert counts["index"] == (1, 0, 0)
    for node in ("parse", "validate", "chunk", "embed"):
        assert counts[node] == (1, 11, 0), node
    assert counts["extract"][0] <= 1


def test_the_folder_may_move(trials) -> None:
    trials.json("run", *TARGET)
    (trials.folder / "records").rename(trials.folder / "moved")
    counts = calls(trials.json("run", "flow.py:trials", "-p", "source=moved"))
    assert sum(ran for ran, _, _ in counts.values()) == 0
    change(sorted((trials.folder / "moved").glob("*.json"))[0])
    counts = calls(trials.json("run", "flow.py:trials", "-p", "source=moved"))
    assert counts["parse"] == (1, 11, 0), "where a record lies is no part of it"


def test_effects_are_made_again_when_their_target_is_gone(trials) -> None:
    trials.json("run", *TARGET)
    before = generation(trials.folder, "index.db")
    for path in (trials.folder / ".weftline").glob("index.db*"):
        path.unlink()
    plan = trials.json("plan", *TARGET, code=2)
    reasons = {step["node"]: step["reason"] for step in plan["steps"] if step["decision"] == "RUN"}
    assert reasons == {"index": {"code": "missing-output", "detail": "its target is not as the receipt says"}}
    counts = calls(trials.json("run", *TARGET))
    assert {node for node, (ran, _, _) in counts.items() if ran} == {"index"}
    assert generation(trials.folder, "index.db") == before


def test_bad_records_are_told_and_the_others_are_done(trials) -> None:
    records = trials.folder / "records"
    good = sorted(records.glob("*.json"))
    text = good[0].read_text(encoding="utf-8")
    (records / "a_empty.json").write_bytes(b"")
    (records / "b_broken.json").write_text(text[: len(text) // 2], encoding="utf-8")
    (records / "c_utf16.json").write_bytes(text.encode("utf-16"))
    nameless = json.loads(text)
    del nameless["protocolSection"]["identificationModule"]["nctId"]
    (records / "d_nameless.json").write_text(json.dumps(nameless), encoding="utf-8")
    with (records / "e_large.json").open("wb") as large:
        large.write(b'{"filler": "')
        large.truncate(50_000_000)
    (records / "z_twice.json").write_text(text.replace("\n", " "), encoding="utf-8")
    run = trials.json("run", *TARGET, code=1)
    assert run["status"] == "partial"
    assert calls(run)["parse"] == (12, 0, 6)
    failures = {
        Path(failure["place"].partition(":")[0]).name: failure["code"] for step in run["steps"] for failure in step["failures"]
    }
    assert failures == {
        "a_empty.json": "D701",
        "b_broken.json": "D701",
        "c_utf16.json": "D701",
        "d_nameless.json": "D702",
        "e_large.json": "D703",
        "z_twice.json": "D704",
    }
    found = trials.json("search", "disc", "--embedder", "hash", "--mode", "keyword")
    assert found["hits"], "the good records are searchable"


def test_questions(trials) -> None:
    trials.json("run", *TARGET)
    answer = trials.json("search", "which trials test gabapentin for disc prolapse?", "--embedder", "hash")["answer"]
    assert [trial["document"] for trial in answer["trials"]] == ["NCT02120703"]
    assert any(evidence["text"] == "Gabapentin" for evidence in answer["evidence"])
    hit = trials.json("search", "pregabalin gabapentin lumbar disc surgery", "--embedder", "hash")["hits"][0]
    assert hit["document"] == "NCT02120703"
    path = trials.folder / "records" / "NCT02120703.json"
    assert hit["place"]["path"].startswith("protocolSection.")
    assert path.exists()
    assert trials("search", "anything", "--home", "nowhere").returncode == 4


def test_a_home_is_searched_from_anywhere(trials, tmp_path_factory) -> None:
    trials.json("run", *TARGET)
    elsewhere = type(trials)(tmp_path_factory.mktemp("elsewhere"))
    home = str(trials.folder / ".weftline")
    assert elsewhere.json("search", "disc", "--embedder", "hash", "--home", home)["hits"]
