"""The duty that minds gates, with runs that are played by hand, and a ledger that goes away."""

import pytest

from weftline.app.home import Home
from weftline.errors import LedgerUnusableError
from weftline.model.event import Event, Kind
from weftline.model.gate import Clause, Gate
from weftline.serve.sensor import GateSensor
from weftline.store.holder import this_process
from weftline.testing import ManualClock

GATE = Gate("ready", (Clause("read", "equals", True),))


class Hand:
    """Stands where `weftline.serve.launcher.Launcher` does: whoever holds the test plays the runs."""

    def __init__(self):
        self.started = []
        self.asked = []
        self.alive = set()

    @property
    def runs(self):
        return self.alive

    def start(self, *wanted):
        self.asked.append([each.run for each in wanted])
        for each in wanted:
            self.started.append(each.run)
            self.alive.add(each.run)


class Leaving:
    """A ledger that is away for the next questions of a kind, or for those after some that pass."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.away = {}
        self.passes = {}
        self.read_whole = []

    def events(self, run, kinds=()):
        if not kinds:
            self.read_whole.append(run)
        return self.__getattr__("events")(run, kinds)

    def __getattr__(self, name):
        if self.passes.get(name):
            self.passes[name] -= 1
            return getattr(self._ledger, name)
        if self.away.get(name):
            self.away[name] -= 1
            raise LedgerUnusableError(path="there", detail="it is away")
        return getattr(self._ledger, name)


class Stage:
    def __init__(self, folder):
        self.clock = ManualClock()
        self.home = Home(folder, clock=self.clock)
        self.ledger = self.home._journals = Leaving(self.home.ledger)
        self.hand = Hand()
        self.said = []
        self.sensor = GateSensor(self.home, self.hand, self.said.append)

    def wait(self, run, **opening):
        """A run that has come to the gate."""
        at = self.clock.now()
        opening = {"pipeline": "p", "field_kinds": {"read": "boolean"}, "target": "p.py", "repeatable": True, **opening}
        reached = {"gate": GATE.as_fields(), "held": {"read": None}, "why": ""}
        self.ledger.append(run, [Event(Kind.RUN_STARTED, at, body=opening), Event(Kind.GATE_REACHED, at, body=reached)])
        self.end(run, "blocked")

    def end(self, run, status="completed"):
        self.ledger.append(run, [Event(Kind.RUN_FINISHED, self.clock.now(), body={"status": status, "counts": {}})])
        self.hand.alive.discard(run)

    def open(self, run):
        self.ledger.set_fields(run, {"read": True}, at=self.clock.now(), by="test")

    def look(self):
        return self.sensor.look(self.clock.now())


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path / "home")
    yield stage
    stage.home.close()


def test_what_has_ended_is_not_looked_at_again(stage):
    """Else the daemon would never sleep again."""
    stage.wait("r1")
    stage.look()
    stage.open("r1")
    assert stage.look() > stage.clock.now(), "it looks whether the run gets on"
    assert stage.hand.started == ["r1"]
    stage.ledger.claim("r1", this_process())
    stage.end("r1")
    stage.clock.move(10)
    assert stage.look() is None


@pytest.mark.parametrize("question", ["waits", "changed_since", "events", "fields"])
def test_no_change_is_lost_while_the_ledger_is_away(stage, question):
    for run in ("r1", "r2", "r3"):
        stage.wait(run)
    stage.look()
    for run in ("r1", "r2", "r3"):
        stage.open(run)
    stage.ledger.away[question] = 1
    with pytest.raises(LedgerUnusableError):
        stage.look()
    stage.look()
    assert sorted(stage.hand.started) == ["r1", "r2", "r3"]


def test_what_only_its_program_can_go_on_with_is_left_to_it(stage):
    """It was given values that the journal does not hold. Nobody tries in vain, again and again."""
    stage.wait("r1", repeatable=False)
    stage.wait("r2", target="")
    stage.look()
    for run in ("r1", "r2"):
        stage.open(run)
    assert stage.look() is None
    assert stage.hand.started == []
    assert sorted(text.partition(":")[0] for text in stage.said if "the program" in text) == ["r1", "r2"]


def test_what_opens_together_is_begun_together_those_that_came_first_before_the_others(stage):
    runs = [f"r{number}" for number in (3, 1, 2)]
    for run in runs:
        stage.wait(run)
        stage.clock.move(1)
    stage.look()
    for run in sorted(runs):
        stage.open(run)
    stage.look()
    assert stage.hand.asked == [runs]


def test_what_was_found_before_the_ledger_went_away_is_begun(stage):
    for run in ("r1", "r2"):
        stage.wait(run)
        stage.clock.move(1)
    stage.look()
    for run in ("r1", "r2"):
        stage.open(run)
    stage.ledger.passes["events"] = 1
    stage.ledger.away["events"] = 1
    with pytest.raises(LedgerUnusableError):
        stage.look()
    assert stage.hand.started == ["r1"]


def test_journals_are_not_read_as_a_whole(stage):
    """Those of ten runs with thousands of calls each would take longer than the runs may wait."""
    stage.wait("r1")
    stage.look()
    stage.open("r1")
    stage.look()
    assert stage.hand.started == ["r1"]
    assert stage.ledger.read_whole == []


def test_a_run_whose_daemon_was_killed_is_gone_on_with_soon(stage):
    """Whoever dies in the first tenth of a second is noticed after 20 ms; later it is looked for less and less often."""
    stage.wait("r1")
    stage.look()
    stage.ledger.claim("r1", this_process())
    stage.open("r1")
    looks_s = []
    for _ in range(1100):  # for most of a day
        looks_s.append(stage.look() - stage.clock.now())
        stage.clock.move(looks_s[-1])
    assert looks_s[:8] == pytest.approx([0.02] * 5 + [0.04, 0.08, 0.16])
    assert looks_s[-1] == pytest.approx(60.0)
    assert stage.hand.started == []
    stage.ledger.release("r1", this_process())
    stage.look()
    assert stage.hand.started == ["r1"]


def test_a_run_that_fails_to_go_on_is_tried_again_less_and_less_often(stage):
    stage.wait("r1")
    stage.look()
    stage.open("r1")
    rests_s = []
    for _ in range(5):
        rests_s.append(stage.look() - stage.clock.now())
        stage.hand.alive.clear()  # its process has failed
        stage.clock.move(rests_s[-1])
    assert rests_s == pytest.approx([0.02, 0.04, 0.08, 0.16, 0.32])
    assert stage.hand.started == ["r1"] * 5
