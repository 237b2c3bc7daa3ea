"""Plans and graphs as text, JSON, Mermaid and DOT."""

import json

import pytest

from weftline import node
from weftline.digest import of_items
from weftline.model.plan import Decision, Items, Plan, Reason, ReasonCode, Step
from weftline.plan.render import as_dict, as_text, graph_as, graph_as_dict, seconds, times, total
from weftline.testing import succeed


@node
def load(count: int = 3) -> list[int]:
    return list(range(count))


@node(requires={"x": "load"}, over="load")
def each(x: int) -> int:
    return x


@node(provides=("first", "second"))
def both(each: list[int]) -> tuple[int, int]:
    return 0, 0


NODES = [load, each, both]


def text(plan, **options):
    return list(as_text(plan, **options))


def test_the_plan_as_text(stage):
    assert text(stage.plan(NODES), command="weftline run flow.py", where=".weftline") == [
        "test   3 steps   .weftline",
        "",
        "  load       RUN   new: first time here",
        "  each x ?   RUN   new: first time here",
        "  both       RUN   new: first time here",
        "",
        "  3 steps: 3 RUN",
        "  next: weftline run flow.py",
    ]


def test_a_plan_without_work(stage):
    stage.run(NODES)
    lines = text(stage.plan(NODES), command="weftline run flow.py")
    assert lines[2:] == [
        "  load       CACHED",
        "  each x 3   CACHED",
        "  both       CACHED",
        "",
        "  3 steps: 3 CACHED; nothing to do",
    ]


def test_items_are_folded(stage):
    stage.run(NODES, params={"count": 1001})
    plan = stage.plan(NODES, params={"count": 1001})
    assert "each x 1,001" in "\n".join(text(plan))
    step = Step(
        "embed", Decision.RUN, Reason(ReasonCode.INPUT, "x"), items=Items(1240, {Decision.CACHED: 1200, Decision.RUN: 40})
    )
    line = text(Plan(plan.graph, (step,)))[2]
    assert line == "  embed x 1,240   40 RUN  1,200 CACHED   input: x"


def test_details_are_shown_on_request(stage):
    lines = "\n".join(text(stage.plan(NODES, params={"count": 5}), verbose=True))
    assert "nothing -> load" in lines
    assert "count = 5   (run)" in lines
    assert f"key {stage.plan(NODES, params={'count': 5})['load'].key[:16]}" in lines


def test_colours_are_a_matter_of_the_caller(stage):
    seen = []
    text(stage.plan(NODES), paint=lambda shown, style: seen.append(style) or shown)
    assert {"RUN", "dim"} <= set(seen)


def test_how_long_it_takes_is_told_below_the_total(stage):
    stage.scripted(2)
    takes = {"load": 4.0, "each": 3.0, "both": 70.0}
    for name, seconds_ in takes.items():
        stage.backend.will(name, *[succeed(takes_s=seconds_)] * 3)
    stage.run(NODES)
    assert times(stage.plan(NODES)) == "the cache saves 83.0 s"
    assert times(stage.plan(NODES, refresh=True)) == "at least 74.0 s on 2 slots, not counting each"
    assert times(stage.plan(NODES, force=["each"])) == (
        "at least 6.0 s, at most 76.0 s on 2 slots; longest path: each -> both; the cache saves 4.0 s"
    )
    assert times(stage.plan(NODES, force=["both"])) == "about 70.0 s on 2 slots; the cache saves 13.0 s"
    assert text(stage.plan(NODES, force=["both"]), command="x")[-3:] == [
        "  3 steps: 1 RUN, 2 CACHED",
        "  about 70.0 s on 2 slots; the cache saves 13.0 s",
        "  next: x",
    ]
    stage.scripted(2).will("both", succeed(takes_s=80.0))
    stage.run(NODES, force=["both"])
    assert times(stage.plan(NODES, force=["both"])).startswith("about 75.0 s (95 %: 79.5 s) on 2 slots")


def test_a_short_plan_says_nothing_of_the_time(stage):
    stage.run(NODES)
    assert times(stage.plan(NODES, force=["load"])) == ""


def test_a_long_path_is_named_by_its_ends(stage):
    def made(number):
        return node(name=f"n{number}", provides=f"k{number}", requires={"x": f"k{number - 1}"} if number else {})(
            (lambda x: x + 1) if number else (lambda: 0)
        )

    nodes = [made(number) for number in range(9)]
    for number in range(9):
        stage.backend.will(f"n{number}", succeed(takes_s=1.0))
    stage.run(nodes)
    assert "longest path: n0 -> n1 -> n2 -> n3 -> ... -> n8" in times(stage.plan(nodes, refresh=True))


