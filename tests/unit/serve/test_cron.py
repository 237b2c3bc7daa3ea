"""The duty that minds schedules, with a clock that is moved by hand and runs that are played by hand."""

import contextlib
from pathlib import Path

import pytest

from weftline.app.declared import Declared
from weftline.app.home import Home, Request
from weftline.app.schedules import MOST_STARTS, MOST_TRIES
from weftline.errors import ManifestError
from weftline.model.event import Event, Kind
from weftline.model.guard import Guard
from weftline.model.schedule import Schedule
from weftline.serve.cron import CronDuty
from weftline.store import holder
from weftline.store.holder import this_process
from weftline.testing import ManualClock

DEAD = this_process().rpartition(":")[0] + ":never"


class Hand:
    """Fits `weftline.serve.cron.Starts`: whoever holds the test plays the runs."""

    def __init__(self):
        self.started = []
        self.alive = set()

    @property
    def runs(self):
        return frozenset(self.alive)

    def start(self, wanted):
        self.started.append(wanted)
        self.alive.add(wanted.run)


class Stage:
    """A home, daemons, and what their runs do."""

    def __init__(self, folder):
        self.clock = ManualClock()
        self.home = Home(folder, clock=self.clock)
        self.declared = {}
        self.hand = Hand()
        self.said = []
        self.base = int(self.clock.now()) // 60 * 60 + 60

    # --- what runs do ---

    def begin(self, run, who=None):
        other = self.home.ledger.claim(run, who or this_process())
        assert other is None or self.home.ledger.claim(run, who or this_process(), instead_of=other) is None
        kind = Kind.RUN_RESUMED if list(self.home.ledger.events(run)) else Kind.RUN_STARTED
        self.home.ledger.append(run, [Event(kind, self.clock.now(), body={"pipeline": "p"})])

    def end(self, run, status="completed", **more):
        body = {"status": status, "counts": {}, **more}
        self.home.ledger.append(run, [Event(Kind.RUN_FINISHED, self.clock.now(), body=body)])
        self.home.ledger.release(run, this_process())
        self.hand.alive.discard(run)

    # --- what the test does ---

    def add(self, name="s", seconds=60, **fields):
        self.declared[name] = Schedule(name, "flow.py", **({"every_s": seconds} if "at" not in fields else {}), **fields)

    def duty(self):
        return CronDuty(self.home, lambda: Declared(dict(self.declared), ()), self.hand, self.said.append)

    def at(self, seconds, *duties):
        """Looks at so many seconds after the base."""
        self.clock.move(self.base + seconds - self.clock.now())
        for duty in duties:
            found = duty.look(self.clock.now())
        return found - self.base

    @property
    def runs(self):
        return [wanted.run for wanted in self.hand.started]

    def fires(self, name=""):
        """Moments in order, with what became of them."""
        found = sorted(self.home.journals.schedules.fires(name), key=lambda fire: fire.due_at)
        return [(fire.due_at - self.base, str(fire.state)) for fire in found]


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path / "home")
    yield stage
    stage.home.close()


def test_what_is_due_is_started_and_followed_to_its_end(stage):
    stage.add()
    duty = stage.duty()
    assert stage.at(-0.5, duty) == 0, "it looks again when the next moment comes, if that is soon"
    assert (stage.runs, stage.fires()) == ([], [])
    stage.at(0.1, duty)
    assert stage.fires() == [(0, "PENDING")]
    (run,) = stage.runs
    stage.begin(run)
    stage.at(1, duty)
    assert stage.fires() == [(0, "RUNNING")]
    stage.at(30, duty)
    stage.end(run)
    stage.at(31, duty)
    assert stage.fires() == [(0, "COMPLETED")]
    assert len(stage.hand.started) == 1
    (fire,) = stage.home.journals.schedules.fires()
    assert (fire.run, fire.ended_at - stage.base) == (run, 31)


@pytest.mark.parametrize(
    ("status", "more", "state"),
    [
        ("completed", {}, "COMPLETED"),
        ("failed", {}, "FAILED"),
        ("partial", {}, "FAILED"),
        ("cancelled", {}, "FAILED"),
        ("cancelled", {"guard": "k", "why": "one too many"}, "SKIPPED"),
        ("failed", {"guard": "k", "why": "one too many"}, "FAILED"),
        ("blocked", {}, "RUNNING"),
    ],
)
def test_a_moment_is_what_its_run_has_become(stage, status, more, state):
    """`COMPLETED` only if the run is; one that waits at a gate goes on."""
    stage.add()
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(0, duty)
    stage.begin(stage.runs[0])
    stage.end(stage.runs[0], status, **more)
    stage.at(1, duty)
    stage.at(2, duty)
    assert stage.fires() == [(0, state)]
    assert len(stage.hand.started) == 1


