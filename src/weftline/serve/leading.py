"""Of several daemons one does a duty: it shows that it lives, and when it does not any more, another takes its place.

Theory of operation. Who has the lease adds to its count of beats. Who wants it watches that count by its own clock, which never
goes backwards; clocks of machines are not compared. A holder that is dead, or whose count stands still, is replaced, by one of
all who try. One that was only asleep writes nothing more under its old lease (`weftline.store.schedules`), and learns here that
another has it.
"""

from __future__ import annotations

import secrets

from weftline.ports.schedules import Lease, Schedules
from weftline.store import holder

#: How often a holder shows that it lives, and after which silence it is replaced, in seconds.
BEAT_S, DEAD_AFTER_S = 1.0, 5.0


class Leading:
    """A part in a duty.

    Args:
        schedules: where leases are.
        duty: its name.
        beat_s: how often a sign of life is shown, in seconds.
        dead_after_s: after which silence a holder is replaced.
    """

    def __init__(self, schedules: Schedules, duty: str, beat_s: float = BEAT_S, dead_after_s: float = DEAD_AFTER_S) -> None:
        self._schedules = schedules
        self._duty = duty
        self._me = f"{holder.this_process()}:{secrets.token_hex(4)}"
        self._beat_s = beat_s
        self._dead_after_s = dead_after_s
        self._mine: Lease | None = None
        self._beaten_at = 0.0
        self._seen: Lease | None = None
        self._seen_at = 0.0

    def look(self, at: float) -> Lease | None:
        """The lease, if it is this one's turn.

        Args:
            at: seconds that never go backwards.
        """
        if self._mine is not None and at < self._beaten_at + self._beat_s:
            return self._mine
        found = self._schedules.lead(self._duty, self._me)
        if found.holder != self._me and self._is_dead(found, at):
            found = self._schedules.lead(self._duty, self._me, instead_of=found)
        self._mine = found if found.holder == self._me else None
        self._beaten_at = at
        return self._mine

    def _is_dead(self, found: Lease, at: float) -> bool:
        if found != self._seen:
            self._seen, self._seen_at = found, at
        return at - self._seen_at > self._dead_after_s or not holder.may_be_alive(found.holder.rpartition(":")[0])

    def lost(self) -> None:
        """Somebody else has it."""
        self._mine = None

    def resign(self) -> None:
        """Gives it back."""
        if self._mine is not None:
            self._schedules.resign(self._mine)
            self._mine = None
