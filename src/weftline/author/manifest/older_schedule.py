"""Schedules in an older spelling: as the columns of a table, side by side or below `spec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weftline.author.manifest.draft import Draft
from weftline.author.manifest.located import Path
from weftline.author.manifest.strict import API_VERSION

#: What a column is now.
_COLUMNS = {
    "target_name": "target",
    "cron_expression": "cron",
    "interval_seconds": "every",
    "run_at": "at",
    "misfire_grace_time": "misfire_grace_seconds",
}
#: Columns that say what another one says already, or what the program keeps itself.
_DROPPED = ("target_type", "schedule_type", "last_run_at", "next_run_at", "id", "created_at", "updated_at")
_METADATA = ("name", "domain", "version", "description", "tags")
#: A mapping with one of these is a schedule.
MARKS = frozenset({*_COLUMNS, "schedule_type"})


def is_older(value: Mapping[str, Any]) -> bool:
    """Whether a document is a schedule in an older spelling."""
    if value.get("kind", "Schedule") != "Schedule":
        return False
    spec = value.get("spec")
    return not MARKS.isdisjoint(value) or ("kind" in value and isinstance(spec, Mapping) and not MARKS.isdisjoint(spec))


def fill_schedule(draft: Draft) -> None:
    """A schedule whose fields are columns."""
    value = draft.old.value
    is_flat = "spec" not in value
    first = next(iter(value))
    if is_flat:
        draft.note((first,), "a schedule without metadata and spec", "metadata: {name: ...} and spec: {target: ...}", key=True)
    for field, text in (("apiVersion", API_VERSION), ("kind", "Schedule")):
        if field in value:
            draft.move((field,), (field,))
        else:
            draft.put((field,), text, (first,), is_added=True)
    for field in value:
        if field in {"apiVersion", "kind"}:
            continue
        if is_flat and field in _METADATA:
            draft.move((field,), ("metadata", field))
        elif is_flat:
            _column(draft, (field,), field)
        elif field == "spec":
            for column in value["spec"]:
                _column(draft, ("spec", column), column)
        else:
            draft.move((field,), (field,))


def _column(draft: Draft, source: Path, column: str) -> None:
    if column in _DROPPED:
        draft.note(source, column, "nothing: it is not written any more", key=True)
        return
    if column in _COLUMNS:
        draft.note(source, column, f"spec.{_COLUMNS[column]}", key=True)
    if draft.value(source) is None and column in _COLUMNS:
        return  # a column of another type of schedule
    draft.move(source, ("spec", _COLUMNS.get(column, column)))