def test_runs_that_have_not_ended_count(stage):
    """Also while they wait at a gate; when they end, there is room for the next moment."""
    stage.add()
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(0, duty)
    stage.at(60, duty)
    stage.begin(stage.runs[0])
    stage.end(stage.runs[0], "blocked")
    stage.at(120, duty)
    stage.begin(stage.runs[0])
    stage.end(stage.runs[0])
    stage.at(180, duty)
    assert stage.fires() == [(0, "COMPLETED"), (60, "SKIPPED"), (120, "SKIPPED"), (180, "PENDING")]


def test_what_waits_for_room_is_started_when_there_is(stage):
    stage.add(catch_up="all")
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(125, duty)
    for number in range(3):
        assert len(stage.hand.started) == number + 1
        stage.begin(stage.runs[-1])
        stage.end(stage.runs[-1])
        stage.at(126 + number, duty)
    assert stage.fires() == [(0, "COMPLETED"), (60, "COMPLETED"), (120, "COMPLETED")]


def test_one_of_several_daemons_does_it(stage):
    stage.add()
    one, two = stage.duty(), stage.duty()
    for seconds in (-1, 0, 1, 60, 61, 120):
        stage.at(seconds, one, two)
        stage.hand.alive.clear()
        for run in stage.runs:
            if not list(stage.home.ledger.events(run)):
                stage.begin(run)
                stage.end(run)
    assert [state for _, state in stage.fires()] == ["COMPLETED", "COMPLETED", "PENDING"]
    assert len(set(stage.runs)) == len(stage.runs) == 3


def test_another_takes_over_from_one_that_says_nothing_more(stage):
    """After five seconds; what was decided and never begun is started under the same id."""
    stage.add(max_instances=9)
    one, two = stage.duty(), stage.duty()
    stage.at(-1, one, two)
    stage.at(0, one)
    stage.hand.alive.clear()  # its processes die with it
    for seconds in (1, 3, 5):
        stage.at(seconds, two)
    assert len(stage.hand.started) == 1
    stage.at(6.5, two)
    assert stage.runs == [stage.runs[0]] * 2
    stage.at(60, two)
    assert stage.fires() == [(0, "PENDING"), (60, "PENDING")]


def test_one_that_was_asleep_does_nothing_more(stage):
    """It has decided before it slept; whoever took over has too, and its record alone counts."""
    stage.add(max_instances=9)
    one, two = stage.duty(), stage.duty()
    stage.at(-1, one, two)
    stage.at(6, two)  # first seen before, and silent since
    stage.at(60, two)
    lease = one._leading._mine
    assert lease is not None
    one._leading._beaten_at = stage.clock.monotonic()  # it believes to have shown its life just now
    stage.at(120.5, one)
    assert stage.fires() == [(0, "PENDING"), (60, "PENDING")]
    assert one._leading._mine is None
    assert len(stage.hand.started) == 2


def test_a_dead_daemon_of_this_machine_is_replaced_at_once(stage, monkeypatch):
    stage.add()
    with monkeypatch.context() as patched:
        patched.setattr(holder, "this_process", lambda: DEAD)
        one = stage.duty()
        stage.at(-1, one)
    two = stage.duty()
    stage.at(0, two)
    assert stage.fires() == [(0, "PENDING")]


def test_a_daemon_that_goes_gives_the_duty_back(stage):
    stage.add()
    one, two = stage.duty(), stage.duty()
    stage.at(-1, one, two)
    one.close()
    stage.at(0, two)
    assert len(stage.hand.started) == 1


def test_a_run_that_was_left_behind_is_gone_on_with(stage):
    """Under the same id, and not for ever."""
    stage.add()
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(0, duty)
    for number in range(1, MOST_TRIES + 5):
        stage.begin(stage.runs[0], DEAD)
        stage.hand.alive.clear()
        stage.at(number, duty)
        if len(stage.hand.started) == number:
            break
    assert len(stage.hand.started) == MOST_TRIES
    assert set(stage.runs) == {stage.runs[0]}
    (fire,) = stage.home.journals.schedules.fires()
    assert (str(fire.state), fire.tries) == ("FAILED", MOST_TRIES - 1)
    assert f"weftline resume {fire.run}" in fire.why


