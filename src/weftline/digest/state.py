"""The state of an object that code refers to: what decides its behaviour, as named parts."""

from __future__ import annotations

import copyreg
import enum
import pickle
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

from weftline.digest.canonical import has_member, hooked, slots_of
from weftline.digest.origin import is_installed
from weftline.errors import UndigestableError

#: Objects whose content never changes a result, by the module and name of their class.
_WITHOUT_CONTENT = frozenset({
    "_thread.lock",
    "_thread.RLock",
    "_thread._local",
    "threading.Condition",
    "threading.Event",
    "threading.Lock",
    "logging.Logger",
    "logging.RootLogger",
    "structlog._config.BoundLoggerLazyProxy",
    "typing.TypeVar",
    "typing.ParamSpec",
    "builtins.object",
    "weakref.WeakKeyDictionary",
    "weakref.WeakValueDictionary",
})  # fmt: skip


def state_of(thing: Any) -> Iterator[tuple[str, Any]]:
    """The named parts of an object's state, in a fixed order.

    An object says it itself by `__weftline_digest__`; enum members are their name and value; a type as it is written is its
    parts; otherwise its attributes, and where Python keeps more than these, what it would be pickled as.

    Raises:
        UndigestableError: the object hides its state; the path in it is empty.
    """
    kind = type(thing)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if has_member(kind, "__weftline_digest__"):
        yield "digest", hooked(thing)
    elif isinstance(thing, enum.Enum):
        yield "name", thing.name
        yield "value", thing.value
    elif name in _WITHOUT_CONTENT:
        yield "kind", name
    elif kind.__module__ == "typing" or isinstance(thing, (types.GenericAlias, types.UnionType)):
        yield from _alias(thing)
    elif isinstance(thing, types.MappingProxyType):
        yield "items", dict(thing)
    else:
        yield from _reduced(thing, name)
        yield from sorted(_attributes(thing).items())


def _alias(thing: Any) -> Iterator[tuple[str, Any]]:
    """A type as it is written, in parts, so that the classes in it are followed."""
    origin = typing.get_origin(thing)
    if isinstance(thing, typing.NewType):
        yield "name", thing.__name__
        yield "supertype", thing.__supertype__
    elif origin is None:
        yield "text", str(thing)
    else:
        yield "origin", origin if isinstance(origin, type) else str(origin)
        yield "arguments", typing.get_args(thing)


def _attributes(thing: Any) -> dict[str, Any]:
    """Instance attributes and slots."""
    found = {name: getattr(thing, name) for name in slots_of(type(thing)) if hasattr(thing, name)}
    found |= getattr(thing, "__dict__", {})
    found.pop("__doc__", None)
    return found


def _reduced(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    """What the object would be pickled as, as far as that is more than its attributes."""
    try:
        registered = copyreg.dispatch_table.get(type(thing))
        reduced = thing.__reduce_ex__(4) if registered is None else registered(thing)
    except Exception:  # noqa: BLE001 - a class may refuse to be reduced with any error; all mean the same here
        if _refuses_in_python(type(thing)):
            return  # the project does not want it copied; its attributes are all there anyway
        raise UndigestableError(path="", kind=name) from None
    if isinstance(reduced, str):
        if _global(thing, reduced) is not thing:
            raise UndigestableError(path="", kind=name)
        yield "global", reduced
        return
    maker, arguments, *rest = reduced
    own = arguments[1:] if arguments[:1] == (type(thing),) else arguments
    state, items, pairs = (*rest, None, None, None)[:3]
    is_plain = maker is copyreg.__newobj__ and not own and items is None and pairs is None  # type: ignore[attr-defined]
    if is_plain and _says_in_c(type(thing)) is False:
        return
    yield "maker", f"{getattr(maker, '__module__', '')}.{getattr(maker, '__qualname__', '')}"
    yield "arguments", tuple(set(part) if isinstance(thing, (set, frozenset)) else part for part in own)
    if state is not getattr(thing, "__dict__", None):
        yield "state", state
    yield "items", None if items is None else list(items)
    yield "pairs", None if pairs is None else dict(pairs)


def _global(thing: Any, name: str) -> object:
    """What a module holds under the name by which an object would be pickled, or None."""
    try:
        found: object = sys.modules[pickle.whichmodule(thing, name)]  # type: ignore[attr-defined]  # not in the stubs
        for part in name.split("."):
            found = getattr(found, part)
    except (AttributeError, KeyError, pickle.PicklingError):
        return None
    return found


def _says_in_c(kind: type) -> bool:
    said = getattr(kind, "__getstate__", None)
    return said is not object.__getstate__ and not isinstance(said, types.FunctionType)


def _refuses_in_python(kind: type) -> bool:
    """Whether a class of the project refuses; what a library does not want copied (a socket) is more than its attributes."""
    said = (getattr(kind, name, None) for name in ("__reduce_ex__", "__reduce__", "__getstate__"))
    return any(isinstance(found, types.FunctionType) and not is_installed(found.__code__.co_filename) for found in said)
