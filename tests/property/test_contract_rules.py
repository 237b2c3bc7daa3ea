"""The two faces of the type rule agree: where a type may go, its values conform."""

# ruff: noqa: UP007, UP045 - the members of these unions are known at run time only

import collections.abc as cabc
import dataclasses
import itertools
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Protocol, TypedDict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weftline.model.contract import assignable, conforms, mismatch, render

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
UserId = NewType("UserId", int)
Name = NewType("Name", str)


@dataclasses.dataclass(frozen=True)
class Animal:
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Dog(Animal):
    age: int = 0


class Pair(NamedTuple):
    left: int
    right: str


class Small(TypedDict):
    a: int


class Wide(TypedDict):
    a: int
    b: str


class Half(TypedDict, total=False):
    a: int


class Open(TypedDict):
    a: int
    b: NotRequired[int]


class Named(Protocol):
    name: str


#: Types that are made of no others, each with a strategy for its values.
ATOMS: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-2, 2) | st.booleans(),
    bool: st.booleans(),
    float: st.sampled_from([0.5, 1.0]) | st.integers(0, 1),
    complex: st.sampled_from([1j, 0.5, 1]),
    str: st.text("ab", max_size=2),
    bytes: st.binary(max_size=2),
    None: st.none(),
    UserId: st.integers(0, 2),
    Name: st.text("ab", max_size=2),
    Animal: st.builds(Animal) | st.builds(Dog),
    Dog: st.builds(Dog),
    Named: st.builds(Animal) | st.builds(Dog),
    Pair: st.builds(Pair, st.integers(0, 1), st.text("ab", max_size=1)),
    Small: st.fixed_dictionaries({"a": st.integers(0, 1)}),
    Wide: st.fixed_dictionaries({"a": st.integers(0, 1), "b": st.text("ab", max_size=1)}),
    Half: st.fixed_dictionaries({}, optional={"a": st.integers(0, 1)}),
    Open: st.fixed_dictionaries({"a": st.integers(0, 1)}, optional={"b": st.integers(0, 1)}),
    Literal["a"]: st.just("a"),
    Literal["a", 1, None]: st.sampled_from(["a", 1, None]),
    Literal[True]: st.just(True),
    range: st.builds(range, st.integers(0, 2)),
    type[int]: st.sampled_from([int, bool]),
    type[str]: st.just(str),
}
KINDS = st.recursive(
    st.sampled_from(list(ATOMS)),
    lambda inner: st.one_of(
        st.builds(lambda kind: list[kind], inner),
        st.builds(lambda kind: Sequence[kind], inner),
        st.builds(lambda kind: cabc.Iterable[kind], inner),
        st.builds(lambda kind: Mapping[str, kind], inner),
        st.builds(lambda kind: dict[str, kind], inner),
        st.builds(lambda kind: dict[int, kind], inner),
        st.builds(lambda kind: tuple[kind, ...], inner),
        st.builds(lambda one, two: tuple[one, two], inner, inner),
        st.builds(lambda one: tuple[one], inner),
        st.builds(lambda one, two: typing.Union[one, two], inner, inner),
        st.builds(lambda one: typing.Optional[one], inner),
        st.builds(lambda one: Annotated[one, "m"], inner),
    ),
    max_leaves=4,
)
#: So many that some go where others are wanted.
SEVERAL = st.lists(KINDS, min_size=6, max_size=6)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type, from its own definition."""
    if kind is type(None):
        return st.none()
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return values(arguments[0])
    if origin is typing.Union:
        return st.one_of(*map(values, arguments))
    if origin in {list, Sequence, cabc.Iterable}:
        lists = st.lists(values(arguments[0]), max_size=2)
        return lists if origin is list else lists | lists.map(tuple)
    if origin in {dict, Mapping}:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2)
    if origin is tuple and arguments[-1] is ...:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, arguments))
    return ATOMS[kind]


@QUICK
@given(st.data(), KINDS)
def test_the_values_of_a_type_conform_to_it(data, kind):
    value = data.draw(values(kind))
    assert conforms(value, kind)


@QUICK
@given(st.data(), SEVERAL)
def test_where_a_type_may_go_its_values_conform(data, kinds):
    for given_kind, wanted in itertools.permutations(kinds, 2):
        if assignable(given_kind, wanted):
            value = data.draw(values(given_kind))
            assert conforms(value, wanted), f"{given_kind} to {wanted}: {mismatch(value, wanted)}"


@QUICK
@given(st.data(), KINDS, KINDS)
def test_a_refused_value_can_be_explained(data, given_kind, wanted):
    value = data.draw(values(given_kind))
    if not conforms(value, wanted):
        assert ", not " in mismatch(value, wanted)


@QUICK
@given(KINDS)
def test_a_type_goes_to_itself_to_any_and_to_what_is_wider(kind):
    assert assignable(kind, kind)
    assert assignable(kind, Any)
    assert assignable(Any, kind)
    assert assignable(kind, typing.Optional[kind])
    assert assignable(kind, typing.Union[bytes, kind])
    assert assignable(list[kind], Sequence[kind])
    assert assignable(Annotated[kind, "m"], kind)
    assert assignable(kind, Annotated[kind, "m"])


#: A value of a typed dictionary may have further keys, so what is known of its own keys is no rule for all of them.
CLOSED = SEVERAL.filter(lambda kinds: not any(typing.is_typeddict(kind) for kind in kinds))


@QUICK
@given(CLOSED)
def test_what_goes_somewhere_goes_wherever_that_goes(kinds):
    for one, two, three in itertools.permutations(kinds, 3):
        if assignable(one, two) and assignable(two, three):
            assert assignable(one, three), f"{one} to {two} to {three}"


@QUICK
@given(KINDS, KINDS)
def test_containers_of_what_goes_go(one, two):
    assert assignable(list[one], Sequence[two]) == assignable(one, two)
    assert assignable(dict[str, one], Mapping[str, two]) == assignable(one, two)
    assert assignable(tuple[one, ...], tuple[two, ...]) == assignable(one, two)
    assert assignable(tuple[one, one], tuple[two, ...]) == assignable(one, two)


@QUICK
@given(KINDS, KINDS, KINDS)
def test_a_union_goes_where_all_its_members_go(one, two, wanted):
    assert assignable(typing.Union[one, two], wanted) == (assignable(one, wanted) and assignable(two, wanted))


@QUICK
@given(KINDS)
def test_a_type_can_be_shown(kind):
    assert render(kind)
    assert "typing." not in render(kind)
