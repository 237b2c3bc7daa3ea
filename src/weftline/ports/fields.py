"""The port to fields: small typed values of a run that others may set while it runs or waits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from weftline.model.gate import FieldValue, Scalar


class Wait(NamedTuple):
    """A run that came to a gate, and has not ended since, unless it ended because it waits.

    Attributes:
        run, gate: which.
        at: when it came there, in seconds since the epoch.
        told: fields of the event that told of it, in JSON.
    """

    run: str
    gate: str
    at: float
    told: str

    @property
    def body(self) -> Mapping[str, Any]:
        """Fields of the event; they are read each time, and whoever looks at many runs needs few."""
        found: dict[str, Any] = json.loads(self.told)
        return found


class Watch(Protocol):
    """Sleeps until something may have changed."""

    def wait(self, timeout_s: float) -> bool:
        """Whether something may have changed since the last time; False if the time is over."""
        ...

    def close(self) -> None:
        """Frees what it holds."""
        ...


class Fields(Protocol):
    """What the fields of runs hold, and which runs wait for that."""

    def set_fields(self, run: str, values: Mapping[str, Scalar], *, at: float, by: str, why: str = "") -> int:
        """Sets fields in one transaction, whoever works on the run; what holds the value already is left as it is.

        Args:
            run: its id.
            values: by field; None for no value.
            at: seconds since the epoch.
            by: who sets them.
            why: for those who read it.

        Returns:
            How many have changed.
        """
        ...

    def fields(self, run: str) -> Mapping[str, FieldValue]:
        """What somebody has set of a run."""
        ...

    def changed_since(self, number: int) -> tuple[int, Sequence[str]]:
        """The number of the newest change of all, and the runs of which a field has changed since that number."""
        ...

    def waits(self) -> Sequence[Wait]:
        """Every run that came to a gate and has not ended otherwise, for each gate, those that came first before the others."""
        ...

    def watch(self) -> Watch:
        """Something that wakes up when fields are set or runs come to gates, whichever process does it."""
        ...
