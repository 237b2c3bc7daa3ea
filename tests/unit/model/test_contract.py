"""The type rule: a table for types against types, one for values against types, and what is said about a mismatch."""

# ruff: noqa: UP006, UP007, UP045 - the older ways to write a type are among the cases

import collections
import collections.abc as cabc
import dataclasses
import datetime as dt
import enum
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, NewType, NotRequired, Protocol, TypedDict, TypeVar

import numpy as np
import numpy.typing as npt
import pydantic
import pytest

from weftline.model.contract import assignable, conforms, is_unknown, mismatch, render
from weftline.model.structure import base_arguments, classes_named, element_type

T = TypeVar("T")
K = TypeVar("K")
UserId = NewType("UserId", int)
AdminId = NewType("AdminId", UserId)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Mode(enum.StrEnum):
    FAST = "fast"


@dataclasses.dataclass
class Animal:
    name: str


@dataclasses.dataclass
class Dog(Animal):
    age: int = 0


@dataclasses.dataclass
class Box(Generic[T]):
    inner: T


class Model(pydantic.BaseModel):
    size: int = 0


class Pair(NamedTuple):
    left: int
    right: int


class Rows(list[int]):
    pass


class MoreRows(Rows):
    pass


class Swapped(dict[K, T], Generic[T, K]):
    pass


class Tagged(list[int], Generic[T]):
    pass


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


class Other(TypedDict):
    a: str


class Named(Protocol):
    name: str


class Runs(Protocol):
    def run(self) -> int: ...


class NamedAndRuns(Named, Runs, Protocol):
    pass


class Runner:
    name = "runner"

    def run(self) -> int:
        return 1


@dataclasses.dataclass
class Inherits(Animal):
    further: int

    def run(self) -> int:
        return self.further


F8, F4, I8 = np.float64, np.float32, np.int64
Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Vector = np.ndarray[tuple[int], np.dtype[np.float64]]

# --- a type against a type ----------------------------------------------------------------------------------------

