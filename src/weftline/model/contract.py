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

from weftline.model.structure import (
    TupleForm,
    aliased,
    base_arguments,
    element_type,
    fields_of_typed_dict,
    is_empty_tuple,
    members_of,
    protocol_members,
    tuple_arguments,
)

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


def _decided(given: Any, wanted: Any) -> bool:
    if is_unknown(wanted) or is_unknown(given) or given == wanted:
        return True
    given_origin, wanted_origin = typing.get_origin(given) or given, typing.get_origin(wanted) or wanted
    if given_origin in _UNIONS:
        return all(assignable(part, wanted) for part in typing.get_args(given))
    if given_origin is Literal:
        return all(_literal_assignable(value, wanted) for value in typing.get_args(given))
    if wanted_origin in _UNIONS:
        return any(assignable(given, part) for part in typing.get_args(wanted))
    if isinstance(given, NewType):
        return assignable(given.__supertype__, wanted)
    if isinstance(wanted, NewType) or wanted_origin is Literal or given is None or wanted is None:
        return False
    if not isinstance(given_origin, type) or not isinstance(wanted_origin, type):
        return _both_callable(given_origin, wanted_origin)
    return _class_assignable(given, given_origin, wanted, wanted_origin)


def assignable(given: Any, wanted: Any) -> bool:
    """Whether every value of type `given` may go where `wanted` is declared."""
    given, wanted = _bare(given), _bare(wanted)
    try:
        return _assignable(given, wanted)
    except TypeError:  # an unhashable type, such as Annotated with a list in it
        return _decided(given, wanted)


@functools.lru_cache(maxsize=4096)
def _assignable(given: Any, wanted: Any) -> bool:
    return _decided(given, wanted)


def _literal_assignable(value: Any, wanted: Any) -> bool:
    """A literal goes where its value conforms, except that no value makes itself a new type."""
    wanted = _bare(wanted)
    if typing.get_origin(wanted) in _UNIONS:
        return any(_literal_assignable(value, part) for part in typing.get_args(wanted))
    if typing.get_origin(wanted) is Literal or value is None:
        return conforms(value, wanted)
    return assignable(type(value), wanted)


def _class_assignable(given: Any, given_origin: type, wanted: Any, wanted_origin: type) -> bool:
    if not _is_subclass(given_origin, wanted_origin):
        return False
    if fields_of_typed_dict(wanted_origin) is not None and fields_of_typed_dict(given_origin) is None:
        return all(is_unknown(part) for part in typing.get_args(given)[1:])
    if wanted_origin is tuple and is_empty_tuple(wanted):
        return tuple_arguments(given) in {None, ()}
    wanted_arguments = typing.get_args(wanted)
    if not wanted_arguments:
        return True
    if wanted_origin is tuple:
        return _tuples_assignable(tuple_arguments(given), wanted_arguments)
    if wanted_origin is type:
        return _kinds_assignable(typing.get_args(given), wanted_arguments[0])
    if issubclass(wanted_origin, collections.abc.Callable):  # type: ignore[arg-type]  # an abstract class at run time
        return True
    arguments = base_arguments(given, wanted_origin)
    if arguments is None or len(arguments) != len(wanted_arguments):
        return True  # the parameters of that base are not known: the values themselves will be checked
    return all(assignable(mine, theirs) for mine, theirs in zip(arguments, wanted_arguments, strict=True))


def _is_subclass(given: type, wanted: type) -> bool:
    if wanted in _TOWER:
        return issubclass(given, _TOWER[wanted])
    members = protocol_members(wanted)
    if members is not None:
        return members <= members_of(given)
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
    return all(_field_assignable(have.get(name), kind, required) for name, (kind, required) in want.items())


def _field_assignable(have: tuple[Any, bool] | None, kind: Any, required: bool) -> bool:
    if have is None:
        return not required
    return assignable(have[0], kind) and (have[1] or not required)


