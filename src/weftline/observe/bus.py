"""Passes events on to all sinks; one that fails is dropped, with a warning, and the run goes on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

from weftline.model.event import Event
from weftline.ports.sink import Sink


class Bus:
    """A sink that stands for several."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = list(sinks)

    def tell(self, run: str, events: Sequence[Event]) -> None:
        """Tells every sink."""
        for sink in list(self._sinks):
            self._do(sink, lambda sink=sink: sink.tell(run, events))  # type: ignore[misc]  # bound at once

    def close(self) -> None:
        """Closes every sink."""
        for sink in list(self._sinks):
            self._do(sink, sink.close)

    def _do(self, sink: Sink, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - an observer of whatever kind must not stop the run
            self._sinks.remove(sink)
            warnings.warn(f"{type(sink).__name__} failed and is told no more: {error}", RuntimeWarning, stacklevel=3)
