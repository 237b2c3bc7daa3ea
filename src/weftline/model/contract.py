"""The type rule: may a value of one type go where another is wanted. Checked at build, set, restore and transport.

Theory of operation. There is one rule with two faces: `assignable` compares two types before anything runs, `conforms`
compares a value with a type. Both follow the typing specification, with one difference that both share: containers are
covariant, since a value that travels through a pipeline is read and never changed (`list[int]` may go where `list[float]`
is wanted). `Any`, a missing annotation and a bare generic are *unknown*: they pass, and `check` lists them.
"""

from __future__ import annotations

import collections.abc
import functools
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, Literal, NewType, TypeVar, Union

from weftline.model.structure import base_arguments, element_type, fields_of_typed_dict, protocol_members

UNKNOWN = Any
Check = Callable[[Any], bool]
_UNIONS = (Union, types.UnionType)
#: PEP 484: an int may stand for a float, and both for a complex.
_TOWER: dict[type, tuple[type, ...]] = {float: (float, int), complex: (complex, float, int)}


def is_unknown(kind: Any) -> bool:
    """Whether nothing is known of a type, so that nothing can be checked."""
    return kind is Any or kind is object or isinstance(kind, TypeVar)


def render(kind: Any) -> str:
    """A type as it is written in source."""
    kind = _bare(kind)
    if kind is None or kind is type(None):
        return "None"
    if typing.get_origin(kind) in _UNIONS:
        return " | ".join(render(part) for part in typing.get_args(kind))
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if arguments and not isinstance(arguments[0], list):
        parts = ", ".join("..." if part is ... else render(part) for part in arguments)
        return f"{render(typing.get_origin(kind))}[{parts}]"
    return str(getattr(kind, "__qualname__", None) or str(kind).replace("typing.", ""))


# --- a type against a type ----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def _assignable(given: Any, wanted: Any) -> bool:
    if is_unknown(wanted) or is_unknown(given) or given == wanted:
        return True
    if isinstance(given, NewType):
        return assignable(given.__supertype__, wanted)
    if isinstance(wanted, NewType):
        return False
    given_origin, wanted_origin = typing.get_origin(given) or given, typing.get_origin(wanted) or wanted
    if given_origin in _UNIONS:
        return all(assignable(part, wanted) for part in typing.get_args(given))
    if given_origin is Literal:
        return all(conforms(value, wanted) for value in typing.get_args(given))
    if wanted_origin in _UNIONS:
        return any(assignable(given, part) for part in typing.get_args(wanted))
    if wanted_origin is Literal or given is None or wanted is None:
        return False
    if not isinstance(given_origin, type) or not isinstance(wanted_origin, type):
        return _both_callable(given_origin, wanted_origin)
    return _class_assignable(given, given_origin, wanted, wanted_origin)


def assignable(given: Any, wanted: Any) -> bool:
    """Whether every value of type `given` may go where `wanted` is declared."""
    return _assignable(_bare(given), _bare(wanted))


def _class_assignable(given: Any, given_origin: type, wanted: Any, wanted_origin: type) -> bool:
    if not _is_subclass(given_origin, wanted_origin):
        return False
    wanted_arguments = typing.get_args(wanted)
    if not wanted_arguments:
        return True
    if wanted_origin is tuple:
        return _tuples_assignable(typing.get_args(given), wanted_arguments)
    if issubclass(wanted_origin, (type, collections.abc.Callable)):  # type: ignore[arg-type]  # an abstract class at run time
        return True
    arguments = base_arguments(given, wanted_origin)
    if arguments is None or len(arguments) != len(wanted_arguments):
        return True  # the parameters of that base are not known: the values themselves will be checked
    return all(assignable(mine, theirs) for mine, theirs in zip(arguments, wanted_arguments, strict=True))


