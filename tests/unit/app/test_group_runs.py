"""How groups run, in virtual time: order, failures, retries, time limits, conditions, and beginning anew from a step."""

import pytest

from weftline import Pipeline, PipelineGroup, Policy, node
from weftline.app import groups, verbs
from weftline.app.home import Home, Request
from weftline.author.compose import GroupPipeline
from weftline.author.group import GroupPolicy, Step, workflow
from weftline.author.registry import Registry
from weftline.errors import BadArgumentError, UnknownNodeError, UnknownRunError
from weftline.testing import ManualClock, ScriptedBackend, fail, succeed


@node
def work(x: int = 1) -> int:
    return x


@node(policy=Policy(max_attempts=3, backoff="linear", initial_s=10.0, jitter=False, retry_on=(Exception,)))
def patient(x: int = 1) -> int:
    return x


@node
def first(x: int = 1) -> int:
    return x


@node
def second(first: int) -> int:
    return first


class Theatre:
    """A home and a backend on one clock that is moved by hand."""

    def __init__(self, folder):
        self.clock = ManualClock()
        self.home = Home(folder, clock=self.clock)
        self.registry = Registry()
        for made in (work, patient):
            self.registry.pipelines.add(made.spec.name, made)
        self.registry.pipelines.add("two", Pipeline([first, second], name="two"))
        self.backend = ScriptedBackend(self.clock, slots=8)

    def run(self, group, *, from_steps=(), **asked):
        made = Pipeline.of(GroupPipeline(group, self.registry.find))
        request = groups.remade_from(from_steps, made, Request(backend=self.backend, **asked), self.home)
        began = self.clock.monotonic()
        result = verbs.run(made, self.home, request)
        self.last = result.run
        self.took_s = self.clock.monotonic() - began
        self.started = [result.plan.graph.nodes[number].name for number, _, _ in self.backend.started]
        return result

    @property
    def told(self):
        """The last run: its status, and that of each step."""
        found = groups.run_of(self.last, self.home)
        return found.status, {step.step: str(step.status) for step in found.steps}


@pytest.fixture
def theatre(tmp_path):
    found = Theatre(tmp_path)
    yield found
    found.home.close()


def group(*steps, **policy):
    """Steps as `name`, or `name: before before`, all of which run `work`."""
    made = []
    for number, step in enumerate(steps):
        name, _, before = step.partition(":")
        made.append(Step(name, "work", tuple(before.split()), {"x": number}))
    return PipelineGroup.from_steps("g", made, policy=GroupPolicy(**{"execution": "parallel", **policy}))


def test_a_sequential_group_goes_by_the_order_of_the_definition(theatre):
    theatre.backend = ScriptedBackend(theatre.clock, slots=8, otherwise=lambda _: succeed(1.0))
    theatre.run(group("c", "a", "b: c", "d", execution="sequential"))
    assert theatre.started == ["c", "a", "b", "d"]
    assert theatre.backend.most_at_once == 1
    assert theatre.took_s == 4.0


def test_a_parallel_group_runs_so_many_at_once(theatre):
    theatre.backend = ScriptedBackend(theatre.clock, slots=8, otherwise=lambda _: succeed(1.0))
    theatre.run(group("a", "b", "c", "d", max_concurrency=2))
    assert theatre.backend.most_at_once == 2
    assert theatre.took_s == 2.0


def test_stop_begins_nothing_new_and_what_runs_is_what_it_becomes(theatre):
    theatre.backend.will("a", fail(ValueError("no"), 1.0)).will("b", succeed(5.0)).will("c", fail(ValueError("late"), 3.0))
    result = theatre.run(group("a", "b", "c", "d", "e: b", max_concurrency=3, on_failure="stop"))
    assert theatre.started == ["a", "b", "c"]
    assert theatre.told == ("failed", {"a": "failed", "b": "completed", "c": "failed", "d": "skipped", "e": "skipped"})
    assert theatre.took_s == 5.0, "what ran was waited for"
    assert result["b.work"] == 1


def test_continue_leaves_out_exactly_what_depends_on_the_failure(theatre):
    theatre.backend.will("b", fail(ValueError("no")))
    theatre.run(group("a", "b: a", "c: b", "d: a", "e: d c", "f: d", on_failure="continue"))
    done, left = "completed", "skipped"
    assert theatre.told == ("partial", {"a": done, "b": "failed", "c": left, "d": done, "e": left, "f": done})


