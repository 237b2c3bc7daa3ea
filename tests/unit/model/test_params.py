"""Parameters as given: text is read by the declared type, all else must fit it already."""

import enum
import math
from pathlib import Path, PurePath, PurePosixPath
from typing import Annotated, Any, Literal, NewType

import pytest

from weftline.model.params import Text, read

UserId = NewType("UserId", int)
Name = NewType("Name", str)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


READ = [
    ("3", int, 3), ("-3", int, -3), ("3", float, 3.0), ("1e-3", float, 0.001), ("inf", float, math.inf), ("3", str, "3"),
    ("", str, ""), ("null", str, "null"),
    ("true", bool, True), ("Yes", bool, True), ("1", bool, True), ("false", bool, False), ("NO", bool, False),
    ("0", bool, False),
    ("3", Any, 3), ("[1, 2]", Any, [1, 2]), ("words", Any, "words"), ("3", object, 3),
    ("a/b", Path, Path("a/b")), ("a/b", PurePath, PurePath("a/b")), ("a", PurePosixPath, PurePosixPath("a")),
    ("3", Path, Path("3")), ("a", Annotated[Path, "m"], Path("a")),
    ("RED", Colour, Colour.RED), ("b", Literal["a", "b"], "b"), ("2", Literal[1, 2], 2), ("2", Literal["1", "2"], "2"),
    ("None", Literal["a", None], None),
    ("3", int | None, 3), ("none", int | None, None), ("null", int | None, None), ("None", str | None, None),
    ("word", str | None, "word"), ("3", str | int, 3), ("3", int | str, 3), ("x", int | str, "x"),
    ("3.5", int | float, 3.5), ("true", bool | str, True), ("RED", Colour | None, Colour.RED), ("a", Path | None, Path("a")),
    ("3", Annotated[int, "m"], 3), ("3", Annotated[int | None, "m"], 3),
    ("[1, 2]", list[int], [1, 2]), ("[1, 2.5]", list[float], [1, 2.5]), ('{"a": [1]}', dict[str, list[int]], {"a": [1]}),
    ("[1, 2]", tuple[int, ...], (1, 2)), ('[1, "a"]', tuple[int, str], (1, "a")), ("[1]", list[int] | None, [1]),
    ("3", UserId, 3), ("word", Name, "word"), ("3", Name, "3"), ("true", Name, "true"), ("3", Name | None, "3"),
    ("3", UserId | None, 3),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "value"), READ, ids=[f"{text!r} as {kind}" for text, kind, _ in READ])
def test_text_is_read_by_the_type(text, kind, value):
    found = read(Text(text), kind)
    assert found == value
    assert type(found) is type(value)


WRONG = [
    ("x", int), ("3.5", int), ("x", float), ("maybe", bool), ("2", bool), ("GREEN", Colour), ("red", Literal["a"]),
    ("x", int | None), ("[1", list[int]), ('["a"]', list[int]), ("3", list[int]),
    ("{}", list[int]), ("[1]", tuple[int, int]), ("x", UserId), ("1" * 5000, list[int]), ("[" * 100_000, list[int]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), WRONG, ids=[f"{text[:20]!r} as {kind}" for text, kind in WRONG])
def test_text_that_does_not_fit_is_refused(text, kind):
    with pytest.raises(ValueError, match=r" \("):
        read(Text(text), kind)


def test_a_value_that_fits_is_taken_as_it_is():
    rows = [1, 2]
    assert read(rows, list[int]) is rows
    assert read(3, float) == 3
    assert type(read(3, float)) is int
    assert read("3", str) == "3"
    assert read("3", Any) == "3"
    assert read(Colour.RED, Colour) is Colour.RED


UNFIT = [
    ("3", int), (3, str), ("true", bool), ("RED", Colour), (None, int), ([1], list[str]), ("[1]", list[int]), (1.5, int),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), UNFIT)
def test_a_value_is_never_converted(value, kind):
    """Only a command line has nothing but text."""
    with pytest.raises(ValueError, match=rf" \({type(value).__name__}\)"):
        read(value, kind)


@pytest.mark.parametrize("kind", [Path, PurePath, Path | None, Annotated[Path, "m"]], ids=str)
def test_a_string_is_a_path_where_a_path_is_wanted(kind):
    assert read("data.csv", kind) == Path("data.csv")
    assert isinstance(read("data.csv", kind), Path)


def test_a_string_stays_one_where_a_string_is_wanted_too():
    assert read("word", str | Literal["a"]) == "word"
    assert read("word", Literal["word"]) == "word"
