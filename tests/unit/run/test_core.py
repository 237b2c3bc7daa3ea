"""The core by itself: facts in, records and wishes out."""

import pytest

from weftline.model.call import Failure
from weftline.model.event import Kind
from weftline.model.ids import WHOLE
from weftline.model.policy import Policy
from weftline.model.transitions import TABLE, NodeState, RunStatus
from weftline.run.core import Core
from weftline.run.demand import Capacity, Demand
from weftline.run.facts import (
    Cancel,
    CancelRequested,
    Conclude,
    Failed,
    Lost,
    Prepare,
    Prepared,
    QueueSized,
    Shape,
    Stopped,
    Submit,
    Succeeded,
    TimerFired,
    Unprepared,
)

TRANSIENT = Failure("ConnectionError", "lost", ("builtins.ConnectionError",), transient=True)
FATAL = Failure("ValueError", "wrong", ("builtins.ValueError",))
THRICE = Policy(max_attempts=3, backoff="linear", initial_s=10.0, jitter=False)


class Drive:
    """A core, moved by hand; nodes are named by letters and joined by `after`."""

    def __init__(self, *nodes, slots=8, queue=0, capacity=None, **options):
        names = [node["name"] for node in nodes]
        upstream = [tuple(sorted(names.index(name) for name in node.pop("after", ""))) for node in nodes]
        ranks = sorted(range(len(nodes)), key=lambda at: (-nodes[at].pop("priority", 0), at))
        self.names = names
        shapes = [
            Shape(
                upstream=upstream[at],
                downstream=tuple(after for after in range(len(nodes)) if at in upstream[after]),
                rank=ranks.index(at),
                **{"demands": (Demand(node.pop("cpu", 1)),), "policy": Policy(), **node},
            )
            for at, node in enumerate(nodes)
        ]
        options.setdefault("looks_up", False)
        self.core = Core(shapes, capacity=capacity or Capacity(slots, queue), **options)
        self.records, self.wishes = self.core.start(0.0)

    def tell(self, *news):
        """One step; gives the labels of what is to be started."""
        records, self.wishes = self.core.step(news)
        self.records = [*self.records, *records]
        return self.submitted

    def handle(self, label, attempt=1):
        name, _, item = label.partition("[")
        return (self.names.index(name), int(item[:-1]) if item else WHOLE, attempt)

    def done(self, *labels, at=1.0, attempt=1):
        return self.tell(*(Succeeded(at, self.handle(label, attempt)) for label in labels))

    def fail(self, label, failure=FATAL, at=1.0, attempt=1):
        return self.tell(Failed(at, self.handle(label, attempt), failure))

    def prepared(self, label, total=1, restored=(), at=1.0):
        found = {item: bytes([item % 256]) * 32 for item in restored}
        return self.tell(Prepared(at, self.names.index(label), total, found, {"total": total}))

    def label(self, handle):
        number, item, attempt = handle
        more = "" if item == WHOLE else f"[{item}]"
        return self.names[number] + more + (f"#{attempt}" if attempt > 1 else "")

    @property
    def submitted(self):
        return [self.label(wish.handle) for wish in self.wishes if isinstance(wish, Submit)]

    @property
    def wanted(self):
        return [self.names[wish.node] for wish in self.wishes if isinstance(wish, Prepare)]

    @property
    def states(self):
        return {name: str(node.state) for name, node in zip(self.names, self.core.nodes, strict=True)}

    def kinds(self, *kinds):
        return [(record.node, record.item, record.attempt) for record in self.records if record.kind in kinds]


def n(name, after="", **fields):
    return {"name": name, "after": after, **fields}


# --- order ---


def test_a_node_starts_when_everything_before_it_has_an_output():
    drive = Drive(n("a"), n("b"), n("c", "ab"))
    assert drive.submitted == ["a", "b"]
    assert drive.done("a") == []
    assert drive.done("b") == ["c"]
    drive.done("c")
    assert drive.core.status is RunStatus.COMPLETED


def test_higher_priority_starts_first_then_definition_order():
    drive = Drive(n("a"), n("b", priority=5), n("c", priority=5), n("d", priority=9), slots=1)
    order = [*drive.submitted]
    while drive.core.status is None:
        order += drive.done(order[-1])
    assert order == ["d", "b", "c", "a"]


