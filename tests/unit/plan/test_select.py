"""The selection grammar: NODE, +NODE, NODE+, tag:x, or a key."""

import pytest

from weftline import Pipeline, node
from weftline.plan.select import select


@node(provides="k.a", tags=["fast"])
def a() -> int:
    return 0


@node(provides="k.b", requires={"x": "k.a"}, tags=["fast", "core"])
def b(x: int) -> int:
    return x


@node(provides="k.c", requires={"x": "k.b"})
def c(x: int) -> int:
    return x


@node(provides=("k.d", "k.e"), requires={"x": "k.b"}, tags=["core"])
def d(x: int) -> tuple[int, int]:
    return x, x


@node(provides="lone")
def lone() -> int:
    return 0


GRAPH = Pipeline([a, b, c, d, lone], name="test").graph


def chosen(*words):
    numbers, _, findings = select(GRAPH, words)
    assert not findings
    return "".join(GRAPH.nodes[number].name[0] for number in sorted(numbers))


@pytest.mark.parametrize(
    ("words", "nodes"),
    [
        ([], "abcdl"),
        (["b"], "b"),
        (["+b"], "ab"),
        (["b+"], "bcd"),
        (["+b+"], "abcd"),
        (["+c"], "abc"),
        (["a+"], "abcd"),
        (["c+"], "c"),
        (["tag:fast"], "ab"),
        (["tag:core"], "bd"),
        (["k.c"], "abc"),
        (["k.e"], "abd"),
        (["c", "tag:fast", "lone"], "abcl"),
        (["+k.b"], "ab"),
        (["k.b+"], "bcd"),
        (["lone"], "l"),
    ],
)
def test_what_is_selected(words, nodes):
    assert chosen(*words) == nodes


@pytest.mark.parametrize("word", ["x", "tag:slow", "+", "++", "", "k.*", "k", "tag:", "*"])
def test_what_selects_nothing_is_a_finding(word):
    numbers, _, findings = select(GRAPH, [word])
    assert not numbers
    assert [found.code for found in findings] == ["P305"]
    assert repr(word) in findings[0].message


def test_the_finding_says_what_may_be_meant():
    _, _, (found,) = select(GRAPH, ["lon+"])
    assert found.hint == "did you mean 'lone'?"
    _, _, (found,) = select(GRAPH, ["tag:cor"])
    assert found.hint == "did you mean 'tag:core'?"


def test_all_findings_come_at_once():
    numbers, _, findings = select(GRAPH, ["x", "b", "y"])
    assert [found.word for found in findings] == ["x", "y"]
    assert numbers == {1}


@pytest.mark.parametrize(
    ("words", "goals"),
    [
        ([], ("k.c", "k.d", "k.e", "lone")),
        (["k.b"], ("k.b",)),
        (["d"], ("k.d", "k.e")),
        (["k.d", "k.d", "d"], ("k.d", "k.e")),
    ],
)
def test_goals_are_the_keys_that_the_run_is_for(words, goals):
    assert select(GRAPH, words)[1] == goals


def test_a_key_is_selected_with_all_that_it_needs_even_if_its_node_has_the_same_name():
    @node
    def base() -> int:
        return 0

    @node
    def top(base: int) -> int:
        return base

    graph = Pipeline([base, top], name="test").graph
    assert select(graph, ["top"])[0] == {0, 1}
