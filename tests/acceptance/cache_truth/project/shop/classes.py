"""Classes in their many forms."""

import functools
from dataclasses import dataclass, field
from typing import NamedTuple


def figures(count: int) -> dict[str, float]:
    tariff = Tariff.standard()
    return {
        "attribute": tariff.rate,
        "method": tariff.of(count),
        "base": tariff.rounding(),
        "property": tariff.extra,
        "static": Tariff.half(count),
        "kept": tariff.once,
        "super": tariff.described(),
        "weight": Parcel(count).weight(),
        "field": Parcel(count).height,
        "factory": len(Parcel(count).labels),
        "tuple": Box(count).depth,
        "call": surcharge(count),
        "descriptor": Shelf.place,
        "class decorator": Shelf().level,
        "subclass hook": len(Special.tags),
        "metaclass": len(Counted.made_by),
        "inner": Shelf.Slot.width,
    }


class Base:
    def rounding(self) -> int:
        return 2

    def described(self) -> int:
        return 30


class Tariff(Base):
    """What things cost."""

    rate = 3

    def __init__(self, step: int) -> None:
        self.step = step

    def of(self, count: int) -> int:
        return count * self.rate + self.step

    def described(self) -> int:
        return super().described() + 1

    @property
    def extra(self) -> int:
        return 5

    @functools.cached_property
    def once(self) -> int:
        return 31

    @classmethod
    def standard(cls) -> "Tariff":
        return cls(8)

    @staticmethod
    def half(count: int) -> float:
        return count / 2


@dataclass
class Parcel:
    count: int
    height: int = 32
    labels: list[str] = field(default_factory=lambda: ["fragile"])

    def weight(self) -> int:
        return sum(vars(self)[name] for name in vars(self) if name != "labels")


class Box(NamedTuple):
    width: int
    depth: int = 33


class Surcharge:
    """Called like a function."""

    def __init__(self, amount: int) -> None:
        self.amount = amount

    def __call__(self, value: int) -> int:
        return value + self.amount


surcharge = Surcharge(34)


class Place:
    def __get__(self, instance: object, owner: type) -> int:
        return 35


def levelled(kind: type) -> type:
    kind.level = 36
    return kind


@levelled
class Shelf:
    place = Place()

    class Slot:
        width = 37


class Tagged:
    tags: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        cls.tags = ("special",)


class Special(Tagged):
    pass


class Making(type):
    @property
    def made_by(cls) -> str:
        return "metaclass"


class Counted(metaclass=Making):
    pass
