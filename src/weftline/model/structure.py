"""What types are made of: elements, parameters of bases, members of protocols, fields of typed dictionaries."""

from __future__ import annotations

import collections
import collections.abc
import functools
import inspect
import typing
from typing import Any, NamedTuple, TypeVar

_TEXT = {str: str, bytes: int, bytearray: int, range: int}
_ONE_PARAMETER = (
    collections.abc.Iterable,
    collections.abc.Collection,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Set,
    collections.abc.MutableSet,
    collections.abc.Container,
    collections.abc.Reversible,
    collections.abc.Iterator,
)
_MAPPINGS = (collections.abc.Mapping, collections.abc.MutableMapping)


def element_type(kind: Any) -> Any:
    """The type of what iterating over a type gives: `Any` when it is not known, None when it cannot be iterated in order."""
    if kind is Any or kind is object or isinstance(kind, TypeVar):
        return Any
    origin = typing.get_origin(kind) or kind
    if origin is typing.Annotated:
        return element_type(typing.get_args(kind)[0])
    if (found := aliased(kind)) is not None:
        return element_type(found)
    if not isinstance(origin, type) or issubclass(origin, (str, bytes, collections.abc.Mapping, collections.abc.Set)):
        return None
    if not issubclass(origin, collections.abc.Iterable):
        return None
    arguments = base_arguments(kind, collections.abc.Iterable)
    return arguments[0] if arguments else Any


def classes_named(kind: Any) -> set[type]:
    """The classes that a type is written with: `dict[str, Row] | None` names four."""
    found: set[type] = set()
    stack: list[Any] = [kind]
    seen: list[Any] = []
    while stack:
        part = stack.pop()
        if any(part is known for known in seen):
            continue
        seen.append(part)
        if (alias := aliased(part)) is not None:
            stack.append(alias)
        elif isinstance(part, typing.NewType):
            stack.append(part.__supertype__)
        elif arguments := typing.get_args(part):
            stack += [typing.get_origin(part), *arguments]
        elif isinstance(part, type) and part is not Any:
            found.add(part)
        elif isinstance(part, list):  # the arguments in `Callable[[int], str]`
            stack += part
    return found


def base_arguments(kind: Any, base: type) -> tuple[Any, ...] | None:
    """The type arguments with which `kind` is a `base`: of `dict[str, int]` as a `Mapping`, `(str, int)`.

    Returns:
        The arguments, or None when they are not known.
    """
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is base:
        return arguments or None
    fields = fields_of_typed_dict(origin) if isinstance(origin, type) else None
    if fields is not None:
        kinds = tuple(dict.fromkeys(kind for kind, _ in fields.values()))
        item = typing.Union[kinds] if kinds else Any  # noqa: UP007 - made of a tuple at run time
        return (str, item) if issubclass(base, collections.abc.Mapping) or base is dict else (str,)
    if origin in _TEXT and base in _ONE_PARAMETER:
        return (_TEXT[origin],)
    if isinstance(origin, type) and issubclass(origin, tuple) and hasattr(origin, "_fields"):
        parts = tuple_arguments(kind)
        return _builtin_arguments(tuple, parts, base) if parts else None
    if isinstance(origin, type) and origin.__module__ in {"builtins", "collections", "collections.abc"}:
        return _builtin_arguments(origin, arguments, base)
    for parent in getattr(origin, "__orig_bases__", ()):
        parent_origin = typing.get_origin(parent) or parent
        if isinstance(parent_origin, type) and parent_origin is not typing.Generic and issubclass(parent_origin, base):
            return base_arguments(_substituted(parent, origin, arguments), base)
    return None


def _builtin_arguments(origin: type, arguments: tuple[Any, ...], base: type) -> tuple[Any, ...] | None:
    if not arguments:
        return None
    if origin is tuple:
        form = TupleForm.of(arguments)
        parts = (*form.head, *(() if form.repeated is ... else (form.repeated,)), *form.tail)
        return (parts[0] if len(set(parts)) == 1 else typing.Union[parts],)  # noqa: UP007 - made of a tuple at run time
    if issubclass(origin, collections.Counter):
        arguments = (*arguments, int)
    if issubclass(origin, collections.abc.Mapping):
        return arguments if base in _MAPPINGS or issubclass(base, dict) else arguments[:1]
    if issubclass(origin, (collections.abc.Generator, collections.abc.AsyncGenerator)):
        return arguments[:1]
    return arguments


