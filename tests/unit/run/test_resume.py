"""Going on with a run: what succeeded is kept, and no outcome is recorded twice."""

from collections import Counter

import pytest

from weftline import node
from weftline.model.event import CALL_OUTCOMES, Event, Kind
from weftline.model.ids import WHOLE
from weftline.model.run import RunRecord
from weftline.run.resume import past_of
from weftline.testing import fail, succeed


@node(provides="a")
def a(scale: int = 1) -> int:
    return scale


@node(provides="b")
def b(a: int) -> int:
    return 10 * a


@node(provides="b", name="b", cache=False)
def b_uncached(a: int) -> int:
    return 10 * a


@node(provides="c")
def c(b: int) -> int:
    return b + 1


@node(provides="items")
def items() -> list[int]:
    return [1, 2, 3]


@node(provides="each", requires={"x": "items"}, over="items")
def each(x: int) -> int:
    return x


class Died(Exception):
    """Stands for the end of the process."""


def dies_when(stage, kind, node_name):
    """A sink that ends the process at an event; what was recorded before is all that is left."""

    class Dies:
        def tell(self, run, events):
            if any(event.kind is kind and event.node == node_name for event in events):
                raise Died

        def close(self):
            pass

    return Dies()


def one_outcome_each(stage):
    outcomes = Counter(stage.told(*CALL_OUTCOMES))
    assert not [call for call, times in outcomes.items() if times > 1], outcomes


@pytest.mark.parametrize("kind", [Kind.ATTEMPT_STARTED, Kind.CALL_SUCCEEDED, Kind.NODE_FINISHED])
@pytest.mark.parametrize("name", ["a", "b", "c"])
@pytest.mark.parametrize("nodes", [[a, b, c], [a, b_uncached, c]], ids=["cached", "uncached"])
def test_a_run_that_died_goes_on_where_it_was(stage, nodes, name, kind):
    with pytest.raises(Died):
        stage.run(nodes, sinks=[dies_when(stage, kind, name)])
    result = stage.resume(nodes)
    assert (result.status, result["c"]) == ("completed", 11)
    one_outcome_each(stage)
    succeeded = [label for label, _, _ in stage.told(Kind.CALL_SUCCEEDED, Kind.CALL_RESTORED)]
    assert sorted(succeeded) == ["a", "b", "c"]
    assert {node.state for node in stage.record.nodes.values()} <= {"succeeded", "cached"}


@pytest.mark.parametrize("kind", [Kind.ATTEMPT_STARTED, Kind.CALL_SUCCEEDED, Kind.NODE_FINISHED])
def test_items_that_were_done_are_kept(stage, kind):
    with pytest.raises(Died):
        stage.run([items, each], sinks=[dies_when(stage, kind, "each")])
    assert stage.resume([items, each])["each"] == [1, 2, 3]
    one_outcome_each(stage)
    assert stage.record.nodes["each"].count("succeeded") + stage.record.nodes["each"].count("restored") == 3


def test_what_failed_is_tried_again_and_what_succeeded_is_not(stage):
    stage.backend.will("b", fail(ValueError("x")))
    assert stage.run([a, b, c]).status == "failed"
    stage.scripted()
    assert stage.resume([a, b, c]).ok
    assert [stage.plan([a, b, c]).graph.nodes[number].name for number, _, _ in stage.backend.started] == ["b", "c"]
    assert stage.told(Kind.ATTEMPT_STARTED) == [("a", WHOLE, 1), ("b", WHOLE, 1), ("b", WHOLE, 2), ("c", WHOLE, 1)]


def test_a_run_may_be_resumed_with_other_results_again_and_again(stage):
    """Somebody mends a parameter, and mends it back: what each needs is in the cache already."""
    for scale in (1, 2):
        stage.run([a], params={"scale": scale})
    stage.backend.will("b", *[fail(ValueError("x"))] * 4)
    assert stage.run([a, b], params={"scale": 1}).status == "failed"
    for scale in (2, 1, 2):
        assert stage.resume([a, b], params={"scale": scale}).status == "failed"
    assert stage.resume([a, b], params={"scale": 1})["b"] == 10


