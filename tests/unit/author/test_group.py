"""Groups and workflows: what they compose to, who gives a parameter, and what is wrong with them."""

import pytest

from weftline import Node, Pipeline, node
from weftline.author.compose import GroupPipeline, composed
from weftline.author.group import GroupPolicy, PipelineGroup, Step, workflow
from weftline.author.registry import Registry
from weftline.errors import InvalidPipelineError, NotRegisteredError
from weftline.model.node import Origin
from weftline.plan import planner
from weftline.plan.bind import bind
from weftline.plan.render import as_text
from weftline.plan.validate import findings
from weftline.plan.wish import Wish
from weftline.ports.backend import Capabilities
from weftline.ports.values import Values


@node
def rows(region: str = "us", day: str = "monday") -> str:
    return f"{region} {day}"


@node(requires={"x": "rows"})
def upper(x: str) -> str:
    return x.upper()


@node
def alone(day: str = "never", level: int = 1) -> str:
    return day * level


@pytest.fixture
def registry():
    found = Registry()
    found.pipelines.add("two", Pipeline([rows, upper], name="two"))
    found.pipelines.add("one", Pipeline([alone], name="one"))
    return found


def graph(registry, group, **params):
    return GroupPipeline(group, registry.find, params).graph


def wrong(registry, group, **params):
    return [(found.code, found.message, found.hint) for found in composed(group, registry.find, params).findings]


def test_a_step_of_one_node_is_called_as_the_step_and_others_have_names_below(registry):
    group = PipelineGroup("g").add("pull", "two").add("share", "one", depends_on="pull")
    made = graph(registry, group)
    assert [found.name for found in made.nodes] == ["pull/rows", "pull/upper", "share"]
    assert [found.provided for found in made.nodes] == [("pull.rows",), ("pull.upper",), ("share.alone",)]
    assert made.nodes[1].inputs[0].key == "pull.rows"
    assert made.nodes[1].inputs[0].name == "x", "what the code calls it"
    assert made.nodes[2].after == ("pull/upper",)
    assert made.group.scopes == {"pull": ("pull/rows", "pull/upper"), "share": ("share",)}


def test_one_pipeline_may_stand_in_several_steps(registry):
    group = PipelineGroup("g").add("a", "two").add("b", "two")
    assert not findings(graph(registry, group))


def test_a_step_reads_keys_of_what_it_depends_on(registry):
    @node(requires={"text": "upper"})
    def count(text: str) -> int:
        return len(text)

    registry.pipelines.add("count", Pipeline([count], name="count"))
    made = graph(registry, PipelineGroup("g").add("pull", "two").add("size", "count", depends_on=["pull"]))
    assert made.nodes[2].inputs[0].key == "pull.upper"


def origins(made, params=None):
    found = bind(made, params or {}, {})
    assert not found.findings, [error.message for error in found.findings]
    return {
        f"{node.name}.{name}": (bound.value, bound.origin)
        for node, parameters in zip(made.nodes, found.params, strict=True)
        for name, bound in parameters.items()
    }


def test_who_gives_a_parameter(registry):
    """Declared defaults, then the group's, then the run's, then the step's own."""
    group = PipelineGroup("g", defaults={"day": "tuesday"})
    group = group.add("a", "one").add("b", "one", params={"day": "friday"}).add("c", "one", params={"level": 3})
    made = graph(registry, group)
    assert origins(made) == {
        "a.day": ("tuesday", "group"),
        "a.level": (1, "default"),
        "b.day": ("friday", "step"),
        "b.level": (1, "default"),
        "c.day": ("tuesday", "group"),
        "c.level": (3, "step"),
    }
    found = origins(made, {"day": "sunday", "c.level": 4})
    assert found["a.day"] == found["c.day"] == ("sunday", "run")
    assert found["b.day"] == ("friday", "step"), "a run cannot change what a step says"
    assert found["c.level"] == ("4" and 4, "run"), "but by the step's name"


def test_a_parameter_that_a_run_cannot_change_is_told(registry):
    made = graph(registry, PipelineGroup("g").add("a", "one", params={"day": "friday"}))
    (finding,) = bind(made, {"day": "x"}, {}).findings
    assert finding.code == "P311"
    assert "-p a.day=" in finding.fix


