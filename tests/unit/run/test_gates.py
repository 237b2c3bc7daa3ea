"""Gates in a run: who waits, what wakes it, and what becomes of those that wait for ever."""

import pytest

from weftline import Clause, FieldSpec, Gate, node
from weftline.model.call import Failure
from weftline.model.event import Kind
from weftline.model.gate import FieldValue
from weftline.model.ids import WHOLE
from weftline.model.transitions import RunStatus
from weftline.run.facts import Ask, CancelRequested, GateSeen, GatesShut, Lost, Prepared, TimerFired
from weftline.testing.scripted import succeed

from .test_core import Drive, n

EDITOR = Gate("editor")
READY = Gate("ready", (Clause("read", "equals", True),), timeout_s=100.0)
DECLARED = {"read": bool, "pages": FieldSpec(int, key="pages")}


# --- the core ---


def drive(*nodes, **options):
    return Drive(*nodes, slots=8, **options)


def asked(core):
    return [wish.gate for wish in core.wishes if isinstance(wish, Ask)]


def shut(gate, at=1.0, until=None):
    return GateSeen(at, gate, False, {"gate": {"name": gate}}, until=until)


def test_a_gate_is_asked_when_what_is_before_it_is_there():
    core = drive(n("a"), n("b", "a", gate=EDITOR))
    assert asked(core) == []
    core.done("a")
    assert asked(core) == ["editor"]
    assert core.states["b"] == "waiting"


def test_an_open_gate_lets_all_through_that_wait_there_now_or_later():
    core = drive(n("a", gate=EDITOR), n("b", gate=EDITOR), n("c", "a", gate=EDITOR))
    assert core.submitted == []
    assert core.tell(GateSeen(1.0, "editor", True, {"gate": "editor"})) == ["a", "b"]
    assert core.done("a") == ["c"], "nobody asks again"
    assert [record.kind for record in core.records].count(Kind.GATE_OPENED) == 1


def test_others_go_on_while_nodes_wait_at_a_gate():
    core = drive(n("a"), n("b", "a", gate=EDITOR), n("c", "b"), n("d", "a"))
    core.done("a")
    core.tell(shut("editor"))
    assert not core.core.waits_only_at_gates, "d runs"
    core.done("d")
    assert core.core.waits_only_at_gates
    assert core.core.status is None
    core.tell(GatesShut(2.0, {"editor": "editor is not approved"}))
    assert core.states == {"a": "succeeded", "b": "blocked", "c": "blocked", "d": "succeeded"}
    assert core.core.status is RunStatus.BLOCKED


def test_a_failure_counts_more_than_a_gate():
    core = drive(n("a", gate=EDITOR), n("b"), on_failure="continue")
    core.tell(shut("editor"))
    core.fail("b")
    core.tell(GatesShut(2.0, {}))
    assert core.core.status is RunStatus.FAILED


def test_a_failure_that_stops_the_run_ends_what_waits_at_gates():
    core = drive(n("a", gate=EDITOR), n("b"))
    core.tell(shut("editor"))
    core.fail("b")
    assert core.states == {"a": "skipped", "b": "failed"}
    assert core.core.at_gates == {}
    core.tell(GateSeen(3.0, "editor", True))
    assert core.states["a"] == "skipped", "too late"


def test_a_gate_that_is_shut_for_good_fails_what_waits_there():
    core = drive(n("a", gate=EDITOR), n("b", "a"), n("c"), on_failure="continue")
    core.tell(GateSeen(1.0, "editor", False, failure=Failure("GateRejected", "no")))
    core.done("c")
    assert core.states == {"a": "failed", "b": "skipped", "c": "succeeded"}
    assert core.core.status is RunStatus.PARTIAL


def test_of_two_at_a_gate_that_is_shut_for_good_the_first_stops_the_run():
    core = drive(n("a", gate=EDITOR), n("b", gate=EDITOR))
    core.tell(GateSeen(1.0, "editor", False, failure=Failure("GateRejected", "no")))
    assert core.states == {"a": "failed", "b": "skipped"}