def test_a_result_that_is_kept_for_resumption_alone_counts_for_its_inputs_only(stage):
    """A node that is never cached is kept until its run is complete, but not if what it read is different now."""
    stage.backend.will("c", fail(ValueError("x")))
    assert stage.run([a, b_uncached, c], params={"scale": 1}).status == "failed"
    result = stage.resume([a, b_uncached, c], params={"scale": 2})
    assert result["c"] == 21


def test_attempts_of_a_lost_output_are_not_counted_anew():
    """The next attempt must have a number that no outcome has."""
    events = [
        Event(Kind.RUN_STARTED, 0.0, body={"pipeline": "test"}),
        Event(Kind.ATTEMPT_STARTED, 1.0, "a", WHOLE, 1),
        Event(Kind.CALL_SUCCEEDED, 2.0, "a", WHOLE, 1, {"key": "ab"}),
        Event(Kind.NODE_FINISHED, 2.0, "a", body={"state": "succeeded"}),
        Event(Kind.OUTPUT_LOST, 3.0, "a"),
    ]
    past = past_of(RunRecord.fold("r", events))
    assert past.attempts == {("a", WHOLE): 1}
    assert past.done == {}
    assert past.finished == frozenset()


def test_a_resumed_run_is_running_again_until_it_ends():
    record = RunRecord("r")
    told = [
        (Event(Kind.RUN_STARTED, 1.0, body={"pipeline": "test"}), "running", None, 0),
        (Event(Kind.RUN_FINISHED, 2.0, body={"status": "failed"}), "failed", 2.0, 0),
        (Event(Kind.RUN_RESUMED, 3.0, body={"pipeline": "test"}), "running", None, 1),
        (Event(Kind.RUN_FINISHED, 4.0, body={"status": "completed"}), "completed", 4.0, 1),
    ]
    for event, status, ended_at, resumed in told:
        record.take(event)
        assert (str(record.status), record.ended_at, record.resumed) == (status, ended_at, resumed)
    assert (record.started_at, record.events) == (1.0, 4)


def test_the_past_is_what_the_journal_says():
    events = [
        Event(Kind.RUN_STARTED, 0.0, body={"pipeline": "test"}),
        Event(Kind.ATTEMPT_STARTED, 1.0, "a", 0, 1),
        Event(Kind.ATTEMPT_FAILED, 1.0, "a", 0, 1, {"error": "E"}),
        Event(Kind.ATTEMPT_STARTED, 1.0, "a", 0, 2),
        Event(Kind.CALL_SUCCEEDED, 2.0, "a", 0, 2, {"key": "ab"}),
        Event(Kind.CALL_RESTORED, 2.0, "a", 1, 0, {"key": "cd"}),
        Event(Kind.ATTEMPT_STARTED, 2.0, "a", 2, 1),
        Event(Kind.NODE_FINISHED, 2.0, "b", body={"state": "cached"}),
        Event(Kind.NODE_FINISHED, 2.0, "c", body={"state": "failed"}),
    ]
    past = past_of(RunRecord.fold("r", events))
    assert past.attempts == {("a", 0): 2, ("a", 2): 1}
    assert past.done == {("a", 0): "ab", ("a", 1): "cd"}
    assert past.finished == {"b"}


def test_a_forced_node_is_not_restored_from_before_the_run(stage):
    stage.run([a, b])
    stage.backend.will("b", fail(ValueError("x")), succeed())
    assert stage.run([a, b], force=["a", "b"]).status == "failed"
    assert stage.resume([a, b], force=["a", "b"]).steps["b"].status == "succeeded"
    assert [label for label, _, attempt in stage.told(Kind.ATTEMPT_STARTED)] == ["a", "b", "b"]


