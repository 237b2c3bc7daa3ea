"""What all leases promise, as a suite to inherit.

```python
class TestMine(LeasesContract):
    def leases(self, place: Path) -> Leases:
        return MyLeases(place)
```
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from weftline.ports.leases import Leases


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


A, B, C = map(_key, "abc")


class LeasesContract:
    """What all leases promise, to two holders of one place."""

    def leases(self, place: Path) -> Leases:
        """A holder's view of the leases of a place; the suite closes it.

        Args:
            place: a folder that all holders of a test share; removed afterwards.
        """
        raise NotImplementedError("say how the leases are made")

    @contextlib.contextmanager
    def _two(self) -> Iterator[tuple[Leases, Leases]]:
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.closing(self.leases(Path(folder))) as one,
            contextlib.closing(self.leases(Path(folder))) as other,
        ):
            yield one, other

    def test_one_has_a_lease_at_a_time(self) -> None:
        """Who asks for it meanwhile gets nothing, and is told who has it."""
        with self._two() as (one, other):
            assert one.take([A, B]) == {A, B}
            assert other.take([A, B, C]) == {C}
            assert other.free([A, B]) == set()
            assert one.free([C]) == set()
            assert other.holder(A)

    def test_what_was_given_back_can_be_taken(self) -> None:
        """By another, and again by the same."""
        with self._two() as (one, other):
            one.take([A, B])
            one.give_back([A])
            assert other.free([A, B]) == {A}
            assert other.take([A, B]) == {A}
            other.give_back([A])
            assert one.take([A]) == {A}

    def test_a_holder_takes_a_lease_once(self) -> None:
        """Two calls of one run that do the same do not both get it."""
        with self._two() as (one, _):
            assert one.take([A]) == {A}
            assert one.take([A]) == set()
            assert one.free([A]) == set()

    def test_nobody_gives_back_what_another_has(self) -> None:
        """Nor what nobody has."""
        with self._two() as (one, other):
            one.take([A])
            other.give_back([A, B])
            assert other.take([A]) == set()
            assert one.held([A]) == {A}

    def test_a_holder_knows_what_it_holds(self) -> None:
        """Only what it has taken, and not given back."""
        with self._two() as (one, other):
            one.take([A, B])
            one.give_back([B])
            assert one.held([A, B, C]) == {A}
            assert other.held([A]) == set()

    def test_who_leaves_gives_everything_back(self) -> None:
        """Without being asked for each."""
        with self._two() as (one, other):
            one.take([A, B])
            one.close()
            assert other.take([A, B]) == {A, B}

    def test_thousands_of_leases(self) -> None:
        """As many as a fan-out has calls."""
        with self._two() as (one, other):
            keys = [_key(f"{number}") for number in range(1200)]
            assert one.take(keys) == set(keys)
            assert other.take(keys) == set()
            one.give_back(keys[::2])
            assert other.free(keys) == set(keys[::2])
            assert other.take(keys) == set(keys[::2])

    def test_nothing_is_asked_for(self) -> None:
        """A tick without calls."""
        with self._two() as (one, _):
            assert one.take([]) == one.free([]) == one.held([]) == set()
            one.give_back([])
