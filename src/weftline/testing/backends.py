"""What every backend promises, as a suite to inherit.

```python
class TestMine(BackendContract):
    def backend(self, slots: int) -> Backend:
        return MyBackend(slots)
```

Any runner that finds methods called `test_*` runs it. The suite asks `capabilities` what the backend can do, and tests what
follows from that: a backend that can stop calls must stop them, one that ships calls must survive what cannot be sent.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weftline.author.node import FunctionNode
from weftline.model.call import Call, Handle, Report
from weftline.model.ids import WHOLE
from weftline.ports.backend import Backend
from weftline.testing.calls import (
    GATE_S,
    Unsendable,
    cleans_up,
    counts,
    double,
    echo,
    fails,
    follows,
    leaves,
    lets_go,
    pair,
    returns_lock,
    returns_nameless,
    returns_unwilling,
    sees,
    stays,
)

# --- how the suite looks at a backend ----------------------------------------------------------------------------------


class _Suite:
    """What all chapters need.

    Attributes:
        patience_s: after how long a report that does not come is a fault.
        runs_in_poll: calls run inside `poll`, so that none ever runs between two polls.
    """

    patience_s: float = 60.0
    runs_in_poll: bool = False

    def backend(self, slots: int) -> Backend:
        """A new backend with room for so many calls of one CPU; the suite closes it."""
        raise NotImplementedError("say how the backend is made")

    @contextlib.contextmanager
    def _opened(self, slots: int) -> Iterator[Backend]:
        with contextlib.closing(self.backend(slots)) as backend:
            yield backend

    def _reports(self, backend: Backend, count: int) -> list[Report]:
        """The next reports, in the order in which they come."""
        found: list[Report] = []
        until = time.monotonic() + self.patience_s
        while len(found) < count:
            assert time.monotonic() < until, f"{count - len(found)} of {count} reports did not come"
            found += backend.poll(0.05)
        assert len(found) == count, "more reports than calls"
        return found

    def _one(self, kind: FunctionNode[Any, Any], **inputs: Any) -> Report:
        with self._opened(1) as backend:
            backend.submit(_call(kind, (0, WHOLE, 1), **inputs))
            return self._reports(backend, 1)[0]

    def _fails_alone(self, awkward: FunctionNode[Any, Any]) -> None:
        with self._opened(1) as backend:
            backend.submit(_call(awkward, (0, 0, 1)))
            backend.submit(_call(double, (0, 1, 1), number=4))
            reports = {report.handle: report for report in self._reports(backend, 2)}
            assert reports[0, 1, 1].outputs == (8,), "it took another call with it"
            failure = reports[0, 0, 1].failure
            if backend.capabilities.ships:
                assert failure is not None
                assert not failure.transient, f"trying again cannot help: {failure.message}"
            else:
                assert failure is None

    def _until(self, backend: Backend, mark: Path) -> None:
        """Until a call has begun."""
        until = time.monotonic() + self.patience_s
        while not mark.exists():
            assert time.monotonic() < until, f"{mark.name} did not happen"
            assert not backend.poll(0.01)


def _call(kind: FunctionNode[Any, Any], handle: Handle, **inputs: Any) -> Call:
    return Call(handle, kind.spec, inputs, {})


# --- the suite, in chapters -------------------------------------------------------------------------------------------


class _Reports(_Suite):
    """Every call is reported on, once."""

    def test_says_what_it_is(self) -> None:
        """A name for people, and capabilities for the planner."""
        with self._opened(2) as backend:
            assert backend.name
            assert backend.capabilities.slots == 2

    def test_calls_stay_in_this_process_unless_they_ship(self) -> None:
        """Who says nothing is believed: a call of another process may go on when this one is dead."""
        with self._opened(1) as backend:
            backend.submit(_call(stays, (0, WHOLE, 1), number=0))
            (report,) = self._reports(backend, 1)
            assert report.outputs is not None
            assert report.outputs[0] == os.getpid() or backend.capabilities.ships

    def test_reports_every_call_once_with_its_outputs(self) -> None:
        """Whatever was submitted is reported on exactly once, under its own handle."""
        with self._opened(2) as backend:
            for number in range(20):
                backend.submit(_call(double, (3, number, 1), number=number))
            reports = self._reports(backend, 20)
            assert {report.handle: report.outputs for report in reports} == {
                (3, number, 1): (2 * number,) for number in range(20)
            }
            assert not backend.poll(0.0), "a call was reported on a second time"

    def test_several_outputs_come_in_the_order_of_the_declaration(self) -> None:
        """Outputs are in the order of the node's keys."""
        assert self._one(pair, number=7).outputs == (7, "7")

    def test_reports_say_how_long_a_call_took(self) -> None:
        """The time is of the call alone, in seconds."""
        with tempfile.TemporaryDirectory() as folder:
            report = self._one(counts, folder=folder, name="a")
        assert 0.04 < report.took_s < self.patience_s, "`counts` takes ten times 5 ms"

    def test_large_values_go_in_and_come_out(self) -> None:
        """Values larger than a pipe's buffer, in many calls at once, block nobody."""
        content = bytes(range(256)) * 8192
        with self._opened(2) as backend:
            for number in range(6):
                backend.submit(_call(echo, (0, number, 1), content=content))
            assert all(report.outputs == (content,) for report in self._reports(backend, 6))


