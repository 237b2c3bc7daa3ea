import pytest

from weftline.errors import AttemptTimeoutError, ContractError, WorkerDiedError
from weftline.model.call import Failure
from weftline.model.policy import Policy
from weftline.run.retry import is_retried, pause_s


class QuotaError(Exception):
    transient = True


class FinalError(ConnectionError):
    pass


class Worse(FinalError):
    pass


def of(error):
    return Failure.of(error)


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (ConnectionResetError("x"), True),
        (TimeoutError("x"), True),
        (QuotaError("x"), True),
        (WorkerDiedError(node="a", cause="b"), True),
        (AttemptTimeoutError(node="a", timeout_s=1.0), True),
        (ValueError("x"), False),
        (OSError("x"), False),
        (MemoryError(), False),
        (SystemExit(1), False),
        (ContractError(node="a", key="b", wanted="c", detail="d"), False),
    ],
)
def test_only_transient_errors_are_tried_again_by_default(error, retried):
    assert is_retried(Policy(max_attempts=2), of(error)) is retried


def test_retry_on_adds_errors_and_their_subclasses():
    policy = Policy(max_attempts=2, retry_on=(ArithmeticError,))
    assert is_retried(policy, of(ZeroDivisionError()))
    assert is_retried(policy, of(ConnectionError()))
    assert not is_retried(policy, of(ValueError()))


def test_never_on_wins_over_everything():
    policy = Policy(max_attempts=2, retry_on=(Exception,), never_on=(FinalError,))
    assert not is_retried(policy, of(FinalError()))
    assert not is_retried(policy, of(Worse()))
    assert is_retried(policy, of(ConnectionError()))


def test_attempts_are_counted_with_the_first():
    policy = Policy(max_attempts=3, backoff="none")
    failure = of(ConnectionError())
    assert [pause_s(policy, failures, failure, 0.0) for failures in (1, 2, 3, 4)] == [0.0, 0.0, None, None]


def test_one_attempt_is_the_default():
    assert pause_s(Policy(), 1, of(ConnectionError()), 0.0) is None


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        ("none", [0.0, 0.0, 0.0, 0.0, 0.0]),
        ("linear", [2.0, 4.0, 6.0, 8.0, 9.0]),
        ("exponential", [2.0, 4.0, 8.0, 9.0, 9.0]),
    ],
)
def test_pauses_grow_as_declared_up_to_the_maximum(backoff, expected):
    policy = Policy(max_attempts=99, backoff=backoff, initial_s=2.0, maximum_s=9.0, jitter=False)
    assert [pause_s(policy, failures, of(ConnectionError()), 0.3) for failures in range(1, 6)] == expected


def test_jitter_draws_between_half_of_the_pause_and_the_whole():
    policy = Policy(max_attempts=99, initial_s=8.0, maximum_s=100.0)
    assert [pause_s(policy, 1, of(ConnectionError()), entropy) for entropy in (0.0, 0.5, 1.0)] == [4.0, 6.0, 8.0]


def test_a_pause_stays_finite_after_thousands_of_failures():
    assert pause_s(Policy(max_attempts=10**6), 5000, of(ConnectionError()), 1.0) == 30.0


@pytest.mark.parametrize(
    "fields",
    [
        {"max_attempts": 0},
        {"backoff": "sometimes"},
        {"initial_s": -1},
        {"maximum_s": -0.1},
        {"timeout_s": 0},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError, match=r"max_attempts|backoff|times"):
        Policy(**fields)


def test_jitter_in_seconds_is_added_to_the_pause():
    policy = Policy(max_attempts=3, backoff="linear", initial_s=2, jitter=3.0)
    assert [pause_s(policy, 1, of(ConnectionError()), entropy) for entropy in (0.0, 0.5, 1.0)] == [2.0, 3.5, 5.0]