def test_a_large_node_does_not_keep_small_ones_from_starting():
    drive = Drive(n("x", cpu=2), n("big", "x", cpu=4, priority=9), n("s", cpu=1), n("t", cpu=1), slots=4)
    assert drive.submitted == ["x", "s", "t"]
    assert drive.done("x") == []  # big has not enough room yet
    assert drive.done("s") == []
    assert drive.done("t") == ["big"]


def test_slots_are_taken_and_given_back():
    drive = Drive(n("a", cpu=1), n("b", cpu=2), n("c", cpu=0.5), n("d", cpu=0.5), n("e", cpu=3), slots=3)
    assert drive.submitted == ["a", "b"]
    assert drive.done("a") == ["c", "d"]
    assert drive.done("c", "d") == []
    assert drive.done("b") == ["e"]


def test_a_node_without_demand_always_starts():
    drive = Drive(n("a", cpu=1), n("free", cpu=0), slots=1)
    assert drive.submitted == ["a", "free"]


def test_small_calls_wait_in_the_backend_up_to_its_queue():
    drive = Drive(n("f", fans_out=True), slots=2, queue=3)
    assert drive.wanted == ["f"]
    assert drive.prepared("f", total=9) == [f"f[{item}]" for item in range(5)]
    assert drive.tell(QueueSized(1.0, 5)) == ["f[5]", "f[6]"]
    assert drive.tell(QueueSized(1.0, 0)) == []
    assert drive.done("f[0]", "f[1]", "f[2]", "f[3]", "f[4]") == []
    assert drive.done("f[5]") == ["f[7]"]


def test_nothing_waits_in_the_backend_beside_a_large_call():
    """The backend counts calls, not CPUs: what waits there would start at once, beside a call that needs all slots."""
    drive = Drive(n("big", cpu=4, priority=1), n("s"), n("t"), slots=4, queue=8)
    assert drive.submitted == ["big"]
    assert drive.done("big") == ["s", "t"]


# --- fan-out ---


def test_items_start_in_order_and_the_node_ends_with_the_last():
    drive = Drive(n("f", fans_out=True), n("g", "f"), slots=2)
    assert drive.prepared("f", total=3) == ["f[0]", "f[1]"]
    assert drive.done("f[1]") == ["f[2]"]
    assert drive.done("f[0]") == []
    assert drive.done("f[2]") == ["g"]


def test_restored_items_are_not_started():
    drive = Drive(n("f", fans_out=True), looks_up=True)
    assert drive.prepared("f", total=4, restored=(0, 2)) == ["f[1]", "f[3]"]
    drive.done("f[1]", "f[3]")
    assert drive.states == {"f": "succeeded"}
    assert (drive.core.nodes[0].restored, drive.core.nodes[0].succeeded) == (2, 2)


def test_a_node_whose_calls_are_all_restored_is_cached():
    drive = Drive(n("f", fans_out=True), n("a"), n("b", "fa"), looks_up=True)
    assert drive.wanted == ["f", "a"]
    drive.prepared("f", total=2, restored=(0, 1))
    drive.prepared("a", restored=(WHOLE,))
    assert drive.wanted == ["b"]
    drive.prepared("b", restored=(WHOLE,))
    assert drive.states == {"f": "cached", "a": "cached", "b": "cached"}
    assert drive.core.status is RunStatus.COMPLETED


def test_no_items_are_no_work():
    drive = Drive(n("f", fans_out=True), n("g", "f"))
    assert drive.prepared("f", total=0) == ["g"]
    assert drive.states["f"] == "cached"


def test_a_failed_item_ends_its_node_and_no_further_item_starts():
    drive = Drive(n("f", fans_out=True), slots=2)
    drive.prepared("f", total=5)
    assert drive.fail("f[0]") == []
    assert drive.states == {"f": "running"}  # the other one is still with the backend
    drive.done("f[1]")
    assert drive.states == {"f": "failed"}
    assert drive.core.status is RunStatus.FAILED


def test_after_a_failed_item_no_other_item_is_tried_again():
    drive = Drive(n("f", fans_out=True, policy=THRICE), on_failure="continue", slots=2)
    drive.prepared("f", total=2)
    drive.fail("f[0]")
    drive.fail("f[1]", TRANSIENT)
    assert drive.states == {"f": "failed"}
    assert drive.core.wakes_at is None


def test_tolerated_items_are_left_out_and_the_run_is_partial():
    drive = Drive(n("f", fans_out=True, tolerant=True), n("g", "f"))
    drive.prepared("f", total=3)
    drive.fail("f[1]")
    assert drive.done("f[0]", "f[2]") == ["g"]
    drive.done("g")
    assert drive.states == {"f": "succeeded", "g": "succeeded"}
    assert set(drive.core.nodes[0].failed) == {1}
    assert drive.core.status is RunStatus.PARTIAL


