"""Leases in a place that several machines reach: a blob for each key names its holder.

Theory of operation. A lease is put where none is, by one of all who try. Its content names the process, by a name that no other
ever has. What is taken away or replaced is taken only if it still has the content that was judged, so of all who find a dead
holder one takes over, and a holder that was believed dead finds out before it stores: that name is its fencing token.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from weftline.clock import Clock
from weftline.ports.blobs import Blob, Blobs
from weftline.store import holder
from weftline.store.heartbeat import Heartbeat, sign_of

#: Who shows no sign of life for so long is dead, in seconds.
DEAD_AFTER_S = 20.0
_LEASE = re.compile(r"leases/[0-9a-f]{2}/[0-9a-f]+")


class BlobLeases:
    """Fits `weftline.ports.leases.Leases`.

    Args:
        blobs: the place.
        dead_after_s: who shows no sign of life for so long is dead.
        clock: measures that.
    """

    def __init__(self, blobs: Blobs, dead_after_s: float = DEAD_AFTER_S, clock: Clock | None = None) -> None:
        self._blobs = blobs
        self._life = Heartbeat(blobs, dead_after_s, clock)
        self._token = self._life.me.encode()
        self._ours: set[bytes] = set()
        self._others: dict[bytes, bytes] = {}

    def take(self, keys: Sequence[bytes]) -> set[bytes]:
        """Puts leases where none are, or where those of the dead are."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._ours]
        if not wanted:
            return set()
        self._life.start()
        taken = self._swapped(dict.fromkeys(wanted))
        left = [key for key in wanted if key not in taken]
        if left:
            taken |= self._swapped({key: found for key, found in self._found(left).items() if self._is_free(found)})
        self._ours |= taken
        return taken

    def held(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those whose blob is ours still, as long as others have to believe that this process lives."""
        ours = [key for key in keys if key in self._ours]
        if not ours:
            return set()
        held = {key for key, found in self._found(ours).items() if found == self._token} if self._life.is_believed() else set()
        self._ours.difference_update(key for key in ours if key not in held)
        return held

    def free(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those without a lease, or with one of the dead."""
        wanted = [key for key in keys if key not in self._ours]
        found = self._found(wanted) if wanted else {}
        return {key for key in wanted if key not in found or self._is_free(found[key])}

    def give_back(self, keys: Collection[bytes]) -> None:
        """Takes our own away."""
        ours = self._ours.intersection(keys)
        if ours:
            self._ours -= ours
            self._blobs.swap([(_name(key), self._token, None) for key in ours])

    def holder(self, key: bytes) -> str:
        """Who had it when it was last looked at."""
        if key in self._ours:
            return "this process"
        found = self._others.get(key)
        return "" if not found else "process " + holder.described(_process_in(found).rpartition(":")[0])

    def close(self) -> None:
        """Gives everything back, takes away what the dead have left, and shows no more signs of life."""
        self.give_back(list(self._ours))
        if self._life.is_shown:
            left = self._blobs.read([blob.name for blob in _leases(self._blobs)])
            dead = [(name, bytes(found), None) for name, found in left.items() if found and self._is_free(bytes(found))]
            self._blobs.swap(dead)
            self._blobs.remove({sign_of(_process_in(found)) for _, found, _ in dead})
        self._life.stop()

    def _swapped(self, before: Mapping[bytes, bytes | None]) -> set[bytes]:
        """Puts ours in the place of what is there; the keys where that was so."""
        changed = self._blobs.swap([(_name(key), old, self._token) for key, old in before.items()])
        return {key for key in before if _name(key) in changed}

    def _found(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        names = {_name(key): key for key in keys}
        found = {names[name]: bytes(content) for name, content in self._blobs.read(list(names)).items()}
        self._others.update((key, content) for key, content in found.items() if key not in self._ours)
        return found

    def _is_free(self, found: bytes) -> bool:
        """Whether a lease holds nobody off: an empty one was given back, and one of ours that we do not hold was lost."""
        return not found or found == self._token or self._life.is_dead(_process_in(found))


def sweep(blobs: Blobs, old_s: float) -> None:
    """Removes what processes have left behind that showed no sign of life for so long."""
    signs = {blob.name: blob.age_s for blob in blobs.list("holders/")}
    quiet = blobs.read([name for name, age_s in signs.items() if age_s > old_s])
    blobs.remove([name for name, count in quiet.items() if bytes(count).isdigit()])
    alive = {name for name, age_s in signs.items() if age_s <= old_s}
    old = [blob.name for blob in _leases(blobs) if blob.age_s > old_s]
    left = [
        (name, bytes(content), None)
        for name, content in blobs.read(old).items()
        if sign_of(_process_in(bytes(content))) not in alive
    ]
    blobs.swap(left)


def _leases(blobs: Blobs) -> list[Blob]:
    """All leases; the place may hold other things below that name."""
    return [blob for blob in blobs.list("leases/") if _LEASE.fullmatch(blob.name)]


def _process_in(token: bytes) -> str:
    return token.decode(errors="replace")


def _name(key: bytes) -> str:
    text = key.hex()
    return f"leases/{text[:2]}/{text[2:]}"