def _kinds_assignable(given: tuple[Any, ...], wanted: Any) -> bool:
    return not given or assignable(given[0], wanted)


def _tuples_assignable(given: tuple[Any, ...] | None, wanted: tuple[Any, ...]) -> bool:
    """Items by position; what repeats (`...`, `*tuple[...]`) may repeat any number of times."""
    if given is None or (given[-1:] == (...,) and is_unknown(given[0])):
        return True
    have, want = TupleForm.of(given), TupleForm.of(wanted)
    if want.repeated is ...:
        return have.repeated is ... and len(have.head) == len(want.head) and all(map(assignable, have.head, want.head))
    if len(have.head) + len(have.tail) < len(want.head) + len(want.tail):
        return False
    if have.repeated is not ... and (len(have.head) < len(want.head) or len(have.tail) < len(want.tail)):
        return False
    fixed = [*have.head, *have.tail]
    count = len(fixed) - len(want.tail)
    middle = fixed[len(want.head) : count] + ([] if have.repeated is ... else [have.repeated])
    return (
        all(map(assignable, fixed, want.head))
        and all(map(assignable, fixed[count:], want.tail))
        and all(assignable(part, want.repeated) for part in middle)
    )


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
    """Says where inside a value it leaves the type: `[3]['x'] is 'a' (str), not float`."""
    wanted = _bare(wanted)
    origin = typing.get_origin(wanted) or wanted
    if typing.get_origin(wanted) not in (*_UNIONS, Literal) and isinstance(origin, type) and _is_of(value, origin):
        for step, part, kind in _parts(value, wanted, origin):
            if not conforms(part, kind):
                return mismatch(part, kind, path + step)
    text = repr(value)
    short = text if len(text) <= 60 else text[:57] + "..."
    found = short if value is None else f"{short} ({render(type(value))})"
    return f"{path or 'the value'} is {found}, not {render(wanted)}"


def _is_of(value: Any, origin: type) -> bool:
    """Whether to look inside: the value is of the class, whatever its parts are."""
    return isinstance(value, dict) if fields_of_typed_dict(origin) is not None else _isinstance(origin)(value)


def _parts(value: Any, wanted: Any, origin: type) -> Iterable[tuple[str, Any, Any]]:
    arguments = typing.get_args(wanted)
    fields = fields_of_typed_dict(origin)
    if fields is not None:
        return [(f"[{name!r}]", value.get(name), kind) for name, (kind, _) in fields.items() if name in value]
    if not arguments or (base_arguments(wanted, collections.abc.Iterable) is None and origin is not tuple):
        return []
    if origin is tuple and arguments[-1] is not ...:
        return [(f"[{at}]", part, kind) for at, (part, kind) in enumerate(zip(value, arguments, strict=False))]
    if isinstance(value, collections.abc.Mapping) and issubclass(origin, collections.abc.Mapping):
        kinds = base_arguments(wanted, collections.abc.Mapping) or (Any, Any)
        keys = [(f" key {key!r}", key, kinds[0]) for key in value]
        return keys + [(f"[{key!r}]", part, kinds[1]) for key, part in value.items()]
    if isinstance(value, collections.abc.Collection):
        (item,) = base_arguments(wanted, collections.abc.Iterable) or (Any,)
        return [(f"[{at}]", part, item) for at, part in enumerate(value)]
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
        kinds = {type(item) for item in arguments}
        return lambda value: type(value) in kinds and any(type(value) is type(item) and value == item for item in arguments)
    if not isinstance(origin, type):
        return _anything
    return _class_check(wanted, origin, arguments)


def _anything(value: Any) -> bool:
    del value
    return True


