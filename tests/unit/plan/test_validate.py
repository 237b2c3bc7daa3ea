"""What is wrong with a graph: all of it, at once, each with its place and its fix."""

import re
from dataclasses import replace
from typing import Any

import pytest

from weftline import Breaker, Budget, Limiter, Pipeline, Policy, node
from weftline.errors import InvalidPipelineError
from weftline.model.graph import Graph
from weftline.model.node import Input, NodeSpec, Output
from weftline.plan import planner
from weftline.plan.wish import Wish
from weftline.ports.values import Values


@node(provides="rows")
def rows() -> list[int]:
    return []


def codes(*nodes, **options):
    return [finding.code for finding in Pipeline(nodes, name="test", **options).validate()]


def one(*nodes, **options):
    (finding,) = Pipeline(nodes, name="test", **options).validate()
    return finding


def place_of(found):
    return found.spec.place


# --- single findings ---


def test_a_sound_graph_has_no_findings():
    @node(provides="count")
    def count(rows: list[int]) -> int:
        return 0

    assert codes(rows, count) == []


def test_a_missing_key_names_the_node_the_key_and_what_may_be_meant():
    @node(provides="dataset.train")
    def load() -> list[int]:
        return []

    @node(provides="model")
    def train(trian: list[int], data: list[int]) -> int:
        return 0

    @node(provides="score", requires={"x": "other.train"})
    def score(x: list[int]) -> int:
        return 0

    findings = Pipeline([load, train, score], name="test").validate()
    assert [(found.code, found.key) for found in findings] == [("G201", "trian"), ("G201", "data"), ("G201", "other.train")]
    assert findings[0].message == "node 'train' requires 'trian', which nothing provides"
    assert findings[0].place == place_of(train)
    assert findings[2].hint == "did you mean 'dataset.train' (from node 'load')?"
    assert "-p trian=" in findings[0].fix


def test_a_key_that_is_given_is_not_missing():
    @node(provides="count")
    def count(rows: list[int]) -> int:
        return 0

    pipeline = Pipeline([count], name="test")
    assert [found.code for found in pipeline.validate()] == ["G201"]
    assert pipeline.validate(given=["rows"]) == []
    assert Pipeline([count], name="test", inputs={"rows": list[int]}).validate() == []


def test_two_producers_are_named_with_their_places():
    @node(provides="rows")
    def again() -> list[int]:
        return []

    found = one(rows, again)
    assert (found.code, found.key, found.first, found.second) == ("G202", "rows", "rows", "again")
    assert found.place == place_of(again)
    assert str(place_of(rows)) in found.fix


def test_two_nodes_of_one_name():
    @node(provides="other", name="rows")
    def other() -> int:
        return 0

    assert one(rows, other).code == "G205"


def test_a_type_mismatch_names_both_nodes_and_both_types():
    @node(provides="total")
    def total(rows: list[str]) -> int:
        return 0

    found = one(rows, total)
    assert found.code == "G203"
    assert found.message == "'rows': node 'rows' provides list[int], but node 'total' wants list[str]"


def test_a_declared_input_is_checked_against_its_readers():
    @node(provides="total")
    def total(rows: list[str]) -> int:
        return 0

    found = one(total, inputs={"rows": list[int]})
    assert (found.code, found.producer) == ("G203", "(given)")


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        (list[int], int, True),
        (tuple[int, ...], int, True),
        (list[int], float, True),
        (list[str], int, False),
        (Any, int, True),
        (dict[str, int], str, False),
        (set[int], int, False),
        (str, str, False),
        (int, int, False),
    ],
)
def test_a_node_over_items_is_checked_item_by_item(given, wanted, fits):
    def make():
        return None

    make.__annotations__ = {"return": given}

    def each(x):
        return x

    each.__annotations__ = {"x": wanted, "return": int}
    nodes = [node(provides="xs")(make), node(provides="ys", requires={"x": "xs"}, over="xs")(each)]
    assert (codes(*nodes) == []) is fits


def test_what_is_no_sequence_has_no_items():
    @node(provides="text")
    def text() -> str:
        return ""

    @node(provides="out", requires={"x": "text"}, over="text")
    def out(x: str) -> str:
        return x

    found = one(text, out)
    assert (found.code, found.given) == ("G206", "str")


def test_the_list_of_a_fan_out_is_checked_against_its_readers():
    @node(provides="squares", requires={"x": "rows"}, over="rows")
    def squares(x: int) -> int:
        return x

    @node(provides="good")
    def good(squares: list[int]) -> int:
        return 0

    @node(provides="bad")
    def bad(squares: int) -> int:
        return 0

    assert codes(rows, squares, good) == []
    assert one(rows, squares, bad).given == "list[int]"


def test_optional_inputs_are_checked_where_somebody_provides_them():
    @node(provides="conditioning.text")
    def text() -> str:
        return ""

    @node(provides="out", consumes={"given": "conditioning.*"})
    def out(given: dict[str, int]) -> int:
        return 0

    assert codes(out) == []
    assert one(text, out).code == "G203"


# --- cycles ---


def test_a_cycle_is_told_with_its_path():
    @node(provides="a")
    def a(c: int) -> int:
        return c

    @node(provides="b")
    def b(a: int) -> int:
        return a

    @node(provides="c")
    def c(b: int) -> int:
        return b

    found = one(a, b, c)
    assert (found.code, found.path) == ("G204", "a -> b -> c -> a")