GOES = [
    (int, int), (bool, int), (int, float), (int, complex), (float, complex), (bool, float), (bool, complex), (Level, int),
    (Level, float),
    (Mode, str), (Path, PurePath), (dt.datetime, dt.date), (Dog, Animal), (Model, pydantic.BaseModel), (np.float64, float),
    (int, Any), (Any, int), (int, object), (object, int), (int, T), (T, int), (list[int], Any), (None, None),
    (None, type(None)),
    # unions
    (int, int | str), (int | str, str | int), (int | str, str | int | None), (None, int | None), (bool, float | None),
    (int | None, typing.Optional[int]),
    (list[int], list[int] | list[str]), (list[bool], list[int | str]), (typing.Union[int, str], int | str | bytes),
    (bool | int, int),
    # literals
    (Literal["a"], Literal["a", "b"]), (Literal["a", "b"], str), (Literal[1], int), (Literal[1], float),
    (Literal[Colour.RED], Colour),
    (Literal["a"], str | None), (Literal["a", None], str | None), (Literal[None], None), (Literal["a"], Sequence[str]),
    (list[Literal["a"]], list[str]),
    # Annotated, Final, NewType
    (Annotated[int, "m"], int), (int, Annotated[int, "m"]), (Annotated[list[int], "m"], list[float]), (Final[int], int),
    (list[Annotated[int, "m"]], list[int]),
    (Annotated[int, {"unit": "m"}], int), (list[Annotated[int, {"unit": "m"}]], list[int]),
    (dict[str, Annotated[int, []]], Mapping[str, int]),
    (UserId, UserId), (UserId, int), (UserId, float), (AdminId, UserId), (AdminId, int), (UserId, UserId | None),
    (UserId, UserId | str), (AdminId, UserId | None),
    (list[UserId], list[int]), (list[UserId], list[UserId | None]), (UserId | None, UserId | None),
    # containers: what is read may be wider
    (list[int], list[float]), (list[int], list), (list, list[int]), (list[int], Sequence[int]), (list[int], Iterable[float]),
    (list[Dog], Sequence[Animal]),
    (dict[str, int], Mapping[str, float]), (dict[str, int], dict[str, Any]), (dict[str, int], Iterable[str]),
    (set[int], cabc.Set[float]), (set[int], cabc.Collection[int]),
    (frozenset[int], cabc.Set[int]), (str, Sequence[str]), (str, Iterable[str]), (bytes, Sequence[int]),
    (range, Sequence[int]), (range, Iterable[float]),
    (typing.List[int], list[int]), (typing.Dict[str, int], Mapping[str, int]), (collections.deque[int], Sequence[int]),
    (collections.defaultdict[str, int], dict[str, int]),
    (collections.OrderedDict[str, int], Mapping[str, int]), (cabc.KeysView[str], Iterable[str]),
    (Iterator[int], Iterable[int]), (cabc.Generator[int, None, None], Iterator[int]),
    (Rows, list[int]), (Rows, list[float]), (MoreRows, Sequence[int]), (Swapped[int, str], dict[str, int]),
    (Swapped[int, str], Mapping[str, float]), (Tagged[str], list[int]),
    (collections.Counter[str], Mapping[str, int]), (Box[int], Box[int]), (Box[int], Box[float]), (Box[int], Box),
    (list[list[int]], Sequence[Sequence[float]]),
    # tuples
    (tuple[int, str], tuple[int, str]), (tuple[bool, str], tuple[float, str]), (tuple[int, ...], tuple[float, ...]),
    (tuple[int, bool], tuple[int, ...]),
    (tuple[()], tuple[int, ...]), (tuple[()], tuple[()]), (tuple[int, str], Sequence[int | str]),
    (tuple[int, ...], Iterable[int]), (tuple[int, str], tuple),
    (tuple, tuple[int, str]), (Pair, tuple[int, int]), (Pair, Sequence[int]), (Pair, tuple[float, ...]), (Pair, tuple),
    (tuple[Any, ...], tuple[int, int]),
    (tuple[int, str, str], tuple[int, *tuple[str, ...]]), (tuple[int, *tuple[str, ...]], tuple[int | str, ...]),
    # typed dictionaries
    (Small, Small), (Wide, Small), (Small, Half), (Wide, Half), (Small, dict), (Small, Mapping[str, Any]),
    (Small, Mapping[str, object]), (Small, Mapping[str, int]), (dict, Small),
    (dict[str, Any], Small),
    # protocols
    (Animal, Named), (Dog, Named), (Runner, Named), (Runner, Runs), (Runner, NamedAndRuns), (Inherits, Named),
    (Inherits, NamedAndRuns), (list[int], cabc.Sized), (str, cabc.Hashable), (Level, typing.SupportsInt),
    # classes and callables
    (type[bool], type[int]), (type[Dog], type[Animal]), (type[int], type), (Callable[[int], str], Callable),
    (Callable[[int], str], Callable[..., str]), (type[int], Callable[..., int]),
    # arrays
    (npt.NDArray[F8], np.ndarray), (np.ndarray, npt.NDArray[F8]), (npt.NDArray[F8], npt.NDArray[F8]),
    (npt.NDArray[F8], npt.NDArray[np.floating]), (npt.NDArray[F8], npt.NDArray[Any]),
    (Matrix, npt.NDArray[F8]), (npt.NDArray[F8], Matrix), (Matrix, Matrix),
]  # fmt: skip

