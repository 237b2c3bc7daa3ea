"""Which records wait for those of the next turn: in virtual time, by what is committed together."""

import pytest

from weftline import FieldSpec, node
from weftline.model.event import Kind
from weftline.testing import fail, succeed

BRIEF, LONG = succeed(0.0003), succeed(0.5)


@pytest.fixture
def desk(stage):
    stage.remember_batches()
    stage.scripted(otherwise=lambda call: BRIEF)
    return stage


def starts(stage):
    """The nodes whose start was recorded together."""
    found = [[node for kind, node in batch if kind is Kind.ATTEMPT_STARTED] for batch in stage.ledger.batches]
    return [names for names in found if names]


def first() -> int:
    return 0


def step(x: int) -> int:
    return x + 1


def chain(count, **options):
    """Each but the first is the same function."""
    nodes = [node(provides="k0", name="n0")(first)]
    return nodes + [
        node(provides=f"k{at}", requires={"x": f"k{at - 1}"}, name=f"n{at}", **options)(step) for at in range(1, count)
    ]


def test_brief_calls_share_a_commit(desk):
    result = desk.run(chain(5))
    assert result["k4"] == 4
    # of `first` and of `step` nothing is known before they have run
    assert starts(desk) == [["n0"], ["n1"], ["n2", "n3", "n4"]]
    assert [kind for kind, _, _, _, _, _ in desk.events][-1] is Kind.RUN_FINISHED


def test_what_was_brief_in_an_earlier_run_is_so_from_the_beginning(desk):
    desk.run(chain(5))
    desk.ledger.batches.clear()
    desk.run(chain(5, version="2"))
    assert starts(desk) == [["n1"], ["n2", "n3", "n4"]]  # `n0` is there; the beginning of the run never waits


def test_records_wait_five_milliseconds(desk):
    desk.run(chain(40))
    assert max(map(len, starts(desk))) == 17  # the last one starts after 16 x 0.3 ms, and ends after that
    assert [name for names in starts(desk) for name in names] == [f"n{at}" for at in range(40)]


def test_records_wait_five_milliseconds_where_calls_run_within_a_poll(desk):
    class Inline(type(desk.backend)):
        def poll(self, wait_s):
            return super().poll(max(wait_s, 1.0))

    desk.backend = Inline(desk.clock, otherwise=lambda call: BRIEF)
    desk.run(chain(40))
    assert max(map(len, starts(desk))) == 17


def test_what_comes_before_a_long_call_is_recorded_first(desk):
    desk.scripted(otherwise=lambda call: LONG)
    desk.run(chain(4))
    assert starts(desk) == [["n0"], ["n1"], ["n2"], ["n3"]]


def test_a_call_that_takes_longer_than_the_last_time_does_not_keep_others_waiting(desk):
    desk.backend.will("n3", LONG)
    began_at = desk.clock.now()
    desk.run(chain(5))
    (batch,) = (batch for batch in desk.ledger.batches if (Kind.ATTEMPT_STARTED, "n3") in batch)
    assert (Kind.NODE_FINISHED, "n3") not in batch
    assert batch[-1] == (Kind.ATTEMPT_STARTED, "n3")
    assert desk.clock.now() - began_at == pytest.approx(0.5012, abs=1e-3)


@pytest.mark.parametrize("options", [{"cache": False}, {"effect": lambda: None}])
def test_nothing_waits_before_a_call_that_may_not_be_made_again(desk, options):
    class Target:
        def receipt(self, key):
            return "done"

        def confirms(self, receipt):
            return True

    if "effect" in options:
        options = {"effect": Target}
    desk.run(chain(4, **options))
    assert starts(desk) == [["n0"], ["n1"], ["n2"], ["n3"]]


def test_nothing_waits_while_calls_run_that_go_on_without_this_process(desk):
    desk.scripted(ships=True, otherwise=lambda call: BRIEF)
    desk.run(chain(4))
    assert starts(desk) == [["n0"], ["n1"], ["n2"], ["n3"]]


def test_nothing_waits_where_others_may_set_fields(desk):
    desk.run(chain(4), declared={"checked": FieldSpec(bool)})
    assert starts(desk) == [["n0"], ["n1"], ["n2"], ["n3"]]


def test_failures_are_recorded_at_once(desk):
    desk.backend.will("n4", fail(ValueError("odd"), 0.0003))
    others = [node(provides="other", requires={"x": "k2"}, name="other", priority=-1)(step)]
    desk.scripted(otherwise=lambda call: BRIEF).will("n3", fail(ValueError("odd"), 0.0003))
    desk.run([*chain(5), *others], on_failure="continue")
    (batch,) = (batch for batch in desk.ledger.batches if (Kind.CALL_FAILED, "n3") in batch)
    assert batch.index((Kind.CALL_FAILED, "n3")) >= len(batch) - 4
    assert (Kind.CALL_SUCCEEDED, "other") not in batch


def test_an_interruption_loses_nothing_that_has_ended(desk):
    class Interrupted(type(desk.backend)):
        def poll(self, wait_s):
            if len(self.started) == 4:
                raise KeyboardInterrupt
            return super().poll(wait_s)

    desk.backend = Interrupted(desk.clock, otherwise=lambda call: BRIEF)
    assert desk.run(chain(6)).status == "cancelled"
    assert [name for name, _, _ in desk.told(Kind.CALL_SUCCEEDED)] == ["n0", "n1", "n2"]
    desk.scripted()
    assert desk.resume(chain(6))["k5"] == 5


def test_results_that_are_not_needed_any_more_are_freed_when_that_is_recorded(desk):
    class Thrifty(type(desk.cache)):
        def free(self, keys):
            nodes = [event.node for event in desk.ledger.events(desk.last, [Kind.CALL_SUCCEEDED])]
            known = {event.body["key"]: event.node for event in desk.ledger.events(desk.last, [Kind.CALL_SUCCEEDED])}
            for key in keys:
                reader = nodes[nodes.index(known[key.hex()]) + 1]  # it raises if that is not recorded
                freed.append(reader)
            return super().free(keys)

    freed = []
    desk.cache = Thrifty()
    last = node(provides="end", requires={"x": "k5"}, name="end")(step)
    assert desk.run([*chain(6, temp=True), last])["end"] == 6
    assert freed == ["n2", "n3", "n4", "n5", "end"]