class TupleForm(NamedTuple):
    """A tuple's arguments: items by position before and after what repeats, where something does."""

    head: tuple[Any, ...]
    repeated: Any = ...  # which is no type: nothing repeats
    tail: tuple[Any, ...] = ()

    @classmethod
    def of(cls, arguments: tuple[Any, ...]) -> TupleForm:
        """The form of `tuple[int, ...]`, `tuple[int, str]` or `tuple[int, *tuple[str, ...]]`."""
        if arguments[-1:] == (...,):
            return cls((), arguments[0])
        for at, part in enumerate(arguments):
            inner = typing.get_args(part)
            if getattr(part, "__unpacked__", False) or typing.get_origin(part) is typing.Unpack:
                inner = typing.get_args(inner[0]) if typing.get_origin(part) is typing.Unpack else inner
                within = cls.of(inner)
                return cls((*arguments[:at], *within.head), within.repeated, (*within.tail, *arguments[at + 1 :]))
        return cls(arguments)


def tuple_arguments(kind: Any) -> tuple[Any, ...] | None:
    """The arguments of a tuple type, those of a named tuple by its fields; None where they are not known."""
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if arguments or is_empty_tuple(kind):
        return arguments
    if hasattr(origin, "_fields"):
        try:
            hints = typing.get_type_hints(origin)
        except NameError:
            hints = {}
        return tuple(hints.get(name, Any) for name in origin._fields)
    return None


def is_empty_tuple(kind: Any) -> bool:
    """Whether this is `tuple[()]`."""
    return typing.get_origin(kind) is tuple and not typing.get_args(kind)


def _substituted(parent: Any, origin: type, arguments: tuple[Any, ...]) -> Any:
    """A base as written in the class statement, with the class's own parameters filled in."""
    parameters = getattr(origin, "__parameters__", ())
    filled = dict(zip(parameters, arguments, strict=False))
    inner = getattr(parent, "__parameters__", ())
    if not inner:
        return parent
    return parent[tuple(filled.get(parameter, Any) for parameter in inner)]


def aliased(kind: Any) -> Any:
    """What stands behind a name made by `type X = ...` or `type X[T] = ...`, or None for a type that is no such name."""
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if type(origin).__name__ != "TypeAliasType":
        return None
    value = origin.__value__
    parameters = getattr(value, "__parameters__", ())
    if not arguments or not parameters:
        return value
    filled = dict(zip(origin.__type_params__, arguments, strict=False))
    return value[tuple(filled.get(parameter, Any) for parameter in parameters)]


@functools.lru_cache(maxsize=1024)
def protocol_members(kind: type) -> frozenset[str] | None:
    """The names that a protocol asks for, or None for a class that is no protocol."""
    if not getattr(kind, "_is_protocol", False) or kind.__module__ in {"typing", "collections.abc"}:
        return None
    known = getattr(kind, "__protocol_attrs__", None)  # since Python 3.12
    if known is not None:
        return frozenset(known)
    names: set[str] = set()
    for part in kind.__mro__:
        if getattr(part, "_is_protocol", False) and part is not typing.Protocol:
            names |= {name for name in (*vars(part), *getattr(part, "__annotations__", {})) if not _is_machinery(name)}
    return frozenset(names)


@functools.lru_cache(maxsize=1024)
def members_of(kind: type) -> frozenset[str]:
    """The names that instances of a class have: attributes, and what it and its bases annotate."""
    annotated = {name for part in kind.__mro__ if part is not type for name in inspect.get_annotations(part)}
    return frozenset({*dir(kind), *annotated})


def _is_machinery(name: str) -> bool:
    return name.startswith("_abc_") or name in {
        "__abstractmethods__", "__annotations__", "__dict__", "__doc__", "__init__", "__module__", "__parameters__",
        "__slots__", "__subclasshook__", "__weakref__", "_is_protocol", "_is_runtime_protocol", "__orig_bases__",
        "__protocol_attrs__", "__non_callable_proto_members__", "__match_args__", "__class_getitem__", "__firstlineno__",
        "__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__type_params__",
    }  # fmt: skip


@functools.lru_cache(maxsize=1024)
def fields_of_typed_dict(kind: type) -> dict[str, tuple[Any, bool]] | None:
    """Field types of a TypedDict with whether each is required, or None for any other type."""
    if not typing.is_typeddict(kind):
        return None
    required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
    return {name: (hint, name in required) for name, hint in typing.get_type_hints(kind).items()}
