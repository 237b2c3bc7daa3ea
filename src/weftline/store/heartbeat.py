"""Shows others that this process lives, and tells which of them do: by a blob for each that changes again and again.

Theory of operation. Clocks of different machines are not compared. Who wants to know whether another lives looks at its blob
for some time, by its own clock: if the blob did not change all the while, the other is dead, or has to believe so itself, since
it could not write for as long. On the same machine the system is asked as well, which tells at once.
"""

from __future__ import annotations

import os
import re
import threading

from weftline.clock import Clock, SystemClock
from weftline.errors import StoreUnusableError
from weftline.ports.blobs import Blobs
from weftline.store import holder

#: Beats in the time after which a process is believed to be dead.
_BEATS = 4
#: Characters in the name of a file; what a damaged lease names may be anything.
_LONGEST = 200


class Heartbeat:
    """One process in one place.

    Args:
        blobs: the place.
        dead_after_s: who shows no sign of life for so long is dead.
        clock: measures that.
    """

    def __init__(self, blobs: Blobs, dead_after_s: float, clock: Clock | None = None) -> None:
        self.me = f"{holder.this_process()}:{os.urandom(4).hex()}"
        self._blobs = blobs
        self._dead_after_s = dead_after_s
        self._clock = clock or SystemClock()
        self._seen: dict[str, tuple[bytes | None, float]] = {}
        self._beaten_at = -float("inf")
        self._count = 0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Shows a sign of life, and from now on again and again."""
        if self._thread is None:
            self.beat()
            self._thread = threading.Thread(target=self._go_on, name="weftline-heartbeat", daemon=True)
            self._thread.start()

    @property
    def is_shown(self) -> bool:
        """Whether this process shows that it lives."""
        return self._thread is not None

    def beat(self) -> None:
        """One sign of life.

        Raises:
            StoreUnusableError: the place cannot be written.
        """
        began = self._clock.monotonic()
        self._count += 1
        self._blobs.write([(sign_of(self.me), b"%d" % self._count)])
        self._beaten_at = began  # others cannot have seen it before

    def is_believed(self) -> bool:
        """Whether others have to believe that this process lives: not if it was stopped, or cut off, for too long."""
        return self._clock.monotonic() - self._beaten_at < self._dead_after_s

    def is_dead(self, other: str) -> bool:
        """Whether another process is dead, as far as can be told by now."""
        if other == self.me:
            return False
        if not holder.may_be_alive(other.rpartition(":")[0]):
            return True
        now, shown = self._clock.monotonic(), self._sign_of(other)
        before, since = self._seen.get(other, (b"?", now))
        if before != shown:
            since = now
        self._seen[other] = (shown, since)
        return now - since >= self._dead_after_s

    def stop(self) -> None:
        """Shows no more signs of life."""
        if self._thread is not None:
            self._ending.set()
            self._thread.join()
            self._blobs.remove([sign_of(self.me)])
            self._thread = None

    def _sign_of(self, other: str) -> bytes | None:
        found = self._blobs.read([sign_of(other)]).get(sign_of(other))
        return None if found is None else bytes(found)

    def _go_on(self) -> None:
        while not self._ending.wait(self._dead_after_s / _BEATS):
            try:
                self.beat()
            except StoreUnusableError:
                continue  # it may pass; if it does not, this process holds nothing any more, as `is_believed` tells


def sign_of(process: str) -> str:
    """The name of the blob that shows that a process lives."""
    return "holders/" + re.sub(r"[^A-Za-z0-9.-]", "_", process)[:_LONGEST]
