"""What every ledger promises about the fields of runs, and about runs that wait at gates."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from weftline.model.event import Event, Kind
from weftline.model.gate import Clause, FieldValue, Gate
from weftline.model.transitions import RunStatus
from weftline.ports.ledger import Journals
from weftline.testing.journals import LedgerSuite, ending, opening

_GATE = Gate("ready", (Clause("pages", "at_least", 1),), timeout_s=900.0)


def _reached(gate: str = "ready", at: float = 120.0) -> Event:
    body = {"gate": Gate(gate, _GATE.clauses, timeout_s=900.0).as_fields(), "held": {"pages": None}}
    return Event(Kind.GATE_REACHED, at, body=body)


class LedgerFields(LedgerSuite):
    """Fields, waiting runs, and who is woken."""

    def test_fields_hold_what_was_set_last(self) -> None:
        """With what was there before, who set it, and why; of other runs nothing."""
        with self.opened() as (ledger, _):
            assert ledger.set_fields("r1", {"ready": False, "pages": 3, "share": 0.5, "name": "naïve ✂"}, at=1.0, by="ann") == 4
            assert ledger.set_fields("r1", {"ready": True, "name": None}, at=2.0, by="bob", why="it is read") == 2
            held = ledger.fields("r1")
            assert held["ready"] == FieldValue(True, False, held["ready"].number, 2.0, "bob", "it is read")
            assert held["name"].value is None
            assert held["name"].was == "naïve ✂"
            assert (held["pages"].value, held["pages"].was, held["share"].value) == (3, None, 0.5)
            assert ledger.fields("r2") == {}

    def test_what_holds_the_value_already_is_left(self) -> None:
        """So nobody is told of a change that is none; `True` is not 1."""
        with self.opened() as (ledger, _):
            ledger.set_fields("r1", {"ready": True, "pages": 1}, at=1.0, by="ann")
            assert ledger.set_fields("r1", {"ready": True, "pages": 1}, at=2.0, by="bob") == 0
            assert ledger.fields("r1")["ready"].by == "ann"
            assert ledger.set_fields("r1", {"ready": 1}, at=2.0, by="bob") == 1
            assert ledger.set_fields("r1", {"none": None}, at=2.0, by="bob") == 1, "somebody said that it has none"

    def test_changes_are_counted_over_all_runs(self) -> None:
        """Whoever remembers a number is told of the runs that have changed since."""
        with self.opened() as (ledger, _):
            assert ledger.changed_since(0) == (0, [])
            ledger.set_fields("r1", {"ready": False}, at=1.0, by="ann")
            ledger.set_fields("r2", {"ready": False}, at=1.0, by="ann")
            number, runs = ledger.changed_since(0)
            assert sorted(runs) == ["r1", "r2"]
            ledger.set_fields("r2", {"ready": True}, at=2.0, by="ann")
            later, runs = ledger.changed_since(number)
            assert (list(runs), later > number) == (["r2"], True)
            assert ledger.changed_since(later) == (later, [])

    def test_fields_may_be_set_by_others_than_who_has_the_run(self) -> None:
        """A service that knows the run's id sets them while a process works on it."""
        with self.opened() as (ledger, place), self._other(place, ledger) as other:
            ledger.claim("r1", "one")
            ledger.append("r1", [opening()])
            other.set_fields("r1", {"ready": True}, at=1.0, by="service")
            assert ledger.fields("r1")["ready"].value is True
            ledger.append("r1", [ending()])

    def test_a_run_waits_from_when_it_comes_to_a_gate(self) -> None:
        """Those first that came first."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), _reached(at=130.0), _reached("second", 131.0)])
            ledger.append("r2", [opening(), _reached()])
            assert [(wait.run, wait.gate, wait.at) for wait in ledger.waits()] == [
                ("r2", "ready", 120.0),
                ("r1", "ready", 130.0),
                ("r1", "second", 131.0),
            ]
            assert Gate.of_fields(ledger.waits()[0].body["gate"]) == _GATE

    def test_a_run_that_ended_waits_no_more(self) -> None:
        """Unless it ended because it waits."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), _reached(), ending(status=RunStatus.BLOCKED)])
            ledger.append("r2", [opening(), _reached(), ending(status=RunStatus.FAILED)])
            assert [wait.run for wait in ledger.waits()] == ["r1"]
            ledger.append("r1", [Event(Kind.RUN_RESUMED, 300.0, body={})])
            assert [wait.run for wait in ledger.waits()] == ["r1"], "it is not through yet"
            ledger.append("r1", [ending(status=RunStatus.CANCELLED)])
            assert ledger.waits() == []

    def test_a_run_that_is_gone_on_with_waits_again(self) -> None:
        """However it had ended: it came to the gate, and comes there once only."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), _reached(), _reached("second", 131.0), ending(status=RunStatus.FAILED)])
            ledger.append("r1", [Event(Kind.RUN_RESUMED, 300.0, body={})])
            assert [(wait.gate, wait.at) for wait in ledger.waits()] == [("ready", 120.0), ("second", 131.0)]
            assert Gate.of_fields(ledger.waits()[0].body["gate"]) == _GATE
            ledger.append("r1", [ending(status=RunStatus.BLOCKED)])
            assert len(ledger.waits()) == 2

    def test_a_journal_goes_with_its_fields(self) -> None:
        """Nothing of them is left for another run."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), _reached(), ending(status=RunStatus.BLOCKED)])
            ledger.set_fields("r1", {"ready": True}, at=1.0, by="ann")
            ledger.claim("r1", "one")
            ledger.remove("r1")
            assert (ledger.fields("r1"), ledger.waits()) == ({}, [])

    def test_who_watches_is_woken(self) -> None:
        """By fields that others set, by runs that come to a gate, and by those that end there."""
        with self.opened() as (ledger, place), self._other(place, ledger) as other:
            if other is ledger:
                return  # nobody else can write there
            with contextlib.closing(ledger.watch()) as watch:
                while watch.wait(0.05):
                    pass
                told: list[Callable[[], object]] = [
                    lambda: other.set_fields("r1", {"ready": True}, at=1.0, by="ann"),
                    lambda: other.append("r1", [opening(), _reached()]),
                    lambda: other.append("r1", [ending(status=RunStatus.BLOCKED)]),
                ]
                for news in told:
                    late = threading.Timer(0.05, news)
                    late.start()
                    assert watch.wait(30.0), "it was told"
                    late.join()
                    while watch.wait(0.05):
                        pass

    @contextlib.contextmanager
    def _other(self, place: Path, ledger: Journals) -> Iterator[Journals]:
        """Another view of the ledger; the ledger itself if there is none."""
        again = self.reopened(place)
        if again is None:
            yield ledger
            return
        with contextlib.closing(again):
            yield again