STOPS = [
    (int, str), (float, int), (complex, float), (int, bool), (str, bytes), (bytes, str), (None, int), (int, None),
    (Animal, Dog), (Animal, Runner), (str, Mode), (int, Level),
    (np.float32, float), (dt.date, dt.datetime), (Model, Animal),
    (int | str, int), (int | None, int), (int | None, None), (float, int | str), (list[int | str], list[int]),
    (list[int], list[str] | list[bytes]),
    (Literal["a", "b"], Literal["a"]), (str, Literal["a"]), (Literal["a"], int), (Literal[True], Literal[1]),
    (Literal[1], Literal[True]), (Literal[Colour.RED], Literal[Colour.BLUE]), (Literal["a", None], str),
    (int, UserId), (UserId, AdminId), (int, UserId | None), (UserId, str), (list[int], list[UserId]),
    (Annotated[int, "m"], str), (int, Annotated[str, "m"]),
    (list[Annotated[int, {"unit": "m"}]], list[str]),
    (list[float], list[int]), (list[int], set[int]), (list[int], tuple[int, ...]), (Sequence[int], list[int]),
    (Iterable[int], Sequence[int]), (dict[str, int], dict[int, int]), (dict[str, int], dict[str, str]),
    (dict[str, int], Iterable[int]), (dict[str, int], list[str]), (set[int], Sequence[int]), (str, Sequence[int]),
    (str, list[str]), (bytes, Sequence[bytes]), (range, list[int]), (range, Sequence[str]),
    (Rows, list[str]), (MoreRows, list[str]), (MoreRows, Sequence[str]), (Swapped[int, str], dict[int, str]),
    (Tagged[str], list[str]), (list[list[int]], list[list[str]]), (Box[int], Box[str]),
    (collections.Counter[str], Mapping[str, str]), (cabc.Generator[int, None, None], Iterable[str]), (int, list[int]),
    (list[int], int),
    (tuple[int, str], tuple[int]), (tuple[int], tuple[int, str]), (tuple[int, str], tuple[str, int]),
    (tuple[int, ...], tuple[int, int]), (tuple[int, str], tuple[int, ...]), (tuple[int, str], Sequence[int]),
    (tuple[int], tuple[()]), (tuple[int, ...], tuple[()]), (tuple[int, str], list[int | str]), (Pair, tuple[str, str]),
    (Pair, tuple[int]), (Pair, Sequence[str]), (tuple[int, int], Pair), (tuple[int, int], tuple[int, *tuple[str, ...]]),
    (Small, Wide), (Half, Small), (Small, Other), (Wide, Open), (Small, Mapping[int, Any]), (Wide, Mapping[str, int]),
    (Small, dict[int, int]), (dict[int, int], Small), (dict[str, str], Small), (dict[str, int], Small), (Small, list),
    (list, Small),
    (int, Named), (Animal, Runs), (Animal, NamedAndRuns), (list[int], cabc.Hashable), (int, cabc.Sized),
    (type[int], type[str]), (type[Animal], type[Dog]), (int, Callable), (str, type[str]), (type[int], int),
    (npt.NDArray[F8], npt.NDArray[F4]), (npt.NDArray[F8], npt.NDArray[np.integer]), (Matrix, Vector),
    (npt.NDArray[F4], Matrix), (np.ndarray, list), (list[float], npt.NDArray[F8]),
]  # fmt: skip


def pair_name(pair):
    return f"{pair[0]} to {pair[1]}".replace("typing.", "").replace("tests.unit.model.test_contract.", "")


@pytest.mark.parametrize("pair", GOES, ids=pair_name)
def test_may_go(pair):
    assert assignable(*pair)


@pytest.mark.parametrize("pair", STOPS, ids=pair_name)
def test_may_not_go(pair):
    assert not assignable(*pair)


def test_every_type_goes_to_itself():
    kinds = {id(kind): kind for pair in (*GOES, *STOPS) for kind in pair}.values()
    assert [kind for kind in kinds if not assignable(kind, kind)] == []


# --- a value against a type ---------------------------------------------------------------------------------------

