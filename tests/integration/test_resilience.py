"""Policies as objects of tenacity, aiolimiter and pybreaker: retries, breakers and rates inside one node.

The rates are real times, since the libraries know no other; they are short, and only lower bounds are asserted.
"""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError
from urllib.request import urlopen

import pybreaker
import pytest

from weftline.errors import BadArgumentError
from weftline.ext.resilience import Resilience
from weftline.model.policy import Breaker, Limiter, Policy

AT_ONCE = {"backoff": "none"}


class ServiceDownError(Exception):
    transient = True


@pytest.fixture
def service():
    """A service on the loopback interface that answers with the statuses it is given, then with 200."""
    statuses = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.send_response(statuses.pop(0) if statuses else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.statuses = 0, statuses
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server):
    try:
        with urlopen(f"http://127.0.0.1:{server.server_port}") as answer:
            return answer.status
    except HTTPError as error:
        error.close()
        if error.code >= 500:
            raise ServiceDownError(error.code) from None
        raise


# --- retries ---


def test_an_answer_of_5xx_is_asked_for_again(service):
    service.statuses[:] = [503, 502]
    guarded = Resilience().guarded(Policy(max_attempts=3, **AT_ONCE))(ask)
    assert guarded(service) == 200
    assert service.asked == 3


def test_an_answer_of_4xx_is_not(service):
    service.statuses[:] = [404]
    with pytest.raises(HTTPError):
        Resilience().guarded(Policy(max_attempts=3, **AT_ONCE))(ask)(service)
    assert service.asked == 1


def test_the_last_error_comes_out_as_it_is(service):
    service.statuses[:] = [503] * 9
    with pytest.raises(ServiceDownError):
        Resilience().guarded(Policy(max_attempts=3, **AT_ONCE))(ask)(service)
    assert service.asked == 3


def test_pauses_are_those_of_the_policy():
    pauses = []
    retrying = Resilience().retrying(Policy(max_attempts=4, initial_s=1.0, jitter=False)).copy(sleep=pauses.append)
    with pytest.raises(ConnectionError):
        retrying(lambda: (_ for _ in ()).throw(ConnectionError()))
    assert pauses == [1.0, 2.0, 4.0]


def test_jitter_draws_between_half_of_a_pause_and_the_whole():
    pauses = []
    retrying = Resilience().retrying(Policy(max_attempts=40, backoff="linear", maximum_s=1.0, initial_s=1.0))
    with pytest.raises(ConnectionError):
        retrying.copy(sleep=pauses.append)(lambda: (_ for _ in ()).throw(ConnectionError()))
    assert all(0.5 <= pause <= 1.0 for pause in pauses)
    assert len(set(pauses)) > 30


# --- breakers ---


def failing(calls):
    def fail():
        calls.append(1)
        raise ConnectionError

    return fail


def test_the_breaker_opens_after_its_failures_and_one_call_closes_it():
    now = [0.0]
    calls = []
    resilience = Resilience()
    policy = Policy(breaker=Breaker("api", failures=5, reset_s=0.05))
    guarded = resilience.guarded(policy)(failing(calls))
    for _ in range(5):
        with pytest.raises(ConnectionError):
            guarded()
    with pytest.raises(pybreaker.CircuitBreakerError):
        guarded()
    assert len(calls) == 5, "the sixth was not made"
    other = resilience.guarded(policy)(lambda: now)
    with pytest.raises(pybreaker.CircuitBreakerError):
        other()  # the name is shared
    threading.Event().wait(0.06)
    assert other() is now
    assert other() is now


def test_attempts_count_and_not_calls():
    calls = []
    guarded = Resilience().guarded(Policy(max_attempts=4, **AT_ONCE, breaker=Breaker(failures=5)))(failing(calls))
    with pytest.raises(ConnectionError):
        guarded()
    with pytest.raises(pybreaker.CircuitBreakerError):
        guarded()
    assert len(calls) == 5


def test_errors_about_the_input_do_not_count():
    policy = Policy(breaker=Breaker(failures=2), never_on=(ValueError,))
    guarded = Resilience().guarded(policy)(int)
    for _ in range(5):
        with pytest.raises(ValueError, match="invalid literal"):
            guarded("x")


def test_guarded_threads_do_not_wait_for_each_other():
    together = threading.Barrier(4, timeout=20)
    guarded = Resilience().guarded(Policy(breaker=Breaker()))(together.wait)
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: guarded(), range(4))) == [0, 1, 2, 3]


def test_failures_of_coroutines_count():
    async def fail():
        raise ConnectionError

    guarded = Resilience().guarded(Policy(breaker=Breaker(failures=2)))(fail)

    async def call():
        errors = []
        for _ in range(3):
            try:
                await guarded()
            except Exception as error:
                errors.append(type(error))
        return errors

    assert asyncio.run(call()) == [ConnectionError, ConnectionError, pybreaker.CircuitBreakerError]


def test_a_policy_becomes_a_breaker_of_the_library():
    breaker = Resilience().breaker(Breaker("api", failures=2), (ValueError,))
    for _ in range(2):
        with pytest.raises(ConnectionError):
            breaker.call(failing([]))
    with pytest.raises(pybreaker.CircuitBreakerError):
        breaker.call(print)
    assert (breaker.name, breaker.reset_timeout) == ("api", 60.0)


# --- rates ---


def test_a_rate_delays_attempts():
    guarded = Resilience().guarded(Policy(limiter=Limiter("api", per_s=50.0)))(time.monotonic)
    before = time.monotonic()
    assert [guarded() for _ in range(6)][-1] - before >= 0.0999


def test_a_rate_counts_attempts_of_coroutines():
    times = []

    async def fail():
        times.append(time.monotonic())
        raise ConnectionError

    guarded = Resilience().guarded(Policy(max_attempts=4, **AT_ONCE, limiter=Limiter(per_s=50.0)))(fail)
    before = time.monotonic()
    with pytest.raises(ConnectionError):
        asyncio.run(guarded())
    assert len(times) == 4
    assert times[-1] - before >= 0.055


def test_a_time_limit_is_for_coroutines():
    async def forever():
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(Resilience().guarded(Policy(timeout_s=0.01))(forever)())
    with pytest.raises(BadArgumentError, match="cannot be stopped"):
        Resilience().guarded(Policy(timeout_s=0.01))(print)
