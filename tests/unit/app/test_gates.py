"""What somebody says of a gate at which a run does not wait: the answer says what there is to do instead."""

import pytest

from weftline import Gate, Pipeline, node
from weftline.app import verbs
from weftline.app.gates import decide
from weftline.app.home import Home, Request
from weftline.errors import UnknownGateError
from weftline.testing import ManualClock


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def run(home):
    @node(provides="a", gate="first", cache=False)
    def one() -> int:
        return 1

    @node(requires={"a": "a"}, gate="second", cache=False)
    def two(a: int) -> int:
        return a

    return Pipeline([one, two]).run(home=home.path).run


def test_a_gate_that_the_run_does_not_wait_at(home, run):
    with pytest.raises(UnknownGateError, match="name one at which it waits: first") as raised:
        decide(home, run, "frist", approved=True)
    assert raised.value.hint == "did you mean 'first'?"
    with pytest.raises(UnknownGateError, match="name one at which it waits: first"):
        decide(home, run, "second", approved=True)


def test_a_run_that_has_ended_waits_nowhere(home, run):
    decide(home, run, "first", approved=False)
    for approved in (True, False):
        with pytest.raises(UnknownGateError, match="nor at any: it is failed") as raised:
            decide(home, run, "first", approved=approved)
        assert "name one" not in str(raised.value)
        assert raised.value.hint is None


def test_what_has_waited_for_too_long_is_not_let_through(tmp_path):
    """Also if nobody has looked at the run since its time was over."""

    @node(provides="a", gate=Gate("patient", timeout_s=60.0), cache=False)
    def one() -> int:
        return 1

    clock = ManualClock()
    home = Home(tmp_path / "home", clock=clock)
    pipeline = Pipeline([one])
    run = verbs.run(pipeline, home, Request(backend="inline")).run
    clock.move(59.0)
    assert decide(home, run, "patient", approved=True).status == "blocked"
    other = verbs.run(pipeline, home, Request(backend="inline")).run
    clock.move(61.0)
    with pytest.raises(UnknownGateError, match="any more: its time was over at 2027"):
        decide(home, other, "patient", approved=True)
    assert decide(home, other, "patient", approved=False).status == "failed"
    home.close()
