"""Groups of many steps: work is counted in function calls, since time on a busy machine says little."""

import sys
from collections import Counter

import pytest

from weftline import Pipeline, node
from weftline.author.compose import GroupPipeline
from weftline.author.group import GroupPolicy, PipelineGroup, Step, workflow
from weftline.author.registry import Registry
from weftline.plan.validate import findings

#: Calls of Python functions for a step may grow by so much between a small group and one of ten times its size.
SLACK = 1.15


@node
def work(x: int = 1) -> int:
    return x


def registry():
    found = Registry()
    found.pipelines.add("work", work)
    return found


def group(shape, size):
    steps = [
        Step(f"s{at}", "work", (f"s{at - 1}",) if shape == "chain" and at else (), {"x": at} if shape == "own" else {})
        for at in range(size)
    ]
    return PipelineGroup.from_steps("g", steps, policy=GroupPolicy("parallel", 4, "continue"))


def counted(act):
    """What an action did: calls of Python functions, by name."""
    found = Counter()

    def look(frame, event, _):
        if event == "call":
            found[frame.f_code.co_qualname] += 1

    sys.setprofile(look)
    try:
        act()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("shape", ["wide", "chain", "own"])
@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_step_takes_the_same_however_many_there_are(shape, verb, tmp_path):
    known = registry()
    for size in (1, 300, 3000):  # the first one fills what a process remembers
        made = Pipeline.of(GroupPipeline(group(shape, size), known.find))
        options = {"backend": "inline"} if verb == "run" else {}
        calls = sum(counted(lambda made=made, options=options: getattr(made, verb)(home=None, **options)).values()) / size
        if size == 300:
            few = calls
    assert calls <= SLACK * few


def test_code_is_digested_once_for_all_steps_of_a_pipeline(tmp_path):
    known = registry()
    Pipeline.of(GroupPipeline(group("own", 2), known.find)).plan(home=tmp_path)
    calls = counted(lambda: Pipeline.of(GroupPipeline(group("own", 500), known.find)).plan(home=tmp_path))
    assert calls["CodeReader.read"] == 1
    assert calls["RecipeMaker.make"] == 500
    assert calls["Part.__init__"] == 1
    assert calls["Recipe.with_params"] == 499


def test_a_chain_of_100_000_steps_is_composed_validated_planned_and_run():
    made = Pipeline.of(GroupPipeline(group("chain", 100_000), registry().find))
    assert findings(made.graph) == []
    planned = made.plan(home=None)
    assert len(planned.steps) == 100_000
    assert planned.steps[-1].node == "s99999"
    assert made.run(home=None, backend="inline").status == "completed"


def test_a_chain_that_is_written_backwards_is_put_in_order():
    steps = [Step(f"s{at}", "work", (f"s{at - 1}",) if at else ()) for at in reversed(range(20_000))]
    made = GroupPipeline(PipelineGroup.from_steps("g", steps), registry().find)
    assert [found.name for found in made.graph.nodes][:2] == ["s0", "s1"]


def test_groups_within_groups_have_a_limit_that_is_told():
    inner = PipelineGroup("g0").add("s", "work")
    for at in range(1, 60):
        inner = workflow(f"g{at}").add("s", inner)
    (finding,) = GroupPipeline(inner, registry().find).composed.findings
    assert finding.code == "G213"
    assert "within 50 others" in finding.message
