"""Dead letters: which calls failed for good, and which of them have a result since."""

import pytest

from weftline.model.event import Event, Kind
from weftline.model.ids import WHOLE
from weftline.model.letter import Success, letters_in, resolved_elsewhere
from weftline.model.restored import packed

FAILURE = {"error": "ValueError", "code": None, "message": "x", "place": "flow.py:3", "key": "ab", "inputs": {"row": "cd"}}


def failed(node="each", item=2, at=5.0, attempt=1, **more):
    return Event(Kind.CALL_FAILED, at, node, item, attempt, FAILURE | more)


def read(*events):
    return letters_in("r1", "churn", events)


def states(*events):
    return [(letter.label, str(letter.state)) for letter in read(*events)]


def test_a_letter_keeps_the_cause_the_attempts_and_what_the_call_was_given():
    (letter,) = read(Event(Kind.ATTEMPT_FAILED, 1.0, "each", 2, 1, FAILURE), failed(attempt=3))
    assert (letter.run, letter.pipeline, letter.label, letter.at, letter.attempts) == ("r1", "churn", "each[2]", 5.0, 3)
    assert letter.error == {"error": "ValueError", "code": None, "message": "x", "place": "flow.py:3"}
    assert (letter.key, letter.inputs) == ("ab", {"row": "cd"})
    assert letter.is_open


def test_the_same_call_of_a_run_always_has_the_same_id():
    (once,), (again,) = read(failed()), read(failed(), failed(at=9.0, attempt=2))
    assert once.id == again.id
    assert (again.at, again.attempts) == (9.0, 2)
    others = {read(failed(item=3))[0].id, read(failed(node="other"))[0].id, letters_in("r2", "churn", [failed()])[0].id}
    assert len(others | {once.id}) == 4


def test_a_failure_before_the_key_was_known_is_a_letter_too():
    bare = {name: FAILURE[name] for name in ("error", "code", "message", "place")}
    (letter,) = read(Event(Kind.CALL_FAILED, 1.0, "load", WHOLE, 0, bare))
    assert (letter.label, letter.key, dict(letter.inputs)) == ("load", None, {})


@pytest.mark.parametrize(
    "event",
    [
        Event(Kind.CALL_SUCCEEDED, 6.0, "each", 2, 2, {"key": "ef"}),
        Event(Kind.CALL_RESTORED, 6.0, "each", 2, 0, {"key": "ef"}),
        Event(Kind.CALLS_RESTORED, 6.0, "each", body=packed({1: b"\1" * 32, 2: b"\2" * 32})),
        Event(Kind.NODE_FINISHED, 6.0, "each", body={"state": "succeeded", "failed": 0}),
    ],
)
def test_what_resolves_a_letter(event):
    (letter,) = read(failed(), event)
    assert (str(letter.state), letter.settled_at, letter.settled_by) == ("resolved", 6.0, "r1")


@pytest.mark.parametrize(
    "event",
    [
        Event(Kind.CALL_SUCCEEDED, 6.0, "each", 1, 2, {"key": "ef"}),
        Event(Kind.CALL_SUCCEEDED, 6.0, "other", 2, 2, {"key": "ab"}),
        Event(Kind.CALLS_RESTORED, 6.0, "each", body=packed({1: b"\1" * 32, 3: b"\2" * 32})),
        Event(Kind.NODE_FINISHED, 6.0, "each", body={"state": "succeeded", "failed": 1}),
        Event(Kind.NODE_FINISHED, 6.0, "each", body={"state": "failed", "failed": 0}),
        Event(Kind.NODE_FINISHED, 6.0, "each", body={"state": "skipped", "why": "x"}),
    ],
)
def test_what_does_not(event):
    (letter,) = read(failed(), event)
    assert letter.is_open


def test_what_fails_after_its_success_or_after_it_was_dropped_is_open_again():
    dropped = Event(Kind.LETTER_DROPPED, 6.0, "each", 2)
    succeeded = Event(Kind.CALL_SUCCEEDED, 6.0, "each", 2, 2, {"key": "ef"})
    assert states(failed(), dropped) == [("each[2]", "dropped")]
    for event in (dropped, succeeded):
        assert states(failed(), event, failed(at=7.0, attempt=3)) == [("each[2]", "open")]
    assert states(failed(), dropped, succeeded) == [("each[2]", "dropped")], "it was dropped while it was open"


def test_a_node_that_could_not_be_prepared_is_resolved_when_it_has_an_output():
    """Even if some of its items fail then."""
    end = Event(Kind.NODE_FINISHED, 6.0, "each", body={"state": "succeeded", "failed": 1})
    assert states(failed(item=WHOLE), failed(item=4), end) == [("each", "resolved"), ("each[4]", "open")]


def test_nodes_are_in_the_order_of_their_failures_and_items_in_their_own():
    events = [failed("late", 3), failed("early", 7), failed("late", 1)]
    assert [letter.label for letter in read(*events)] == ["late[1]", "late[3]", "early[7]"]


def test_a_later_success_of_the_key_in_another_run_resolves_it():
    (letter,) = read(failed(at=5.0))
    (found,) = resolved_elsewhere([letter], [Success("ab", "r7", 6.0), Success("ab", "r9", 8.0), Success("ab", "r8", 7.0)])
    assert (str(found.state), found.settled_by, found.settled_at) == ("resolved", "r9", 8.0)


@pytest.mark.parametrize("success", [Success("ab", "r0", 4.0), Success("ef", "r9", 8.0)], ids=["earlier", "another key"])
def test_other_successes_do_not(success):
    (letter,) = read(failed(at=5.0))
    assert resolved_elsewhere([letter], [success]) == [letter]


def test_letters_without_a_key_ask_for_nothing():
    def never():
        raise AssertionError("nobody needs it")
        yield

    bare = read(failed(key=None))
    assert resolved_elsewhere(bare, never()) == bare