@pytest.mark.parametrize(
    ("min_success", "failed", "state"),
    [(0.0, 3, "succeeded"), (0.5, 2, "succeeded"), (0.5, 3, "failed"), (1.0, 1, "failed"), (0.0, 4, "failed")],
)
def test_too_few_items_fail_the_node(min_success, failed, state):
    drive = Drive(n("f", fans_out=True, tolerant=True, min_success=min_success))
    drive.prepared("f", total=4)
    for item in range(failed):
        drive.fail(f"f[{item}]")
    for item in range(failed, 4):
        drive.done(f"f[{item}]")
    assert drive.states == {"f": state}


# --- failure ---


def test_stop_starts_nothing_new_and_records_what_runs():
    drive = Drive(n("a"), n("b"), n("c", "b"), n("d", "a"), n("e"), slots=2)
    assert drive.submitted == ["a", "b"]
    assert drive.fail("a") == []
    assert [wish for wish in drive.wishes if isinstance(wish, Cancel)] == [Cancel(drive.handle("b"), kill=False)]
    assert drive.core.status is None
    assert drive.done("b") == []
    assert drive.states == {"a": "failed", "b": "succeeded", "c": "skipped", "d": "skipped", "e": "skipped"}
    assert drive.core.status is RunStatus.FAILED


def test_continue_skips_exactly_what_depends_on_the_failure():
    drive = Drive(n("a"), n("b"), n("c", "a"), n("d", "b"), n("e", "cd"), n("f", "d"), n("g", "e"), on_failure="continue")
    drive.fail("a")
    assert drive.done("b") == ["d"]
    assert drive.done("d") == ["f"]
    drive.done("f")
    assert drive.states == dict.fromkeys("bdf", "succeeded") | {"a": "failed"} | dict.fromkeys("ceg", "skipped")
    assert drive.core.status is RunStatus.PARTIAL


def test_continue_with_nothing_that_succeeded_is_failed():
    drive = Drive(n("a"), n("b", "a"), on_failure="continue")
    drive.fail("a")
    assert drive.core.status is RunStatus.FAILED


def test_a_skipped_node_says_why():
    drive = Drive(n("a"), n("b", "a"), n("c", "b"), on_failure="continue")
    drive.fail("a")
    why = {record.node: record.body["why"] for record in drive.records if "why" in (record.body or {})}
    assert why == {"b": "a failed", "c": "a failed"}


def test_a_node_that_cannot_be_prepared_has_failed():
    drive = Drive(n("f", fans_out=True), n("g", "f"))
    drive.tell(Unprepared(1.0, 0, FATAL))
    assert drive.states == {"f": "failed", "g": "skipped"}
    assert drive.kinds(Kind.CALL_FAILED) == [("f", WHOLE, 0)]


# --- retries ---


def test_a_transient_failure_is_tried_again_after_its_pause():
    drive = Drive(n("a", policy=THRICE))
    assert drive.fail("a", TRANSIENT, at=100.0) == []
    assert drive.core.wakes_at == 110.0
    assert drive.tell(TimerFired(109.9)) == []
    assert drive.tell(TimerFired(110.0)) == ["a#2"]
    drive.fail("a", TRANSIENT, at=200.0, attempt=2)
    assert drive.core.wakes_at == 220.0
    assert drive.tell(TimerFired(220.0)) == ["a#3"]
    drive.fail("a", TRANSIENT, at=300.0, attempt=3)
    assert drive.states == {"a": "failed"}
    assert drive.kinds(Kind.ATTEMPT_FAILED) == [("a", WHOLE, 1), ("a", WHOLE, 2)]
    assert drive.kinds(Kind.CALL_FAILED) == [("a", WHOLE, 3)]


def test_a_pause_holds_no_slot():
    drive = Drive(n("a", policy=THRICE), n("b"), slots=1)
    assert drive.fail("a", TRANSIENT) == ["b"]


def test_after_its_pause_a_call_goes_before_those_of_lower_rank():
    drive = Drive(n("a", policy=THRICE), n("b"), n("c"), slots=1)
    assert drive.fail("a", TRANSIENT, at=1.0) == ["b"]
    assert drive.tell(TimerFired(11.0)) == []
    assert drive.done("b", at=12.0) == ["a#2"]


