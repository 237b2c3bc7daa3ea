"""All that decides what a project's class does is in the closure: special methods, metaclasses, factories, validators."""

import pytest

#: A project, and an edit that changes what its node computes.
CHANGES = {
    "__new__": ("""
        class Loaf:
            def __new__(cls, x):
                return x * 2

        def node(x):
            return Loaf(x)
    """, "* 2", "* 3"),
    "__init_subclass__": ("""
        class Base:
            def __init_subclass__(cls):
                cls.factor = 2

        def node(x):
            class Loaf(Base):
                pass
            return Loaf.factor
    """, "factor = 2", "factor = 3"),
    "__class_getitem__": ("""
        class Loaf:
            def __class_getitem__(cls, x):
                return x * 2

        def node(x):
            return Loaf[x]
    """, "* 2", "* 3"),
    "__call__": ("""
        class Loaf:
            def __call__(self, x):
                return x * 2

        def node(x):
            return Loaf()(x)
    """, "* 2", "* 3"),
    "cached __call__": ("""
        import functools

        class Loaf:
            @functools.lru_cache
            def __call__(self, x):
                return x * 2

        def node(x):
            return Loaf()(x)
    """, "* 2", "* 3"),
    "special method that is another function": ("""
        def doubled(self, x):
            return x * 2

        class Loaf:
            __call__ = doubled

        def node(x):
            return Loaf()(x)
    """, "* 2", "* 3"),
    "__getattr__": ("""
        class Loaf:
            def __getattr__(self, name):
                return len(name) * 2

        def node(x):
            return Loaf().crust
    """, "* 2", "* 3"),
    "metaclass": ("""
        class Meta(type):
            def __call__(cls, x):
                return x * 2

        class Loaf(metaclass=Meta):
            pass

        def node(x):
            return Loaf(x)
    """, "* 2", "* 3"),
    "descriptor": ("""
        class Crust:
            def __get__(self, owner, kind):
                return 2

        class Loaf:
            crust = Crust()

        def node(x):
            return Loaf().crust
    """, "return 2", "return 3"),
    "property setter": ("""
        class Loaf:
            @property
            def size(self):
                return self._size

            @size.setter
            def size(self, value):
                self._size = value * 2

        def node(x):
            loaf = Loaf()
            loaf.size = x
            return loaf.size
    """, "* 2", "* 3"),
    "cached property": ("""
        import functools

        class Loaf:
            @functools.cached_property
            def size(self):
                return 2

        def node(x):
            return Loaf().size
    """, "return 2", "return 3"),
    "partial method": ("""
        import functools

        class Loaf:
            def cut(self, x, by):
                return x * by
            halve = functools.partialmethod(cut, by=2)

        def node(x):
            return Loaf().halve(x)
    """, "by=2", "by=3"),
    "method made a class method": ("""
        class Loaf:
            @classmethod
            def kind(self):
                return repr(self)

        def node(x):
            return Loaf().kind()
    """, "@classmethod\n", "\n"),
    "static method made a method": ("""
        class Loaf:
            @staticmethod
            def kind(x=None):
                return x is None

        def node(x):
            return Loaf().kind()
    """, "@staticmethod\n", "\n"),
    "property made a method": ("""
        class Loaf:
            @property
            def size(self):
                return 2

        def node(x):
            return bool(Loaf().size)
    """, "@property\n", "\n"),
    "class decorator": ("""
        def priced(at):
            def decorate(kind):
                kind.price = lambda self: at
                return kind
            return decorate

        @priced(2)
        class Loaf:
            pass

        def node(x):
            return Loaf().price()
    """, "priced(2)", "priced(3)"),
    "attribute set after the class": ("""
        class Loaf:
            pass

        Loaf.size = 2

        def node(x):
            return Loaf.size
    """, "size = 2", "size = 3"),
    "what an annotation says beside the type": ("""
        from typing import Annotated

        LIMIT = 2

        class Loaf:
            size: Annotated[int, LIMIT]

        def node(x):
            return Loaf.__annotations__["size"].__metadata__
    """, "LIMIT = 2", "LIMIT = 3"),
    "nested class": ("""
        class Loaf:
            class Crust:
                def size(self):
                    return 2

        def node(x):
            return Loaf.Crust().size()
    """, "return 2", "return 3"),
    "which of two classes of one name": ("""
        RYE = True
        if RYE:
            class Loaf:
                def size(self):
                    return 2
        else:
            class Loaf:
                def size(self):
                    return 3

        def node(x):
            return Loaf().size()
    """, "RYE = True", "RYE = False"),
    "enum property": ("""
        import enum

        class Size(enum.Enum):
            SMALL = 1

            @property
            def grams(self):
                return self.value * 200

        def node(x):
            return Size.SMALL.grams
    """, "* 200", "* 300"),
    "enum class method": ("""
        import enum

        class Size(enum.Enum):
            SMALL = 1

            @classmethod
            def of(cls, x):
                return x * 200

        def node(x):
            return Size.of(x)
    """, "* 200", "* 300"),
    "enum static method": ("""
        import enum

        class Size(enum.Enum):
            SMALL = 1

            @staticmethod
            def grams(x):
                return x * 200

        def node(x):
            return Size.grams(x)
    """, "* 200", "* 300"),
    "enum method": ("""
        import enum

        class Size(enum.Enum):
            SMALL = 1

            def grams(self):
                return self.value * 200

        def node(x):
            return Size.SMALL.grams()
    """, "* 200", "* 300"),
    "enum _missing_": ("""
        import enum

        class Size(enum.Enum):
            SMALL = 1
            LARGE = 2

            @classmethod
            def _missing_(cls, value):
                return cls.SMALL

        def node(x):
            return Size(x)
    """, "return cls.SMALL", "return cls.LARGE"),
    "enum made by a call": ("""
        import enum

        Size = enum.Enum("Size", {"SMALL": 2})

        def node(x):
            return Size.SMALL.value
    """, ": 2", ": 3"),
    "fields of a named tuple made by a call": ("""
        import collections

        Pair = collections.namedtuple("Pair", "left right")

        def node(x):
            return Pair(1, 2).left
    """, "left right", "right left"),
    "default of a named tuple": ("""
        import typing

        FACTOR = 2

        class Pair(typing.NamedTuple):
            left: int = FACTOR

        def node(x):
            return Pair().left
    """, "FACTOR = 2", "FACTOR = 3"),
    "method of a named tuple": ("""
        import typing

        class Pair(typing.NamedTuple):
            left: int

            def double(self):
                return self.left * 2

        def node(x):
            return Pair(x).double()
    """, "* 2", "* 3"),
}  # fmt: skip

