"""Parameters and given keys: where they came from, and every misfit a finding."""

import enum
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from weftline import Node, Pipeline, node
from weftline.model.graph import Graph
from weftline.model.params import Text
from weftline.plan.bind import bind


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@node
def load(path: Path = Path("data.csv"), limit: int | None = None) -> list[int]:
    return []


@node
def scale(load: list[int], factor: float = 1.0, mode: Literal["fast", "exact"] = "fast", colour: Colour = Colour.RED) -> float:
    return factor


@node
def report(scale: float, extra: dict[str, int], limit: int = 10, title: str = "") -> str:
    return title


class Classy(Node):
    provides = {"classy": int}  # noqa: RUF012 - as users write it
    params = {"depth": 3}  # noqa: RUF012

    def run(self, ctx):
        ctx.set("classy", ctx.params["depth"])


GRAPH = Pipeline([load, scale, report, Classy()], name="test").graph


def bound(params=None, given=None):
    found = bind(GRAPH, params or {}, {"extra": {}} if given is None else given)
    return {
        f"{spec.name}.{name}": (value.value, value.origin)
        for spec, values in zip(GRAPH.nodes, found.params, strict=True)
        for name, value in values.items()
    }


def findings(params=None, given=None):
    return bind(GRAPH, params or {}, given or {}).findings


def test_what_one_node_is_given_stays_with_it_though_another_one_has_the_same_declaration():
    first = GRAPH.nodes[GRAPH.index["scale"]]
    graph = Graph("two", (first, replace(first, name="other", outputs=(first.outputs[0]._replace(key="other"),))))
    found = bind(graph, {"other.factor": 2.0}, {"load": []})
    assert not found.findings
    assert [bound["factor"] for bound in found.params] == [(1.0, "default"), (2.0, "run")]


def test_defaults_have_their_origin():
    assert bound()["scale.factor"] == (1.0, "default")
    assert bound()["classy.depth"] == (3, "default")


def test_a_bare_name_is_enough_where_one_node_has_it():
    assert bound({"factor": 2.0})["scale.factor"] == (2.0, "run")
    assert bound({"depth": 5})["classy.depth"] == (5, "run")


def test_a_name_that_several_nodes_have_must_say_which():
    (found,) = findings({"limit": 5})
    assert (found.code, found.nodes, found.example) == ("P302", "load, report", "load.limit")
    values = bound({"report.limit": 5})
    assert (values["report.limit"], values["load.limit"]) == ((5, "run"), (None, "default"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("factor", "2"), ("factor", None), ("title", 3), ("mode", "slow"), ("colour", "RED"), ("load.limit", 1.5), ("depth", "x")],
)
def test_a_value_of_another_type_is_a_finding(name, value):
    (found,) = findings({name: value})
    assert found.code == "P303"
    assert repr(value) in found.message
    assert found.place is not None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("factor", 2, 2),
        ("path", "other.csv", Path("other.csv")),
        ("load.limit", None, None),
        ("mode", "exact", "exact"),
        ("colour", Colour.BLUE, Colour.BLUE),
    ],
)
def test_values_that_fit(name, value, expected):
    values = bound({name: value})
    assert next(found for key, (found, origin) in values.items() if origin == "run") == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("factor", "2.5", 2.5),
        ("load.limit", "7", 7),
        ("load.limit", "none", None),
        ("title", "7", "7"),
        ("mode", "exact", "exact"),
        ("colour", "BLUE", Colour.BLUE),
        ("path", "x.csv", Path("x.csv")),
    ],
)
def test_text_of_a_command_line_is_read_by_the_type(name, text, expected):
    values = bound({name: Text(text)})
    assert next(found for key, (found, origin) in values.items() if origin == "run") == expected


def test_an_unknown_parameter_says_what_may_be_meant():
    (found,) = findings({"faktor": 1.0})
    assert (found.code, found.name) == ("P301", "faktor")
    assert "'factor'" in found.hint
    assert "factor" in found.fix
    (found,) = findings({"scale.faktor": 1.0})
    assert "'scale.factor'" in found.hint
    (found,) = findings({"nowhere.factor": 1.0})
    assert found.code == "P301"


def test_a_pipeline_without_parameters_says_so():
    @node
    def plain() -> int:
        return 0

    (found,) = bind(Pipeline([plain], name="test").graph, {"x": 1}, {}).findings
    assert "no parameters" in found.fix


def test_all_misfits_come_at_once():
    found = findings({"limit": 5, "faktor": 1.0, "factor": "x"}, {"load": [], "unknown": 1})
    assert sorted(one.code for one in found) == ["P301", "P302", "P303", "P308", "P308"]


# --- given keys ---


def test_a_key_that_nothing_provides_may_be_given():
    found = bind(GRAPH, {}, {"extra": {"a": 1}})
    assert (found.given, found.findings) == ({"extra": {"a": 1}}, [])


def test_a_key_may_be_given_among_the_parameters():
    found = bind(GRAPH, {"extra": {"a": 1}}, {})
    assert (found.given, found.findings) == ({"extra": {"a": 1}}, [])


def test_a_key_that_a_node_provides_cannot_be_given():
    (found,) = findings(given={"load": [1]})
    assert (found.code, found.reason) == ("P308", "node 'load' provides it")


def test_a_key_that_nobody_reads_cannot_be_given():
    (found,) = findings(given={"extre": {}})
    assert (found.code, found.reason) == ("P308", "no node reads it")
    assert found.hint == "did you mean 'extra'?"


def test_a_given_value_of_another_type_is_a_finding():
    (found,) = findings(given={"extra": {"a": "text"}})
    assert (found.code, found.wanted) == ("P307", "dict[str, int]")


def test_the_given_list_of_a_node_over_items_is_checked_as_a_list():
    @node(requires={"doc": "docs"}, over="docs")
    def embed(doc: str) -> int:
        return 0

    graph = Pipeline([embed], name="test").graph
    assert bind(graph, {}, {"docs": ["a", "b"]}).findings == []
    assert bind(graph, {}, {"docs": ("a",)}).findings == []
    for wrong in ([1, 2], {"a": 1}, 5):
        assert [found.code for found in bind(graph, {}, {"docs": wrong}).findings] == ["P307"]


def test_what_is_only_consumed_may_be_given():
    @node(consumes={"found": "features.*"})
    def use(found: dict[str, int]) -> int:
        return 0

    graph = Pipeline([use], name="test").graph
    assert bind(graph, {}, {"features.a": 1}).findings == []
    assert [found.code for found in bind(graph, {}, {"features_extra.a": 1}).findings] == ["P308"]


def test_an_argument_with_a_default_is_a_key_where_a_node_provides_it():
    @node
    def factor() -> float:
        return 3.0

    graph = Pipeline([load, scale, factor], name="test").graph
    (found,) = bind(graph, {"factor": 2.0}, {}).findings
    assert found.code in {"P301", "P308"}
    assert "factor" in {read.key for read in graph.nodes[graph.index["scale"]].inputs}
