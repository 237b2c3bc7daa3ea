import pytest

from weftline import node
from weftline.backends.worker import LOADING_S, Step, steps_of
from weftline.model.call import Call


@node
def one() -> int:
    return 1


@pytest.mark.parametrize(
    ("timeout_s", "grace_s", "has_begun", "steps"),
    [
        (None, 0.0, True, []),
        (None, 5.0, True, []),
        (None, 0.0, False, []),
        (2.0, 0.0, True, [(12.0, Step.KILL)]),
        (2.0, 5.0, True, [(12.0, Step.ASK), (17.0, Step.KILL)]),
        (2.0, 5.0, False, [(10.0 + LOADING_S, Step.KILL)]),
    ],
)
def test_what_is_done_about_a_call_that_does_not_end(timeout_s, grace_s, has_begun, steps):
    call = Call((0, 0, 1), one.spec, {}, {}, timeout_s, grace_s)
    assert steps_of(call, 10.0, has_begun=has_begun) == steps
