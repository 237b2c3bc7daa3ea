"""Graphs: who provides, who reads, in which order, and what a pipeline is for."""

from typing import Any

import pytest

from weftline.model.graph import Graph
from weftline.model.node import Input, NodeSpec, Output


class NoBody:
    """A body that is never run here."""

    root = None
    left_out = frozenset()

    def run(self, inputs, params):
        raise AssertionError("a graph runs nothing")


def spec(name, *, reads=(), uses=(), makes=(), priority=0):
    inputs = [Input(key, key, Any) for key in reads] + [Input(key.replace(".*", ""), key, Any, optional=True) for key in uses]
    return NodeSpec(name, NoBody(), tuple(inputs), tuple(Output.of(key, int) for key in makes), priority=priority)


def graph(*nodes, **inputs):
    return Graph("bakery", tuple(nodes), inputs)


GRAIN = spec("grain", makes=["grain.rye", "grain.oat"])
MILL = spec("mill", reads=["grain.rye"], makes=["flour"])
OVEN = spec("oven", reads=["flour", "salt"], uses=["grain.*"], makes=["bread.loaf", "bread.crumbs"])
SHOP = spec("shop", uses=["bread.*"], makes=["sales"])
BAKERY = graph(SHOP, OVEN, MILL, GRAIN, salt=int)


def test_numbers_and_producers():
    assert BAKERY.index == {"shop": 0, "oven": 1, "mill": 2, "grain": 3}
    assert BAKERY.producers == {"sales": 0, "bread.loaf": 1, "bread.crumbs": 1, "flour": 2, "grain.rye": 3, "grain.oat": 3}
    assert BAKERY.positions["bread.crumbs"] == (1, 1)
    assert BAKERY.positions["grain.rye"] == (3, 0)


def test_who_reads_from_whom():
    assert BAKERY.upstream == ((1,), (2, 3), (3,), ())
    assert BAKERY.downstream == ((), (0,), (1,), (1, 2))


def test_edges_carry_their_keys():
    assert list(BAKERY.edges()) == [
        (1, 0, "bread.crumbs"), (1, 0, "bread.loaf"), (2, 1, "flour"), (3, 1, "grain.oat"), (3, 1, "grain.rye"),
        (3, 2, "grain.rye"),
    ]  # fmt: skip


def test_each_source_counts_once():
    both = spec("both", reads=["grain.rye", "grain.oat"], uses=["grain.*"])
    assert graph(GRAIN, both).upstream == ((), (0,))


def test_order_is_by_need_not_by_definition():
    assert BAKERY.order == (3, 2, 1, 0)


def test_order_prefers_priority_among_what_is_ready():
    first, second, third = spec("a", makes=["a"]), spec("b", makes=["b"], priority=5), spec("c", makes=["c"], priority=1)
    assert graph(first, second, third).order == (1, 2, 0)


def test_what_is_on_a_circle_or_behind_it_is_not_in_the_order():
    one, two = spec("one", reads=["b"], makes=["a"]), spec("two", reads=["a"], makes=["b"])
    behind, apart = spec("behind", reads=["b"], makes=["c"]), spec("apart", makes=["d"])
    assert graph(one, two, behind, apart).order == (3,)


def test_a_node_may_wait_for_itself():
    assert graph(spec("self", reads=["a"], makes=["a"])).order == ()


def test_a_key_that_is_given_makes_no_edge():
    assert graph(spec("a", reads=["x"], makes=["y"]), x=int).upstream == ((),)


def test_a_missing_key_makes_no_edge():
    assert graph(spec("a", reads=["x"], makes=["y"])).upstream == ((),)


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("grain.*", ["grain.oat", "grain.rye"]),
        ("grain.rye", ["grain.rye"]),
        ("grain", []),
        ("bread.*", ["bread.crumbs", "bread.loaf"]),
        ("salt", ["salt"]),
        ("none.*", []),
        ("gra.*", []),
    ],
)
def test_keys_of_a_pattern(pattern, keys):
    assert list(BAKERY.keys_for(pattern)) == keys


def test_namespaces_hold_what_is_nested_and_what_is_given():
    deep = Graph("deep", (spec("a", makes=["x.y.z", "x.w"]),), {"x.y.v": int})
    assert deep.keys_for("x.*") == ["x.w", "x.y.v", "x.y.z"]
    assert deep.keys_for("x.y.*") == ["x.y.v", "x.y.z"]


def test_sinks_are_what_nobody_reads():
    assert BAKERY.sinks == ("sales",)
    assert graph(GRAIN, MILL).sinks == ("grain.oat", "flour")


def test_the_first_of_two_producers_counts():
    one, two = spec("one", makes=["a"]), spec("two", makes=["a"])
    assert graph(one, two).producers == {"a": 0}


def test_the_first_of_two_nodes_of_one_name_counts():
    assert graph(spec("a", makes=["x"]), spec("a", makes=["y"])).index == {"a": 0}


def test_further_keys_may_be_given_for_a_run():
    given = BAKERY.with_given({"sugar": 1, "salt": 2, "flour": 3})
    assert given.inputs == {"salt": int, "sugar": Any}
    assert BAKERY.inputs == {"salt": int}
    assert BAKERY.with_given({"salt": 2}) is BAKERY
    assert given.memo is not BAKERY.memo


def test_pure_results_are_made_once():
    made = []
    own = graph(GRAIN)
    assert [own.remembered("what", lambda: made.append(1) or "made") for _ in range(3)] == ["made"] * 3
    assert made == [1]
    assert own.remembered("other", lambda: "other") == "other"


def test_a_chain_of_any_length_works():
    count = 5_000
    nodes = [spec(f"n{number}", reads=[f"k{number - 1}"] if number else [], makes=[f"k{number}"]) for number in range(count)]
    chain = graph(*nodes)
    assert chain.order == tuple(range(count))
    assert chain.sinks == (f"k{count - 1}",)