def test_a_run_that_never_begins_is_given_up_sooner(stage):
    """Its target cannot be loaded, say."""
    stage.add(seconds=3600)
    duty = stage.duty()
    stage.base = stage.base // 3600 * 3600 + 3600
    stage.at(-1, duty)
    for number in range(8):
        stage.at(number, duty)
        stage.hand.alive.clear()
    assert len(stage.hand.started) == MOST_STARTS
    assert stage.fires() == [(0, "FAILED")]


def test_what_a_run_is_given(stage):
    """Where it is, what it is asked for, and what it tells of its beginning."""
    stage.add(params={"region": "eu"}, guard=Guard("{name}", 2, "skip"))
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(0, duty)
    (wanted,) = stage.hand.started
    assert (wanted.target, wanted.cwd) == ("flow.py", str(Path.cwd()))
    request = Request(params={"region": "eu"}, guard=Guard("{name}", 2, "skip"), trigger="scheduler")
    assert Request(**wanted.request) == request
    assert wanted.told == {"schedule": "s", "due_at": stage.base}
    assert any(f"run {wanted.run}" in text for text in stage.said)


def test_what_is_paused_is_skipped_and_goes_on_afterwards(stage):
    stage.add()
    duty = stage.duty()
    stage.at(-1, duty)
    stage.home.journals.schedules.pause("s", True, at=1.0, by="ann")
    stage.at(0, duty)
    stage.at(60, duty)
    stage.home.journals.schedules.pause("s", False, at=2.0, by="ann")
    stage.at(120, duty)
    assert stage.fires() == [(0, "SKIPPED"), (60, "SKIPPED"), (120, "PENDING")]


def test_a_pause_between_looking_and_writing_counts(stage):
    """Who decides sees what it has decided on change, and looks again."""
    stage.add()
    duty = stage.duty()
    stage.at(-1, duty)
    states = stage.home.journals.schedules.states()
    stage.home.journals.schedules.pause("s", True, at=1.0, by="ann")
    with contextlib.ExitStack() as stack:
        kept = duty._kept
        patched = type("Late", (), {"states": lambda _: states, "__getattr__": lambda _, name: getattr(kept, name)})()
        duty._kept = patched
        stack.callback(setattr, duty, "_kept", kept)
        assert stage.at(0, duty) == 0, "it looks again at once"
    stage.at(0, duty)
    assert stage.fires() == [(0, "SKIPPED")]


def test_another_time_begins_anew(stage):
    """What the new one would have meant before it was declared does not count; nor what was not declared for a while."""
    stage.add(catch_up="all", max_instances=99)
    duty = stage.duty()
    stage.at(-1, duty)
    stage.add(seconds=10, catch_up="all", max_instances=99)
    stage.at(35, duty)
    assert stage.fires() == []
    stage.at(41, duty)
    assert stage.fires() == [(40, "PENDING")]


def test_a_disabled_one_writes_nothing_and_begins_anew(stage):
    stage.add(catch_up="all")
    duty = stage.duty()
    stage.at(-1, duty)
    stage.add(catch_up="all", enabled=False)
    stage.at(60, duty)
    before = stage.home.journals.schedules.states()
    stage.at(200, duty)
    assert stage.home.journals.schedules.states() == before
    stage.add(catch_up="all")
    stage.at(230, duty)
    stage.at(240, duty)
    assert stage.fires() == [(240, "PENDING")]


def test_after_a_downtime_what_is_too_late_is_told(stage):
    stage.add(max_instances=99)
    duty = stage.duty()
    stage.at(-1, duty)
    duty.close()
    stage.at(6001, stage.duty())
    assert stage.fires() == [(5940, "MISSED"), (6000, "PENDING")]
    assert stage.home.journals.schedules.fires()[1].since == stage.base - 1, "one entry for all of them"


def test_a_schedule_that_is_gone_leaves_nothing_open(stage):
    stage.add()
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(0, duty)
    stage.hand.alive.clear()
    stage.declared.clear()
    stage.at(1, duty)
    assert stage.fires() == [(0, "FAILED")]
    assert "not declared any more" in stage.home.journals.schedules.fires()[0].why


def test_many_that_are_due_at_once_have_runs_of_their_own(stage):
    for number in range(300):
        stage.add(f"s{number}")
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(0, duty)
    assert len(set(stage.runs)) == 300


class Counted(Schedule):
    """A schedule that counts how often its moments are looked for."""

    count = 0

    def until(self, moment):
        type(self).count += 1
        return super().until(moment)