CONFORMS = [
    (1, int), (True, int), (1, float), (True, float), (1.5, complex), (1, complex), (None, None), (None, type(None)),
    ("a", str), (b"a", bytes), (Level.LOW, int), (Level.LOW, float), (Mode.FAST, str),
    (object(), Any), (object(), object), (1, T), ([1, "a"], list), (dt.datetime(2026, 1, 1), dt.date), (Path("a"), PurePath),
    (1, int | None), (None, int | None), ("a", int | str), ([1], list[int] | list[str]), (["a"], list[int] | list[str]),
    ([], list[int] | None),
    ("a", Literal["a", "b"]), (1, Literal[1, 2]), (Colour.RED, Literal[Colour.RED]), (None, Literal["a", None]),
    ([1], Literal["a"] | list[int]), ({}, Literal["a"] | dict[str, int]),
    (1, Annotated[int, "m"]), ([1], list[Annotated[int, "m"]]), ([1], list[Annotated[int, {"unit": "m"}]]),
    ({"a": 1}, dict[str, Annotated[int, []]]), ((1,), tuple[Annotated[int, []], ...]), (1, Annotated[int, []]),
    ([1], list[Annotated[int, pydantic.Field(gt=0)]]), (1, Final[int]), (1, UserId), ([1], list[UserId]), (1, UserId | None),
    ([], list[int]), ([1, 2], list[int]), ([1, True], list[int]), ([1, 2.5, True], list[float]), ([1], Sequence[int]),
    ((1, 2), Sequence[int]), ([[1], []], list[list[int]]), ({1, 2}, set[int]), (frozenset({1}), cabc.Set[int]),
    ({1}, cabc.Collection[int]), ({"a": 1}, dict[str, int]), ({}, dict[str, int]),
    ({"a": {"b": [1]}}, dict[str, dict[str, list[int]]]), ({"a": 1}, Mapping[str, float]), ({"a": 1}, Iterable[str]),
    ("ab", Sequence[str]),
    ("ab", Iterable[str]), (b"ab", Sequence[int]), (range(3), Sequence[int]), (collections.deque([1]), Sequence[int]),
    (collections.OrderedDict(a=1), dict[str, int]), (collections.defaultdict(int, a=1), dict[str, int]),
    (collections.Counter("ab"), Mapping[str, int]), (collections.Counter("ab"), collections.Counter[str]),
    (iter([1]), Iterator[int]), ((x for x in [1]), Iterable[int]), ({"a": 1}.keys(), cabc.KeysView[str]),
    ([1, "a"], list[Any]), ([1], typing.List[int]), (Rows([1]), list[int]), (Tagged([1]), Tagged[str]), (Box(1), Box[int]),
    (Swapped(a=1), Mapping[str, int]),
    ((1, "a"), tuple[int, str]), ((), tuple[()]), ((), tuple[int, ...]), ((1, 2, True), tuple[int, ...]), (Pair(1, 2), Pair),
    (Pair(1, 2), tuple[int, int]), ((1, "a", "b"), tuple[int, *tuple[str, ...]]), ((1,), tuple),
    ({"a": 1}, Small), ({}, Half), ({"a": 1}, Half), ({"a": 1}, Open), ({"a": 1, "b": 2}, Open), ([{"a": 1}], list[Small]),
    ({"a": 1, "b": "x"}, Wide), ({"a": 1, "b": "x"}, Small), ({"a": 1}, Mapping[str, int]),
    (Animal("a"), Animal), (Dog("a"), Animal), (Model(), Model), (Animal("a"), Named), (Runner(), NamedAndRuns),
    (Inherits("a", 1), NamedAndRuns), ([Runner()], list[Runs]), ([1], cabc.Sized), ("a", cabc.Hashable),
    (1, typing.SupportsInt),
    (int, type), (bool, type[int]), (Dog, type[Animal]), (str, type[int | str]), (len, Callable), (len, Callable[[Any], int]),
    (int, Callable[..., int]), (lambda: 1, Callable[[], int]),
    (np.zeros(3), np.ndarray), (np.zeros(3), npt.NDArray[F8]), (np.zeros(3), npt.NDArray[np.floating]),
    (np.zeros((2, 2)), npt.NDArray[F8]), (np.zeros(()), npt.NDArray[F8]), (np.zeros((2, 3)), Matrix), (np.zeros(3), Vector),
    (np.zeros(3), npt.NDArray[Any]), (np.array(["a"]), npt.NDArray[np.str_]), (np.zeros(3), npt.NDArray[F8 | F4]),
    ([np.zeros(3)], list[npt.NDArray[F8]]), ({"a": np.zeros(3)}, dict[str, npt.NDArray[F8]]), (np.float64(1), float),
    (np.float64(1), np.floating),
]  # fmt: skip