def test_failures_that_are_not_transient_are_not_tried_again():
    drive = Drive(n("a", policy=THRICE))
    drive.fail("a", FATAL)
    assert drive.core.wakes_at is None
    assert drive.states == {"a": "failed"}


def test_retries_are_spent_before_the_run_is_stopped():
    drive = Drive(n("a", policy=THRICE), n("b"), n("c", "b"))
    drive.fail("a", TRANSIENT)
    assert drive.done("b") == ["c"]  # nothing has stopped yet


def test_items_have_attempts_of_their_own():
    drive = Drive(n("f", fans_out=True, policy=THRICE))
    drive.prepared("f", total=2)
    drive.fail("f[0]", TRANSIENT, at=1.0)
    drive.fail("f[1]", TRANSIENT, at=2.0)
    assert drive.tell(TimerFired(11.0)) == ["f[0]#2"]
    assert drive.tell(TimerFired(12.0)) == ["f[1]#2"]


def test_numbers_of_attempts_go_on_after_a_resumption_and_the_policy_counts_anew():
    drive = Drive(n("a", policy=THRICE), attempts={(0, WHOLE): 5})
    assert drive.submitted == ["a#6"]
    drive.fail("a", TRANSIENT, attempt=6)
    drive.tell(TimerFired(1000.0))
    drive.fail("a", TRANSIENT, attempt=7)
    assert drive.tell(TimerFired(2000.0)) == ["a#8"]


# --- cancelling ---


def test_a_cancelled_run_drains():
    drive = Drive(n("a"), n("b"), n("c", "a"), slots=1)
    assert drive.tell(CancelRequested(1.0)) == []
    assert [wish.kill for wish in drive.wishes if isinstance(wish, Cancel)] == [False]
    assert drive.done("a") == []
    assert drive.states == {"a": "succeeded", "b": "cancelled", "c": "cancelled"}
    assert drive.core.status is RunStatus.CANCELLED
    assert drive.kinds(Kind.CANCEL_REQUESTED)


def test_cancelling_twice_kills():
    drive = Drive(n("a"), n("b"))
    drive.tell(CancelRequested(1.0))
    drive.tell(CancelRequested(2.0, kill=True))
    assert [wish.kill for wish in drive.wishes if isinstance(wish, Cancel)] == [True, True]
    drive.tell(Stopped(3.0, drive.handle("a")), Stopped(3.0, drive.handle("b")))
    assert drive.core.status is RunStatus.CANCELLED


def test_a_run_that_was_done_when_it_was_cancelled_is_completed():
    drive = Drive(n("a"))
    drive.tell(CancelRequested(1.0))
    drive.done("a")
    assert drive.core.status is RunStatus.COMPLETED


def test_a_cancelled_run_does_not_wait_for_pauses():
    drive = Drive(n("a", policy=THRICE))
    drive.fail("a", TRANSIENT)
    drive.tell(CancelRequested(2.0))
    assert drive.core.status is RunStatus.CANCELLED
    assert drive.core.wakes_at is None


def test_a_node_that_is_being_prepared_when_the_run_stops_does_not_start():
    drive = Drive(n("a"), looks_up=True)
    drive.tell(CancelRequested(1.0))
    assert drive.core.status is None
    assert drive.prepared("a") == []
    assert drive.states == {"a": "cancelled"}


def test_a_call_that_was_stopped_although_nobody_cancelled_does_not_hang_the_run():
    """A call may raise KeyboardInterrupt by itself, or its worker be interrupted by somebody else."""
    drive = Drive(n("a"), n("b", "a"))
    drive.tell(Stopped(1.0, drive.handle("a")))
    assert drive.submitted or drive.core.status is not None, "nothing runs, nothing waits, and the run does not end"


# --- reports that come late or twice ---


def test_a_doubled_report_changes_nothing():
    drive = Drive(n("a"), n("b", "a"), n("c"))
    drive.done("a")
    before = drive.states
    assert drive.done("a") == []
    assert drive.fail("a") == []
    assert drive.states == before
    assert drive.kinds(Kind.CALL_SUCCEEDED, Kind.CALL_FAILED) == [("a", WHOLE, 1)]


def test_a_report_of_an_earlier_attempt_changes_nothing():
    drive = Drive(n("a", policy=THRICE))
    drive.fail("a", TRANSIENT, at=1.0)
    drive.done("a", attempt=1)
    drive.tell(TimerFired(11.0))
    drive.done("a", attempt=1)
    assert drive.states == {"a": "running"}
    drive.done("a", attempt=2)
    assert drive.states == {"a": "succeeded"}


