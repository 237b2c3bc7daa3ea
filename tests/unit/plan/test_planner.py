"""Decisions and reasons: what will run and why, before anything does."""

import contextlib
import linecache
from pathlib import Path

import numpy as np
import pytest

from weftline import Pipeline, Policy, Resources, env, node
from weftline.errors import InvalidPipelineError
from weftline.model.plan import Decision
from weftline.plan import planner
from weftline.plan.wish import Wish
from weftline.ports.backend import Capabilities
from weftline.testing import fail, succeed


@node
def load(count: int = 3) -> list[int]:
    return list(range(count))


@node(requires={"x": "load"}, over="load")
def each(x: int, power: int = 2) -> int:
    return x**power


@node
def total(each: list[int]) -> int:
    return sum(each)


@node
def words(load: list[int], prefix: str = "w") -> str:
    return prefix * len(load)


FLOW = [load, each, total, words]


class Table:
    """Something outside the store, with a generation."""

    rows: dict[int, int] = {}  # noqa: RUF012 - one table for all tests of this file

    def __weftline_digest__(self):
        return "table"

    def confirms(self, receipt):
        if receipt == "broken":
            raise RuntimeError("the service does not answer")
        return self.rows.get(receipt) == receipt


def decisions(stage, nodes, **wish):
    return {step.node: str(step.decision) for step in stage.plan(nodes, **wish).steps}


def reasons(stage, nodes, **wish):
    return {step.node: str(step.reason.code) for step in stage.plan(nodes, **wish).steps}


def edited(source, name="words"):
    """A node as it is after somebody edited its file: the function is made of other source."""
    scope = {"__name__": __name__, "node": node, "Table": Table}
    code = compile(source, f"<{name}>", "exec")
    linecache.cache[f"<{name}>"] = (len(source), None, source.splitlines(keepends=True), f"<{name}>")
    exec(code, scope)
    return scope[name]


# --- RUN and why ---


def test_everything_runs_the_first_time(stage):
    plan = stage.plan(FLOW)
    assert {str(step.decision) for step in plan.steps} == {"RUN"}
    assert {str(step.reason) for step in plan.steps} == {"new: first time here"}
    assert plan.is_work_pending


def test_nothing_runs_the_second_time(stage):
    stage.run(FLOW)
    plan = stage.plan(FLOW)
    assert {(str(step.decision), str(step.reason.code)) for step in plan.steps} == {("CACHED", "hit")}
    assert not plan.is_work_pending
    assert plan["each"].items.total == 3
    assert plan["each"].items.counts == {Decision.CACHED: 3}


def test_planning_starts_nothing_and_writes_nothing(stage):
    for _ in range(2):
        stage.plan(FLOW)
    assert stage.backend.started == []
    assert stage.ledger.runs() == []
    assert decisions(stage, FLOW)["load"] == "RUN"


def test_a_parameter_is_named_with_both_values(stage):
    stage.run(FLOW)
    step = stage.plan(FLOW, params={"prefix": "v"})["words"]
    assert str(step.reason) == "param: prefix 'w' -> 'v'"
    assert [change.code for change in step.changes] == ["param"]


def test_several_changes_are_counted(stage):
    @node
    def tune(a: int = 1, b: int = 1) -> int:
        return a + b

    stage.run([tune])
    step = stage.plan([tune], params={"a": 2, "b": 2})["tune"]
    assert str(step.reason) == "param: a 1 -> 2 (and 1 more)"
    assert len(step.changes) == 2


def test_code_is_named_by_the_symbol_that_changed(stage):
    before = "@node\ndef words() -> int:\n    return helper()\n\ndef helper():\n    return 1\n"
    stage.run([edited(before)])
    step = stage.plan([edited(before.replace("return 1", "return 2"))])["words"]
    assert step.reason.code == "code"
    assert "helper" in step.reason.detail


def test_a_comment_is_no_change(stage):
    before = "@node\ndef words() -> int:\n    return 1\n"
    stage.run([edited(before)])
    after = '@node\ndef words() -> int:\n    """Now with words."""\n    # and a comment\n    return 1\n'
    assert decisions(stage, [edited(after)]) == {"words": "CACHED"}