REFUSED = [
    ("1", int), (1.5, int), (1, str), (1, bool), (1j, float), (None, int), (0, None), (b"a", str), ("a", bytes), (1, Level),
    ("fast", Mode), (dt.date(2026, 1, 1), dt.datetime), (np.float32(1), float),
    (1.5, int | None), ("a", int | None), ([1, "a"], list[int] | list[str]), ("c", Literal["a", "b"]), (True, Literal[1]),
    (1, Literal[True]), (1, Literal[True, 2]), (True, Literal[1, False]), (1.0, Literal[1]), ("red", Literal[Colour.RED]),
    ([1], Literal["a"]), ({}, Literal["a", "b"]),
    (np.zeros(3), Literal["a"]),
    ("a", Annotated[int, "m"]), (["a"], list[Annotated[int, {"unit": "m"}]]), ("a", UserId), (["a"], list[UserId]),
    ([1, "a"], list[int]), ([1, None], list[int]), ((1,), list[int]), ([1], tuple[int, ...]), ([1], set[int]),
    ([[1], ["a"]], list[list[int]]), ({1: 1}, dict[str, int]), ({"a": "b"}, dict[str, int]),
    ({"a": {"b": ["c"]}}, dict[str, dict[str, list[int]]]),
    ("ab", Sequence[int]), ("ab", list[str]), (b"ab", Sequence[bytes]), ({1, "a"}, set[int]), ({"a": 1}, Iterable[int]),
    (1, Iterable[int]), (Rows([1]), list[str]), ([1.5], list[int]), (collections.Counter("ab"), Mapping[str, str]),
    (collections.Counter("ab"), collections.Counter[int]),
    ((1,), tuple[int, str]), ((1, "a", 2), tuple[int, str]), (("a", 1), tuple[int, str]), ((1,), tuple[()]),
    ((1, "a"), tuple[int, ...]), ([1, "a"], tuple[int, str]), (Pair(1, 2), tuple[str, str]), ((1, 2), Pair),
    ((1, "a", 2), tuple[int, *tuple[str, ...]]),
    ({}, Small), ({"a": "x"}, Small), ({"a": 1}, Wide), ({"a": 1, "b": "x"}, Open), ([("a", 1)], Small), ({1: 1}, Half),
    (Animal("a"), Dog), (object(), Named), (Animal("a"), Runs), ([Animal("a")], list[Runs]), ([], cabc.Hashable),
    (1, cabc.Sized),
    (str, type[int]), (1, type), (1, type[int]), (bytes, type[int | str]), (1, Callable), ([np.zeros(3)], npt.NDArray[F8]),
    (np.zeros(3), npt.NDArray[F4]), (np.zeros(3), npt.NDArray[np.integer]), (np.zeros(3), Matrix), (np.zeros((2, 2)), Vector),
    (np.zeros((2, 2), F4), Matrix), (1.5, npt.NDArray[F8]),
]  # fmt: skip


def value_name(pair):
    shown = type(pair[0]).__name__ if isinstance(pair[0], (set, frozenset)) else re.sub(r" at 0x\w+", "", repr(pair[0]))
    return f"{shown} as {pair[1]}".replace("typing.", "").replace("tests.unit.model.test_contract.", "")[:100]


@pytest.mark.parametrize("pair", CONFORMS, ids=value_name)
def test_conforms(pair):
    assert conforms(*pair)


@pytest.mark.parametrize("pair", REFUSED, ids=value_name)
def test_is_refused(pair):
    assert not conforms(*pair)


@pytest.mark.parametrize("pair", REFUSED, ids=value_name)
def test_a_refusal_can_be_explained(pair):
    said = mismatch(*pair)
    assert " is " in said
    assert ", not " in said


def test_an_iterator_is_not_consumed_by_its_check():
    stream = iter([1, 2])
    assert conforms(stream, Iterator[int])
    assert conforms(stream, Iterable[int])
    assert list(stream) == [1, 2]


def test_a_value_is_checked_to_its_end():
    assert not conforms([0] * 10_000 + ["a"], list[int])
    assert not conforms(dict.fromkeys([*range(10_000), "a"], 0), dict[int, int])


# --- what is said -------------------------------------------------------------------------------------------------

SAID = [
    ("a", int, "the value is 'a' (str), not int"),
    ([1, 2, "a"], list[int], "[2] is 'a' (str), not int"),
    ([{"x": 1.5}, {"x": "a"}], list[dict[str, float]], "[1]['x'] is 'a' (str), not float"),
    ({1: "a"}, dict[str, str], " key 1 is 1 (int), not str"),
    ((1, "a"), tuple[int, int], "[1] is 'a' (str), not int"),
    ((1, 2, "a"), tuple[int, ...], "[2] is 'a' (str), not int"),
    ((1, 2, 3), tuple[int, int], "the value is (1, 2, 3) (tuple), not tuple[int, int]"),
    ({"a": "x"}, Small, "['a'] is 'x' (str), not int"),
    ([{"a": "x"}], list[Small], "[0]['a'] is 'x' (str), not int"),
    ({}, Small, "the value is {} (dict), not Small"),
    (None, int | str, "the value is None, "),
    ([1, None], list[int | str], "[1] is None, "),
    ("c", Literal["a", "b"], "the value is 'c' (str), not Literal['a', 'b']"),
    ("a" * 100, int, f"the value is '{'a' * 56}... (str), not int"),
    (np.zeros(2, np.float32), npt.NDArray[np.float64], "the value is array([0., 0.], dtype=float32) (ndarray), not ndarray["),
    (np.zeros((), np.float32), npt.NDArray[np.float64], "the value is array(0., dtype=float32) (ndarray), not ndarray["),
    ([np.zeros(2)], list[Matrix], "[0] is array([0., 0.]) (ndarray), not ndarray["),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "said"), SAID, ids=[said for _, _, said in SAID])
