"""Groups on real backends: what a failure stops, and what a time limit ends."""

import time

import pytest
from tests.integration import group_steps

from weftline import Pipeline, PipelineGroup
from weftline.app import groups
from weftline.app.home import Home
from weftline.author.compose import GroupPipeline
from weftline.author.group import GroupPolicy, Step
from weftline.author.registry import Registry

LIMIT_S = 2.0


@pytest.fixture
def registry():
    found = Registry()
    for made in (group_steps.works, group_steps.fails, group_steps.sleeps):
        found.pipelines.add(made.spec.name, made)
    return found


def outcome(registry, folder, backend, steps, **policy):
    group = PipelineGroup.from_steps("g", steps, policy=GroupPolicy("parallel", **policy))
    pipeline = Pipeline.of(GroupPipeline(group, registry.find))
    result = pipeline.run(home=folder, backend=backend, workers=4)
    home = Home(folder)
    found = groups.run_of(result.run, home)
    home.close()
    return found.status, {step.step: str(step.status) for step in found.steps}


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_stop_begins_nothing_new_and_what_runs_has_its_end(registry, tmp_path, backend):
    mark = tmp_path / "mark"
    steps = [
        Step("slow", "sleeps", params={"mark": str(mark), "seconds": 0.5}),
        Step("bad", "fails", params={"after_s": 0.1}),
        Step("later", "works"),
    ]
    found = outcome(registry, tmp_path / "home", backend, steps, max_concurrency=2, on_failure="stop")
    assert found == ("failed", {"slow": "completed", "bad": "failed", "later": "skipped"})
    assert mark.read_text() == "done"


@pytest.mark.parametrize("backend", ["inline", "threads", "processes"])
def test_continue_leaves_out_exactly_what_depends_on_the_failure(registry, tmp_path, backend):
    steps = [
        Step("bad", "fails"),
        Step("behind", "works", ("bad",)),
        Step("further", "works", ("behind",), {"x": 2}),
        Step("beside", "works", (), {"x": 3}),
    ]
    status, found = outcome(registry, tmp_path / "home", backend, steps, on_failure="continue")
    assert status == "partial"
    assert found == {"bad": "failed", "behind": "skipped", "further": "skipped", "beside": "completed"}


def test_a_group_ends_when_its_time_is_over(registry, tmp_path):
    mark = tmp_path / "mark"
    steps = [Step("slow", "sleeps", params={"mark": str(mark), "seconds": 60.0}), Step("behind", "works", ("slow",))]
    began = time.monotonic()
    status, found = outcome(registry, tmp_path / "home", "processes", steps, timeout_s=LIMIT_S)
    assert time.monotonic() - began < 30.0
    assert status == "failed"
    assert found == {"slow": "cancelled", "behind": "cancelled"}
    assert not mark.exists()
