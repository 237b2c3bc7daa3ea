"""Bytes that stand for the things that code refers to: the number of a symbol, the name of a library's thing, or a value.

Theory of operation. A token never contains what a definition of the project says; it gives it a number, and whoever asked
describes it later. So functions that call each other need no recursion, and what is reached twice is described once. Objects
are tokens of their class and their state, in which definitions may be met again.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import Any

from weftline.digest.canonical import ForeignDigests, canonical, knows, of_parts
from weftline.digest.origin import Origin, origin_of, version_of
from weftline.digest.state import state_of
from weftline.digest.things import DEFINITIONS, DESCRIPTORS, label_of, module_of, stands_for_function, unwrapped, wraps


class Tokens:
    """The tokens of one walk.

    Args:
        root: where the walk starts.
        leave_out: attributes of the root's state that do not count.
        own: the top-level package of the root, which is followed even where it is installed.
        foreign: digests of other libraries' values.

    Attributes:
        undescribed: definitions that were given a number and wait to be described.
        distributions: version by distribution of every library that was met, `python` among them.
    """

    def __init__(self, root: object, leave_out: frozenset[str], own: str, foreign: ForeignDigests) -> None:
        self._root = root
        self._leave_out = leave_out
        self._own = own
        self._outer_foreign = foreign
        self._index: dict[int, tuple[int, object]] = {}
        self._state_of: list[int] = []
        self._definitions = 0  # that were met so far
        self._uses_names = False
        self.undescribed: deque[object] = deque()
        self.distributions = {"python": version_of("python")}

    def of(self, thing: Any, path: str) -> bytes:
        """Bytes that stand for a thing: the number of a symbol still to be described, a library's name, or a value."""
        thing = unwrapped(thing)
        if isinstance(thing, (FunctionType, type, ModuleType)):
            return self._definition(thing)
        if isinstance(thing, BuiltinFunctionType):
            owner = thing.__self__
            name = f"{thing.__module__ or ''}.{thing.__qualname__}".encode()
            self.from_library(thing.__module__ or "builtins")
            return b"builtin:" + name if owner is None or isinstance(owner, ModuleType) else name + self.of(owner, path)
        if isinstance(thing, DESCRIPTORS):
            return of_parts(b"descriptor", self.of(thing.__objclass__, path), thing.__name__.encode())
        if isinstance(thing, MethodWrapperType):
            return of_parts(b"bound descriptor", thing.__name__.encode(), self.of(thing.__self__, path))
        if isinstance(thing, MethodType):
            return of_parts(b"method", self.of(thing.__func__, path), self.of(thing.__self__, path))
        if isinstance(thing, functools.partial):
            return self._joined(b"partial", (thing.func, thing.args, thing.keywords), path)
        if isinstance(thing, property):
            return self._joined(b"property", (thing.fget, thing.fset, thing.fdel), path)
        if isinstance(thing, (staticmethod, classmethod)):
            return self._joined(type(thing).__name__.encode(), (thing.__func__,), path)
        if wraps(thing) and self._kind_of(type(thing)) == "library":  # its state is the library's affair
            return self._joined(b"wrapper", (type(thing), thing.__wrapped__), path)
        return canonical(thing, self._foreign, path=path, ordered=True)

    def both(self, thing: Any, path: str) -> tuple[bytes, bytes]:
        """The token, and bytes that name definitions instead of numbering them: the same whatever else was met before."""
        before = self._definitions
        token = self.of(thing, path)
        if self._definitions == before:
            return token, token
        self._uses_names = True
        try:
            return token, self.of(thing, path)
        finally:
            self._uses_names = False

    def _joined(self, tag: bytes, things: Iterable[Any], path: str) -> bytes:
        return of_parts(tag, *(self.of(thing, path) for thing in things))

    def _definition(self, thing: FunctionType | type | ModuleType) -> bytes:
        module = module_of(thing)
        name = getattr(thing, "__qualname__", module)
        origin = self.from_library(module)
        if origin.kind != "project":
            return f"{origin.distribution}:{name}".encode()
        self._definitions += 1
        return f"@{name}".encode() if self._uses_names else b"#%d" % self._number(thing)

    def _kind_of(self, kind: type) -> str:
        return origin_of(module_of(kind), self._own).kind

    def from_library(self, module: str) -> Origin:
        """Where a module comes from; a library is noted with its version."""
        origin = origin_of(module, self._own)
        if origin.kind == "library":
            self.distributions[origin.distribution] = version_of(origin.distribution)
        return origin

    def of_project(self, kinds: Iterable[type]) -> list[type]:
        """Those classes that are the project's, and their subclasses, in a fixed order; libraries are noted."""
        found: dict[type, None] = {}
        stack = [kind for kind in kinds if self.from_library(module_of(kind)).kind == "project"]
        while stack:
            kind = stack.pop()
            if kind not in found:
                found[kind] = None
                stack += type.__subclasses__(kind)
        return sorted(found, key=lambda kind: (kind.__qualname__, kind.__module__))

    def _number(self, thing: object) -> int:
        known = self._index.get(id(thing))
        if known is None:
            known = self._index[id(thing)] = (len(self._index), thing)
            self.undescribed.append(thing)
        return known[0]

    def _foreign(self, kind: type, /) -> Callable[[Any], bytes] | None:
        """Digests inside a value: definitions and objects of the project's classes, besides what libraries register."""
        if issubclass(kind, DEFINITIONS):
            return lambda thing: self.of(thing, "")
        if kind in {set, frozenset}:
            return self._members
        outer = self._outer_foreign(kind)
        if outer is not None:
            return outer
        return None if knows(kind) else self._object

    def _members(self, things: Any) -> bytes:
        """A set; its members are met in an order that no hash seed decides, since symbols are numbered as they are met."""
        ordered = sorted(things, key=label_of)
        return of_parts(type(things).__name__.encode(), *sorted(self.of(thing, "{...}") for thing in ordered))

    def _object(self, thing: Any) -> bytes:
        """An object by its class and its state."""
        if stands_for_function(thing) or (wraps(thing) and self._kind_of(type(thing)) == "library"):
            return self.of(thing, "")
        if id(thing) in self._state_of:
            return b"^%d" % (len(self._state_of) - self._state_of.index(id(thing)))
        self._state_of.append(id(thing))
        leave_out = self._leave_out if thing is self._root else frozenset()
        parts = [b"object", self.of(type(thing), "")]
        for name, content in state_of(thing):
            if name not in leave_out:
                parts += [name.encode(), self.of(content, f".{name}")]
        self._state_of.pop()
        return of_parts(*parts)