def _class_check(wanted: Any, origin: type, arguments: tuple[Any, ...]) -> Check:
    fields = fields_of_typed_dict(origin)
    if fields is not None:
        return _typed_dict_check(fields)
    outer = _isinstance(origin)
    if origin is tuple and not arguments and origin is not wanted:
        return lambda value: value == () and isinstance(value, tuple)
    if not arguments or all(is_unknown(argument) for argument in arguments):
        return outer
    if origin is type:
        return lambda value: isinstance(value, type) and assignable(value, arguments[0])
    if origin is tuple:
        return _tuple_check(arguments)
    if issubclass(origin, collections.abc.Mapping):
        pair = base_arguments(wanted, collections.abc.Mapping)
        return outer if pair is None or len(pair) != 2 else _mapping_check(outer, *pair)
    if issubclass(origin, collections.abc.Collection) and not _is_of_numpy(origin):
        items = base_arguments(wanted, collections.abc.Iterable)
        return outer if items is None or len(items) != 1 else _collection_check(outer, items[0])
    if origin in {collections.abc.Iterable, collections.abc.Container}:
        inside = checker(arguments[0])
        return lambda value: (
            outer(value) and (not isinstance(value, collections.abc.Collection) or all(inside(item) for item in value))
        )
    if _is_of_numpy(origin):
        return _array_check(outer, arguments)
    return outer


def _is_of_numpy(origin: type) -> bool:
    return origin.__module__.partition(".")[0] == "numpy"


def _isinstance(origin: type) -> Check:
    members = protocol_members(origin)
    if members is not None:
        return lambda value: all(hasattr(value, name) for name in members)
    accepted = _TOWER.get(origin, origin)
    return lambda value: isinstance(value, accepted)


def _collection_check(outer: Check, argument: Any) -> Check:
    inside = checker(argument)
    if isinstance(argument, type) and argument in {int, str, float, bool, bytes}:
        exact = {int, float} if argument is float else {argument}
        return lambda value: outer(value) and (set(map(type, value)) <= exact or all(inside(item) for item in value))
    return lambda value: outer(value) and all(inside(item) for item in value)


def _mapping_check(outer: Check, key: Any, item: Any) -> Check:
    key_check, item_check = checker(key), checker(item)
    return lambda value: outer(value) and all(map(key_check, value)) and all(map(item_check, value.values()))


def _tuple_check(arguments: tuple[Any, ...]) -> Check:
    form = TupleForm.of(arguments)
    head, tail = [checker(part) for part in form.head], [checker(part) for part in form.tail]
    inside = None if form.repeated is ... else checker(form.repeated)
    count = len(head) + len(tail)

    def check(value: Any) -> bool:
        if not isinstance(value, tuple) or len(value) < count or (inside is None and len(value) != count):
            return False
        end = len(value) - len(tail)
        return (
            all(found(part) for found, part in zip(head, value, strict=False))
            and all(found(part) for found, part in zip(tail, value[end:], strict=True))
            and (inside is None or all(inside(part) for part in value[len(head) : end]))
        )

    return check


def _typed_dict_check(fields: dict[str, tuple[Any, bool]]) -> Check:
    checks = {name: checker(kind) for name, (kind, _) in fields.items()}
    required = {name for name, (_, needed) in fields.items() if needed}
    return lambda value: (
        isinstance(value, dict)
        and required <= value.keys()  # further keys may be there, as the typing specification says
        and all(isinstance(name, str) for name in value)
        and all(check(value[name]) for name, check in checks.items() if name in value)
    )


def _array_check(outer: Check, arguments: tuple[Any, ...]) -> Check:
    """An array against `ndarray[shape, dtype[scalar]]`: the number of axes where the shape names them, and the scalar type."""
    axes = typing.get_args(arguments[0])
    rank = len(axes) if axes and axes[-1] is not ... else None
    scalars = [part for part in typing.get_args(arguments[-1]) if isinstance(part, type) and not is_unknown(part)]
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
        elif (found := aliased(kind)) is not None:
            kind = found
        else:
            return None if kind is type(None) else kind


__all__ = ["UNKNOWN", "assignable", "checker", "conforms", "element_type", "is_unknown", "mismatch", "render"]
