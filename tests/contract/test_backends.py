import pytest

from weftline.backends.capture import Capture
from weftline.backends.inline import InlineBackend
from weftline.backends.processes import ProcessBackend
from weftline.backends.threads import ThreadBackend
from weftline.testing import BackendContract, ManualClock, ScriptedBackend, succeed


class TestInline(BackendContract):
    runs_in_poll = True

    def backend(self, slots):
        return InlineBackend(slots)


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


class TestScripted(BackendContract):
    """The fake is honest: it passes as well."""

    runs_in_poll = True

    def backend(self, slots):
        return ScriptedBackend(ManualClock(), slots).will("counts", succeed(0.1))


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
