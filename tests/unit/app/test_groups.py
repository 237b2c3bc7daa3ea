"""The id of a group's batch: made once, handed to who asks for it, and no part of other keys."""

import json

import pytest

from weftline import Pipeline, PipelineGroup, node
from weftline.app import saved, verbs
from weftline.app.home import Home, Request
from weftline.author.compose import GroupPipeline
from weftline.author.registry import Registry
from weftline.model.ids import batch_id
from weftline.model.run import RunRecord
from weftline.testing.clock import ManualClock

TRIES = []


@node
def plain(x: int = 1) -> int:
    return x


@node
def labelled(batch_id: str = "none") -> str:
    return batch_id


@node
def fails(x: int = 1) -> int:
    TRIES.append(x)
    raise ValueError("never")


@pytest.fixture
def registry():
    found = Registry()
    for made in (plain, labelled, fails):
        found.pipelines.add(made.spec.name, made)
    return found


def pipeline(registry, *steps, **fields):
    group = PipelineGroup("sales.nightly", **fields)
    for name, runs, params in steps:
        group = group.add(name, runs, params=params)
    return Pipeline.of(GroupPipeline(group, registry.find))


def home(path):
    bytes_of = iter(range(1, 1000))
    return Home(path, clock=ManualClock(1_790_000_000.0), entropy=lambda count: next(bytes_of).to_bytes(count, "big"))


def test_an_id_says_the_group_the_time_and_eight_random_digits():
    assert batch_id("sales.nightly", 0.0, b"\x01\x02\x03\xff") == "group_sales.nightly_19700101T000000_010203ff"


def test_it_is_handed_to_nodes_that_ask_and_to_templates(registry, tmp_path):
    made = pipeline(
        registry, ("a", "labelled", {}), ("b", "labelled", {"batch_id": "of {{ params.batch_id }}"}), ("c", "plain", {})
    )
    result = verbs.run(made, home(tmp_path), Request())
    batch = result.plan.batch_id
    assert batch == "group_sales.nightly_20260921T141320_00000001"
    assert (result["a.labelled"], result["b.labelled"]) == (batch, f"of {batch}")


def test_a_run_that_gives_one_keeps_it(registry, tmp_path):
    made = pipeline(registry, ("a", "labelled", {}))
    result = verbs.run(made, home(tmp_path), Request(params={"batch_id": "mine"}))
    assert result["a.labelled"] == result.plan.batch_id == "mine"


def test_it_spoils_no_key_of_a_node_that_does_not_ask(registry, tmp_path):
    made = pipeline(registry, ("a", "labelled", {}), ("c", "plain", {}))
    opened = home(tmp_path)
    verbs.run(made, opened, Request())
    again = verbs.run(made, opened, Request())
    assert {name: step.cached for name, step in again.steps.items()} == {"a": False, "c": True}


def test_it_is_in_the_journal_and_resume_keeps_it(registry, tmp_path):
    made = pipeline(registry, ("a", "labelled", {}), ("b", "fails", {}))
    opened = home(tmp_path)
    first = verbs.run(made, opened, Request())
    assert first.status == "failed"
    opening = verbs.find_run(first.run, opened).opening
    assert opening["group"]["batch_id"] == opening["params"]["batch_id"] == first.plan.batch_id
    assert opening["group"]["trigger"] == "api"
    assert opening["group"]["steps"] == [{"step": "a", "runs": "labelled"}, {"step": "b", "runs": "fails"}]
    again = verbs.resume(first.run, opened, made, Request())
    assert again.plan.batch_id == first.plan.batch_id
    record = RunRecord.fold(first.run, opened.ledger.events(first.run))
    assert record.resumed == 1


def test_a_plan_in_a_file_keeps_it(registry, tmp_path):
    made = pipeline(registry, ("a", "labelled", {}))
    opened = home(tmp_path / "home")
    request = Request()
    planned = verbs.plan(made, opened, request)
    saved.save(planned, request, tmp_path / "plan.json")
    assert json.loads((tmp_path / "plan.json").read_text())["batch_id"] == planned.batch_id
    found = saved.read(tmp_path / "plan.json")
    again = saved.plan_again(found, made, opened, saved.asked_again(found, {}))
    assert again.batch_id == planned.batch_id


def test_a_pipeline_of_its_own_has_none(tmp_path):
    planned = verbs.plan(Pipeline([labelled]), home(tmp_path), Request())
    assert planned.batch_id == ""
    assert planned["labelled"].params["batch_id"].value == "none"
