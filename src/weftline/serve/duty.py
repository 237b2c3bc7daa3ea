"""What the daemon does by itself: each duty is asked what is due, and says when it wants to be asked again."""

from __future__ import annotations

from typing import Protocol


class Duty(Protocol):
    """Something that the daemon sees to.

    Attributes:
        name: for messages.
    """

    name: str

    def look(self, now: float) -> float | None:
        """Does what is due; it is called whenever the ledger may have changed, too, so it must be quick.

        Args:
            now: seconds since the epoch.

        Returns:
            When it wants to be asked again by time alone; None if only a change can make something due.
        """
        ...
