"""Plain values that JSON has no word for: how each is written with a tag, and read again."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class UnknownTypeError(Exception):
    """A part that cannot be stored; its path grows while the error travels outwards."""

    def __init__(self, kind: type | str, path: str = "", advice: str | None = None) -> None:
        super().__init__()
        self.kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
        self.path = path
        self.advice = advice


def full_name(kind: type) -> str:
    """The name by which a plain type is looked up."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _zoned(value: Any) -> list[Any]:
    """A time with its zone: by the zone's name, where it has one; an offset alone would not come back as the same zone."""
    return [value.replace(tzinfo=None).isoformat(), _zone(value.tzinfo), value.fold]


def _zone(zone: Any) -> Any:
    if zone is None or getattr(zone, "key", None) is not None:
        return None if zone is None else zone.key
    if type(zone) is dt.timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]  # what it is pickled by
        return [*name, offset]
    raise UnknownTypeError(type(zone), ".tzinfo")


def _in_zone(value: Any, zone: Any, fold: int) -> Any:
    if isinstance(zone, str):
        import zoneinfo

        return value.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold)
    return value.replace(tzinfo=None if zone is None else dt.timezone(*reversed(zone)), fold=fold)


def _datetime(parts: list[Any]) -> dt.datetime:
    found: dt.datetime = _in_zone(dt.datetime.fromisoformat(parts[0]), *parts[1:])
    return found


def _time(parts: list[Any]) -> dt.time:
    found: dt.time = _in_zone(dt.time.fromisoformat(parts[0]), *parts[1:])
    return found


def _ordered(value: OrderedDict[Any, Any]) -> list[Any]:
    """With what was set on it: torch keeps the versions of modules there."""
    return [[[key, item] for key, item in value.items()], *([vars(value)] if vars(value) else ())]


def _ordered_again(parts: list[Any]) -> OrderedDict[Any, Any]:
    found = OrderedDict(parts[0])
    for attributes in parts[1:]:
        vars(found).update(attributes)
    return found


def _decimal(text: str) -> Any:
    import decimal

    return decimal.Decimal(text)


def _uuid(text: str) -> Any:
    import uuid

    return uuid.UUID(text)


_PATHS: dict[str, Any] = {
    "$path": type(pathlib.Path()),
    "$posix": pathlib.PurePosixPath,
    "$windows": pathlib.PureWindowsPath,
}

#: By name, so that none of these modules is imported for a value that never comes.
WRITERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "builtins.tuple": ("$tuple", list),
    "builtins.set": ("$set", lambda value: sorted(value, key=repr)),
    "builtins.frozenset": ("$frozenset", lambda value: sorted(value, key=repr)),
    "builtins.bytearray": ("$bytearray", bytes),
    "collections.OrderedDict": ("$ordered", _ordered),
    "builtins.complex": ("$complex", lambda value: [value.real, value.imag]),
    "datetime.datetime": ("$datetime", _zoned),
    "datetime.date": ("$date", lambda value: value.isoformat()),
    "datetime.time": ("$time", _zoned),
    "datetime.timedelta": ("$timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    "decimal.Decimal": ("$decimal", str),
    "uuid.UUID": ("$uuid", str),
    **{f"{kind.__module__}.{kind.__qualname__}": (tag, str) for tag, kind in _PATHS.items()},
}

READERS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$map": dict,
    **_PATHS,
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$bytearray": bytearray,
    "$ordered": _ordered_again,
    "$complex": lambda pair: complex(*pair),
    "$datetime": _datetime,
    "$date": dt.date.fromisoformat,
    "$time": _time,
    "$timedelta": lambda parts: dt.timedelta(*parts),
    "$decimal": _decimal,
    "$uuid": _uuid,
}