def test_a_step_of_several_nodes_takes_a_parameter_for_all_of_them(registry):
    @node(requires={"x": "rows"})
    def more(x: str, day: str = "?") -> str:
        return x + day

    registry.pipelines.add("three", Pipeline([rows, upper, more], name="three"))
    made = graph(registry, PipelineGroup("g").add("s", "three"))
    found = origins(made, {"s.day": "sunday"})
    assert found["s/rows.day"] == found["s/more.day"] == ("sunday", "run")


def test_templates_are_filled_when_the_plan_is_made(registry):
    group = PipelineGroup("g", defaults={"day": "monday", "level": 2})
    group = group.add("a", "one", params={"day": "on {{ params.day }}", "level": "{{params.level}}"})
    assert origins(graph(registry, group))["a.day"] == ("on monday", "step")
    assert origins(graph(registry, group))["a.level"] == (2, "step"), "what is only a template keeps its type"
    assert origins(graph(registry, group, day="sunday"), {"day": "sunday"})["a.day"] == ("on sunday", "step")


def test_steps_whose_condition_is_not_met_are_left_out_with_what_depends_on_them(registry):
    group = PipelineGroup("g", defaults={"full": False})
    group = group.add("a", "one").add("b", "one", when={"full": True}).add("c", "one", depends_on="b")
    found = composed(group, registry.find)
    assert [made.name for made in found.nodes] == ["a"]
    assert found.left_out == {"b": "its condition is not met: full is False", "c": "b is left out"}
    assert [made.name for made in composed(group, registry.find, {"full": True}).nodes] == ["a", "b", "c"]


def test_a_sequential_group_runs_one_call_at_a_time_and_a_parallel_one_so_many(registry):
    one = PipelineGroup("g").add("a", "one")
    found = composed(one, registry.find)
    assert found.shared == {"calls of g": 1.0}
    assert found.nodes[0].resources.tags == {"calls of g": 1.0}
    many = PipelineGroup("g", policy=GroupPolicy("parallel", 3)).add("a", "one")
    assert composed(many, registry.find).shared == {"calls of g": 3.0}


def test_a_workflow_is_the_same_over_groups(registry):
    inner = PipelineGroup("load", defaults={"day": "monday"}).add("pull", "two").add("share", "one", depends_on="pull")
    registry.groups.add("load", inner)
    whole = workflow("all").add("first", "load").add("second", "load", depends_on="first", params={"day": "sunday"})
    made = GroupPipeline(whole, registry.find).graph
    assert [found.name for found in made.nodes] == [
        "first/pull/rows",
        "first/pull/upper",
        "first/share",
        "second/pull/rows",
        "second/pull/upper",
        "second/share",
    ]
    assert made.nodes[3].after == ("first/share",)
    assert made.nodes[5].after == ("second/pull/upper",), "what it comes after comes after the first group"
    found = origins(made)
    assert found["first/share.day"] == ("monday", "group")
    assert found["second/share.day"] == ("sunday", "step")
    assert found["second/pull/rows.day"] == ("sunday", "step")


@pytest.mark.parametrize(
    ("group", "code", "words", "hint"),
    [
        (PipelineGroup("g").add("a", "one").add("a", "one"), "G213", "another step has the name", None),
        (PipelineGroup("g").add("a", "one", depends_on="b").add("bb", "one"), "G213", "no such step", "did you mean 'bb'?"),
        (PipelineGroup("g").add("a", "on"), "G215", "no pipeline is registered as 'on'", "did you mean 'one'?"),
        (PipelineGroup("g").add("1", "one"), "G213", "this is no name", None),
        (PipelineGroup("g").add("a", "one", params={"dya": 1}), "G213", "no such", "did you mean 'day'?"),
        (PipelineGroup("g").add("a", "one", params={"level": "x"}), "P303", "level", None),
        (PipelineGroup("g").add("a", "one", params={"day": "{{ params.x }}"}), "G213", "stands for nothing", None),
        (PipelineGroup("g").add("a", "one", params={"day": "{{ day }}"}), "G213", "stands for nothing", None),
        (PipelineGroup("g").add("a", "one", when={"x": 1}), "G213", "no parameter", None),
    ],
)
def test_what_is_wrong_with_a_group(registry, group, code, words, hint):
    ((found_code, message, found_hint),) = wrong(registry, group)
    assert found_code == code
    assert words in message or "has a parameter" in message
    assert found_hint == hint