class _Failures(_Suite):
    """Whatever a call does is its own failure."""

    def test_an_error_is_reported_with_its_class_and_text(self) -> None:
        """An error of the node is a failure of this attempt, told so that a policy can judge it."""
        failure = self._one(fails, message="no such row").failure
        assert failure is not None
        assert (failure.kind, failure.message, failure.transient) == ("LookupError", "no such row", False)
        assert "builtins.LookupError" in failure.lineage
        assert "builtins.Exception" in failure.lineage
        assert "LookupError: no such row" in failure.trace

    def test_a_backend_never_retries(self) -> None:
        """A failed attempt is reported on once; whether there is another is the core's decision."""
        with self._opened(1) as backend:
            backend.submit(_call(fails, (0, WHOLE, 1), message="x"))
            assert len(self._reports(backend, 1)) == 1
            assert not backend.poll(0.2)

    def test_a_call_that_wants_to_end_its_process_ends_itself_only(self) -> None:
        """`sys.exit` in a node is a failure, and the backend goes on."""
        with self._opened(1) as backend:
            backend.submit(_call(leaves, (0, 0, 1), code=3))
            backend.submit(_call(double, (0, 1, 1), number=4))
            reports = {report.handle: report for report in self._reports(backend, 2)}
            assert reports[0, 0, 1].failure is not None
            assert reports[0, 1, 1].outputs == (8,)

    def test_a_result_that_cannot_be_sent_fails_its_own_call(self) -> None:
        """A value that cannot leave its process is a failure that says so and is not tried again; others go on."""
        self._fails_alone(returns_lock)

    def test_a_result_that_nobody_can_look_up_fails_its_own_call(self) -> None:
        """The same for a value that is sent by a name which leads nowhere."""
        self._fails_alone(returns_nameless)

    def test_a_result_that_cannot_be_put_together_again_fails_its_own_call(self) -> None:
        """The same for a value that breaks on arrival."""
        self._fails_alone(returns_unwilling)

    def test_an_input_that_cannot_be_sent_fails_its_own_call(self) -> None:
        """The same on the way in."""
        with self._opened(1) as backend:
            backend.submit(_call(echo, (0, 0, 1), content=Unsendable()))
            backend.submit(_call(double, (0, 1, 1), number=4))
            reports = {report.handle: report for report in self._reports(backend, 2)}
            assert reports[0, 1, 1].outputs == (8,)
            failure = reports[0, 0, 1].failure
            assert failure is not None  # where it is not shipped, it is not the `bytes` that the node declares
            assert not failure.transient


