"""The port to leases: who computes which result, among all processes that share a cache."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol


class Leases(Protocol):
    """Keeps two from computing one key at the same time.

    A lease ends when it is given back or when its holder is dead; nobody has to clean up after a process that was killed.
    Results are right without leases too: they save work, and never decide what a value is.
    """

    def take(self, keys: Sequence[bytes]) -> set[bytes]:
        """Takes those that nobody has, and gives the ones that are ours from now on.

        A result may have been stored since it was last looked up: look again before computing it.

        Raises:
            StoreUnusableError: the place of the leases cannot be written.
        """
        ...

    def held(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those that are ours still: not taken over by others who had to believe that we are dead."""
        ...

    def free(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those that nobody has, as far as can be told now; `take` tells for sure."""
        ...

    def give_back(self, keys: Collection[bytes]) -> None:
        """Others may have them; nothing happens with those that are not ours."""
        ...

    def holder(self, key: bytes) -> str:
        """Who has it, in words; empty if that is not known."""
        ...

    def close(self) -> None:
        """Gives everything back."""
        ...