def test_a_checkpoint_of_other_code_is_not_taken(stage):
    """A node that is never cached keeps its result for the run's own resumption, as long as it is the same node."""

    def flow(result, boom):
        @node(cache=False)
        def raw() -> int:
            return result

        @node
        def reads(raw: int) -> int:
            if boom:
                raise ValueError
            return raw

        return [raw, reads]

    first = stage.run(flow(1, boom=True), run="r")
    assert not first.ok
    events = list(stage.ledger.events("r"))
    again = stage.run(flow(1, boom=False), run="r", past=past_of(RunRecord.fold("r", events)))
    assert (again["reads"], again.steps["raw"].ran) == (1, 0), "the same code: it is not done again"
    stage.run(flow(1, boom=True), run="s")
    events = list(stage.ledger.events("s"))
    mended = stage.run(flow(2, boom=False), run="s", past=past_of(RunRecord.fold("s", events)))
    assert (mended["reads"], mended.steps["raw"].ran) == (2, 1)


# --- what a failed call was given ---


def failures(stage):
    return [(event.item, event.body) for event in stage.events if event.kind is Kind.CALL_FAILED]


def test_a_failed_call_tells_its_key_and_what_it_was_given(stage):
    """The key under which its result would have been, so that somebody else's success is seen to be its own."""
    stage.backend.will("b", fail(ValueError("x")))
    assert stage.run([a, b]).status == "failed"
    ((_, body),) = failures(stage)
    assert body["inputs"] == {"a": stage.values.digest(1).hex()}
    stage.scripted()
    assert stage.run([a, b]).ok
    assert stage.record.nodes["b"].calls[WHOLE].key == body["key"]


def test_a_failed_item_tells_its_own_digest(stage):
    stage.backend.will("each", succeed(), fail(ValueError("x")), succeed())
    assert stage.run([items, each]).status == "failed"
    ((item, body),) = failures(stage)
    assert (item, body["inputs"]) == (1, {"x": stage.values.digest(2).hex()})


def test_without_a_cache_a_failed_call_tells_neither(stage):
    stage.backend.will("b", fail(ValueError("x")))
    assert stage.run([a, b], cached=False).status == "failed"
    ((_, body),) = failures(stage)
    assert set(body) == {"error", "code", "message", "place"}


# --- made again ---


def test_what_is_to_be_made_again_counts_no_longer():
    """Until it was made again; however often the run is resumed meanwhile."""
    events = [
        Event(Kind.RUN_STARTED, 0.0, body={"pipeline": "test"}),
        Event(Kind.CALL_SUCCEEDED, 1.0, "a", WHOLE, 1, {"key": "aa"}),
        Event(Kind.NODE_FINISHED, 1.0, "a", body={"state": "succeeded"}),
        Event(Kind.CALL_SUCCEEDED, 2.0, "each", 0, 1, {"key": "b0"}),
        Event(Kind.CALL_SUCCEEDED, 2.0, "each", 1, 3, {"key": "b1"}),
        Event(Kind.NODE_FINISHED, 2.0, "each", body={"state": "succeeded"}),
        Event(Kind.RUN_FINISHED, 3.0, body={"status": "failed"}),
        Event(Kind.RUN_RESUMED, 4.0, body={"pipeline": "test", "from": ["each"], "again": ["each", "unseen"]}),
        Event(Kind.CALL_SUCCEEDED, 5.0, "each", 1, 4, {"key": "b1"}),
        Event(Kind.RUN_RESUMED, 6.0, body={"pipeline": "test"}),
    ]
    record = RunRecord.fold("r", events)
    past = past_of(record)
    assert past.done == {("a", WHOLE): "aa", ("each", 1): "b1"}
    assert past.attempts == {("a", WHOLE): 1, ("each", 0): 1, ("each", 1): 4}
    assert past.finished == {"a"}
    assert record.again == {"each", "unseen"}
    assert record.ended_as == "failed"
