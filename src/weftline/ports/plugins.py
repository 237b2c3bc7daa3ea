"""Finds what installed packages offer, by entry point; nothing is imported before it is needed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from weftline.codec import ForeignCodec
from weftline.errors import MissingExtraError


class ForeignValues(ForeignCodec, Protocol):
    """Everything weftline needs to know of one other library's values."""

    def owns(self, kind: type) -> bool:
        """Whether this is one of its types."""
        ...

    def digest(self, value: Any) -> bytes:
        """Bytes that identify a value."""
        ...

    def digest_from(self, value: Any, encoded: bytes) -> bytes | None:
        """What `digest` gives, by way of the sha256 of the encoded value; None where that does not tell it.

        So a large value is read once, and not twice, when it is stored.
        """
        ...

    def freeze(self, value: Any) -> Any:
        """The value as one reader may have it: what that does to it, no other reader sees.

        A view that cannot be written to, or a copy that shares memory until it is written to; of values that no view
        protects, the value itself. Asked for each reader anew.
        """
        ...

    def advice(self, kind: type) -> str | None:
        """What to hand on instead of a value of a type that it does not own; None where it knows nothing."""
        ...


def offered(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name; the first of a name wins."""
    found: dict[str, EntryPoint] = {}
    for point in _installed().select(group=group):
        found.setdefault(point.name, point)
    return found


@functools.cache
def _installed() -> Any:  # its class has another name in each Python
    """What all packages offer; to read that takes as long for one group as for all."""
    return entry_points()


def rivals(group: str, name: str) -> list[EntryPoint]:
    """What installed packages offer under one name, if that is not one thing."""
    found = list({point.value: point for point in _installed().select(group=group, name=name)}.values())
    return found if len(found) > 1 else []


def load(point: EntryPoint, feature: str) -> Any:
    """What an entry point names.

    Raises:
        MissingExtraError: a package that it needs is not installed.
    """
    try:
        return point.load()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("weftline"):
            raise
        extra = point.module.rpartition(".")[2].removesuffix("_values")  # each extra is called as its file in `ext/`
        raise MissingExtraError(feature=feature, extra=extra) from error


class InstalledValues:
    """Values of other libraries: who digests, stores and freezes them, found by the root module of their type."""

    def __init__(self) -> None:
        self._by_type: dict[type, ForeignValues | None] = {}

    def for_type(self, kind: type) -> ForeignValues | None:
        """Who knows a type; asked once for each type."""
        if kind not in self._by_type:
            self._by_type[kind] = self._find(kind)
        return self._by_type[kind]

    def _find(self, kind: type) -> ForeignValues | None:
        return next((values for values in self._libraries(kind) if values.owns(kind)), None)

    def advice(self, kind: type) -> str | None:
        """What to hand on instead of a value that nobody can store."""
        return next(filter(None, (values.advice(kind) for values in self._libraries(kind))), None)

    def _libraries(self, kind: type) -> Iterator[ForeignValues]:
        """Those that a type or a base of it comes from."""
        for root in dict.fromkeys(part.__module__.partition(".")[0] for part in kind.__mro__):
            if root in {"builtins", "typing", "abc", "enum", "dataclasses", "__main__"}:
                continue
            point = offered("weftline.values").get(root)
            if point is not None:
                yield load(point, f"storing values of {root}")

    def for_name(self, name: str) -> ForeignValues | None:
        """Who wrote a codec's format; the part before the first dash is the library."""
        point = offered("weftline.values").get(name.partition("-")[0])
        return None if point is None else load(point, f"reading a stored {name}")

    def digester(self, kind: type, /) -> Callable[[Any], bytes] | None:
        """The lookup that `digest.of` wants."""
        found = self.for_type(kind)
        return None if found is None else found.digest
