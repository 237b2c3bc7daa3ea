"""What every ledger promises, as a suite to inherit.

```python
class TestMine(LedgerContract):
    def ledger(self, place: Path) -> Journals:
        return MyLedger(place / "journal")
```

A ledger that keeps its journals somewhere also overrides `reopened`.
"""

from __future__ import annotations

import contextlib

from weftline.errors import LedgerUnusableError
from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Part, Recipe
from weftline.model.ids import WHOLE
from weftline.model.restored import packed
from weftline.model.transitions import RunStatus
from weftline.testing.claims import LedgerClaims
from weftline.testing.fields import LedgerFields
from weftline.testing.journals import RECIPE, LedgerSuite, ending, finished, opening, started, took
from weftline.testing.schedules import LedgerSchedules


def _told(asked: list[str], scale: str = "1.0") -> Recipe:
    """A recipe that gives texts of its symbols, and notes for which it was asked."""

    def source(part: Part) -> str:
        asked.append(part.name)
        return {"odd()": "naïve ✂ \ud800", "LIMIT": ""}.get(part.name, f"text of {part.name}")

    symbols = Part("load()", "10", "", "flow.py:3"), Part("odd()", "11", "", "flow.py:9"), Part("LIMIT", "12", "3")
    return Recipe(code="told", symbols=symbols, params=(Part("scale", scale, scale),), source=source)


class _Journal(LedgerSuite):
    """Events, and the list of runs."""

    # --- the journal ---

    def test_events_come_back_in_order_with_all_their_fields(self) -> None:
        """Appended in several transactions, read as one journal."""
        events = [
            opening(),
            started("load"),
            Event(Kind.ATTEMPT_STARTED, 111.5, "load", WHOLE, 1),
            Event(Kind.ATTEMPT_FAILED, 112.0, "load", WHOLE, 1, {"message": "naïve ✂ \ud800", "place": None}),
            Event(Kind.ATTEMPT_STARTED, 113.0, "load", WHOLE, 2),
            Event(Kind.CALL_SUCCEEDED, 114.0, "load", WHOLE, 2, {"key": "ab", "deep": {"list": [1, None, 0.25, True]}}),
            Event(Kind.ATTEMPT_STARTED, 115.0, "embed", 1_000_000, 3),
            ending(),
        ]
        with self.opened() as (ledger, _):
            ledger.append("r1", events[:3], [RECIPE])
            ledger.append("r1", events[3:4])
            ledger.append("r1", [])
            ledger.append("r1", events[4:])
            assert list(ledger.events("r1")) == events

    def test_runs_do_not_mix(self) -> None:
        """Each run has its own journal; one that nobody knows is empty."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening()])
            ledger.append("r2", [opening(101.0, "other")])
            ledger.append("r1", [ending()])
            assert [event.kind for event in ledger.events("r1")] == [Kind.RUN_STARTED, Kind.RUN_FINISHED]
            assert [event.kind for event in ledger.events("r2")] == [Kind.RUN_STARTED]
            assert list(ledger.events("r")) == []
            assert list(ledger.events("r1", [Kind.RUN_FINISHED, Kind.CALL_FAILED])) == [ending()], "of these kinds alone"

    def test_an_attempt_has_one_outcome(self) -> None:
        """A second one is refused, whoever writes it, and nothing of what came with it is kept."""
        succeeded = Event(Kind.CALL_SUCCEEDED, 114.0, "load", 3, 1, {"key": "ab"})
        for second in (succeeded, succeeded._replace(kind=Kind.CALL_FAILED), succeeded._replace(at=999.0)):
            with self.opened() as (ledger, _):
                ledger.append("r1", [opening(), succeeded])
                try:
                    ledger.append("r1", [Event(Kind.ATTEMPT_STARTED, 115.0, "other", WHOLE, 1), second])
                except LedgerUnusableError:
                    pass
                else:
                    raise AssertionError("a second outcome was recorded")
                assert list(ledger.events("r1")) == [opening(), succeeded]
                ledger.append("r1", [succeeded._replace(attempt=2), succeeded._replace(item=4), ending()])
                assert len(list(ledger.events("r1"))) == 5

    # --- the list of runs ---

    def test_the_newest_runs_come_first(self) -> None:
        """By the time of their start, as many as asked for."""
        with self.opened() as (ledger, _):
            for number in (2, 0, 3, 1):
                ledger.append(f"r{number}", [opening(100.0 + number)])
            assert [found.run for found in ledger.runs()] == ["r3", "r2", "r1", "r0"]
            assert [found.run for found in ledger.runs(limit=2)] == ["r3", "r2"]

    def test_a_summary_says_how_a_run_ended(self) -> None:
        """Status, times and counts; a run without an end is running, as far as the ledger knows."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(100.0)])
            (found,) = ledger.runs()
            assert (found.pipeline, found.status, found.started_at, found.ended_at) == ("churn", RunStatus.RUNNING, 100.0, None)
            ledger.append("r1", [ending(200.0, RunStatus.PARTIAL, succeeded=2, failed=1)])
            (found,) = ledger.runs()
            assert (found.status, found.ended_at) == (RunStatus.PARTIAL, 200.0)
            assert dict(found.counts) == {"succeeded": 2, "failed": 1}

    def test_a_resumed_run_is_running_again_until_it_ends(self) -> None:
        """Its earlier end does not count any more; the later one does."""
        resumed = Event(Kind.RUN_RESUMED, 300.0, body={"pipeline": "churn"})
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), ending(200.0, RunStatus.FAILED), resumed])
            (found,) = ledger.runs()
            assert (found.status, found.ended_at) == (RunStatus.RUNNING, None)
            ledger.append("r1", [ending(400.0)])
            (found,) = ledger.runs()
            assert (found.status, found.ended_at, found.started_at) == (RunStatus.COMPLETED, 400.0, 100.0)

    def test_parameters_of_any_plain_value_do_no_harm(self) -> None:
        """One odd run must not hide all the others."""
        with self.opened() as (ledger, _):
            odd = {"nan": float("nan"), "inf": float("inf"), "text": "\x00'\"\\", "lone": "\udcff", "large": 2**80}
            ledger.append("r1", [opening(params=odd)])
            ledger.append("r2", [opening(101.0)])
            assert {found.run for found in ledger.runs()} == {"r1", "r2"}
            (event,) = ledger.events("r1")
            assert event.body is not None
            assert event.body["params"]["text"] == odd["text"]