def test_a_declared_version_is_part_of_the_code(stage):
    def made(version):
        return edited(f"@node(version={version!r})\ndef words() -> int:\n    return 1\n")

    stage.run([made("1")])
    assert str(stage.plan([made("2")])["words"].reason) == "code: version 1 -> 2"
    assert decisions(stage, [made("1")]) == {"words": "CACHED"}


def test_an_environment_variable_is_named(stage, monkeypatch):
    @node(depends=[env("REGION")])
    def where() -> str:
        return "x"

    monkeypatch.setenv("REGION", "a")
    stage.run([where])
    monkeypatch.setenv("REGION", "b")
    step = stage.plan([where])["where"]
    assert (step.decision, step.reason.code) == ("RUN", "env")
    assert "$REGION" in step.reason.detail
    assert "b" not in step.reason.detail.replace("absent", "")  # its value may be a secret


def test_a_file_that_is_depended_on_is_an_input(stage, tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(b"1")

    @node(depends=[str(file)])
    def uses() -> int:
        return 1

    stage.run([uses])
    assert decisions(stage, [uses]) == {"uses": "CACHED"}
    file.write_bytes(b"2")
    assert reasons(stage, [uses]) == {"uses": "input"}


def test_a_given_value_is_an_input(stage):
    @node
    def use(rows: list[int]) -> int:
        return len(rows)

    stage.run([use], given={"rows": [1]})
    assert decisions(stage, [use], given={"rows": [1]}) == {"use": "CACHED"}
    step = stage.plan([use], given={"rows": [2]})["use"]
    assert str(step.reason) == "input: rows changed"


def test_a_result_that_is_gone_is_missing(stage):
    stage.run([load])
    stage.cache._entries.clear()
    assert reasons(stage, [load]) == {"load": "missing-output"}


def test_a_node_that_did_not_finish_says_so(stage):
    stage.backend.will("load", fail(ValueError("x")))
    stage.run([load])
    step = stage.plan([load])["load"]
    assert str(step.reason) == "missing-output: it did not finish last time"


def test_a_node_that_did_not_finish_after_it_once_had_says_so_too(stage):
    stage.run([load])
    stage.backend.will("load", fail(ValueError("x")))
    stage.run([load], force=["load"])
    stage.cache._entries.clear()
    step = stage.plan([load])["load"]
    assert str(step.reason) == "missing-output: it did not finish last time"


def test_a_forced_node_is_forced(stage):
    stage.run(FLOW)
    found = reasons(stage, FLOW, force=["load"])
    assert found == {"load": "forced", "each": "upstream", "total": "upstream", "words": "upstream"}
    assert decisions(stage, FLOW, force=["words"]) == {
        "load": "CACHED", "each": "CACHED", "total": "CACHED", "words": "RUN",
    }  # fmt: skip


def test_a_node_that_is_never_cached_says_so(stage):
    @node(cache=False)
    def now() -> float:
        return 0.0

    stage.run([now])
    step = stage.plan([now])["now"]
    assert (str(step.decision), str(step.reason)) == ("RUN", "never-cached: cache=False")


def test_without_a_store_nothing_is_cached(stage):
    plan = stage.plan(FLOW, cached=False)
    assert {str(step.reason) for step in plan.steps} == {"never-cached: no cache in this run"}


def test_other_keys_for_the_same_code_are_another_result(stage):
    """One function that returns a pair, provided as one key and then as two."""

    def pair():
        return 1, 2

    pair.__annotations__ = {"return": tuple[int, int]}
    one, two = node(provides="pair")(pair), node(provides=("a", "b"))(pair)
    assert stage.run([one])["pair"] == (1, 2)
    result = stage.run([two])
    assert (result["a"], result["b"]) == (1, 2)
    assert stage.run([one])["pair"] == (1, 2)


def test_parameters_and_selections_count_in_every_plan_of_one_graph(stage):
    """A graph remembers plans that were asked for without any; others must not take them for theirs."""
    graph = Pipeline(FLOW, name="test").graph

    def steps(**wish):
        return planner.make(graph, Wish(**wish), None, None, stage.values)

    for _ in range(2):
        assert steps()["load"].params["count"].value == 3
        assert steps(params={"count": 5})["load"].params["count"].value == 5
        assert str(steps(targets=["load"])["words"].decision) == "SKIP"
        assert str(steps()["words"].decision) == "RUN"


# --- MAY RUN ---


def test_what_depends_on_something_that_runs_may_run(stage):
    stage.run(FLOW)
    plan = stage.plan(FLOW, params={"count": 4})
    assert {step.node: str(step.decision) for step in plan.steps} == {
        "load": "RUN", "each": "MAY RUN", "total": "MAY RUN", "words": "MAY RUN",
    }  # fmt: skip
    assert str(plan["words"].reason) == "upstream: if the output of load changes"


def test_what_was_never_made_in_this_way_will_run(stage):
    stage.run([load])
    assert decisions(stage, FLOW, params={"count": 4}) == dict.fromkeys(("load", "each", "total", "words"), "RUN")


def test_may_run_becomes_cached_when_the_output_comes_out_equal(stage):
    @node
    def half(n: int = 4) -> int:
        return n // 2

    @node
    def after(half: int) -> int:
        return half + 1

    stage.run([half, after])
    assert decisions(stage, [half, after], params={"n": 5}) == {"half": "RUN", "after": "MAY RUN"}
    result = stage.run([half, after], params={"n": 5})
    assert {name: step.status for name, step in result.steps.items()} == {"half": "succeeded", "after": "cached"}


# --- items ---


def test_items_are_planned_one_by_one(stage):
    @node(requires={"x": "items"}, over="items")
    def square(x: int) -> int:
        return x * x

    stage.run([square], given={"items": [1, 2, 3]})
    step = stage.plan([square], given={"items": [1, 5, 3, 4]})["square"]
    assert step.items.total == 4
    assert step.items.counts == {Decision.CACHED: 2, Decision.RUN: 2}
    assert str(step.decision) == "RUN"
    assert "2 of 4" in step.reason.detail


def test_a_list_that_is_not_known_has_no_number_of_items(stage):
    assert stage.plan(FLOW)["each"].items.total is None
    stage.run(FLOW)
    assert stage.plan(FLOW, params={"power": 3})["each"].items.total == 3


def test_no_items_are_nothing_to_do(stage):
    stage.run(FLOW, params={"count": 0})
    plan = stage.plan(FLOW, params={"count": 0})
    assert decisions(stage, FLOW, params={"count": 0}) == dict.fromkeys(("load", "each", "total", "words"), "CACHED")
    assert str(plan["each"].reason) == "hit: no items"


def test_a_given_list_is_known_to_all_who_read_it(stage):
    """One node runs over it and another reads it whole: the second is found again as well."""

    @node(requires={"x": "items"}, over="items")
    def square(x: int) -> int:
        return x * x

    @node
    def size(items: list[int]) -> int:
        return len(items)

    stage.run([square, size], given={"items": [1, 2]})
    assert decisions(stage, [square, size], given={"items": [1, 2]}) == {"square": "CACHED", "size": "CACHED"}


def test_a_fan_out_over_a_fan_out(stage):
    @node(requires={"y": "each"}, over="each")
    def again(y: int) -> int:
        return -y

    stage.run([load, each, again])
    assert decisions(stage, [load, each, again]) == {"load": "CACHED", "each": "CACHED", "again": "CACHED"}
    assert stage.plan([load, each, again], params={"power": 3})["again"].items.total == 3


# --- selection ---


def test_what_is_not_selected_is_skipped(stage):
    plan = stage.plan(FLOW, targets=["total"])
    assert str(plan["words"].decision) == "SKIP"
    assert str(plan["words"].reason) == "not-selected"
    assert plan.goals == ("total",)


def test_a_selected_node_uses_what_is_stored_of_the_others(stage):
    stage.run(FLOW)
    plan = stage.plan([load, each, total, words], targets=["words+"], params={"prefix": "v"})
    assert {step.node: str(step.decision) for step in plan.steps} == {
        "load": "SKIP", "each": "SKIP", "total": "SKIP", "words": "RUN",
    }  # fmt: skip
    assert stage.run(FLOW, targets=["words+"], params={"prefix": "v"})["words"] == "vvv"


@pytest.mark.parametrize("cached", [True, False])
def test_a_selected_node_without_its_input_is_a_finding(stage, cached):
    @node(name="reader", provides="out")
    def reader(load: list[int]) -> int:
        return len(load)

    with pytest.raises(InvalidPipelineError) as caught:
        stage.plan([load, reader], targets=["reader"], cached=cached)
    (found,) = caught.value.findings
    assert (found.code, found.node, found.producer, found.key) == ("P306", "reader", "load", "load")
    assert found.fix == "select it with what it needs: +reader"


@pytest.mark.parametrize("cached", [True, False])
def test_a_selected_node_without_an_optional_input_is_a_finding_or_runs(stage, cached):
    """What it must not do is to break off in the middle."""

    @node(provides="features.a")
    def feature() -> int:
        return 1

    @node(name="reader", provides="out", consumes={"found": "features.*"})
    def reader(found: dict[str, int]) -> int:
        return len(found)

    with contextlib.suppress(InvalidPipelineError):
        assert stage.run([feature, reader], targets=["reader"], cached=cached).ok


def test_an_unknown_node_cannot_be_forced(stage):
    with pytest.raises(InvalidPipelineError) as caught:
        stage.plan(FLOW, force=["totl"])
    assert [(found.code, found.hint) for found in caught.value.findings] == [("P304", "did you mean 'total'?")]


def test_a_declared_input_that_is_not_given_is_a_finding(stage):
    @node
    def use(rows: list[int]) -> int:
        return len(rows)

    graph = Pipeline([use], name="test", inputs={"rows": list[int]}).graph
    with pytest.raises(InvalidPipelineError) as caught:
        planner.make(graph, Wish(), None, None, stage.values)
    assert "'rows'" in str(caught.value)
    assert planner.make(graph, Wish(given={"rows": [1]}), None, None, stage.values).steps


# --- place ---


def test_a_hard_timeout_is_refused_where_nobody_can_keep_it(stage):
    @node(policy=Policy(timeout_s=5.0))
    def slow() -> int:
        return 0

    with pytest.raises(InvalidPipelineError) as caught:
        stage.plan([slow])
    assert [found.code for found in caught.value.findings] == ["B601"]
    assert stage.plan([slow], capabilities=Capabilities(can_kill=True)).steps


@pytest.mark.parametrize(
    ("resources", "code"),
    [(Resources(cpu=2), "B604"), (Resources(gpu=1), "B610"), (Resources(gpu=0.5), "B610"), (Resources(tags={"x": 1}), "B604")],
)
def test_what_no_backend_has_is_refused(stage, resources, code):
    @node(resources=resources)
    def large() -> int:
        return 0

    with pytest.raises(InvalidPipelineError) as caught:
        stage.plan([large])
    assert [found.code for found in caught.value.findings] == [code]


def test_a_node_that_cannot_be_sent_is_refused_where_calls_are_shipped(stage):
    @node
    def local() -> int:
        return 0

    with pytest.raises(InvalidPipelineError) as caught:
        stage.plan([local], capabilities=Capabilities(ships=True), backend="processes")
    (found,) = caught.value.findings
    assert (found.code, found.node) == ("B602", "local")
    assert stage.plan([load], capabilities=Capabilities(ships=True)).steps


def test_what_is_not_selected_is_not_placed(stage):
    @node(resources=Resources(cpu=99))
    def large() -> int:
        return 0

    assert stage.plan([large, load], targets=["load"]).steps


# --- effects ---


@pytest.fixture
def table():
    Table.rows.clear()
    yield Table.rows
    Table.rows.clear()


@node(effect=Table)
def publish(load: list[int]) -> int:
    return 1


def test_an_effect_is_cached_while_its_target_confirms(stage, table):
    stage.run([load, publish])
    assert decisions(stage, [load, publish])["publish"] == "RUN"
    table[1] = 1
    assert decisions(stage, [load, publish])["publish"] == "CACHED"


def test_an_effect_that_is_undone_runs_again_and_says_why(stage, table):
    table[1] = 1
    stage.run([load, publish])
    table.clear()
    step = stage.plan([load, publish])["publish"]
    assert str(step.reason) == "missing-output: its target is not as the receipt says"
    stage.scripted()
    assert stage.run([load, publish]).steps["publish"].status == "succeeded"


def test_a_target_that_cannot_answer_means_run(stage, table):
    stage.backend.will("publish", succeed(outputs=("broken",)))
    publish_text = edited("@node(effect=Table)\ndef publish() -> str:\n    return ''\n", "publish")
    stage.run([publish_text])
    assert decisions(stage, [publish_text]) == {"publish": "RUN"}
    assert stage.run([publish_text]).steps["publish"].status == "succeeded"


def test_a_new_receipt_takes_the_place_of_the_old_one(stage, table):
    stage.backend.will("publish", succeed(outputs=(1,)), succeed(outputs=(2,)))
    table[1] = 1
    stage.run([load, publish])
    table.clear()
    table[2] = 2
    assert stage.run([load, publish]).steps["publish"].status == "succeeded"
    assert decisions(stage, [load, publish])["publish"] == "CACHED"


def test_every_item_of_an_effect_is_confirmed(stage, table):
    @node(requires={"x": "load"}, over="load", effect=Table)
    def put(x: int) -> int:
        return x

    table.update({0: 0, 1: 1, 2: 2})
    stage.run([load, put])
    assert decisions(stage, [load, put])["put"] == "CACHED"
    del table[2]
    step = stage.plan([load, put])["put"]
    assert str(step.decision) == "RUN"
    assert stage.run([load, put]).steps["put"].ran >= 1


def test_an_effect_without_items_is_no_error(stage, table):
    @node(requires={"x": "load"}, over="load", effect=Table)
    def put(x: int) -> int:
        return x

    stage.run([load, put], params={"count": 0})
    assert decisions(stage, [load, put], params={"count": 0})["put"] == "CACHED"


# --- keys ---


def test_keys_do_not_depend_on_names_of_nodes(stage):
    def made(name):
        return edited(f"@node(name={name!r}, provides='out')\ndef words() -> int:\n    return 1\n")

    one = stage.plan([made("one")])["one"].key
    assert one == stage.plan([made("two")])["two"].key
    assert len(one) == 64


def test_a_plan_tells_the_keys_that_results_will_have(stage):
    """Also of nodes of which nothing can be stored, whose keys are made when somebody asks."""
    first = stage.plan(FLOW)
    assert [first[name].key is None for name in ("load", "each", "total", "words")] == [False, True, True, True]
    stage.run(FLOW)
    again = stage.plan(FLOW)
    assert first["load"].key == again["load"].key == again["load"].entry.key.hex()
    assert again["each"].key is None
    forced = stage.plan(FLOW, force=["words"])["words"]
    assert forced.entry is None
    assert forced.key == again["words"].entry.key.hex()


def test_a_node_that_is_never_cached_has_no_key(stage):
    never = edited("@node(cache=False)\ndef words() -> int:\n    return 1\n")
    assert stage.plan([never])["words"].key is None


def test_resources_and_retries_are_no_part_of_the_key(stage):
    plain = edited("@node\ndef words() -> int:\n    return 1\n")
    scope = "@node(priority=3, tags=['x'])\ndef words() -> int:\n    return 1\n"
    assert stage.plan([plain])["words"].key == stage.plan([edited(scope)])["words"].key


def test_arrays_are_digested_by_content(stage):
    @node
    def use(array: np.ndarray) -> float:
        return float(array.sum())

    stage.run([use], given={"array": np.arange(3)})
    assert decisions(stage, [use], given={"array": np.arange(3)}) == {"use": "CACHED"}
    assert decisions(stage, [use], given={"array": np.arange(4)}) == {"use": "RUN"}


# --- the shape of a plan ---


def test_steps_are_in_order_of_execution(stage):
    @node(priority=5)
    def urgent() -> int:
        return 0

    assert [step.node for step in stage.plan([total, words, each, load, urgent]).steps] == [
        "urgent", "load", "words", "each", "total",
    ]  # fmt: skip


def test_a_plan_shows_parameters_with_their_origin(stage):
    step = stage.plan(FLOW, params={"power": 3})["each"]
    assert (step.params["power"].value, step.params["power"].origin) == (3, "run")
    assert stage.plan(FLOW)["load"].params["count"].origin == "default"


def test_a_plan_tells_how_long_it_took_last_time(stage):
    stage.backend.will("load", succeed(takes_s=4.0))
    stage.run(FLOW)
    assert stage.plan(FLOW, force=["load"])["load"].last_s == pytest.approx(4.0)
    with pytest.raises(KeyError):
        stage.plan(FLOW)["nothing"]


# --- how long ---


def times(stage, **wish):
    return stage.plan(FLOW, **wish).times()


def timed(stage, slots=2):
    """Runs once: load takes 4 s, each 3 s a call, total 2 s, words 1 s."""
    stage.scripted(slots)
    for name, seconds in {"load": 4.0, "each": 3.0, "total": 2.0, "words": 1.0}.items():
        stage.backend.will(name, *[succeed(takes_s=seconds)] * 9)
    stage.run(FLOW)


def test_without_a_past_nothing_is_said_of_the_time(stage):
    found = times(stage)
    assert found.unknown == ("load", "each", "total", "words")
    assert (found.least.wall, found.least.path, found.saved_s) == ((0.0, 0.0), (), 0.0)
    assert {(step.effort, step.most) for step in stage.plan(FLOW).steps} == {(None, None)}


def test_the_calls_that_will_run_take_as_long_as_before(stage):
    timed(stage)
    plan = stage.plan(FLOW, params={"power": 3})
    assert plan["each"].effort.wall == plan["each"].most.wall == (6.0, 6.0), "3 calls of 3 s on 2 slots"
    assert (plan["total"].effort, plan["total"].most.wall) == (None, (2.0, 2.0))
    assert plan["load"].most is None
    found = plan.times()
    assert (found.least.wall.p50_s, found.most.wall.p50_s) == (6.0, 8.0)
    assert (found.least.work.p50_s, found.most.work.p50_s) == (9.0, 11.0)
    assert [plan.graph.nodes[number].name for number in found.most.path] == ["each", "total"]
    assert (found.unknown, found.unsure) == ((), ())
    assert found.saved_s == pytest.approx(5.0), "load and words"


def test_items_that_are_there_are_saved_and_only_the_others_take_time(stage):
    timed(stage)
    stage.run([load], params={"count": 4})
    plan = stage.plan(FLOW, params={"count": 4})
    assert plan["each"].effort.wall.p50_s == 3.0
    assert plan.times().saved_s == pytest.approx(13.0), "the longer list, and three calls"


def test_a_list_that_is_not_known_has_no_time(stage):
    timed(stage)
    found = times(stage, force=["load"])
    assert (found.unknown, found.unsure) == ((), ("each",))
    found = times(stage, params={"count": 5, "power": 5})
    assert (found.unknown, found.unsure) == (("each",), ())


def test_what_is_not_selected_neither_takes_nor_saves_time(stage):
    timed(stage)
    found = times(stage, targets=["words"])
    assert (found.least.wall.p50_s, found.saved_s) == (0.0, pytest.approx(1.0 + 4.0))
    found = times(stage, targets=["+words"], params={"prefix": "v"})
    assert (found.least.wall.p50_s, found.saved_s) == (1.0, pytest.approx(4.0))


def test_a_backend_that_runs_one_by_one_has_one_slot(stage):
    timed(stage)
    plan = stage.plan(FLOW, params={"power": 3}, capabilities=Capabilities(slots=8, one_by_one=True))
    assert plan.slots == 1
    assert plan["each"].effort.wall.p50_s == 9.0


def test_without_a_store_the_past_counts_too(stage):
    timed(stage)
    plan = stage.plan(FLOW, cached=False)
    assert plan["load"].effort.wall.p50_s == 4.0
    assert plan.times().unknown == ("each",)


# --- paths from outside ---


@node
def lines(source: Path) -> int:
    return len(source.read_text().splitlines())


@node(requires={"path": "sources"}, over="sources")
def first_words(path: Path) -> str:
    return path.read_text().split()[0]


@node
def counts(sources: dict[str, Path] = {}) -> int:  # noqa: B006 - a parameter is never written to
    return len(sources)


@pytest.mark.parametrize("way", ["given", "given items", "inside a parameter"])
def test_a_path_from_outside_counts_by_its_content(stage, tmp_path, way):
    file, other = tmp_path / "in.txt", tmp_path / "moved.txt"

    def arguments(path):
        if way == "inside a parameter":
            return [counts], {"params": {"sources": {"a": path}}}
        if way == "given":
            return [lines], {"given": {"source": path}}
        return [first_words], {"given": {"sources": [path]}}

    def decisions(path):
        nodes, more = arguments(path)
        return [str(step.decision) for step in stage.plan(nodes, **more).steps]

    file.write_text("one\ntwo\n")
    nodes, more = arguments(file)
    stage.run(nodes, **more)
    assert decisions(file) == ["CACHED"]
    file.rename(other)
    assert decisions(other) == ["CACHED"]
    other.write_text("other\n")
    assert decisions(other) == ["RUN"]
    other.unlink()
    with pytest.raises(InvalidPipelineError) as caught:
        decisions(other)
    assert "does not exist" in str(caught.value.findings[0])
