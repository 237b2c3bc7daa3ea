"""Plans and graphs as text, JSON, Mermaid and DOT."""

import json

from weftline import node
from weftline.model.plan import Decision, Items, Plan, Reason, ReasonCode, Step
from weftline.plan.render import as_dict, as_text, graph_as, graph_as_dict, seconds, total


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
    assert found["steps"][1]["items"] == {"total": None, "counts": {}}
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