def test_preparing_twice_changes_nothing():
    drive = Drive(n("a"), looks_up=True)
    assert drive.prepared("a") == ["a"]
    assert drive.prepared("a") == []


# --- what the plan knows ---


def test_nodes_that_are_not_selected_are_skipped_and_do_not_hold_up_others():
    drive = Drive(n("a"), n("b", "a"), n("c", "b"), starts={0: "skip", 2: "skip"})
    assert drive.submitted == ["b"]
    drive.done("b")
    assert drive.states == {"a": "skipped", "b": "succeeded", "c": "skipped"}
    assert drive.core.status is RunStatus.COMPLETED


def test_a_known_result_does_not_wait_for_what_is_before_it():
    drive = Drive(n("a"), n("b", "a"), starts={0: "hit", 1: "hit"}, looks_up=True)
    assert drive.wanted == ["a", "b"]


# --- losses ---


def lost_after_success(**options):
    """a and then b; b finds the output of a gone when it starts."""
    drive = Drive(n("a", **options.pop("a", {})), n("b", "a"), n("c", "b"), **options)
    drive.done("a")
    drive.tell(Lost(2.0, 0, 1, drive.handle("b")))
    return drive


def test_a_lost_output_is_made_again_and_its_reader_waits():
    drive = lost_after_success()
    assert drive.submitted == ["a#2"]
    assert drive.kinds(Kind.OUTPUT_LOST) == [("a", WHOLE, 0)]
    assert drive.done("a", attempt=2) == ["b"]
    assert drive.done("b") == ["c"]


def test_several_readers_wait_for_one_output():
    drive = Drive(n("a"), n("b", "a"), n("c", "a"))
    drive.done("a")
    assert drive.tell(Lost(2.0, 0, 1, drive.handle("b")), Lost(2.0, 0, 2, drive.handle("c"))) == ["a#2"]
    assert drive.done("a", attempt=2) == ["b", "c"]


def test_an_output_that_is_lost_while_a_reader_is_prepared():
    drive = Drive(n("a"), n("b", "a"), looks_up=True)
    drive.prepared("a", restored=(WHOLE,))
    drive.tell(Lost(2.0, 0, 1, None))
    assert drive.states == {"a": "preparing", "b": "waiting"}
    assert drive.prepared("a") == ["a#2"]
    drive.done("a", attempt=2)
    assert drive.wanted == ["b"]


@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_a_run_ends_when_a_lost_output_cannot_be_made_again(on_failure):
    drive = lost_after_success(on_failure=on_failure)
    drive.fail("a", attempt=2)
    assert drive.core.status is RunStatus.FAILED
    assert drive.states == {"a": "failed", "b": "skipped", "c": "skipped"}


def test_a_run_that_stops_makes_nothing_again():
    drive = Drive(n("a"), n("b", "a"), n("x"), looks_up=True)
    drive.prepared("x")
    drive.prepared("a")
    drive.tell(Succeeded(1.0, drive.handle("a")), Failed(1.0, drive.handle("x"), FATAL))
    assert drive.wanted == ["b"]
    drive.tell(Lost(2.0, 0, 1, None))
    assert drive.submitted == []
    assert drive.core.status is RunStatus.FAILED


# --- the table ---


def test_a_node_ends_only_in_final_states_and_leaves_them_only_by_a_loss():
    for (state, cause), following in TABLE.items():
        if state.is_final:
            assert state.has_output
            assert cause == "lost"
            assert following is NodeState.WAITING


def test_every_end_is_concluded_after_its_records():
    drive = Drive(n("a"))
    drive.done("a")
    assert drive.wishes == [Conclude(0)]
    assert drive.kinds(Kind.NODE_FINISHED) == [("a", WHOLE, 0)]


def test_records_have_the_time_of_what_they_tell():
    drive = Drive(n("a"), n("b", "a"))
    drive.done("a", at=7.5)
    drive.done("b", at=9.25)
    times = {(record.node, str(record.kind)): record.at for record in drive.records}
    assert times["a", "AttemptStarted"] == 0.0
    assert times["a", "CallSucceeded"] == times["b", "AttemptStarted"] == 7.5
    assert times["b", "NodeFinished"] == 9.25


def test_a_quiet_core_makes_no_records():
    drive = Drive(n("a"), n("b"), quiet=True)
    drive.fail("a")
    drive.tell(CancelRequested(1.0))
    assert drive.records == []