class _Past(LedgerSuite):
    """What is known of a node's last time: its recipe, the texts of its symbols, and how long calls took."""

    # --- the last time ---

    def test_the_last_time_of_a_node_is_its_newest_start(self) -> None:
        """Over all runs of pipelines of that name, and of no others."""
        newer = Recipe(code="newer")
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), started("load", rows="aa"), finished("load", 1.5)], [RECIPE])
            ledger.append("r2", [opening(pipeline="other"), started("load", recipe=newer)], [newer])
            found = ledger.last_times("churn", ["load", "never"])
            assert set(found) == {"load"}
            assert (found["load"].recipe, dict(found["load"].inputs), found["load"].took_s) == (RECIPE, {"rows": "aa"}, 1.5)
            ledger.append("r3", [opening(), started("load", recipe=newer, rows="bb"), finished("load", 2.5)], [newer])
            again = ledger.last_times("churn", ["load"])["load"]
            assert (again.recipe, dict(again.inputs), again.took_s) == (newer, {"rows": "bb"}, 2.5)
            assert dict(ledger.last_times("unknown", ["load"])) == {}

    def test_the_last_times_of_many_nodes_are_those_that_are_known(self) -> None:
        """Most steps of a large group may be new, or all of them."""
        many = [f"n{number}" for number in range(1200)]
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), started(many[-1]), finished(many[-1], 1.5)], [RECIPE])
            assert set(ledger.last_times("churn", many)) == {many[-1]}
            assert not ledger.last_times("unknown", many)
            assert not ledger.durations("unknown", many)

    def test_a_restored_node_keeps_the_time_that_ittook(self) -> None:
        """Taking a result from the cache costs next to nothing, which says nothing of the node."""
        restored = finished("load", 0.001, state="cached", ran=0)
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), started("load"), finished("load", 1.5)], [RECIPE])
            ledger.append("r2", [opening(), restored._replace(body={**(restored.body or {}), "recipe": RECIPE.digest.hex()})])
            assert ledger.last_times("churn", ["load"])["load"].took_s == 1.5

    def test_results_that_runs_made_or_took_are_known(self) -> None:
        """Whether they are told one by one or many at once; those of a call that failed are not."""
        with self.opened() as (ledger, _):
            keys = {item: bytes([item]) * 32 for item in (0, 1, 2, 7)}
            made = Event(Kind.CALL_SUCCEEDED, 114.0, "load", 3, 1, {"key": "ab", "took_s": 1.0})
            taken = Event(Kind.CALL_RESTORED, 115.0, "load", 4, 0, {"key": "cd"})
            many = Event(Kind.CALLS_RESTORED, 116.0, "embed", body=packed(keys))
            failed = Event(Kind.CALL_FAILED, 117.0, "load", 5, 1, {"error": "ValueError"})
            ledger.append("r1", [opening(), made, taken, many, failed])
            ledger.append("r2", [opening(), taken._replace(at=200.0)])
            told = {(use.run, use.key, use.at) for use in ledger.uses()}
            assert told == {("r1", "ab", 114.0), ("r1", "cd", 115.0), ("r2", "cd", 200.0)} | {
                ("r1", key.hex(), 116.0) for key in keys.values()
            }

    def test_the_keys_of_the_newest_run_that_ended_are_known(self) -> None:
        """Of each pipeline; not those of items, and none of a run that goes on."""
        with self.opened() as (ledger, _):
            one, two, three = (bytes([at]) * 32 for at in range(3))
            made = Event(Kind.CALL_SUCCEEDED, 114.0, "a", WHOLE, 1, {"key": one.hex()})
            taken = Event(Kind.CALL_RESTORED, 115.0, "b", WHOLE, 0, {"key": two.hex()})
            assert list(ledger.last_keys("churn")) == []
            ledger.append("r1", [opening(), made])
            assert list(ledger.last_keys("churn")) == []
            ledger.append("r1", [taken, made._replace(node="c", item=0, body={"key": three.hex()}), ending()])
            assert list(ledger.last_keys("churn")) == [one, two]
            assert list(ledger.last_keys("other")) == []
            ledger.append("r2", [opening(), taken._replace(body={"key": three.hex()}), ending()])
            assert list(ledger.last_keys("churn")) == [three]

    def test_a_recipe_survives_a_transaction_that_failed(self) -> None:
        """What was rolled back is not remembered as written."""
        twice = [Event(Kind.CALL_SUCCEEDED, 1.0, "load", WHOLE, 1, {})] * 2
        with self.opened() as (ledger, _):
            with contextlib.suppress(LedgerUnusableError):
                ledger.append("r1", [opening(), started("load"), *twice], [RECIPE])
            ledger.append("r2", [opening(), started("load"), finished("load", 1.5)], [RECIPE])
            assert ledger.last_times("churn", ["load"])["load"].recipe == RECIPE

    # --- durations ---

    def test_durations_are_of_the_newest_calls_that_succeeded(self) -> None:
        """By node, the newest last, over all runs of pipelines of that name; nodes without any are missing."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), took("load", 1.25), took("each", 0.5, 0), took("each", 0.75, 1)])
            ledger.append("r1", [took("each", 100.125, 2), Event(Kind.CALL_FAILED, 1.0, "load", WHOLE, 2, {"took_s": 9.0})])
            ledger.append("r2", [opening(pipeline="other"), took("load", 7.0)])
            ledger.append("r3", [opening(), took("load", 0.000012)])
            found = ledger.durations("churn", ["load", "each", "never"])
            assert {node: list(durations) for node, durations in found.items()} == {
                "load": [1.25, 0.000012],
                "each": [0.5, 0.75, 100.125],
            }
            assert dict(ledger.durations("unknown", ["load"])) == {}

    def test_durations_of_many_nodes_are_found_at_once(self) -> None:
        """However many are asked for, some of them twice."""
        names = [f"n{number}" for number in range(1203)]
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), *(took(name, float(at)) for at, name in enumerate(names))])
            found = ledger.durations("churn", [*names, "n7", "never"])
            assert {name: list(durations) for name, durations in found.items()} == {
                name: [float(at)] for at, name in enumerate(names)
            }
            assert dict(ledger.durations("churn", [])) == {}

    def test_fifty_durations_are_kept(self) -> None:
        """Whether they come at once or one by one."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), *(took("each", float(number), number) for number in range(70))])
            assert list(ledger.durations("churn", ["each"])["each"]) == [float(number) for number in range(20, 70)]
            for number in range(70, 75):
                ledger.append("r1", [took("each", float(number), number)])
            assert list(ledger.durations("churn", ["each"])["each"]) == [float(number) for number in range(25, 75)]

    def test_durations_of_a_transaction_that_failed_are_not_kept(self) -> None:
        """Nothing of it is."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), took("load", 1.0)])
            with contextlib.suppress(LedgerUnusableError):
                ledger.append("r1", [took("each", 3.0), took("load", 2.0)])
            assert set(ledger.durations("churn", ["load", "each"])) == {"load"}

    # --- texts ---

    def test_a_recipe_that_is_new_brings_the_texts_of_its_symbols(self) -> None:
        """Each is read once, and given back with the recipe of the last time; one without a text has none."""
        asked: list[str] = []
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), started("load", recipe=_told(asked))], [_told(asked), _told(asked)])
            assert asked == ["load()", "odd()", "LIMIT"], "in order, and each once"
            found = ledger.last_times("churn", ["load"])["load"].recipe
            assert [found.source(part) for part in found.symbols] == ["text of load()", "naïve ✂ \\ud800", ""]
            assert found.source(Part("load()", "other")) == ""
            assert found.source(Part("other()", "10")) == "", "another name of an equal symbol has a text of its own"

    def test_recipes_are_found_by_their_digests(self) -> None:
        """As events name them; what nobody kept is missing."""
        with self.opened() as (ledger, _):
            ledger.append("r1", [opening(), started("load")], [RECIPE])
            assert dict(ledger.recipes([RECIPE.digest.hex(), "ab" * 32])) == {RECIPE.digest.hex(): RECIPE}

    def test_the_texts_of_a_recipe_that_is_known_are_not_read(self) -> None:
        """Not in the next run, and not by another view of the ledger; a symbol that was kept is not read again either."""
        asked: list[str] = []
        with self.opened() as (ledger, place):
            ledger.append("r1", [opening()], [_told(asked)])
            asked.clear()
            ledger.append("r2", [opening()], [_told(asked)])
            assert asked == []
            ledger.append("r2", [], [_told(asked, scale="2.0")])
            assert asked == []
            again = self.reopened(place)
            if again is not None:
                with contextlib.closing(again):
                    again.append("r3", [opening(), started("load", recipe=_told(asked))], [_told(asked)])
                    assert asked == []
                    recipe = again.last_times("churn", ["load"])["load"].recipe
                    assert recipe.source(recipe.symbols[0]) == "text of load()"

    def test_the_texts_survive_a_transaction_that_failed(self) -> None:
        """What was rolled back is not remembered as written."""
        asked: list[str] = []
        twice = [Event(Kind.CALL_SUCCEEDED, 1.0, "load", WHOLE, 1, {})] * 2
        with self.opened() as (ledger, _):
            with contextlib.suppress(LedgerUnusableError):
                ledger.append("r1", [opening(), *twice], [_told(asked)])
            ledger.append("r2", [opening(), started("load", recipe=_told(asked))], [_told(asked)])
            recipe = ledger.last_times("churn", ["load"])["load"].recipe
            assert recipe.source(recipe.symbols[0]) == "text of load()"


class LedgerContract(_Journal, _Past, LedgerClaims, LedgerFields, LedgerSchedules):
    """What every ledger promises."""