def test_time_alone_makes_it_look_again():
    core = drive(n("a", gate=READY), n("b"))
    core.tell(shut("ready", until=100.0))
    assert core.core.wakes_at == 100.0
    core.tell(TimerFired(100.0))
    assert asked(core) == ["ready"]


def test_a_cancelled_run_waits_no_more():
    core = drive(n("a", gate=EDITOR))
    core.tell(shut("editor"))
    core.tell(CancelRequested(1.0))
    assert core.states == {"a": "cancelled"}
    assert core.core.status is RunStatus.CANCELLED


# --- whole runs ---


@node(provides="text")
def get() -> str:
    return "all is well"


@node(provides="pages", requires={"text": "text"})
def count(text: str) -> int:
    return len(text.split())


@node(requires={"text": "text"}, gate=READY)
def cut(text: str) -> list[str]:
    return text.split()


@node(requires={"cut": "cut"})
def put(cut: list[str]) -> int:
    return len(cut)


FLOW = [get, count, cut, put]


def reached(stage):
    return [event.body["held"] for event in stage.events if event.kind is Kind.GATE_REACHED]


def opened(stage):
    return [event.body for event in stage.events if event.kind is Kind.GATE_OPENED]


def test_a_run_ends_blocked_and_is_gone_on_with_once_the_field_is_set(stage):
    assert stage.run(FLOW, declared=DECLARED).status == "blocked"
    assert reached(stage) == [{"read": None}]
    assert [wait.run for wait in stage.ledger.waits()] == [stage.last]
    stage.ledger.set_fields(stage.last, {"read": True}, at=1.0, by="service")
    result = stage.resume(FLOW, declared=DECLARED)
    assert (result.status, result["put"]) == ("completed", 3)
    assert opened(stage) == [{"gate": "ready", "why": "read = True", "held": {"read": True}}]
    assert stage.ledger.waits() == []
    assert [name for name, _, _ in stage.started] == ["get", "count", "cut", "put"], "what was before it ran once"


def test_resumed_too_early_it_waits_again_as_if_it_had_never_stopped(stage):
    stage.run(FLOW, declared=DECLARED)
    assert stage.resume(FLOW, declared=DECLARED).status == "blocked"
    assert len(reached(stage)) == 1, "it came there once"
    assert len(stage.ledger.waits()) == 1


def test_a_field_that_is_set_while_others_work_opens_the_gate_in_the_same_run(stage):
    @node(requires={"text": "text"}, cache=False)
    def service(text: str) -> None:
        stage.ledger.set_fields(stage.last, {"read": True}, at=1.0, by="service")

    result = stage.run([*FLOW, service], declared=DECLARED)
    assert (result.status, result["put"]) == ("completed", 3)


def test_a_field_that_is_set_at_the_very_end_is_seen_by_the_last_look(stage):
    """Between the last report and the end of the run."""
    backend = stage.scripted(slots=2)
    backend.will("count", succeed(takes_s=10.0))
    engine = stage.engine(FLOW, declared=DECLARED)
    looks = engine._gates.is_news
    engine._gates.is_news = lambda: looks() and False  # whoever sets it is never heard in time
    inner = engine._gates.last_look

    def last_look(names):
        stage.ledger.set_fields(stage.last, {"read": True}, at=1.0, by="service")
        return inner(names)

    engine._gates.last_look = last_look
    assert engine.run() == "completed"


def test_what_a_node_provides_becomes_a_field(stage):
    pages = Gate("pages", (Clause("pages", "at_least", 2),))

    @node(requires={"text": "text"}, gate=pages)
    def cut(text: str) -> list[str]:
        return text.split()

    result = stage.run([get, count, cut], declared=DECLARED)
    assert result.status == "completed"
    assert stage.ledger.fields(stage.last)["pages"] == FieldValue(
        3, None, 1, stage.ledger.fields(stage.last)["pages"].at, "count"
    )


def test_what_others_have_set_since_stays_when_a_run_is_gone_on_with(stage):
    stage.run(FLOW, declared=DECLARED)
    stage.ledger.set_fields(stage.last, {"pages": 99, "read": True}, at=1.0, by="service")
    stage.resume(FLOW, declared=DECLARED)
    assert stage.ledger.fields(stage.last)["pages"].value == 99


