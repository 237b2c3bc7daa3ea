"""Time zones of pandas values by name, and from which library they are."""

from __future__ import annotations

import datetime as dt
import importlib
import zoneinfo
from typing import Any

from weftline.errors import UnencodableError


def zone_form(zone: Any) -> dict[str, Any]:
    """A zone as plain values. By which library it is known (`of`) is no part of a digest.

    Raises:
        UnencodableError: it has no name.
    """
    if zone is dt.UTC:
        return {"zone": "UTC", "of": "datetime"}
    if type(zone) is dt.timezone and zone.utcoffset(None) % dt.timedelta(minutes=1) == dt.timedelta(0) and _is_bare(zone):
        return {"fixed": int(zone.utcoffset(None).total_seconds())}
    if type(zone) is zoneinfo.ZoneInfo and zone.key is not None:
        return {"zone": zone.key, "of": "zoneinfo"}
    if type(zone).__module__.partition(".")[0] == "pytz" and getattr(zone, "zone", None):
        return {"zone": zone.zone, "of": "pytz"}
    kind = f"in a time zone without a name: {zone!r}"
    raise UnencodableError(path="", kind=kind, hint="give it a zone by name: tz_convert('Europe/Berlin')")


def zone_of(form: dict[str, Any]) -> Any:
    """What `zone_form` wrote.

    Raises:
        ValueError: there is no such zone.
    """
    if "fixed" in form:
        return dt.timezone(dt.timedelta(seconds=form["fixed"]))
    if form["of"] == "datetime":
        return dt.UTC
    try:
        if form["of"] == "pytz":  # comes with pandas 2, not with pandas 3
            return importlib.import_module("pytz").timezone(form["zone"])
        return zoneinfo.ZoneInfo(form["zone"])
    except (zoneinfo.ZoneInfoNotFoundError, ModuleNotFoundError, TypeError) as error:
        raise ValueError(f"no time zone {form['zone']!r}") from error


def _is_bare(zone: Any) -> bool:
    return len(zone.__getinitargs__()) == 1
