"""What became of the steps of a group, from states and from journals."""

import pytest

from weftline.model.event import Event, Kind
from weftline.model.grouped import StepStatus, combined, group_run, status_of
from weftline.model.run import RunRecord
from weftline.model.transitions import NodeState


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ("succeeded cached", "completed"),
        ("", "completed"),
        ("waiting waiting", "pending"),
        ("succeeded running failed", "running"),
        ("preparing waiting", "running"),
        ("succeeded waiting", "running"),
        ("failed waiting", "failed"),
        ("succeeded failed skipped", "failed"),
        ("succeeded cancelled", "cancelled"),
        ("failed cancelled", "failed"),
        ("skipped skipped", "skipped"),
        ("succeeded skipped", "partial"),
        ("succeeded blocked", "blocked"),
    ],
)
def test_a_step_is_as_its_nodes_are(states, status):
    assert status_of(map(NodeState, states.split())) == status


def test_a_group_that_goes_on_after_a_failure_is_partial_if_something_is_done():
    mixed = [StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED]
    assert combined(mixed, goes_on=True) == "partial"
    assert combined(mixed) == "failed"
    assert combined([StepStatus.FAILED, StepStatus.SKIPPED], goes_on=True) == "failed"


def record(*events, steps):
    told = {"name": "g", "of": "pipeline", "domain": "d", "version": 2, "batch_id": "b", "trigger": "cli", "steps": steps}
    return RunRecord.fold("r", [Event(Kind.RUN_STARTED, 10.0, body={"group": told}), *events])


def test_a_run_is_told_step_by_step():
    steps = [
        {"step": "pull", "runs": "p", "nodes": ["pull/rows", "pull/upper"]},
        {"step": "clean", "runs": "c", "depends_on": ["pull"]},
        {"step": "off", "runs": "c", "nodes": [], "left_out": "its condition is not met: full is False"},
    ]
    found = group_run(
        record(
            Event(Kind.NODE_STARTED, 11.0, "pull/rows", body={"total": 1}),
            Event(Kind.NODE_FINISHED, 12.0, "pull/rows", body={"state": "succeeded", "took_s": 1.0}),
            Event(Kind.NODE_STARTED, 12.0, "pull/upper", body={"total": 1}),
            Event(Kind.CALL_FAILED, 14.5, "pull/upper", attempt=1, body={"error": "ValueError", "message": "no rows"}),
            Event(Kind.NODE_FINISHED, 14.5, "pull/upper", body={"state": "failed", "took_s": 2.5}),
            Event(Kind.NODE_FINISHED, 14.5, "clean", body={"state": "skipped", "why": "pull/upper failed"}),
            Event(Kind.RUN_FINISHED, 15.0, body={"status": "failed", "counts": {}}),
            steps=steps,
        )
    )
    assert (found.name, found.version, found.status, found.batch_id, found.trigger) == ("g", 2, "failed", "b", "cli")
    assert [(step.step, step.status, step.took_s, step.why) for step in found.steps] == [
        ("pull", "failed", 3.5, "pull/upper: no rows"),
        ("clean", "skipped", None, "pull/upper failed"),
        ("off", "skipped", None, "its condition is not met: full is False"),
    ]
    assert found.counts == {"failed": 1, "skipped": 2}


def test_a_run_that_goes_on_is_running_or_pending():
    steps = [{"step": "a", "runs": "p"}, {"step": "b", "runs": "p"}]
    assert group_run(record(steps=steps)).status == "pending"
    begun = Event(Kind.NODE_STARTED, 11.0, "a", body={"total": 1})
    found = group_run(record(begun, steps=steps))
    assert (found.status, [step.status for step in found.steps]) == ("running", ["running", "pending"])


def test_a_run_of_something_else_has_no_steps():
    assert group_run(RunRecord.fold("r", [Event(Kind.RUN_STARTED, 1.0, body={"pipeline": "p"})])) is None