DATACLASSES = {
    "default": ("""
        FACTOR = 2

        @dataclass
        class Loaf:
            size: int = FACTOR

        def node(x):
            return Loaf().size
    """, "FACTOR = 2", "FACTOR = 3"),
    "default, with slots": ("""
        FACTOR = 2

        @dataclass(slots=True)
        class Loaf:
            size: int = FACTOR

        def node(x):
            return Loaf().size
    """, "FACTOR = 2", "FACTOR = 3"),
    "default by field()": ("""
        FACTOR = 2

        @dataclass
        class Loaf:
            size: int = field(default=FACTOR)

        def node(x):
            return Loaf().size
    """, "FACTOR = 2", "FACTOR = 3"),
    "factory": ("""
        def crumbs():
            return [2]

        @dataclass
        class Loaf:
            crumbs: list = field(default_factory=crumbs)

        def node(x):
            return Loaf().crumbs
    """, "return [2]", "return [3]"),
    "factory that is a lambda": ("""
        @dataclass
        class Loaf:
            crumbs: list = field(default_factory=lambda: [2])

        def node(x):
            return Loaf().crumbs
    """, "[2]", "[3]"),
    "field that takes no part": ("""
        @dataclass
        class Loaf:
            size: int = field(default=1, repr=False)

        def node(x):
            return repr(Loaf())
    """, "repr=False", "repr=True"),
    "metadata of a field": ("""
        UNIT = "g"

        @dataclass
        class Loaf:
            size: int = field(default=1, metadata={"unit": UNIT})

        def node(x):
            return fields(Loaf)[0].metadata["unit"]
    """, 'UNIT = "g"', 'UNIT = "kg"'),
    "__post_init__": ("""
        @dataclass
        class Loaf:
            size: int = 1

            def __post_init__(self):
                self.size = self.size * 2

        def node(x):
            return Loaf().size
    """, "* 2", "* 3"),
    "field of a base": ("""
        @dataclass
        class Base:
            size: int = 2

        @dataclass
        class Loaf(Base):
            crust: int = 1

        def node(x):
            return Loaf().size
    """, "size: int = 2", "size: int = 3"),
    "which of two classes of one name": ("""
        RYE = True
        if RYE:
            @dataclass
            class Loaf:
                crumbs: list = field(default_factory=lambda: [2])
        else:
            @dataclass
            class Loaf:
                crumbs: list = field(default_factory=lambda: [3])

        def node(x):
            return Loaf().crumbs
    """, "RYE = True", "RYE = False"),
    "made by a call": ("""
        FACTOR = 2

        Loaf = make_dataclass("Loaf", [("size", int, FACTOR)])

        def node(x):
            return Loaf().size
    """, "FACTOR = 2", "FACTOR = 3"),
}  # fmt: skip

