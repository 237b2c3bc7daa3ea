"""Failed calls alone are made again: with what they were given, beside what stands, and then what is behind them."""

import pytest

from weftline import Policy, node
from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.run.engine import Engine
from weftline.run.limits import Limits
from weftline.run.replay import findings, part_of, replayed
from weftline.run.result import RunResult
from weftline.run.resume import Past
from weftline.run.surroundings import Surroundings
from weftline.testing import fail, succeed


@node(provides="items")
def items() -> list[int]:
    return [1, 2, 3, 4]


def each_of(policy=None, skip=False):
    more = {"on_item_error": "skip", "min_success": 0.5} if skip else {}

    @node(provides="each", requires={"x": "items"}, over="items", policy=policy or Policy(), **more)
    def each(x: int) -> int:
        return 10 * x

    return each


@node(provides="total", requires={"values": "each"})
def total(values: list[int]) -> int:
    return sum(values)


@node(provides="side")
def side() -> int:
    return 1


@node(provides="late", requires={"side": "side"}, priority=-9)
def late(side: int) -> int:
    return side


@node(provides="both")
def both(total: int, late: int) -> int:
    return total + late


@pytest.fixture
def replay(stage):
    def run(nodes, again):
        record = stage.record
        plan = stage.plan(nodes)
        part = part_of(plan, record, again)
        assert findings(plan, record, part) == []
        results = {name: stage.cache.find(list(told.results.values())) for name, told in record.nodes.items()}
        results = {
            name: {item: results[name][key] for item, key in told.results.items()} for name, told in record.nodes.items()
        }
        made, past = replayed(plan, record, again, part, results, record.status)
        around = Surroundings(stage.backend, stage.values, stage.clock, lambda: 1.0, stage.cache, ledger=stage.ledger)
        engine = Engine(made, stage.last, around, opening={"pipeline": "test"}, limits=Limits("continue"), past=past)
        return RunResult(engine, engine.run())

    return run


def begun(stage):
    """The calls that the backend was given since it is there, in the words of the last run."""
    return [(event.node, event.item) for event in stage.events if event.kind is Kind.ATTEMPT_STARTED]


def test_a_failed_item_is_made_again_and_nothing_else_of_its_node(stage, replay):
    each = each_of(skip=True)
    stage.backend.will("each", succeed(), fail(ValueError("x")), succeed(), fail(ValueError("y")))
    assert stage.run([items, each, total]).status == "partial"
    before = len(begun(stage))
    stage.scripted()
    result = replay([items, each, total], {"each": [1]})
    assert begun(stage)[before:] == [("each", 1), ("total", WHOLE)]
    assert (result.status, result["each"], result["total"]) == ("partial", [10, 20, 30], 60)
    result = replay([items, each, total], {"each": [3]})
    assert (result.status, result["total"], stage.record.status) == ("completed", 100, "completed")
    assert stage.record.nodes["each"].attempts == 2


def test_a_call_has_all_its_attempts_again_though_others_of_its_node_failed(stage, replay):
    """Also where one failure ends the node."""
    each = each_of(Policy(max_attempts=3, backoff="none", retry_on=(ValueError,)))
    stage.scripted(slots=2)
    stage.backend.will("each", *[fail(ValueError("x"))] * 12)
    assert stage.run([items, each, total]).status == "failed"
    failed = [item for item, call in stage.record.nodes["each"].calls.items() if call.outcome == "failed"]
    assert failed
    assert len(failed) < 4, "some never began"
    stage.scripted()
    stage.backend.will("each", fail(ValueError("x")), fail(ValueError("x")), succeed())
    result = replay([items, each, total], {"each": failed})
    assert result.status == "failed", "what never began is missing"
    assert stage.record.nodes["each"].count("succeeded") == len(failed)
    assert result.steps["total"].status == "skipped"
    stage.scripted()
    assert stage.resume([items, each, total])["total"] == 100


def test_what_another_failure_kept_from_running_is_owed(stage, replay):
    each = each_of(skip=False)
    nodes = [items, each, total, side, late, both]
    stage.backend.will("each", succeed(), succeed(), succeed(), fail(ValueError("x")))
    assert stage.run(nodes).status == "failed"
    assert stage.record.nodes["late"].state == "skipped"
    stage.scripted()
    before = len(begun(stage))
    result = replay(nodes, {"each": [3]})
    assert begun(stage)[before:] == [("each", 3), ("total", WHOLE)], "neither late nor what needs it"
    assert (result["total"], result.status, stage.record.status) == (100, "failed", "failed")
    assert stage.resume(nodes)["both"] == 101


def test_a_single_node_that_failed_is_made_again_with_what_it_was_given(stage, replay):
    each = each_of()
    stage.backend.will("total", fail(ValueError("x")))
    assert stage.run([items, each, total]).status == "failed"
    stage.scripted()
    assert replay([items, each, total], {"total": [WHOLE]})["total"] == 100
    assert stage.record.status == "completed"


def test_a_replay_that_ends_early_goes_on(stage, replay):
    """What it made is kept, and the run is what it was."""
    each = each_of(skip=True)
    stage.backend.will("each", *[fail(ValueError("x"))] * 2)
    assert stage.run([items, each, total]).status == "partial"
    stage.scripted()
    stage.backend.will("each", succeed(), fail(ValueError("y")))
    assert replay([items, each, total], {"each": [0, 1]}).status == "partial"
    before = len(begun(stage))
    assert replay([items, each, total], {"each": [1]})["total"] == 100
    assert begun(stage)[before:] == [("each", 1), ("total", WHOLE)]


def test_an_input_that_the_run_does_not_have_is_told(stage):
    each = each_of()
    assert stage.run([items, each]).ok
    events = [event for event in stage.events if event.node != "items"]
    record = RunRecord.fold("r", [*events, Event(Kind.CALL_FAILED, 1.0, "each", 0, 9, {"error": "E", "message": "m"})])
    plan = stage.plan([items, each])
    (found,) = findings(plan, record, part_of(plan, record, {"each": [0]}))
    assert (found.code, found.producer) == ("R532", "items")


@pytest.mark.parametrize(
    ("before", "owes", "status", "told"),
    [
        (None, True, "completed", "completed"),
        (None, False, "failed", "failed"),
        ("failed", False, "completed", "completed"),
        ("failed", True, "completed", "failed"),
        ("partial", True, "completed", "partial"),
        ("failed", False, "partial", "failed"),
        ("partial", False, "failed", "partial"),
        ("failed", False, "cancelled", "cancelled"),
    ],
)
def test_a_run_of_which_a_part_was_done_is_completed_or_what_it_was(before, owes, status, told):
    past = Past(before=None if before is None else RunStatus(before), owes=owes)
    assert past.settled(RunStatus(status)) == told
