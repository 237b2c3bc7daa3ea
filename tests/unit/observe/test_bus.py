"""Passes events on to all sinks."""

import pytest

from weftline.model.event import Event, Kind
from weftline.observe.bus import Bus

EVENTS = [Event(Kind.NODE_STARTED, 1.0, "a")]


class Sink:
    def __init__(self, *, fails_to=()):
        self.heard = []
        self.closed = 0
        self.fails_to = fails_to

    def tell(self, run, events):
        if "tell" in self.fails_to:
            raise OSError("disk full")
        self.heard.append((run, list(events)))

    def close(self):
        self.closed += 1
        if "close" in self.fails_to:
            raise OSError("disk full")


def test_every_sink_is_told_and_closed():
    sinks = [Sink(), Sink()]
    bus = Bus(sinks)
    bus.tell("r1", EVENTS)
    bus.close()
    assert [sink.heard for sink in sinks] == [[("r1", EVENTS)]] * 2
    assert [sink.closed for sink in sinks] == [1, 1]


def test_a_sink_that_fails_is_told_no_more_and_the_others_are():
    sinks = [Sink(), Sink(fails_to=("tell",)), Sink()]
    bus = Bus(sinks)
    with pytest.warns(RuntimeWarning, match="Sink failed and is told no more: disk full"):
        bus.tell("r1", EVENTS)
    bus.tell("r1", EVENTS)
    assert [len(sink.heard) for sink in sinks] == [2, 0, 2]


def test_a_sink_that_cannot_be_closed_does_not_keep_others_from_it():
    """The run is over and its result is there; a sink that fails never stops a run."""
    sinks = [Sink(fails_to=("close",)), Sink()]
    with pytest.warns(RuntimeWarning, match="disk full"):
        Bus(sinks).close()
    assert [sink.closed for sink in sinks] == [1, 1]
