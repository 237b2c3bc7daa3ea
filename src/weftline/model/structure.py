"""What types are made of: elements, parameters of bases, members of protocols, fields of typed dictionaries."""

from __future__ import annotations

import collections.abc
import functools
import typing
from typing import Any, TypeVar

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
    if not isinstance(origin, type) or issubclass(origin, (str, bytes, collections.abc.Mapping, collections.abc.Set)):
        return None
    if not issubclass(origin, collections.abc.Iterable):
        return None
    arguments = base_arguments(kind, collections.abc.Iterable)
    return arguments[0] if arguments else Any


def base_arguments(kind: Any, base: type) -> tuple[Any, ...] | None:
    """The type arguments with which `kind` is a `base`: of `dict[str, int]` as a `Mapping`, `(str, int)`.

    Returns:
        The arguments, or None when they are not known.
    """
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is base:
        return arguments or None
    if origin in _TEXT and base in _ONE_PARAMETER:
        return (_TEXT[origin],)
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
        parts = tuple(part for part in arguments if part is not ...)
        return (parts[0] if len(set(parts)) == 1 else typing.Union[parts],)  # noqa: UP007 - made of a tuple at run time
    if issubclass(origin, collections.abc.Mapping):
        return arguments if base in _MAPPINGS or issubclass(base, dict) else arguments[:1]
    return arguments


def _substituted(parent: Any, origin: type, arguments: tuple[Any, ...]) -> Any:
    """A base as written in the class statement, with the class's own parameters filled in."""
    parameters = getattr(origin, "__parameters__", ())
    filled = dict(zip(parameters, arguments, strict=False))
    inner = getattr(parent, "__parameters__", ())
    if not inner:
        return parent
    return parent[tuple(filled.get(parameter, Any) for parameter in inner)]


@functools.lru_cache(maxsize=1024)
def protocol_members(kind: type) -> frozenset[str] | None:
    """The names that a protocol asks for, or None for a class that is no protocol."""
    if not getattr(kind, "_is_protocol", False) or kind.__module__ in {"typing", "collections.abc"}:
        return None
    names: set[str] = set()
    for part in kind.__mro__:
        if getattr(part, "_is_protocol", False) and part is not typing.Protocol:
            names |= {name for name in (*vars(part), *getattr(part, "__annotations__", {})) if not _is_machinery(name)}
    return frozenset(names)


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