def test_a_mismatch_says_where_and_what(value, kind, said):
    assert not conforms(value, kind)
    assert mismatch(value, kind).startswith(said)


RENDERED = {
    "int": int, "None": None, "list[int]": list[int], "int | None": typing.Optional[int], "int | str": typing.Union[int, str],
    "dict[str, list[float]]": dict[str, list[float]],
    "tuple[int, ...]": tuple[int, ...], "Literal['a', 1]": Literal["a", 1], "Animal": Animal, "UserId": UserId, "Any": Any,
    "Box[int]": Box[int], "Small": Small,
}  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), RENDERED.items(), ids=RENDERED)
def test_a_type_is_shown_as_it_is_written(text, kind):
    assert render(kind) == text
    assert render(Annotated[kind, "m"]) == text


def test_what_is_unknown():
    assert all(map(is_unknown, (Any, object, T)))
    assert not any(map(is_unknown, (int, None, list, list[Any], type)))


# --- what types are made of ---------------------------------------------------------------------------------------

ELEMENTS = [
    (list[int], int), (Sequence[str], str), (Iterable[int], int), (tuple[int, ...], int), (tuple[int, str], int | str),
    (list, Any), (Any, Any), (object, Any), (T, Any), (Annotated[list[int], "m"], int),
    (Rows, int), (MoreRows, int), (range, int), (collections.deque[int], int), (Iterator[int], int),
    (str, None), (bytes, None), (dict[str, int], None), (Mapping[str, int], None), (set[int], None), (frozenset[int], None),
    (int, None), (None, None), (Animal, None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "element"), ELEMENTS, ids=str)
def test_the_type_of_the_items(kind, element):
    assert element_type(kind) == element


def test_the_parameters_of_a_base():
    assert base_arguments(dict[str, int], Mapping) == (str, int)
    assert base_arguments(dict[str, int], Iterable) == (str,)
    assert base_arguments(Swapped[int, str], Mapping) == (str, int)
    assert base_arguments(Rows, Sequence) == (int,)
    assert base_arguments(list, Sequence) is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type X = ...` is syntax of Python 3.12")
def test_a_named_type_is_what_it_stands_for():
    rows = typing.TypeAliasType("rows", list[int])
    grid = typing.TypeAliasType("grid", list[list[T]], type_params=(T,))
    assert assignable(rows, list[float])
    assert assignable(list[int], rows)
    assert not assignable(rows, list[str])
    assert assignable(list[list[int]], grid[int])
    assert not assignable(grid[str], grid[int])
    assert conforms([1], rows)
    assert not conforms(["a"], rows)
    assert conforms([["a"]], grid[str])
    assert not conforms([["a"]], grid[int])
    assert mismatch([["a"]], grid[int]).startswith("[0][0] is 'a'")
    assert element_type(rows) is int


class Node:
    pass


Ids = typing.NewType("Ids", Node)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (int, {int}),
        (dict[str, list[Node] | None], {dict, str, list, Node, type(None)}),
        (typing.Annotated[Node, "note"], {Node}),
        (Ids, {Node}),
        (Callable[[Node], str], {Callable, Node, str}),
        (typing.Any, set()),
        (T, set()),
    ],
    ids=["int", "nested", "annotated", "new type", "callable", "any", "variable"],
)
def test_classes_that_a_type_is_written_with(kind, named):
    assert classes_named(kind) - {typing.Annotated, typing.Union, types.UnionType} == named
