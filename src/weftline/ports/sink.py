"""The port to observers: all observation is a sink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from weftline.model.event import Event


class Sink(Protocol):
    """Is told what happened, after it was recorded. A sink that fails is dropped with a warning; it never stops a run."""

    def tell(self, run: str, events: Sequence[Event]) -> None:
        """Events of one tick, in order."""
        ...

    def close(self) -> None:
        """Writes what is still held back."""
        ...


class LogKeeper(Protocol):
    """Keeps what calls wrote while they ran."""

    def keep(self, run: str, node: str, item: int, attempt: int, text: str) -> None:
        """The output of one attempt."""
        ...
