"""What every ledger promises about schedules and guards: moments are decided once, and who has lost its turn writes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from weftline.errors import LeaseLostError, RunTakenOverError
from weftline.model.schedule import FireState
from weftline.ports.ledger import Journals
from weftline.ports.schedules import Fire, Kept, Lease
from weftline.store.holder import this_process
from weftline.testing.journals import LedgerSuite

_NOBODY = Kept()
_FIRST = Kept("every 10 s", 100, "1")


def _fire(due_at: float, run: str = "", state: FireState = FireState.PENDING, schedule: str = "nightly") -> Fire:
    return Fire(schedule, due_at, state, "due", run or f"r{due_at:g}", None, 0, due_at + 0.5)


def _refused(write: Callable[[], object]) -> None:
    try:
        write()
    except LeaseLostError:
        return
    raise AssertionError("a process whose turn is over has written")


class LedgerSchedules(LedgerSuite):
    """Leases, moments, and places behind guards."""

    # --- who minds them ---

    def test_a_duty_has_one_holder(self) -> None:
        """Another one is told who has it, and how often that one has shown that it lives; once given back it is free."""
        with self.opened() as (ledger, _):
            kept = ledger.schedules
            mine = kept.lead("cron", "one")
            assert (mine.holder, mine.epoch, mine.beats) == ("one", 1, 0)
            assert kept.lead("cron", "one") == mine._replace(beats=1)
            assert kept.lead("cron", "two") == mine._replace(beats=1)
            assert kept.lead("other", "two").holder == "two"
            kept.resign(Lease("cron", "two", 1, 0))
            assert kept.lead("cron", "two").holder == "one", "only who has it may give it back"
            kept.resign(mine)
            assert kept.lead("cron", "two") == Lease("cron", "two", 2, 0)

    def test_a_duty_is_taken_over_only_from_the_lease_that_was_seen(self) -> None:
        """Of two who find the same dead holder one takes its place; one that has shown a sign of life since keeps it."""
        with self.opened() as (ledger, _):
            kept = ledger.schedules
            seen = kept.lead("cron", "one")
            assert kept.lead("cron", "one").beats == 1
            assert kept.lead("cron", "two", instead_of=seen).holder == "one", "it lives"
            seen = kept.lead("cron", "two")
            assert kept.lead("cron", "two", instead_of=seen) == Lease("cron", "two", 2, 0)
            assert kept.lead("cron", "three", instead_of=seen).holder == "two"
            assert kept.lead("cron", "one").holder == "two"

    # --- moments ---

    def test_what_was_decided_is_kept(self) -> None:
        """Where the schedule stands, and each moment with what became of it, the newest first."""
        with self.opened() as (ledger, place), self._view(place, ledger) as other:
            lease = ledger.schedules.lead("cron", "one")
            missed = Fire("nightly", 90.0, FireState.MISSED, "misfired", "", 20, 0, 100.0, 100.0)
            assert ledger.schedules.record(lease, "nightly", _NOBODY, _FIRST, [missed, _fire(100.0)])
            assert dict(other.schedules.states()) == {"nightly": _FIRST}
            assert list(other.schedules.fires()) == [_fire(100.0), missed]
            assert list(other.schedules.fires(is_live=True)) == [_fire(100.0)]
            assert list(other.schedules.fires("nightly", limit=1)) == [_fire(100.0)]
            assert list(other.schedules.fires("other")) == []

    def test_a_moment_is_decided_once(self) -> None:
        """Who has looked before somebody else wrote writes nothing; and a moment that is there stays as it is."""
        with self.opened() as (ledger, _):
            kept = ledger.schedules
            lease = kept.lead("cron", "one")
            assert kept.record(lease, "nightly", _NOBODY, _FIRST, [_fire(100.0, "a")])
            assert not kept.record(lease, "nightly", _NOBODY, _FIRST, [_fire(100.0, "b"), _fire(90.0)])
            assert kept.record(lease, "nightly", _FIRST, _FIRST._replace(since=110), [_fire(100.0, "b"), _fire(110.0)])
            assert [(fire.due_at, fire.run) for fire in kept.fires()] == [(110.0, "r110"), (100.0, "a")]

    def test_who_lost_its_turn_writes_nothing_more(self) -> None:
        """Neither moments nor what became of them, and not either if it has the duty again under another number."""
        with self.opened() as (ledger, place), self._view(place, ledger) as other:
            late = ledger.schedules.lead("cron", "one")
            ledger.schedules.record(late, "nightly", _NOBODY, _FIRST, [_fire(100.0)])
            other.schedules.lead("cron", "two", instead_of=late)
            further = _FIRST._replace(since=110)
            _refused(lambda: ledger.schedules.record(late, "nightly", _FIRST, further, [_fire(110.0)]))
            _refused(lambda: ledger.schedules.follow(late, [_fire(100.0, state=FireState.FAILED)]))
            other.schedules.resign(other.schedules.lead("cron", "two"))
            now = ledger.schedules.lead("cron", "one")
            assert now.epoch == 3
            _refused(lambda: ledger.schedules.record(late, "nightly", _FIRST, further, [_fire(110.0)]))
            assert dict(other.schedules.states()) == {"nightly": _FIRST}
            assert list(other.schedules.fires()) == [_fire(100.0)]
            assert ledger.schedules.record(now, "nightly", _FIRST, further, [_fire(110.0)])

    def test_what_is_over_stays(self) -> None:
        """A moment goes on until it is over; the process that runs it may tell so as well."""
        with self.opened() as (ledger, _):
            kept = ledger.schedules
            lease = kept.lead("cron", "one")
            kept.record(lease, "nightly", _NOBODY, _FIRST, [_fire(100.0)])
            kept.start(_fire(100.25, "by-hand"))
            running = _fire(100.0)._replace(state=FireState.RUNNING, tries=1)
            kept.follow(lease, [running])
            kept.follow(None, [_fire(100.25, "by-hand")._replace(state=FireState.COMPLETED, ended_at=200.0)])
            assert list(kept.fires(is_live=True)) == [running]
            kept.follow(lease, [running._replace(state=FireState.COMPLETED, why="done", ended_at=300.0)])
            kept.follow(lease, [running._replace(state=FireState.FAILED), _fire(100.25, state=FireState.RUNNING)])
            assert [(fire.state, fire.ended_at) for fire in kept.fires()] == [
                (FireState.COMPLETED, 200.0),
                (FireState.COMPLETED, 300.0),
            ]

    def test_a_schedule_is_paused_by_anybody(self) -> None:
        """Also one that nobody has minded; who decides at that moment has to look again."""
        with self.opened() as (ledger, _):
            kept = ledger.schedules
            assert kept.pause("nightly", True, at=5.0, by="ann")
            assert not kept.pause("nightly", True, at=6.0, by="bob")
            paused = Kept("", 0, "", True, "ann", 5.0)
            assert dict(kept.states()) == {"nightly": paused}
            lease = kept.lead("cron", "one")
            assert not kept.record(lease, "nightly", _NOBODY, _FIRST, [])
            assert kept.record(lease, "nightly", paused, _FIRST._replace(is_paused=True, by="ann", at=5.0), [])
            assert kept.pause("nightly", False, at=7.0, by="bob")
            assert kept.states()["nightly"] == _FIRST._replace(by="bob", at=7.0)

    def test_of_what_is_over_the_newest_are_kept(self) -> None:
        """A schedule of every second does not fill a disk; what still runs is never forgotten."""
        with self.opened() as (ledger, _):
            kept = ledger.schedules
            lease, was = kept.lead("cron", "one"), _NOBODY
            for begin in (0, 600, 1200):
                since = _FIRST._replace(since=begin + 599)
                fires = [_fire(float(number), state=FireState.COMPLETED) for number in range(begin + 1, begin + 600)]
                assert kept.record(lease, "nightly", was, since, [_fire(float(begin)), *fires])
                was = since
            found = [fire.due_at for fire in kept.fires(limit=5000)]
            assert (len(found), min(found)) == (1002, 0.0), "1,000 of them, and those that go on"

    # --- guards ---

    def test_as_many_go_on_as_a_guard_lets_through(self) -> None:
        """One more is told who is inside; when one of those leaves, there is a place."""
        me = this_process()
        with self.opened() as (ledger, _):
            for run in ("r1", "r2", "r3"):
                ledger.claim(run, me)
            guards = ledger.guards
            assert list(guards.enter("k", "r1", 2, at=1.0)) == []
            assert list(guards.enter("k", "r2", 2, at=2.0)) == []
            assert list(guards.enter("k", "r3", 2, at=3.0)) == ["r1", "r2"]
            assert list(guards.enter("k", "r1", 2, at=4.0)) == [], "it has its place already"
            assert list(guards.enter("other", "r3", 2, at=3.0)) == []
            guards.leave("r1")
            assert list(guards.enter("k", "r3", 2, at=5.0)) == []
            assert list(guards.inside("k")) == ["r2", "r3"]

    def test_a_place_ends_with_the_claim_of_its_run(self) -> None:
        """Given back, or held by a process that is dead: nobody has to clean up, and nothing expires."""
        with self.opened() as (ledger, place), self._view(place, ledger) as other:
            for run, holder in (("ended", this_process()), ("dead", _dead()), ("mine", this_process())):
                other.claim(run, holder)
                other.guards.enter(run, run, 1, at=1.0)
            for key in ("ended", "dead", "mine"):
                ledger.claim(f"next {key}", this_process())
            other.release("ended", this_process())
            assert list(ledger.guards.enter("ended", "next ended", 1, at=2.0)) == []
            assert list(ledger.guards.enter("dead", "next dead", 1, at=2.0)) == []
            assert list(ledger.guards.enter("mine", "next mine", 1, at=2.0)) == ["mine"]
            other.claim("dead", this_process(), instead_of=_dead())
            assert list(other.guards.inside("dead")) == ["next dead"], "who goes on with it asks anew"

    def test_a_place_goes_with_its_run_to_who_takes_that_over(self) -> None:
        """Who has lost the run neither takes nor gives back a place of it."""
        with self.opened() as (ledger, place), self._view(place, ledger) as other:
            if other is ledger:
                return
            ledger.claim("r1", "one")
            ledger.guards.enter("k", "r1", 1, at=1.0)
            other.claim("r1", this_process(), instead_of="one")
            assert list(other.guards.enter("k", "r1", 1, at=2.0)) == []
            ledger.guards.leave("r1")
            assert list(other.guards.inside("k")) == ["r1"]
            try:
                ledger.guards.enter("k", "r1", 1, at=3.0)
            except RunTakenOverError:
                pass
            else:
                raise AssertionError("it has taken a place")
            other.claim("r2", this_process())
            assert list(other.guards.enter("k", "r2", 1, at=4.0)) == ["r1"]

    def test_nobody_takes_a_place_for_a_run_that_he_does_not_have(self) -> None:
        """It would be free at once."""
        with self.opened() as (ledger, _):
            try:
                ledger.guards.enter("k", "r1", 1, at=1.0)
            except RunTakenOverError:
                return
            raise AssertionError("it has taken a place")

    @contextlib.contextmanager
    def _view(self, place: Path, ledger: Journals) -> Iterator[Journals]:
        """Another view of the ledger; the ledger itself if there is none."""
        again = self.reopened(place)
        if again is None:
            yield ledger
            return
        with contextlib.closing(again):
            yield again


def _dead() -> str:
    """A process of this machine that is gone: no number is that of a process that began before the machine did."""
    machine, pid, _ = this_process().rsplit(":", 2)
    return f"{machine}:{pid}:never"