def test_a_field_that_a_crash_kept_from_being_set_is_set_later(stage):
    engine = stage.engine(FLOW, declared=DECLARED)
    engine._gates.publish = lambda: None
    engine.run()
    assert "pages" not in stage.ledger.fields(stage.last)
    stage.resume(FLOW, declared=DECLARED)
    assert stage.ledger.fields(stage.last)["pages"].value == 3


@pytest.mark.parametrize("cached", [True, False])
def test_a_gate_is_open_at_once_if_it_is(stage, cached):
    engine = stage.engine(FLOW, declared=DECLARED, cached=cached)
    stage.ledger.set_fields(stage.last, {"read": True}, at=1.0, by="service")
    assert engine.run() == "completed"
    assert reached(stage) == []


def test_a_gate_times_out_while_the_run_does_other_things(stage):
    @node(requires={"text": "text"})
    def other(text: str) -> None:
        pass

    stage.scripted(slots=2).will("other", succeed(takes_s=500.0))
    result = stage.run([*FLOW, other], declared=DECLARED, on_failure="continue")
    assert result.status == "partial"
    failure = result.steps["cut"].failures[-1]
    assert (failure.kind, failure.message) == (
        "GateTimedOut",
        "ready was not open 100 s after the run had come there: read has no value",
    )


def test_a_gate_times_out_while_nobody_works_on_the_run(stage):
    stage.run(FLOW, declared=DECLARED)
    stage.clock.move(99.0)
    assert stage.resume(FLOW, declared=DECLARED).status == "blocked"
    stage.clock.move(2.0)
    result = stage.resume(FLOW, declared=DECLARED)
    assert (result.status, result.steps["cut"].failures[-1].kind) == ("failed", "GateTimedOut")
    assert stage.ledger.waits() == []


def test_a_rejected_gate_fails_the_run(stage):
    stage.run(FLOW, declared=DECLARED)
    stage.ledger.set_fields(stage.last, {"gate.ready": "rejected", "read": True}, at=1.0, by="ann", why="it is wrong")
    result = stage.resume(FLOW, declared=DECLARED)
    assert (result.status, result.steps["cut"].failures[-1].message) == ("failed", "ready was rejected: it is wrong")


def test_once_open_it_stays_open(stage):
    """Also for a run that died right behind the gate, and whatever the field holds since."""
    backend = stage.scripted()
    backend.will("cut", succeed(takes_s=5.0).lost(1.0))
    stage.run(FLOW, declared=DECLARED)
    stage.ledger.set_fields(stage.last, {"read": True}, at=1.0, by="service")
    stage.resume(FLOW, declared=DECLARED)
    assert stage.record.status is RunStatus.FAILED
    stage.ledger.set_fields(stage.last, {"read": False}, at=2.0, by="service")
    stage.scripted()
    assert stage.resume(FLOW, declared=DECLARED).status == "completed"


def test_changed_means_since_the_run_came_there(stage):
    changed = Gate("changed", (Clause("stage", "changed"),))

    @node(gate=changed)
    def cut() -> int:
        return 1

    declared = {"stage": FieldSpec(str, default="parse")}
    assert stage.run([cut], declared=declared).status == "blocked"
    stage.ledger.set_fields(stage.last, {"stage": "parse"}, at=1.0, by="service")
    assert stage.resume([cut], declared=declared).status == "blocked"
    stage.ledger.set_fields(stage.last, {"stage": "chunk"}, at=1.0, by="service")
    assert stage.resume([cut], declared=declared).status == "completed"


def test_a_result_that_is_there_needs_no_gate(stage):
    stage.run(FLOW, declared=DECLARED)
    stage.ledger.set_fields(stage.last, {"read": True}, at=1.0, by="service")
    stage.resume(FLOW, declared=DECLARED)
    assert stage.run(FLOW, declared=DECLARED).status == "completed"
    assert stage.started == []