class _Room(_Suite):
    """As many calls at a time as there are slots, and nobody waits."""

    def test_no_more_calls_run_at_once_than_there_are_slots(self) -> None:
        """The planner counts on the slots."""
        with self._opened(2) as backend, tempfile.TemporaryDirectory() as folder:
            for number in range(8):
                backend.submit(_call(counts, (0, number, 1), folder=folder, name=str(number)))
            most = [report.outputs for report in self._reports(backend, 8)]
            assert all(outputs is not None and outputs[0] <= 2 for outputs in most), most

    def test_calls_start_in_the_order_of_submission(self) -> None:
        """With one slot the order is to be seen."""
        with self._opened(1) as backend:
            for number in range(6):
                backend.submit(_call(double, (0, number, 1), number=number))
            assert [report.handle[1] for report in self._reports(backend, 6)] == list(range(6))

    def test_submitting_never_waits_for_room(self) -> None:
        """Calls that do not end yet do not keep others from being submitted."""
        with self._opened(1) as backend, tempfile.TemporaryDirectory() as folder:
            for name in "abc":
                backend.submit(_call(follows, (0, ord(name), 1), folder=folder, name=name))
            Path(folder, "open").touch()  # nobody comes here if `submit` waits
            assert [report.outputs for report in self._reports(backend, 3)] == [("a",), ("b",), ("c",)]

    def test_polling_an_idle_backend_waits_no_longer_than_it_is_told(self) -> None:
        """The engine has other things to do."""
        with self._opened(1) as backend:
            began = time.monotonic()
            assert not list(backend.poll(0.0))
            assert not list(backend.poll(0.05))
            assert time.monotonic() - began < 10.0