def _is_subclass(given: type, wanted: type) -> bool:
    if wanted in _TOWER and given in _TOWER[wanted]:
        return True
    members = protocol_members(wanted)
    if members is not None:
        return all(hasattr(given, name) or name in getattr(given, "__annotations__", {}) for name in members)
    if fields_of_typed_dict(wanted) is not None or fields_of_typed_dict(given) is not None:
        return _dicts_assignable(given, wanted)
    try:
        return issubclass(given, wanted)
    except TypeError:
        return False


def _dicts_assignable(given: type, wanted: type) -> bool:
    have, want = fields_of_typed_dict(given), fields_of_typed_dict(wanted)
    if want is None:
        return issubclass(dict, wanted)
    if have is None:
        return issubclass(given, dict)
    return all(name in have and assignable(have[name][0], kind) for name, (kind, required) in want.items() if required)


def _tuples_assignable(given: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    if not given:
        return True
    if wanted[-1] is ...:
        return all(assignable(part, wanted[0]) for part in given if part is not ...)
    if given[-1] is ...:
        return False
    return len(given) == len(wanted) and all(map(assignable, given, wanted))


def _both_callable(given: Any, wanted: Any) -> bool:
    return wanted is collections.abc.Callable and (given is collections.abc.Callable or callable(given))


# --- a value against a type ---------------------------------------------------------------------------------------


def conforms(value: Any, wanted: Any) -> bool:
    """Whether a value may go where `wanted` is declared; containers are looked through completely."""
    return checker(wanted)(value)


def checker(wanted: Any) -> Check:
    """The check for one type, made once and cheap to call."""
    try:
        return _checker(wanted)
    except TypeError:  # an unhashable type, such as Annotated with a list in it
        return _build(wanted)


@functools.lru_cache(maxsize=4096)
def _checker(wanted: Any) -> Check:
    return _build(wanted)


def mismatch(value: Any, wanted: Any, path: str = "") -> str:
    """Says where inside a value it leaves the type: `[3]['x'] is a str, not float`."""
    wanted = _bare(wanted)
    origin = typing.get_origin(wanted) or wanted
    if typing.get_origin(wanted) not in (*_UNIONS, Literal) and isinstance(origin, type) and _isinstance(origin)(value):
        for step, part, kind in _parts(value, wanted, origin):
            if not conforms(part, kind):
                return mismatch(part, kind, path + step)
    text = repr(value)
    short = text if len(text) <= 60 else text[:57] + "..."
    return f"{path or 'the value'} is {short}, a {render(type(value))}, not {render(wanted)}"


def _parts(value: Any, wanted: Any, origin: type) -> Iterable[tuple[str, Any, Any]]:
    arguments = typing.get_args(wanted)
    fields = fields_of_typed_dict(origin)
    if fields is not None:
        return [(f"[{name!r}]", value.get(name), kind) for name, (kind, _) in fields.items() if name in value]
    if not arguments:
        return []
    if origin is tuple and arguments[-1] is not ...:
        return [(f"[{at}]", part, kind) for at, (part, kind) in enumerate(zip(value, arguments, strict=False))]
    if isinstance(value, collections.abc.Mapping):
        keys = [(f" key {key!r}", key, arguments[0]) for key in value]
        return keys + [(f"[{key!r}]", part, arguments[-1]) for key, part in value.items()]
    if isinstance(value, collections.abc.Collection):
        return [(f"[{at}]", part, arguments[0]) for at, part in enumerate(value)]
    return []


def _build(wanted: Any) -> Check:
    wanted = _bare(wanted)
    if is_unknown(wanted):
        return _anything
    if wanted is None:
        return lambda value: value is None
    if isinstance(wanted, NewType):
        return checker(wanted.__supertype__)
    origin, arguments = typing.get_origin(wanted) or wanted, typing.get_args(wanted)
    if origin in _UNIONS:
        checks = [checker(part) for part in arguments]
        return lambda value: any(check(value) for check in checks)
    if origin is Literal:
        allowed = {(type(item), item) for item in arguments}
        return lambda value: (type(value), value) in allowed
    if not isinstance(origin, type):
        return _anything
    return _class_check(origin, arguments)


def _anything(value: Any) -> bool:
    del value
    return True


def _class_check(origin: type, arguments: tuple[Any, ...]) -> Check:
    fields = fields_of_typed_dict(origin)
    if fields is not None:
        return _typed_dict_check(fields)
    outer = _isinstance(origin)
    if not arguments or all(is_unknown(argument) for argument in arguments):
        return outer
    if origin is type:
        kinds = tuple(part for part in arguments if isinstance(part, type))
        return lambda value: isinstance(value, type) and (not kinds or issubclass(value, kinds))
    if origin is tuple:
        return _tuple_check(arguments)
    if issubclass(origin, collections.abc.Mapping):
        return _mapping_check(outer, *arguments) if len(arguments) == 2 else outer
    if issubclass(origin, collections.abc.Collection) and len(arguments) == 1:
        return _collection_check(outer, arguments[0])
    if origin in {collections.abc.Iterable, collections.abc.Container}:
        inside = checker(arguments[0])
        return lambda value: (
            outer(value) and (not isinstance(value, collections.abc.Collection) or all(inside(item) for item in value))
        )
    if origin.__module__.partition(".")[0] == "numpy":
        return _array_check(outer, arguments)
    return outer


def _isinstance(origin: type) -> Check:
    members = protocol_members(origin)
    if members is not None:
        return lambda value: all(hasattr(value, name) for name in members)
    accepted = _TOWER.get(origin, origin)
    return lambda value: isinstance(value, accepted)


def _collection_check(outer: Check, argument: Any) -> Check:
    inside = checker(argument)
    if argument in {int, str, float, bool, bytes}:
        exact = {int, float} if argument is float else {argument}
        return lambda value: outer(value) and (set(map(type, value)) <= exact or all(inside(item) for item in value))
    return lambda value: outer(value) and all(inside(item) for item in value)


def _mapping_check(outer: Check, key: Any, item: Any) -> Check:
    key_check, item_check = checker(key), checker(item)
    return lambda value: outer(value) and all(map(key_check, value)) and all(map(item_check, value.values()))


def _tuple_check(arguments: tuple[Any, ...]) -> Check:
    if arguments[-1] is ...:
        inside = checker(arguments[0])
        return lambda value: isinstance(value, tuple) and all(inside(item) for item in value)
    checks = [checker(part) for part in arguments]
    count = len(checks)
    return lambda value: (
        isinstance(value, tuple) and len(value) == count and all(check(part) for check, part in zip(checks, value, strict=True))
    )


def _typed_dict_check(fields: dict[str, tuple[Any, bool]]) -> Check:
    checks = {name: checker(kind) for name, (kind, _) in fields.items()}
    required = {name for name, (_, needed) in fields.items() if needed}
    return lambda value: (
        isinstance(value, dict)
        and required <= value.keys() <= checks.keys()
        and all(checks[name](item) for name, item in value.items())
    )


def _array_check(outer: Check, arguments: tuple[Any, ...]) -> Check:
    """An array against `ndarray[shape, dtype[scalar]]`: the number of axes where the shape names them, and the scalar type."""
    axes = typing.get_args(arguments[0])
    rank = len(axes) if axes and axes[-1] is not ... else None
    scalars = [part for part in typing.get_args(arguments[-1]) if isinstance(part, type)]
    return lambda value: (
        outer(value)
        and (rank is None or value.ndim == rank)
        and (not scalars or any(issubclass(value.dtype.type, scalar) for scalar in scalars))
    )


def _bare(kind: Any) -> Any:
    """A type without `Annotated`, `Final` and the like; `None` for the type of None."""
    while True:
        origin = typing.get_origin(kind)
        if origin in {typing.Annotated, typing.Final, typing.ClassVar, typing.Required, typing.NotRequired}:
            kind = typing.get_args(kind)[0]
        elif hasattr(kind, "__value__") and type(kind).__name__ == "TypeAliasType":
            kind = kind.__value__
        else:
            return None if kind is type(None) else kind


__all__ = ["UNKNOWN", "assignable", "checker", "conforms", "element_type", "is_unknown", "mismatch", "render"]