def test_times_as_json_are_null_where_they_are_not_known(stage):
    stage.scripted(2)
    stage.backend.will("load", succeed(takes_s=4.0))
    nothing = as_dict(stage.plan(NODES))
    assert [(step["estimate"], step["at_most"]) for step in nothing["steps"]] == [(None, None)] * 3
    unknown = {name: nothing["summary"][name] for name in ("estimate_s", "estimate_p95_s", "at_least_s", "at_most_s", "work_s")}
    assert set(unknown.values()) == {None}
    assert nothing["summary"]["unknown"] == ["load", "each", "both"]
    stage.run(NODES)
    known = as_dict(stage.plan(NODES, force=["load"]))
    assert known["steps"][0]["estimate"] == known["steps"][0]["at_most"] == {"p50_s": 4.0, "p95_s": 4.0}
    summary = known["summary"]
    assert (summary["estimate_s"], summary["estimate_p95_s"], summary["at_least_s"], summary["at_most_s"]) == (
        4.0,
        4.0,
        4.0,
        None,
    )
    assert (summary["critical_path"], summary["unknown"], summary["slots"]) == (["load"], ["each"], 2)
    assert as_dict(stage.plan(NODES))["summary"]["saved_s"] == pytest.approx(4.0)


def test_skipped_steps_are_counted(stage):
    assert total(stage.plan(NODES, targets=["load"])) == "3 steps: 1 RUN, 2 SKIP"


def test_durations_for_people():
    assert [seconds(value) for value in (0, 0.0123, 0.9994, 1, 59.94, 99.9, 100, 3599.6, 3600, 86400)] == [
        "0 ms", "12 ms", "999 ms", "1.0 s", "59.9 s", "99.9 s", "1:40 min", "1:00:00", "1:00:00", "24:00:00",
    ]  # fmt: skip


def test_the_plan_as_json(stage):
    found = as_dict(stage.plan(NODES, params={"count": 4}))
    assert json.loads(json.dumps(found)) == found
    assert (found["schema"], found["pipeline"]) == ("weftline.plan/v1", "test")
    first = found["steps"][0]
    assert {name: first[name] for name in ("node", "decision", "reason", "requires", "provides", "params")} == {
        "node": "load",
        "decision": "RUN",
        "reason": {"code": "new", "detail": "first time here"},
        "requires": [],
        "provides": ["load"],
        "params": {"count": {"value": 4, "origin": "run"}},
    }
    assert found["steps"][1]["items"] == {"total": None, "counts": {}, "keys": None}
    stage.run(NODES, params={"count": 4})
    steps = as_dict(stage.plan(NODES, params={"count": 4}))["steps"]
    assert steps[1]["inputs"] == {"x": of_items(stage.values.digests([0, 1, 2, 3], "load")).hex()}
    assert all(len(digest) == 64 for digest in (steps[0]["key"], steps[0]["recipe"], steps[1]["items"]["keys"]))
    assert found["summary"]["run"] == 3
    assert found["summary"]["goals"] == ["first", "second"]


def test_parameters_of_any_value_become_json(stage):
    @node
    def odd(where: object = None) -> int:
        return 0

    for value in ({1: "a"}, {("a", "b"): 1}, [b"x"], {"a": {1, 2}}, float("nan")):
        found = as_dict(stage.plan([odd], params={"where": value}, cached=False))
        json.loads(json.dumps(found))


def test_the_graph_as_json(stage):
    found = graph_as_dict(stage.plan(NODES).graph)
    assert json.loads(json.dumps(found)) == found
    assert found["edges"] == [
        {"from": "load", "to": "each", "key": "load"},
        {"from": "each", "to": "both", "key": "each"},
    ]
    assert found["nodes"][1]["over"] == "load"


def test_the_graph_as_text(stage):
    assert graph_as("text", stage.plan(NODES).graph).splitlines() == [
        "load: - -> load",
        "each: load -> each   over load",
        "both: each -> first, second",
    ]


def test_the_graph_as_mermaid(stage):
    plan = stage.plan(NODES)
    lines = graph_as("mermaid", plan.graph, plan).splitlines()
    assert lines[0] == "flowchart TD"
    assert '    n1[["each"]]' in lines
    assert "    n0 -->|load| n1" in lines
    assert "    style n0 fill:#ffd966" in lines


def test_the_graph_as_dot(stage):
    plan = stage.plan(NODES)
    source = graph_as("dot", plan.graph, plan)
    assert source.startswith('digraph "test" {')
    assert '    n0 -> n1 [label="load"];' in source
    assert 'n0 [label="load", fillcolor="#ffd966"];' in source


def test_names_do_not_break_out_of_their_quotes(stage):
    @node(name='a"]; x [label="b', provides="k")
    def odd() -> int:
        return 0

    graph = stage.plan([odd]).graph
    assert '"]; x' not in graph_as("dot", graph).replace('\\"', "")
    assert '["a"]' not in graph_as("mermaid", graph)


def test_a_plan_from_python_prints_as_on_the_command_line():
    from weftline import Pipeline, node

    @node
    def one() -> int:
        return 1

    plan = Pipeline([one], name="tiny").plan(home=None)
    assert repr(plan) == "<plan tiny: 1 RUN>"
    assert str(plan).splitlines() == [
        "tiny   1 step",
        "",
        "  one   RUN   never-cached: no cache in this run",
        "",
        "  1 step: 1 RUN",
    ]