class _Withdrawing(_Suite):
    """Calls are withdrawn, stopped and limited as the capabilities say."""

    def test_a_call_that_has_not_begun_can_be_withdrawn(self) -> None:
        """It never begins, and is reported as cancelled; the others are not touched."""
        with self._opened(1) as backend, tempfile.TemporaryDirectory() as folder:
            for number, name in enumerate("abc"):
                backend.submit(_call(follows, (0, number, 1), folder=folder, name=name))
            backend.cancel((0, 1, 1))
            Path(folder, "open").touch()
            reports = {report.handle: report for report in self._reports(backend, 3)}
            assert reports[0, 1, 1].cancelled
            assert reports[0, 1, 1].outputs is None
            assert reports[0, 1, 1].failure is None
            assert not Path(folder, "began-b").exists()
            assert [reports[0, number, 1].outputs for number in (0, 2)] == [("a",), ("c",)]

    def test_withdrawing_what_is_not_there_changes_nothing(self) -> None:
        """A call that was reported on already, or never submitted."""
        with self._opened(1) as backend:
            backend.submit(_call(double, (0, 0, 1), number=1))
            self._reports(backend, 1)
            backend.cancel((0, 0, 1))
            backend.cancel((9, 9, 9), kill=True)
            backend.submit(_call(double, (0, 0, 2), number=2))
            assert [(report.handle, report.outputs) for report in self._reports(backend, 1)] == [((0, 0, 2), (4,))]
            assert not backend.poll(0.1)

    def test_a_running_call_is_stopped_only_if_asked_to_and_able_to(self) -> None:
        """Without `kill` it goes on; with it, the backend does what its capabilities say, and goes on with the next call."""
        for kill in (False, True):
            with self._opened(1) as backend, tempfile.TemporaryDirectory() as folder:
                backend.submit(_call(follows, (0, 0, 1), folder=folder, name="a"))
                backend.submit(_call(double, (0, 1, 1), number=1))
                if self.runs_in_poll:
                    return  # nothing ever runs while somebody could cancel it
                self._until(backend, Path(folder, "began-a"))
                backend.cancel((0, 0, 1), kill=kill)
                is_stopped = kill and backend.capabilities.can_kill
                if not is_stopped:
                    assert not backend.poll(0.2), "a running call was stopped"
                    Path(folder, "open").touch()
                reports = {report.handle: report for report in self._reports(backend, 2)}
                assert reports[0, 0, 1].cancelled == is_stopped
                assert reports[0, 0, 1].outputs == (None if is_stopped else ("a",))
                assert reports[0, 1, 1].outputs == (2,)

    def test_a_time_limit_is_kept_and_told_apart_from_other_failures(self) -> None:
        """For backends that can stop a call: it is stopped, the failure says why, and the next call runs."""
        with self._opened(1) as backend, tempfile.TemporaryDirectory() as folder:
            if not backend.capabilities.can_kill:
                return  # the planner accepts no time limit there
            backend.submit(_call(follows, (0, 0, 1), folder=folder, name="a")._replace(timeout_s=0.5))
            backend.submit(_call(double, (0, 1, 1), number=1)._replace(timeout_s=GATE_S))
            reports = {report.handle: report for report in self._reports(backend, 2)}
            failure = reports[0, 0, 1].failure
            assert failure is not None
            assert (failure.kind, failure.transient) == ("AttemptTimeoutError", True)
            assert reports[0, 1, 1].outputs == (2,)

    def test_closing_waits_for_no_call_and_lets_none_begin(self) -> None:
        """What runs is not waited for, and what has not begun never will."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            backend = self.backend(1)
            for number, name in enumerate("ab"):
                backend.submit(_call(follows, (0, number, 1), folder=folder, name=name))
            began = time.monotonic()
            backend.close()
            assert time.monotonic() - began < GATE_S / 2
            Path(folder, "open").touch()
            time.sleep(0.3)
            assert not Path(folder, "began-b").exists(), "a call began after the backend was closed"


class _Promises(_Suite):
    """What only some backends can do: those that say so do it, and the others do not pretend."""

    def test_a_call_is_asked_to_end_before_it_is_stopped_if_it_has_a_grace(self) -> None:
        """It can clean up; if it takes no notice, it is stopped when the grace is over. Either way its time was over."""
        for cleans in (True, False):
            with self._opened(1) as backend, tempfile.TemporaryDirectory() as folder:
                if self.runs_in_poll or not backend.capabilities.can_kill:
                    return
                grace_s = GATE_S if cleans else 0.3
                call = _call(cleans_up, (0, 0, 1), folder=folder, cleans=cleans)
                backend.submit(call._replace(timeout_s=0.3, grace_s=grace_s))
                backend.submit(_call(double, (0, 1, 1), number=1))
                reports = {report.handle: report for report in self._reports(backend, 2)}
                failure = reports[0, 0, 1].failure
                assert failure is not None
                assert (failure.kind, failure.transient) == ("AttemptTimeoutError", True)
                assert Path(folder, "cleaned").exists() is cleans
                assert reports[0, 0, 1].took_s >= (0.3 if cleans else 0.6)
                assert reports[0, 1, 1].outputs == (2,)

    def test_nothing_is_left_of_a_stopped_call_where_that_is_promised(self) -> None:
        """Not even a process that has left the call's session and has lost its parent."""
        with self._opened(1) as backend, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            if not backend.capabilities.kills_all:
                return
            backend.submit(_call(lets_go, (0, 0, 1), folder=folder))
            self._until(backend, Path(folder, "began"))
            backend.cancel((0, 0, 1), kill=True)
            assert self._reports(backend, 1)[0].cancelled
            size = Path(folder, "beats").stat().st_size
            time.sleep(0.2)
            assert Path(folder, "beats").stat().st_size == size, "something goes on that the call has started"

    def test_a_call_has_the_environment_that_it_brings_or_fails(self) -> None:
        """The next call does not have it any more."""
        own, names = {"WEFTLINE_CONTRACT_A": "1", "WEFTLINE_CONTRACT_B": ""}, ("WEFTLINE_CONTRACT_A", "WEFTLINE_CONTRACT_B")
        with self._opened(1) as backend:
            for number, env in enumerate((own, {}, {**own, names[0]: "2"}, own)):
                backend.submit(_call(sees, (0, number, 1), names=names)._replace(env=env))
            reports = {report.handle[1]: report for report in self._reports(backend, 4)}
            if backend.capabilities.sets_env:
                assert [reports[number].outputs for number in range(4)] == [
                    (["1", ""],),
                    ([None, None],),
                    (["2", ""],),
                    (["1", ""],),
                ]
                return
            failures = [reports[number].failure for number in (0, 2, 3)]
            assert all(found is not None and found.kind == "SharedEnvironmentError" for found in failures), failures
            assert reports[1].outputs == ([None, None],)


class BackendContract(_Reports, _Failures, _Room, _Withdrawing, _Promises):
    """What every backend promises; override `backend`, and `patience_s` and `runs_in_poll` where they do not fit."""
