"""The state of an object that code refers to: what decides its behaviour, as named parts."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

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

    An object says it itself by `__weftline_digest__`; enum members are their name and value; otherwise its attributes, and
    for an object without any, what it would be pickled as.

    Raises:
        UndigestableError: the object hides its state.
    """
    kind = type(thing)
    name = f"{kind.__module__}.{kind.__qualname__}"
    hook = getattr(kind, "__weftline_digest__", None)
    if hook is not None:
        yield "digest", hook(thing)
    elif isinstance(thing, enum.Enum):
        yield "name", thing.name
        yield "value", thing.value
    elif name in _WITHOUT_CONTENT:
        yield "kind", name
    elif kind.__module__ == "typing" or kind.__module__ == "types":
        yield "text", str(thing)
    elif (attributes := _attributes(thing)) is not None and not isinstance(
        thing, (list, tuple, dict, set, frozenset, str, bytes)
    ):
        yield from sorted(attributes.items())
    else:
        yield from _reduced(thing, name)


def _attributes(thing: Any) -> dict[str, Any] | None:
    """Instance attributes and slots, or None when the object has neither."""
    found: dict[str, Any] = {}
    slots = [name for kind in type(thing).__mro__ for name in _names(kind.__dict__.get("__slots__", ()))]
    for name in slots:
        if name not in {"__dict__", "__weakref__"} and hasattr(thing, name):
            found[name] = getattr(thing, name)
    if hasattr(thing, "__dict__"):
        found |= thing.__dict__
    elif not slots:
        return None
    return found


def _names(slots: object) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots) if hasattr(slots, "__iter__") else ()


def _reduced(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    try:
        reduced = thing.__reduce_ex__(4)
    except Exception:  # noqa: BLE001 - a class may refuse to be reduced with any error; all mean the same here
        raise UndigestableError(path=name, kind=name) from None
    if isinstance(reduced, str):
        yield "global", reduced
        return
    maker, arguments, *rest = reduced
    yield "maker", f"{getattr(maker, '__module__', '')}.{getattr(maker, '__qualname__', '')}"
    yield "arguments", tuple(part for part in arguments if not isinstance(part, type))
    for label, part in zip(("state", "items", "pairs"), rest, strict=False):
        yield label, part if label == "state" or part is None else list(part)