MODELS = {
    "default": ("""
        FACTOR = 2

        class Loaf(BaseModel):
            size: int = FACTOR

        def node(x):
            return Loaf().size
    """, "FACTOR = 2", "FACTOR = 3"),
    "limit": ("""
        LIMIT = 2

        class Loaf(BaseModel):
            size: int = Field(ge=LIMIT)

        def node(x):
            return Loaf(size=x)
    """, "LIMIT = 2", "LIMIT = 3"),
    "limit in an annotation": ("""
        LIMIT = 2

        class Loaf(BaseModel):
            size: Annotated[int, Field(ge=LIMIT)]

        def node(x):
            return Loaf(size=x)
    """, "LIMIT = 2", "LIMIT = 3"),
    "factory": ("""
        def crumbs():
            return [2]

        class Loaf(BaseModel):
            crumbs: list = Field(default_factory=crumbs)

        def node(x):
            return Loaf().crumbs
    """, "return [2]", "return [3]"),
    "private attribute": ("""
        FACTOR = 2

        class Loaf(BaseModel):
            _size: int = FACTOR

        def node(x):
            return Loaf()._size
    """, "FACTOR = 2", "FACTOR = 3"),
    "validator": ("""
        class Loaf(BaseModel):
            size: int

            @field_validator("size")
            @classmethod
            def double(cls, size):
                return size * 2

        def node(x):
            return Loaf(size=x).size
    """, "* 2", "* 3"),
    "validator in an annotation": ("""
        def double(size):
            return size * 2

        class Loaf(BaseModel):
            size: Annotated[int, AfterValidator(double)]

        def node(x):
            return Loaf(size=x).size
    """, "* 2", "* 3"),
    "validator of a nested model": ("""
        class Crust(BaseModel):
            size: int

            @field_validator("size")
            @classmethod
            def double(cls, size):
                return size * 2

        class Loaf(BaseModel):
            crust: Crust

        def node(x):
            return Loaf(crust={"size": x}).crust.size
    """, "* 2", "* 3"),
    "configuration": ("""
        class Loaf(BaseModel):
            model_config = {"extra": "ignore"}
            size: int = 1

        def node(x):
            return Loaf(**x).model_dump()
    """, "ignore", "allow"),
    "computed field": ("""
        class Loaf(BaseModel):
            size: int = 1

            @computed_field
            @property
            def double(self) -> int:
                return self.size * 2

        def node(x):
            return Loaf().model_dump()
    """, "* 2", "* 3"),
}  # fmt: skip
DATACLASS_HEAD = "from dataclasses import dataclass, field, fields, make_dataclass\n"
MODEL_HEAD = (
    "from typing import Annotated\nfrom pydantic import AfterValidator, BaseModel, Field, computed_field, field_validator\n"
)


def flow(text: str, head: str = "") -> str:
    lines = text.splitlines()
    return head + "\n".join(line[8:] for line in lines) + "\n"


@pytest.mark.parametrize(("text", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_what_a_class_does_counts(tells_apart, text, old, new):
    assert tells_apart(flow(text), old, new)


@pytest.mark.parametrize(("text", "old", "new"), DATACLASSES.values(), ids=DATACLASSES)
def test_what_a_dataclass_does_counts(tells_apart, text, old, new):
    assert tells_apart(flow(text, DATACLASS_HEAD), old, new)


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"], ids=["", "annotations as texts"])
@pytest.mark.parametrize(("text", "old", "new"), MODELS.values(), ids=MODELS)
def test_what_a_model_does_counts(tells_apart, text, old, new, future):
    assert tells_apart(flow(text, future + MODEL_HEAD), old, new)


STAYS = {
    "docstring of a property": ('"""Words."""', '"""Others."""', "@property"),
    "docstring of a cached property": ('"""Words."""', '"""Others."""', "@functools.cached_property"),
    "docstring of a class method": ('"""Words."""', '"""Others."""', "@classmethod"),
    "annotation of a method": ("-> int", "-> float", "@property"),
}


@pytest.mark.parametrize(("old", "new", "decorator"), STAYS.values(), ids=STAYS)
def test_looks_of_a_class_do_not_count(tells_apart, old, new, decorator):
    body = f'class Loaf:\n    {decorator}\n    def size(self) -> int:\n        """Words."""\n        return 2\n'
    assert not tells_apart(f"import functools\n\n{body}\n\ndef node(x):\n    return Loaf().size\n", old, new)


def test_a_model_has_one_closure_however_often_it_is_built(read):
    text = flow(MODELS["validator of a nested model"][0], MODEL_HEAD)
    assert read(text).digest == read(text).digest


def test_a_function_with_a_class_inside_may_move_to_another_module(tells_apart):
    text = "def helper(x):\n    class Inner:\n        size = 1\n    return Inner.size\n"
    files = {
        "bakery_flow.py": "from first import helper\n\ndef node(x):\n    return helper(x)\n",
        "first.py": text,
        "second.py": text,
    }
    assert not tells_apart(files, "first", "second")
