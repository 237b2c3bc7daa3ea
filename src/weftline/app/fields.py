"""Fields of runs: what they hold, and setting them, for whoever knows the run: a person, a service, another program."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any

from weftline.app.home import Home
from weftline.app.verbs import find_run
from weftline.errors import UnfitFieldError, UnknownFieldError, did_you_mean, listing
from weftline.model.gate import KINDS, FieldSpec, FieldValue, initial, latest
from weftline.model.params import read_fields
from weftline.model.run import RunRecord
from weftline.model.transitions import NodeState


def held(record: RunRecord, home: Home) -> dict[str, FieldValue]:
    """What the fields of a run hold, those that nobody has set as well."""
    found = initial(declared(record), record.opening.get("fields", {}))
    assert home.fields is not None
    return latest(found, home.fields.fields(record.run))


def declared(record: RunRecord) -> dict[str, FieldSpec]:
    """The fields that a run has, as its journal tells."""
    kinds, defaults = record.opening.get("field_kinds", {}), record.opening.get("field_defaults", {})
    return {name: FieldSpec(KINDS[word], defaults.get(name)) for name, word in kinds.items()}


def derived(record: RunRecord) -> dict[str, Any]:
    """What a run tells of itself, which nobody sets: where it is, and how often each node was tried again."""
    begun = [(node.started_at, name) for name, node in record.nodes.items() if node.started_at is not None]
    retries = {name: node.attempts - 1 for name, node in record.nodes.items() if node.attempts > 1}
    running = [name for name, node in record.nodes.items() if node.state is NodeState.RUNNING]
    return {
        "status": str(record.status),
        "current_stage": running[-1] if running else max(begun)[1] if begun else None,
        "retry_count_per_stage": retries,
    }


def set_fields(home: Home, run: str, values: Mapping[str, Any], *, by: str = "", why: str = "") -> tuple[RunRecord, int]:
    """Sets fields of a run, whoever works on it; what waits for them goes on.

    Args:
        home: where its journal is.
        run: which; the beginning of its id is enough.
        values: by field; `Text` is read as the field wants it, None takes the value away.
        by: who says so; empty for the user of this process.
        why: for those who look at it later.

    Returns:
        The run, and how many of its fields have changed.

    Raises:
        UnknownRunError: there is no such run.
        UnknownFieldError: it has no such field.
        UnfitFieldError: a field cannot hold that. Nothing is set then.
    """
    record = find_run(run, home)
    known = declared(record)
    wanted = read_fields(values, known)
    for name, value in wanted.items():
        if name not in known:
            raise UnknownFieldError(field=name, known=listing(known), hint=did_you_mean(name, known))
        if not known[name].fits(value):
            raise UnfitFieldError(field=name, wanted=known[name].word, given=repr(value))
    assert home.fields is not None
    count = home.fields.set_fields(record.run, wanted, at=home.clock.now(), by=by or getpass.getuser(), why=why)
    return record, count
