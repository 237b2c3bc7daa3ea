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
        # tags and patterns with what is around them
        (["+tag:core"], "abd"),
        (["tag:core+"], "bcd"),
        (["+tag:core+"], "abcd"),
        (["tag:*"], "abd"),
        (["tag:c*"], "bd"),
        (["l*"], "l"),
        (["?"], "abcd"),
        (["[bc]"], "bc"),
        (["[bc]+"], "bcd"),
        (["+[bc]"], "abc"),
        (["k.*"], "abcd"),
        (["k.[de]"], "abd"),
        (["*"], "abcdl"),
        # what all parts select
        (["tag:fast,tag:core"], "b"),
        (["+c,tag:fast"], "ab"),
        (["a+,+d"], "abd"),
        (["k.c,tag:core"], "b"),
        (["a+,tag:core", "lone"], "bdl"),
        # what is left out
        (["not:lone"], "abcd"),
        (["not:b"], "acdl"),
        (["not:b+"], "al"),
        (["not:+b"], "cdl"),
        (["not:k.b"], "acdl"),
        (["not:tag:core"], "acl"),
        (["not:k.*"], "l"),
        (["not:tag:fast,tag:core"], "acdl"),
        (["not:b", "not:tag:fast"], "cdl"),
        (["+c", "not:tag:fast"], "c"),
        (["not:a", "+c", "lone"], "bcl"),
        (["k.c", "not:k.a"], "bc"),
    ],
)
def test_what_is_selected(words, nodes):
    assert chosen(*words) == nodes


@pytest.mark.parametrize(
    "word",
    [
        "x",
        "tag:slow",
        "+",
        "++",
        "",
        "k",
        "tag:",
        "x*",
        "k.x*",
        "tag:x*",
        "K.*",
        "+x",
        "x+",
        "++b",
        ",",
        "b,",
        ",b",
        "b,,b",
        "b,x",
        "a,c",
        "tag:fast,c",
        "*,tag:slow",
    ],
)
def test_what_selects_nothing_is_a_finding(word):
    numbers, _, findings = select(GRAPH, [word])
    assert not numbers
    assert [found.code for found in findings] == ["P305"]
    assert repr(word) in findings[0].message


def test_leaving_everything_out_is_a_finding():
    for words in (["b", "not:b"], ["not:*"], ["tag:fast", "not:+tag:fast"]):
        numbers, goals, findings = select(GRAPH, words)
        assert (numbers, goals) == (frozenset(), ())
        assert [found.word for found in findings] == [" ".join(words)]


def test_a_name_means_itself_whatever_signs_are_in_it():
    def made(name):
        return node(name=name, provides=f"key{abs(hash(name))}")(lambda: 0)

    odd = ["a,b", "a*", "not:a", "tag:x", "a[0]", "a+", "+a"]
    graph = Pipeline([made(name) for name in [*odd, "a", "ab", "b"]], name="test").graph
    for number, name in enumerate(odd):
        assert select(graph, [name])[0] == {number}, name
    assert select(graph, ["not:not:a"])[0] == set(range(10)) - {2}


@pytest.mark.parametrize("word", ["not:x", "not:", "not:not:b", "not:a,c", "not:tag:slow", "not:x*"])
def test_leaving_out_what_is_not_there_is_a_finding(word):
    _, _, findings = select(GRAPH, ["b", word])
    assert [found.word for found in findings] == [word]


def test_the_finding_says_what_may_be_meant():
    _, _, (found,) = select(GRAPH, ["lon+"])
    assert found.hint == "did you mean 'lone'?"
    _, _, (found,) = select(GRAPH, ["tag:cor"])
    assert found.hint == "did you mean 'tag:core'?"
    _, _, (found,) = select(GRAPH, ["b,lon+"])
    assert (found.word, found.hint) == ("b,lon+", "did you mean 'lone'?")
    _, _, (found,) = select(GRAPH, ["not:lon"])
    assert (found.word, found.hint) == ("not:lon", "did you mean 'lone'?")
    _, _, (found,) = select(GRAPH, ["a,c"])
    assert found.hint is None, "both are known; they have nothing in common"


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
        (["not:lone"], ("k.c", "k.d", "k.e")),
        (["not:c", "not:d"], ("k.b", "lone")),
        (["not:d"], ("k.c", "lone")),
        (["k.c", "not:c"], ()),
        (["tag:fast,tag:core"], ("k.b",)),
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
