import logging
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from weftline import node
from weftline.backends.capture import Capture
from weftline.backends.executor import ExecutorBackend
from weftline.backends.inline import InlineBackend
from weftline.backends.processes import ProcessBackend
from weftline.backends.threads import ThreadBackend
from weftline.model.call import Call
from weftline.testing import BackendContract, ManualClock, ScriptedBackend, succeed
from weftline.testing.calls import fails


class TestInline(BackendContract):
    runs_in_poll = True

    def backend(self, slots):
        return InlineBackend(slots)

    def test_it_says_that_calls_run_one_by_one(self):
        assert self.backend(4).capabilities.one_by_one
        assert not ThreadBackend(4).capabilities.one_by_one


class TestInlineCaptured(TestInline):
    def backend(self, slots):
        return InlineBackend(slots, Capture())


class TestThreads(BackendContract):
    def backend(self, slots):
        return ThreadBackend(slots)


class TestThreadsCaptured(BackendContract):
    def backend(self, slots):
        return ThreadBackend(slots, Capture())


class TestProcesses(BackendContract):
    def backend(self, slots):
        return ProcessBackend(slots)


#: Forking a process that has threads, as the executor's parent has, is a warning from Python 3.12 on.
FORKSERVER = multiprocessing.get_context("forkserver")


class TestExecutorOfThreads(BackendContract):
    def backend(self, slots):
        return ExecutorBackend(factory=lambda: ThreadPoolExecutor(slots), slots=slots, ships=False)


class TestExecutorOfThreadsThatShips(BackendContract):
    """A parcel that is opened in the process that packed it."""

    def backend(self, slots):
        return ExecutorBackend(factory=lambda: ThreadPoolExecutor(slots), slots=slots)


class TestExecutorOfProcesses(BackendContract):
    def backend(self, slots):
        return ExecutorBackend(factory=lambda: ProcessPoolExecutor(slots, FORKSERVER), slots=slots)


class TestProcessesWithoutKeepers(BackendContract):
    """As on systems that have none."""

    def backend(self, slots):
        return ProcessBackend(slots, keeps=False)

    def test_it_does_not_promise_what_it_cannot(self):
        assert not self.backend(1).capabilities.kills_all


class TestScripted(BackendContract):
    """The fake is honest: it passes as well."""

    runs_in_poll = True

    def backend(self, slots):
        return ScriptedBackend(ManualClock(), slots).will("counts", succeed(0.1))


@node
def talks(word: str) -> int:
    print(f"{word} out")
    print(f"{word} err", file=sys.stderr)
    logging.getLogger("talks").warning("%s logged", word)
    return 1


@node
def cries(word: str) -> int:
    print(f"{word} out")
    raise ValueError(word)


def reports(backend, count):
    found = []
    until = time.monotonic() + 30
    while len(found) < count and time.monotonic() < until:
        found += backend.poll(0.05)
    return {report.handle[1]: report for report in found}


@pytest.mark.parametrize("kind", [InlineBackend, ThreadBackend])
@pytest.mark.parametrize("echo", [True, False])
def test_what_calls_print_and_log_is_kept_with_each_call(kind, echo, capsys):
    before = sys.stdout, sys.stderr, list(logging.getLogger().handlers)
    backend = kind(3, Capture(echo=echo))
    for number, (call, word) in enumerate([(talks, "one"), (talks, "two"), (cries, "three")]):
        backend.submit(Call((0, number, 1), call.spec, {"word": word}, {}))
    found = reports(backend, 3)
    print("between the calls")
    backend.close()
    assert (sys.stdout, sys.stderr, list(logging.getLogger().handlers)) == before
    for number, word in enumerate(["one", "two"]):
        assert sorted(found[number].log.splitlines()) == [f"WARNING talks: {word} logged", f"{word} err", f"{word} out"]
    assert found[2].log == "three out\n"
    shown = capsys.readouterr()
    assert "between the calls" in shown.out
    assert ("one out" in shown.out) is echo
    assert ("two err" in shown.err) is echo


def test_the_end_of_a_long_output_is_kept():
    @node
    def fills() -> int:
        for number in range(40_000):
            print(f"line {number}")
        return 1

    backend = InlineBackend(1, Capture())
    backend.submit(Call((0, 0, 1), fills.spec, {}, {}))
    (report,) = reports(backend, 1).values()
    backend.close()
    assert report.log.endswith("line 39999\n")
    assert len(report.log) <= 300 * 1024


def test_the_output_of_a_worker_process_is_kept_with_its_call():
    backend = ProcessBackend(1)
    try:
        for number in range(3):
            backend.submit(Call((0, number, 1), fails.spec, {"message": f"number {number}"}, {}))
        found = reports(backend, 3)
        assert [found[number].failure.message for number in range(3)] == [f"number {number}" for number in range(3)]
        assert [found[number].log for number in range(3)] == ["", "", ""]
    finally:
        backend.close()


class DoublesReports(InlineBackend):
    def poll(self, wait_s):
        return [*super().poll(wait_s)] * 2


class LosesReports(InlineBackend):
    def poll(self, wait_s):
        return list(super().poll(wait_s))[:-1]


class SwapsOutputs(InlineBackend):
    def poll(self, wait_s):
        return [report._replace(outputs=report.outputs[::-1]) for report in super().poll(wait_s)]


class RunsTheNewestFirst(InlineBackend):
    def submit(self, call):
        self._waiting.appendleft(call)


class IgnoresCancel(InlineBackend):
    def cancel(self, handle, *, kill=False):
        pass


class HasMoreThreads(ThreadBackend):
    def __init__(self, slots):
        super().__init__(4 * slots)
        self.capabilities = ThreadBackend(slots).capabilities
        self._many = 4 * slots

    def submit(self, call):
        limited, self.capabilities = self.capabilities, ThreadBackend(self._many).capabilities
        super().submit(call)
        self.capabilities = limited


class ForgetsFailures(InlineBackend):
    def poll(self, wait_s):
        return [report._replace(failure=None, cancelled=True) for report in super().poll(wait_s)]


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (DoublesReports, "test_reports_every_call_once_with_its_outputs"),
        (LosesReports, "test_reports_every_call_once_with_its_outputs"),
        (SwapsOutputs, "test_several_outputs_come_in_the_order_of_the_declaration"),
        (RunsTheNewestFirst, "test_calls_start_in_the_order_of_submission"),
        (IgnoresCancel, "test_a_call_that_has_not_begun_can_be_withdrawn"),
        (HasMoreThreads, "test_no_more_calls_run_at_once_than_there_are_slots"),
        (ForgetsFailures, "test_an_error_is_reported_with_its_class_and_text"),
    ],
)
def test_a_backend_that_breaks_its_promise_does_not_pass(broken, test):
    class Suite(BackendContract):
        patience_s = 1.0

        def backend(self, slots):
            return broken(slots)

    with pytest.raises(AssertionError):
        getattr(Suite(), test)()