def test_a_gate_that_was_open_at_once_stays_open(stage):
    """The plan has seen it open; the journal has to say so, or what is set afterwards would close it."""
    backend = stage.scripted()
    backend.will("cut", succeed(takes_s=5.0).lost(1.0))
    editor = Gate("ready", (Clause("read", "not_exists"),))

    @node(requires={"text": "text"}, gate=editor)
    def cut(text: str) -> list[str]:
        return text.split()

    assert stage.run([get, cut, put], declared={"read": bool}).status == "failed"
    assert [body["why"] for body in opened(stage)] == ["read not exists"]
    stage.ledger.set_fields(stage.last, {"read": False}, at=1.0, by="service")
    stage.scripted()
    assert stage.resume([get, cut, put], declared={"read": bool}).status == "completed"
    assert len(opened(stage)) == 1, "it opens once"


def test_a_gate_is_opened_once_although_it_is_met_again_behind_another(stage):
    @node(provides="first", gate=READY)
    def first() -> int:
        return 1

    @node(gate=EDITOR, provides="middle")
    def middle() -> int:
        return 2

    @node(requires={"middle": "middle"}, gate=READY, provides="last")
    def last(middle: int) -> int:
        return middle

    flow = [first, middle, last]
    stage.ledger.set_fields("r1", {"read": True}, at=1.0, by="service")
    assert stage.run(flow, declared={"read": bool}).status == "blocked"
    stage.ledger.set_fields(stage.last, {"gate.editor": "approved"}, at=1.0, by="ann")
    assert stage.resume(flow, declared={"read": bool}).status == "completed"
    assert sorted(body["gate"] for body in opened(stage)) == ["editor", "ready"]


def test_what_is_made_again_because_it_was_lost_waits_at_its_gate():
    """A result that is there needs no gate; once it is gone the node would run."""
    core = drive(n("a", gate=EDITOR), n("b", "a"), starts={0: "hit"}, looks_up=True)
    core.tell(Prepared(1.0, 0, 1, {WHOLE: b"key"}, {}))
    assert asked(core) == []
    core.tell(Lost(2.0, 0, 1, None))
    assert asked(core) == ["editor"]
    assert core.states["a"] == "waiting"


def test_what_lost_its_input_for_good_is_not_at_the_gate_any_more():
    """It came there with all that it needs; then somebody else found that lost, and it could not be made again."""
    core = drive(n("a"), n("b", "a", gate=EDITOR), n("c", "a"), looks_up=True, on_failure="continue")
    core.tell(Prepared(1.0, 0, 1, {}, {}))
    core.done("a")
    core.tell(shut("editor"))
    core.tell(Lost(2.0, 0, 2, None))
    core.tell(Prepared(3.0, 0, 1, {}, {}))
    core.fail("a", attempt=2)
    assert core.states == {"a": "failed", "b": "skipped", "c": "skipped"}
    core.tell(GateSeen(4.0, "editor", True, {"gate": "editor"}))
    assert core.states["b"] == "skipped"
    core.tell(GatesShut(5.0, {}))
    assert core.core.status is RunStatus.FAILED


def test_a_run_ends_at_the_gate_of_what_was_lost_and_is_waited_for():
    """Who reads it has begun already, and can only wait."""
    core = drive(n("a", gate=EDITOR), n("b", "a"), n("c", "b"), starts={0: "hit"}, looks_up=True)
    core.tell(Prepared(1.0, 0, 1, {WHOLE: b"key"}, {}))
    core.tell(Prepared(1.0, 1, 1, {}, {}))
    core.tell(Lost(2.0, 0, 1, (1, WHOLE, 1)))
    core.tell(shut("editor"))
    assert core.states["b"] == "running"
    assert core.core.waits_only_at_gates
    core.tell(GatesShut(3.0, {}))
    assert core.states == {"a": "blocked", "b": "skipped", "c": "skipped"}
    assert core.core.status is RunStatus.BLOCKED


def test_changed_from_what_a_field_holds_by_default(stage):
    changed = Gate("changed", (Clause("stage", "changed", previous_value="parse"),))

    @node(gate=changed)
    def cut() -> int:
        return 1

    declared = {"stage": FieldSpec(str, default="parse")}
    assert stage.run([cut], declared=declared).status == "blocked"
    stage.ledger.set_fields(stage.last, {"stage": "chunk"}, at=1.0, by="service")
    assert stage.resume([cut], declared=declared).status == "completed"
