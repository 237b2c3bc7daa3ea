"""Digests of values that have fields: dataclasses, named tuples, enums, pydantic models."""

import dataclasses
import enum
import functools
from collections import namedtuple
from typing import Any, NamedTuple

import pydantic
import pytest

from weftline.digest import of
from weftline.errors import UndigestableError


@dataclasses.dataclass
class Point:
    x: Any = 0
    y: Any = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: Any = 0
    y: Any = 0


@dataclasses.dataclass
class Named:
    x: int
    extra: list = dataclasses.field(default_factory=list, compare=False, repr=False)


@dataclasses.dataclass
class Further(Named):
    more: int = 1


class Pair(NamedTuple):
    x: Any
    y: Any


Twin = namedtuple("Twin", "x y")


class Model(pydantic.BaseModel):
    x: Any = 0
    y: Any = 0


class Open(pydantic.BaseModel, extra="allow"):
    x: int = 0


class Deep(pydantic.BaseModel):
    inner: Model
    points: list[Point]


class Inventory(enum.Enum):
    POINT = Point(1, 2)


class Short(enum.Enum):
    A = 1


class Long(enum.Enum):
    A = 1


class Text(enum.StrEnum):
    A = "a"


DIFFERENT = [
    Point(), Point(1, 2), Point(2, 1), Point(1.0, 2), Point((1, 2)), Point([1, 2]), Point(Point(1, 2)), Point(x=None),
    Frozen(1, 2), Frozen(2, 1),
    Named(1), Named(2), Named(1, [1]), Further(1), Further(1, more=2),
    Pair(1, 2), Pair(2, 1), Twin(1, 2), (1, 2), [1, 2], {"x": 1, "y": 2},
    Model(x=1, y=2), Model(x=2, y=1), Model(x=Model(x=1, y=2)), Open(x=1), Open(x=1, y=2), Open(x=1, y=3), Open(x=1, z=2),
    Deep(inner=Model(), points=[Point()]), Deep(inner=Model(), points=[Point(1)]),
    Inventory.POINT, Short.A, Long.A, Text.A, 1, "a", (Short.A,),
]  # fmt: skip


def test_values_of_the_table_all_differ():
    by_digest: dict[bytes, list[object]] = {}
    for value in DIFFERENT:
        by_digest.setdefault(of(value), []).append(value)
    assert [values for values in by_digest.values() if len(values) > 1] == []


def test_equal_fields_make_equal_digests():
    assert of(Point(1, {"a": 1, "b": 2})) == of(Point(y={"b": 2, "a": 1}, x=1))
    assert of(Frozen(1, 2)) == of(dataclasses.replace(Frozen(3, 2), x=1))
    assert of(Pair(1, 2)) == of(Pair(y=2, x=1))
    assert of(Model(x=1, y=2)) == of(Model.model_validate({"y": 2, "x": 1}))
    assert of(Open(x=1, y=2, z=3)) == of(Open(z=3, y=2, x=1))


PATHS = {
    "value.y": lambda bad: Point(1, bad),
    "value.x.y[0]": lambda bad: Frozen(Point(1, [bad])),
    "value['a'].y": lambda bad: {"a": Pair(1, bad)},
    "value['y']": lambda bad: Model(y=bad),
}


@pytest.mark.parametrize(("path", "make"), PATHS.items(), ids=PATHS)
def test_the_error_has_the_path_through_fields(path, make):
    with pytest.raises(UndigestableError) as caught:
        of(make(object()))
    assert caught.value.path == path


@pytest.mark.parametrize("kind", [Point, Frozen, Named, Pair, Model, Short])
def test_a_class_is_no_value_even_if_its_instances_are(kind):
    with pytest.raises(UndigestableError) as caught:
        of([kind])
    assert caught.value.path == "value[0]"


def test_a_field_that_was_never_set_is_refused_with_its_path():
    @dataclasses.dataclass
    class Lazy:
        ready: int = dataclasses.field(init=False)

    with pytest.raises(UndigestableError) as caught:
        of([Lazy()])
    assert caught.value.path == "value[0].ready"


class Remembering(pydantic.BaseModel):
    x: int

    @functools.cached_property
    def double(self):
        return self.x * 2


def test_what_a_model_remembers_for_speed_does_not_count():
    model = Remembering(x=1)
    before = of(model)
    assert model.double == 2
    assert of(model) == before


class Secretive(pydantic.BaseModel):
    x: int = 0
    _hidden: int = pydantic.PrivateAttr(0)


def test_models_that_differ_in_a_private_attribute_differ():
    one, two = Secretive(), Secretive()
    two._hidden = 1
    assert one != two
    assert of(one) != of(two)


class Annotated(Pair):
    """A named tuple whose instances have attributes, too."""


class Slotted(Point):
    __slots__ = ("more",)


@pytest.mark.parametrize("kind", [Annotated, Slotted])
def test_what_was_set_beyond_the_fields_counts(kind):
    values = [kind(1, 2) for _ in range(4)]
    values[2].more, values[3].more = 1, 2
    digests = [of(value) for value in values]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_private_slot_beyond_the_fields_counts():
    @dataclasses.dataclass(slots=True)
    class Base:
        x: int

    class Hiding(Base):
        __slots__ = ("__hidden",)

        def hide(self, value):
            self.__hidden = value
            return self

    assert len({of(Hiding(1)), of(Hiding(1).hide(1)), of(Hiding(1).hide(2))}) == 3


@dataclasses.dataclass
class Row(dict):
    name: str


@dataclasses.dataclass(frozen=True)
class Tag(str):
    __slots__ = ()


@pytest.mark.parametrize("value", [Row("a"), Tag()], ids=["dict", "str"])
def test_a_dataclass_that_is_a_builtin_type_as_well_is_refused(value):
    with pytest.raises(UndigestableError) as caught:
        of([value])
    assert caught.value.path == "value[0]"


def test_a_class_may_move_to_another_module_and_not_to_another_name():
    def made(name, module):
        return dataclasses.make_dataclass(name, ["x"], namespace={"__module__": module})

    assert of(made("Moved", "one")(1)) == of(made("Moved", "two")(1))
    assert of(made("Moved", "one")(1)) != of(made("Renamed", "one")(1))