@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_retries_are_spent_before_a_failure_counts(theatre, on_failure):
    steps = [Step("a", "patient"), Step("b", "work", ("a",), {"x": 2})]
    tried = PipelineGroup.from_steps("g", steps, policy=GroupPolicy("parallel", 4, on_failure))
    theatre.backend.will("a", fail(OSError("busy")), fail(OSError("busy")), succeed())
    theatre.run(tried)
    assert theatre.told == ("completed", {"a": "completed", "b": "completed"})
    assert theatre.started == ["a", "a", "a", "b"]
    theatre.backend = ScriptedBackend(theatre.clock, slots=8).will("a", *[fail(OSError("busy"))] * 3)
    theatre.run(tried, refresh=True)
    assert theatre.started == ["a", "a", "a"]
    assert theatre.told == ("failed", {"a": "failed", "b": "skipped"})


def test_timeout_minutes_ends_the_group(theatre):
    theatre.backend = ScriptedBackend(theatre.clock, slots=8, can_kill=True)
    theatre.backend.will("a", succeed(30.0)).will("b", succeed(3600.0))
    theatre.run(group("a", "b: a", "c: b", timeout_s=60.0))
    status, steps = theatre.told
    assert theatre.took_s == pytest.approx(60.0)
    assert (status, steps) == ("failed", {"a": "completed", "b": "cancelled", "c": "cancelled"})


def test_a_run_may_ask_for_less_time_than_its_group(theatre):
    theatre.backend = ScriptedBackend(theatre.clock, slots=8, can_kill=True, otherwise=lambda _: succeed(3600.0))
    theatre.run(group("a", timeout_s=60.0), deadline_s=10.0)
    assert theatre.took_s == pytest.approx(10.0)


def test_a_condition_leaves_a_step_out_and_the_others_do_not_fail(theatre):
    steps = [Step("a", "work"), Step("b", "work", ("a",), when={"full": True}), Step("c", "work", ("b",))]
    made = PipelineGroup.from_steps("g", steps, defaults={"full": False})
    theatre.run(made)
    assert theatre.told == ("completed", {"a": "completed", "b": "skipped", "c": "skipped"})
    theatre.run(made, params={"full": True})
    assert theatre.told[1] == dict.fromkeys("abc", "completed")


def test_a_run_from_a_step_makes_it_anew_with_all_that_depends_on_it(theatre):
    made = group("a", "b: a", "c: b", "d: a")
    theatre.run(made)
    theatre.backend = ScriptedBackend(theatre.clock, slots=8)
    result = theatre.run(made, from_steps=["b"])
    assert theatre.started == ["b", "c"]
    assert {name: step.cached for name, step in result.steps.items()} == {"a": True, "b": False, "c": False, "d": True}
    with pytest.raises(UnknownNodeError) as caught:
        theatre.run(made, from_steps=["bb"])
    assert caught.value.hint == "did you mean 'b'?"


def test_a_step_of_several_nodes_has_one_status(theatre):
    made = PipelineGroup("g", policy=GroupPolicy("parallel", 4, "continue")).add("s", "two").add("t", "work")
    theatre.backend.will("s/second", fail(ValueError("no")))
    theatre.run(made)
    assert theatre.told == ("partial", {"s": "failed", "t": "completed"})


def test_a_workflow_tells_its_groups_and_their_steps(theatre):
    theatre.registry.groups.add("load", group("a", "b: a"))
    whole = (
        workflow("all", policy=GroupPolicy("parallel", 4, "continue")).add("eu", "load").add("asia", "load", depends_on="eu")
    )
    theatre.backend.will("eu/b", fail(ValueError("no")))
    theatre.run(whole)
    status, steps = theatre.told
    assert status == "partial"
    assert steps["eu"] == "failed"
    assert (steps["eu/a"], steps["eu/b"], steps["asia"], steps["asia/a"]) == ("completed", "failed", "skipped", "skipped")


def test_a_run_of_a_pipeline_has_no_steps(theatre):
    result = verbs.run(Pipeline([work]), theatre.home, Request(backend=theatre.backend))
    with pytest.raises(BadArgumentError, match="no run of a group"):
        groups.run_of(result.run, theatre.home)


def test_a_group_is_named_for_its_newest_run(theatre):
    runs = []
    for name in ("day", "night", "day", "night"):
        theatre.run(PipelineGroup(name).add("s", "work"))
        runs.append(theatre.last)
        theatre.clock.move(60.0)
    assert [groups.run_of(name, theatre.home).run for name in ("day", "night", "", runs[0])] == [
        runs[2],
        runs[3],
        runs[3],
        runs[0],
    ]
    with pytest.raises(UnknownRunError, match="noon"):
        groups.run_of("noon", theatre.home)
