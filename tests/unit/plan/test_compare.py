"""Comparing runs: what counts as a difference."""

import pytest

from weftline import node
from weftline.model.run import LEFT_OUT, NodeRecord
from weftline.model.transitions import NodeState
from weftline.plan.compare import compare
from weftline.testing import fail


@node(provides="a")
def a(scale: int = 1) -> int:
    return scale


@node(provides="b")
def b(a: int) -> int:
    return 10 * a


@pytest.fixture
def runs(stage):
    """The record of a new run."""

    def run(nodes=(a, b), **options):
        stage.clock.move(10)
        stage.run(list(nodes), **options)
        return stage.record

    return run


def compared(stage, was, now):
    found = compare(was, now, stage.ledger.recipes)
    return {node.node: node for node in found.nodes}, found


def test_what_was_taken_from_the_cache_is_no_difference(stage, runs):
    nodes, found = compared(stage, runs(), runs())
    assert (found.is_same, found.first) == (True, None)
    assert nodes["a"].is_same


def test_nor_is_another_number_of_attempts(stage, runs):
    was = runs()
    stage.backend.will("b", fail(ConnectionError("x")))
    runs(force=["b"])
    stage.scripted()
    assert stage.resume([a, b], force=["b"]).ok
    assert stage.record.nodes["b"].attempts == 2
    assert compared(stage, was, stage.record)[1].is_same


def test_a_parameter_is_named_and_what_it_changes_behind_it(stage, runs):
    nodes, found = compared(stage, runs(), runs(params={"scale": 2}))
    assert found.first == "a"
    assert [(line.topic, line.name, line.was, line.now) for line in nodes["a"].parts] == [("param", "scale", "1", "2")]
    assert nodes["b"].parts == ()
    assert nodes["b"].inputs == {"a": (stage.values.digest(1).hex(), stage.values.digest(2).hex())}
    assert not nodes["b"].is_same


def test_a_failure_is_a_difference(stage, runs):
    was = runs()
    stage.backend.will("b", fail(ValueError("x")))
    nodes, found = compared(stage, was, runs(force=["b"]))
    assert found.first == "b"
    assert (nodes["b"].parts, nodes["b"].inputs) == ((), {})


def test_a_node_of_one_run_alone_is_a_difference_and_one_that_was_left_out_is_not(stage, runs):
    was, now = runs(), runs([a])
    nodes, found = compared(stage, was, now)
    assert (nodes["b"].is_same, nodes["b"].now, found.first) == (False, None, "b")
    now.nodes["b"] = NodeRecord(NodeState.SKIPPED, why=LEFT_OUT)
    assert compared(stage, was, now)[1].is_same
    now.nodes["b"].why = "a failed"
    assert not compared(stage, was, now)[1].is_same