def test_a_circle_is_told_with_its_path(registry):
    group = PipelineGroup("g").add("a", "one", depends_on="c").add("b", "one", depends_on="a").add("c", "one", depends_on="b")
    ((code, message, _),) = wrong(registry, group)
    assert code == "G204"
    assert message.endswith("a -> b -> c -> a")


def test_a_long_chain_of_steps_works(registry):
    steps = [Step("s0", "one")] + [Step(f"s{at}", "one", (f"s{at - 1}",)) for at in range(1, 3000)]
    assert len(graph(registry, PipelineGroup.from_steps("g", steps)).order) == 3000


def test_all_findings_come_at_once(registry):
    group = PipelineGroup("g").add("a", "on").add("b", "one", depends_on="x").add("c", "one", params={"dya": 1})
    assert len(wrong(registry, group)) == 3
    with pytest.raises(InvalidPipelineError):
        graph(registry, group)


def test_origins_are_those_that_plans_know():
    assert set(Origin.__args__) == {"default", "group", "run", "step"}


def test_what_is_not_registered_lists_what_is(registry):
    with pytest.raises(NotRegisteredError, match="two") as caught:
        registry.pipelines.get("tow")
    assert caught.value.hint == "did you mean 'two'?"


def test_a_plan_says_what_is_left_out(registry):
    group = PipelineGroup("g", defaults={"full": False}).add("a", "one").add("b", "one", when={"full": True})
    made = GroupPipeline(group, registry.find)
    wish = Wish(capabilities=Capabilities(named=made.composed.shared))
    lines = list(as_text(planner.make(made.graph, wish, None, None, Values())))
    assert "  b is no part of this: its condition is not met: full is False" in lines


def test_a_step_without_nodes_hands_on_what_comes_before_it(registry):
    registry.pipelines.add("none", Pipeline([], name="none"))
    made = graph(registry, PipelineGroup("g").add("a", "one").add("b", "none", depends_on="a").add("c", "one", depends_on="b"))
    assert [(found.name, found.after) for found in made.nodes] == [("a", ()), ("c", ("a",))]


def test_a_group_in_a_workflow_reads_keys_of_the_groups_before_it(registry):
    @node(requires={"text": "pull.upper"})
    def size(text: str) -> int:
        return len(text)

    registry.pipelines.add("size", Pipeline([size], name="size"))
    registry.groups.add("load", PipelineGroup("load").add("pull", "two"))
    registry.groups.add("tell", PipelineGroup("tell").add("size", "size"))
    made = graph(registry, workflow("all").add("first", "load").add("then", "tell", depends_on="first"))
    assert made.nodes[-1].inputs[0].key == "first.pull.upper"
    assert made.nodes[-1].after == ("first/pull/upper",)


def test_what_is_outside_of_a_group_counts_less_than_what_is_inside(registry):
    inner = PipelineGroup("load", defaults={"day": "inner", "level": 2})
    registry.groups.add("load", inner.add("own", "one", params={"day": "own"}).add("plain", "one"))
    outer = {"day": "outer", "level": 3}
    whole = PipelineGroup("all", defaults=outer, of="group").add("x", "load", params={"level": 4}).add("y", "load")
    found = origins(graph(registry, whole.add("z", "load", params={"day": "given"})))
    assert found["x/own.day"] == ("own", "step")
    assert found["x/plain.day"] == ("inner", "group")
    assert found["x/plain.level"] == found["x/own.level"] == (4, "step")
    assert found["y/plain.level"] == (2, "group")
    assert found["z/own.day"] == ("own", "step"), "the nearest step counts"
    assert found["z/plain.day"] == ("given", "step")


def test_a_class_form_node_has_one_recipe_in_all_steps(registry, tmp_path):
    class Answer(Node):
        provides = {"answer": int}  # noqa: RUF012 - how nodes are declared

        def run(self, ctx):
            ctx.set("answer", 42)

    registry.pipelines.add("answer", Pipeline([Answer()], name="answer"))
    made = Pipeline.of(GroupPipeline(PipelineGroup("g").add("a", "answer").add("b", "answer", depends_on="a"), registry.find))
    planned = made.plan(home=tmp_path)
    assert planned["a"].key == planned["b"].key is not None
    result = made.run(home=tmp_path)
    assert (result["a.answer"], result["b.answer"]) == (42, 42)
