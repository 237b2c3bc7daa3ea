"""The port to places that several machines reach: a shared folder, a server, an object store; named byte strings in each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from weftline.codec import Content


class Blob(NamedTuple):
    """What a place says of a blob.

    Attributes:
        name: parts with slashes between them, such as `objects/ab/cdef`.
        size: bytes.
        age_s: seconds since it was written, or since `keep` was last asked for it; by the clock of the place.
    """

    name: str
    size: int
    age_s: float


class Blobs(Protocol):
    """Named byte strings. Whoever reads a blob gets the whole of what somebody wrote, or nothing.

    Every method raises `StoreUnusableError` when the place cannot be reached, read or written; that may pass.

    Attributes:
        place: names the place, for messages; without secrets.
    """

    place: str

    def read(self, names: Sequence[str]) -> Mapping[str, bytes | memoryview]:
        """Those that are there; a large one may be a view of a file, which stays valid while it is used."""
        ...

    def sizes(self, names: Sequence[str]) -> Mapping[str, int]:
        """The sizes of those that are there."""
        ...

    def write(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Writes them, in the place of those that are there; kept as well as the place can when this returns."""
        ...

    def keep(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """As `write`, for names that stand for their content: what is there with the same size stays, and counts as new."""
        ...

    def swap(self, changes: Sequence[tuple[str, bytes | None, bytes | None]]) -> set[str]:
        """Puts one content in the place of another, each for one of all who try at the same time.

        They need not survive a failure of power. A content that is put somewhere is put there once: whoever does not hear
        whether it was may look, or ask again, and what is found there then is its own.

        Args:
            changes: the name, what must be there, and what is put in its place; None stands for nothing.

        Returns:
            The names that were changed. A place that cannot take a blob away under this condition may leave an empty one.
        """
        ...

    def list(self, prefix: str) -> Iterator[Blob]:
        """All whose name begins with it: nothing, or parts with a slash at the end.

        Some that come or go meanwhile may be among them, and remains of writers that died; the last part of their names begins
        with a dot.
        """
        ...

    def remove(self, names: Collection[str]) -> None:
        """Takes them away; those that are not there are no error."""
        ...

    def close(self) -> None:
        """Frees files and connections."""
        ...
