"""How runs are found in a home."""

from dataclasses import replace

from weftline.app.home import Home
from weftline.app.verbs import outline_of, record_of
from weftline.model.event import Event, Kind
from weftline.settings import Settings


def test_an_outline_is_the_record_without_its_nodes(tmp_path):
    reached = {"gate": {"name": "editor"}, "held": {}, "why": ""}
    journal = [
        Event(Kind.RUN_STARTED, 100.0, body={"pipeline": "p", "target": "p.py"}),
        Event(Kind.NODE_STARTED, 101.0, "load", body={"total": 1}),
        Event(Kind.NODE_FINISHED, 102.0, "load", body={"state": "succeeded", "total": 1}),
        Event(Kind.GATE_REACHED, 103.0, body=reached),
        Event(Kind.GATE_REACHED, 103.0, body={**reached, "gate": {"name": "lawyer"}}),
        Event(Kind.GATE_REACHED, 103.0, body={**reached, "gate": {"name": "owner"}}),
        Event(Kind.RUN_FINISHED, 104.0, body={"status": "blocked", "counts": {}}),
        Event(Kind.RUN_RESUMED, 105.0, body={"pipeline": "p", "again": ["load"]}),
        Event(Kind.GATE_OPENED, 106.0, body={"gate": "editor"}),
        Event(Kind.GATE_APPROVED, 106.0, body={"gate": "lawyer"}),
        Event(Kind.GATE_OPENED, 106.0, body={"gate": "owner"}),
        Event(Kind.GATE_REJECTED, 107.0, body={"gate": "owner"}),
        Event(Kind.RUN_FINISHED, 108.0, body={"status": "blocked", "counts": {}}),
    ]
    home = Home(tmp_path / "home", Settings())
    for last in range(1, len(journal) + 1):
        run = f"r{last}"
        home.ledger.append(run, journal[:last])
        whole, outline = record_of(run, home), outline_of(run, home)
        assert outline == replace(whole, nodes={}, events=outline.events)
    assert whole.gates == {"editor", "lawyer"}
    assert outline.events == len(journal) - 2
    assert outline_of("nobody", home) is None
    home.close()
