"""Where a run ends."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Limits(NamedTuple):
    """Where a run ends, whatever there is left to do.

    Attributes:
        on_failure: whether a failure stops the run, or only what depends on it.
        deadline_s: how long it may take, in seconds; None for ever.
        retry_budget: attempts besides the first of each call that it may make; None for any number.
    """

    on_failure: Literal["stop", "continue"] = "stop"
    deadline_s: float | None = None
    retry_budget: int | None = None