def test_a_node_that_needs_its_own_output():
    @node(provides="a")
    def a(a: int) -> int:
        return a

    assert one(a).path == "a -> a"


def test_each_circle_is_told_once_and_what_is_behind_it_is_not():
    @node(provides="a")
    def a(b: int) -> int:
        return b

    @node(provides="b")
    def b(a: int) -> int:
        return a

    @node(provides="x")
    def x(y: int) -> int:
        return y

    @node(provides="y")
    def y(x: int) -> int:
        return x

    @node(provides="behind")
    def behind(a: int, x: int) -> int:
        return a

    findings = Pipeline([behind, a, b, x, y], name="test").validate()
    assert [found.path for found in findings] == ["a -> b -> a", "x -> y -> x"]


def test_a_long_cycle_is_shortened_in_words_and_complete_in_the_finding():
    graph = chain(50, closed=True)
    (found,) = Pipeline(graph.nodes, name="test").validate()
    assert len(found.nodes) == 50
    assert "... 39 more ..." in found.message


# --- all at once ---


def test_all_findings_come_at_once():
    @node(provides="rows")
    def again() -> list[int]:
        return []

    @node(provides="x")
    def x(missing: int, rows: str) -> int:
        return 0

    @node(provides="p")
    def p(q: int) -> int:
        return q

    @node(provides="q")
    def q(p: int) -> int:
        return p

    assert sorted(codes(rows, again, x, p, q)) == ["G201", "G202", "G203", "G204"]


def test_a_plan_of_an_invalid_graph_carries_every_finding(stage):
    @node(provides="x")
    def x(missing: int, gone: int) -> int:
        return 0

    with pytest.raises(InvalidPipelineError) as caught:
        stage.plan([x], params={"unknown": 1}, targets=["nowhere"])
    assert [found.code for found in caught.value.findings] == ["G201", "G201", "P301", "P305"]
    assert "4 findings" in str(caught.value)
    assert all(found.message in str(caught.value) for found in caught.value.findings)


def test_notes_tell_what_nobody_can_check(stage):
    @node(provides="x")
    def x():
        return 0

    @node(provides="y", consumes={"found": "nothing.*"})
    def y(x, found: dict[str, int]) -> int:
        return 0

    notes = stage.plan([x, y]).notes
    assert [(note.code, str(note.severity), note.node) for note in notes] == [
        ("G208", "note", "x"),
        ("G208", "note", "y"),
        ("G209", "note", "y"),
    ]


# --- size ---


class Body:
    """Adds one, for graphs that are made by hand."""

    root = staticmethod(len)
    left_out = frozenset()

    def run(self, inputs, params):
        return (sum(inputs.values()) + 1,)


def chain(count, *, closed=False):
    body = Body()
    nodes = tuple(
        NodeSpec(
            name=f"n{at}",
            body=body,
            inputs=(Input(f"k{at - 1}", f"k{at - 1}" if at else f"k{count - 1}", int),) if at or closed else (),
            outputs=(Output.of(f"k{at}", int),),
        )
        for at in range(count)
    )
    return Graph("chain", nodes)


@pytest.mark.timeout(60)
def test_a_chain_of_100_000_nodes_is_planned_and_a_circle_of_as_many_is_told():
    count = 100_000
    open_chain = chain(count)
    plan = planner.make(Pipeline(open_chain.nodes, name="chain").graph, Wish(), None, None, Values())
    assert plan.graph.order == tuple(range(count))
    assert plan.counts == {"RUN": count}
    first = replace(open_chain.nodes[0], inputs=(Input("last", f"k{count - 1}", int),))
    (found,) = Pipeline((first, *open_chain.nodes[1:]), name="chain").validate()
    assert (found.code, found.nodes) == ("G204", tuple(f"n{at}" for at in range(count)))
    assert re.search(r"n0 -> n1 -> .* more .* -> n99999 -> n0", found.message)


def test_one_name_cannot_mean_two_things():
    @node(policy=Policy(breaker=Breaker("api", failures=3)))
    def first() -> int:
        return 1

    @node(policy=Policy(breaker=Breaker("api", failures=4), limiter=Limiter("api")))
    def second() -> int:
        return 2

    @node(policy=Policy(limiter=Limiter("api")))
    def three() -> int:
        return 3

    found = Pipeline([first, second, three], name="test").validate()
    assert [error.code for error in found] == ["G211"]
    assert "first" in str(found[0])
    assert "failures=4" in str(found[0])


def test_nodes_without_a_name_share_nothing():
    @node(policy=Policy(budget=Budget(retries=3)))
    def first() -> int:
        return 1

    @node(policy=Policy(budget=Budget(retries=4)))
    def second() -> int:
        return 2

    assert not Pipeline([first, second], name="test").validate()


def test_a_node_may_come_after_another_without_reading_of_it():
    @node
    def first() -> int:
        return 1

    @node(after="first")
    def second() -> int:
        return 2

    made = Pipeline([second, first], name="test")
    assert not made.validate()
    assert [step.node for step in made.plan(home=None).steps] == ["first", "second"]


def test_what_a_node_comes_after_must_be_there():
    @node(after=["frist"])
    def second() -> int:
        return 2

    @node
    def first() -> int:
        return 1

    finding = one(first, second)
    assert finding.code == "G212"
    assert finding.hint == "did you mean 'first'?"


def test_a_circle_of_orders_is_told():
    @node(after="second")
    def first() -> int:
        return 1

    @node(requires={"x": "first"})
    def second(x: int) -> int:
        return x

    assert codes(first, second) == ["G204"]
