"""What every ledger promises about who works on a run: claims, what becomes of one who lost his, and removal."""

from __future__ import annotations

import contextlib
import unittest
from collections.abc import Iterator, Sequence
from pathlib import Path

from weftline.errors import RunTakenOverError
from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Recipe
from weftline.model.ids import WHOLE
from weftline.ports.ledger import Journals, Wanted
from weftline.testing.journals import RECIPE, LedgerSuite, ending, finished, kinds, opening, started, took


class LedgerClaims(LedgerSuite):
    """Claims, and what another process sees."""

    # --- claims ---

    def test_a_run_is_claimed_by_one_holder(self) -> None:
        """Another one is told who has it; the same one may ask again; once released it is free."""
        with self.opened() as (ledger, _):
            assert ledger.claim("r1", "one") is None
            assert ledger.claim("r1", "one") is None
            assert ledger.claim("r1", "two") == "one"
            assert ledger.claim("r2", "two") is None
            ledger.release("r1", "two")
            assert ledger.holder("r1") == "one", "only who has it may give it back"
            ledger.release("r1", "one")
            assert ledger.holder("r1") is None
            assert ledger.claim("r1", "two") is None
            ledger.release("unknown", "one")

    def test_a_run_is_taken_over_only_from_the_holder_that_is_named(self) -> None:
        """Two processes may find the same dead holder; only the first one takes its place. What is free may be taken too."""
        with self.opened() as (ledger, _):
            ledger.claim("r1", "dead")
            assert ledger.claim("r1", "first", instead_of="dead") is None
            assert ledger.claim("r1", "second", instead_of="dead") == "first"
            ledger.release("r1", "first")
            assert ledger.claim("r1", "second", instead_of="dead") is None

    def test_several_runs_are_claimed_at_once(self) -> None:
        """Each as by itself: those that somebody else has stay there."""
        with self.opened() as (ledger, place), self._again(place) as other:
            ledger.claim("r1", "dead")
            ledger.claim("r2", "one")
            wanted = [Wanted("r4", "new"), Wanted("r1", "two", "dead"), Wanted("r2", "two", "dead"), Wanted("r3", "two")]
            found = {"r1": "two", "r2": "one", "r3": "two", "r4": "new"}
            assert other.claim_all(wanted) == found
            assert {run: ledger.holder(run) for run in found} == found
            other.append("r3", [opening()])
            _refuses(other, "r2", [opening()])
            assert other.claim_all([]) == {}

    def test_a_run_may_be_claimed_in_the_name_of_another_process(self) -> None:
        """Which has it then, and asks for what it was given; if somebody else has it by now, it is told so."""
        with self.opened() as (daemon, place), self._again(place) as process:
            assert daemon.claim("r1", "process") is None
            assert process.claim("r1", "process", instead_of="process") is None
            process.append("r1", [opening()])
            daemon.claim("r2", "process")
            daemon.release("r2", "process")
            daemon.claim("r2", "other")
            assert process.claim("r2", "process", instead_of="process") == "other"
            _refuses(process, "r2", [opening()])
            daemon.release("r2", "other")
            assert process.claim("r2", "process", instead_of="process") is None, "it is free again"

    # --- fences ---

    def test_a_claimed_run_takes_events_from_where_it_was_claimed_alone(self) -> None:
        """Nobody else adds to it, not even by accident; a run that nobody has claimed takes them from anybody."""
        with self.opened() as (ledger, place), self._again(place) as again:
            ledger.append("r1", [opening()])
            again.append("r1", [started("load")], [RECIPE])
            ledger.claim("r2", "one")
            _refuses(again, "r2", [opening()])
            ledger.append("r2", [opening()])
            _refuses(again, "r2", [ending()])
            ledger.release("r2", "one")
            again.append("r2", [ending()])
            assert kinds(ledger, "r2") == [Kind.RUN_STARTED, Kind.RUN_FINISHED]

    def test_who_lost_a_run_writes_nothing_more(self) -> None:
        """Not after another took it, not after that one is through, and not if one of the same name has it since."""
        resumed = Event(Kind.RUN_RESUMED, 300.0, body={"pipeline": "churn"})
        late = [started("load"), took("load", 9.0), finished("load", 9.0)]
        with self.opened() as (zombie, place), self._again(place) as other:
            zombie.claim("r1", "zombie")
            zombie.append("r1", [opening()])
            assert other.claim("r1", "other", instead_of="zombie") is None
            _refuses(zombie, "r1", late)
            other.append("r1", [resumed])
            _refuses(zombie, "r1", late)
            zombie.release("r1", "zombie")
            other.append("r1", [started("load"), took("load", 1.0), finished("load", 1.0), ending()], [RECIPE])
            assert other.last_times("churn", ["load"])["load"].took_s == 1.0
            assert list(other.durations("churn", ["load"])["load"]) == [1.0]
            assert kinds(other, "r1")[1] is Kind.RUN_RESUMED
            assert len(kinds(other, "r1")) == 6

    def test_a_run_that_comes_back_to_a_name_is_another_claim(self) -> None:
        """The number of the claim decides, not the name."""
        with self.opened() as (zombie, place), self._again(place) as other:
            zombie.claim("r1", "one")
            zombie.append("r1", [opening()])
            other.claim("r1", "two", instead_of="one")
            _refuses(zombie, "r1", [ending()])
            other.release("r1", "two")
            _refuses(zombie, "r1", [ending()])
            other.claim("r1", "one")
            _refuses(zombie, "r1", [ending()])
            assert zombie.claim("r1", "one") is None, "it may ask anew"
            zombie.append("r1", [ending()])
            assert kinds(other, "r1") == [Kind.RUN_STARTED, Kind.RUN_FINISHED]

    def test_of_two_of_one_name_the_second_has_the_run(self) -> None:
        """Two parts of one process that go on with the same run; the first one does not give it back for the second."""
        with self.opened() as (first, place), self._again(place) as second:
            assert first.claim("r1", "one") is None
            first.append("r1", [opening()])
            assert second.claim("r1", "one") is None
            _refuses(first, "r1", [ending()])
            first.release("r1", "one")
            assert second.holder("r1") == "one"
            second.append("r1", [ending()])
            second.release("r1", "one")
            assert first.holder("r1") is None

    def test_nothing_comes_with_what_is_refused(self) -> None:
        """No recipe, no text and no duration either."""
        asked = Recipe(code="late")
        with self.opened() as (zombie, place), self._again(place) as other:
            zombie.claim("r1", "zombie")
            zombie.append("r1", [opening(), started("load")], [RECIPE])
            other.claim("r1", "other", instead_of="zombie")
            _refuses(zombie, "r1", [started("load", recipe=asked), took("load", 9.0)], [asked])
            assert other.last_times("churn", ["load"])["load"].recipe == RECIPE
            assert dict(other.durations("churn", ["load"])) == {}
            other.append("r1", [started("load", recipe=asked)], [asked])
            assert other.last_times("churn", ["load"])["load"].recipe == asked

    # --- removal ---

    def test_a_removed_run_is_gone_and_what_it_tells_of_the_next_one_stays(self) -> None:
        """Also a long one; others stay as they are."""
        made = Event(Kind.CALL_SUCCEEDED, 114.0, "load", WHOLE, 1, {"key": "ab" * 32, "took_s": 1.5})
        items = [Event(Kind.ATTEMPT_STARTED, 115.0, "each", item, 1) for item in range(3_210)]
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), started("load"), made, finished("load", 1.5), *items, ending()], [RECIPE])
            ledger.append("r2", [opening(101.0), ending()])
            ledger.claim("r1", "collector")
            ledger.remove("r1")
            ledger.release("r1", "collector")
            assert [found.run for found in ledger.runs()] == ["r2"]
            assert list(ledger.events("r1")) == []
            assert kinds(ledger, "r2") == [Kind.RUN_STARTED, Kind.RUN_FINISHED]
            assert list(ledger.uses()) == []
            last = ledger.last_times("churn", ["load"])["load"]
            assert (last.recipe, last.took_s, last.recipe.symbols) == (RECIPE, 1.5, RECIPE.symbols)
            assert list(ledger.durations("churn", ["load"])["load"]) == [1.5]
            ledger.append("r1", [opening()])
            assert len(list(ledger.events("r1"))) == 1, "the name is free again"
            ledger.remove("unknown")

    def test_a_run_of_somebody_else_is_not_removed(self) -> None:
        """It may be that he works on it."""
        with self.opened() as (ledger, place), self._again(place) as again:
            ledger.claim("r1", "one")
            ledger.append("r1", [opening(), ending()])
            try:
                again.remove("r1")
            except RunTakenOverError:
                pass
            else:
                raise AssertionError("it was removed")
            assert len(list(ledger.events("r1"))) == 2

    @contextlib.contextmanager
    def _again(self, place: Path) -> Iterator[Journals]:
        again = self.reopened(place)
        if again is None:
            raise unittest.SkipTest("this ledger forgets everything, and says so by not overriding `reopened`")
        with contextlib.closing(again):
            yield again

    # --- keeping ---

    def test_the_next_process_sees_everything(self) -> None:
        """As soon as `append` has returned, even if nobody closes anything."""
        with self.opened() as (ledger, place):
            ledger.append("r1", [opening(), started("load"), took("load", 1.5), finished("load", 1.5)], [RECIPE])
            ledger.claim("r1", "one")
            with self._again(place) as again:
                assert len(list(again.events("r1"))) == 4
                assert again.last_times("churn", ["load"])["load"].took_s == 1.5
                assert list(again.durations("churn", ["load"])["load"]) == [1.5]
                assert again.claim("r1", "two") == "one"
                ledger.release("r1", "one")
                again.append("r1", [ending()])
                assert kinds(ledger, "r1")[-1] is Kind.RUN_FINISHED, "the first process does not see what the second wrote"


def _refuses(ledger: Journals, run: str, events: Sequence[Event], recipes: Sequence[Recipe] = ()) -> None:
    before = list(ledger.events(run))
    try:
        ledger.append(run, events, recipes)
    except RunTakenOverError:
        assert list(ledger.events(run)) == before, "something of it was written"
    else:
        raise AssertionError("events of a process that does not work on the run were written")