def test_moments_are_looked_for_when_one_may_have_come(stage):
    """Not at each look: of a thousand schedules that would take a second and more."""
    stage.declared["s"] = Counted("s", "flow.py", every_s=60)
    duty = stage.duty()
    stage.at(-30, duty)
    Counted.count = 0
    for second in range(-29, 0):
        stage.at(second, duty)
    assert Counted.count == 0
    stage.at(0, duty)
    assert stage.fires() == [(0, "PENDING")]
    stage.home.journals.schedules.pause("s", True, at=1.0, by="ann")
    Counted.count = 0
    stage.at(1, duty)
    assert Counted.count == 1, "something has changed"


def test_it_says_what_it_minds_and_what_has_changed_of_it(stage):
    """Nobody has to guess whether the daemon sees a schedule, and when it fires."""
    one, two = stage.duty(), stage.duty()
    stage.at(-9, one)
    assert stage.said == ["no schedules in sight"]
    stage.at(-8, two)
    assert "another daemon minds the schedules" in stage.said.pop()
    stage.add()
    stage.at(-7, one, two)
    stage.at(-6, one, two)
    (added,) = stage.said[1:]
    assert added.startswith("s: every 60 s; runs flow.py; next ")
    stage.add(seconds=30)
    stage.at(-5, one, two)
    assert "every 30 s" in stage.said[-1]
    del stage.declared["s"]
    stage.at(-4, one, two)
    assert stage.said[3:] == ["s: is not declared any more"]


def test_it_says_when_files_are_mended(stage):
    broken = [ManifestError(detail="no", advice="mend it")]
    duty = CronDuty(stage.home, lambda: Declared({}, tuple(broken), "/somewhere"), stage.hand, stage.said.append)
    stage.at(-3, duty)
    stage.at(-2, duty)
    assert [text.splitlines()[0] for text in stage.said] == ["no schedules in /somewhere", str(broken[0]).splitlines()[0]]
    broken.clear()
    stage.at(-1, duty)
    stage.at(0, duty)
    assert stage.said[2:] == ["all files of schedules are valid again"]


def test_a_moment_that_failed_before_its_run_began_says_why(stage):
    stage.add()
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(0, duty)
    log = stage.home.path / "logs" / "serve" / f"{stage.runs[0]}.log"
    log.parent.mkdir(parents=True)
    log.write_text("[G215] no pipeline is registered as 'sales'\n  fix  register it\n")
    for seconds in (1, 2, 3, 4):
        stage.hand.alive.clear()
        stage.at(seconds, duty)
    (fire,) = stage.home.journals.schedules.fires()
    assert fire.why == f"its process ended 3 times before it began: [G215] no pipeline is registered as 'sales'   (see {log})"
    assert any(fire.why in text for text in stage.said)


def test_a_run_that_starts_late_says_so(stage):
    stage.add()
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(51, duty)
    assert stage.said[-1].endswith("UTC, 51 s late")


def test_at_its_end_it_records_what_became_of_its_runs(stage):
    """So that nobody reads that one goes on that is completed; what nobody has begun is left to the next."""
    stage.add(max_instances=2)
    duty = stage.duty()
    stage.at(-1, duty)
    stage.at(0, duty)
    stage.at(60, duty)
    stage.begin(stage.runs[0])
    stage.end(stage.runs[0])
    stage.hand.alive.clear()
    duty.close()
    assert stage.fires() == [(0, "COMPLETED"), (60, "PENDING")]
    assert len(stage.hand.started) == 2


@pytest.mark.parametrize("is_broken", [False, True])
def test_what_comes_while_a_schedule_is_not_declared_is_not_made_good(stage, is_broken):
    """Unless nobody knows what is declared, since a file is broken."""
    findings = []
    duty = CronDuty(stage.home, lambda: Declared(dict(stage.declared), tuple(findings)), stage.hand, stage.said.append)
    stage.add(catch_up="all", max_instances=9)
    stage.at(-1, duty)
    stage.at(0, duty)
    del stage.declared["s"]
    findings += [ManifestError(detail="no", advice="mend it")] if is_broken else []
    for seconds in (1, 61, 121):
        stage.at(seconds, duty)
    stage.add(catch_up="all", max_instances=9)
    findings.clear()
    stage.at(130, duty)
    stage.at(180, duty)
    assert [at for at, _ in stage.fires()] == ([0, 60, 120, 180] if is_broken else [0, 180])
