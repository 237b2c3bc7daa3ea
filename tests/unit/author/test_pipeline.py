"""A pipeline as an author writes it."""

import pytest

from weftline import Pipeline, node
from weftline.errors import NotANodeError


@node
def a(start: int = 1) -> int:
    return start


@node
def b(a: int, start: int = 2) -> int:
    return a + start


def test_the_list_may_stand_in_any_order():
    graph = Pipeline([b, a], name="test").graph
    assert [graph.nodes[number].name for number in graph.order] == ["a", "b"]


def test_a_pipeline_knows_its_name():
    assert (Pipeline([a]).name, Pipeline([a]).is_named) == ("pipeline", False)
    assert (Pipeline([a], name="churn").name, Pipeline([a], name="churn").is_named) == ("churn", True)
    assert repr(Pipeline([a, b], name="churn")) == "<pipeline churn: 2 nodes>"


def test_what_is_no_node_is_refused_when_the_graph_is_made():
    pipeline = Pipeline([a, print], name="test")
    with pytest.raises(NotANodeError, match="print"):
        assert pipeline.graph


def test_a_default_is_a_parameter_unless_its_name_is_a_key():
    @node
    def start() -> int:
        return 9

    free = Pipeline([a, b], name="test").graph
    assert [sorted(spec.parameters) for spec in free.nodes] == [["start"], ["start"]]
    tied = Pipeline([a, b, start], name="test").graph
    assert [sorted(spec.parameters) for spec in tied.nodes] == [[], [], []]
    declared = Pipeline([a], name="test", inputs={"start": int}).graph
    assert declared.nodes[0].required == ("start",)


def test_a_pipeline_runs_without_a_home():
    assert Pipeline([a, b], name="test").run(home=None, backend="inline", params={"a.start": 5})["b"] == 7


def test_an_empty_pipeline_is_complete():
    assert Pipeline([], name="test").run(home=None, backend="inline").status == "completed"
