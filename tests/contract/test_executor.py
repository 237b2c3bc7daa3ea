"""What the adapter of executors does beyond the suite of all backends: executors that break, refuse, answer late or lie."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import types
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from weftline import Pipeline, Policy, node
from weftline.backends.executor import ExecutorBackend
from weftline.backends.guest import answer, packed_setup
from weftline.backends.parcel import NodePacker, pack_call, unpack_report
from weftline.backends.sameness import Symbols, read_symbols
from weftline.errors import BadArgumentError
from weftline.model.call import Call
from weftline.testing.calls import double, fails
from weftline.version import __version__

FORKSERVER = multiprocessing.get_context("forkserver")


@node
def dies(number: int) -> int:
    print("last words")
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@node
def talks(word: str) -> int:
    print(f"{word} out")
    print(f"{word} err", file=sys.stderr)
    return 1


def call(kind, item=0, /, **inputs):
    return Call((0, item, 1), kind.spec, inputs, {})


def reports(backend, count):
    found, until = [], time.monotonic() + 30
    while len(found) < count and time.monotonic() < until:
        found += backend.poll(0.05)
    assert len(found) == count
    return {report.handle[1]: report for report in found}


class ByHand(Executor):
    """Nothing runs until the test says so, and every future becomes what the test says."""

    def __init__(self):
        self.futures = []
        self.works = []
        self.is_shut = False
        self.refuses = False

    def submit(self, function, /, *arguments):
        if self.is_shut or self.refuses:
            raise RuntimeError("cannot schedule new futures")
        self.futures.append(Future())
        self.works.append((function, arguments))
        return self.futures[-1]

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.is_shut = True

    def run(self, at):
        function, arguments = self.works[at]
        self.futures[at].set_result(function(*arguments))


# --- executors that break -----------------------------------------------------------------------------------------------


def test_a_pool_that_breaks_fails_each_call_that_it_has_with_the_cause():
    with ProcessPoolExecutor(2, FORKSERVER) as pool:
        backend = ExecutorBackend(pool, 2)
        backend.submit(call(dies, 0, number=1))
        backend.submit(call(dies, 1, number=1))
        backend.submit(call(double, 2, number=1))
        found = reports(backend, 3)
        for report in found.values():
            assert report.outputs is None
            assert (report.failure.kind, report.failure.transient) == ("LostCallError", True)
            assert "BrokenProcessPool" in report.failure.message
        backend.close()


def test_what_a_factory_makes_is_replaced_when_it_breaks_and_the_run_goes_on():
    made = []

    def factory():
        made.append(ByHand())
        return made[-1]

    backend = ExecutorBackend(factory=factory, slots=2)
    assert not made, "a plan must not start anything"
    for number in range(3):
        backend.submit(call(double, number, number=number))
    lost = {}
    for future in made[0].futures:  # they come one by one
        future.set_exception(BrokenExecutor("a child process died"))
        lost |= reports(backend, 1)
    assert {report.failure.message for report in lost.values()} == {
        "the executor of backend 'executor' lost the call of node 'double': BrokenExecutor: a child process died"
    }
    assert made[0].is_shut
    assert len(made) == 2, "one call broke it, the other was lost with it: that is one break"
    assert not made[1].is_shut
    made[1].run(0)
    assert reports(backend, 1)[2].outputs == (4,)
    made[1].refuses = True  # as one does that broke while nothing ran there
    backend.submit(call(double, 3, number=3))
    made[2].run(0)
    assert reports(backend, 1)[3].outputs == (6,)
    backend.close()
    assert made[2].is_shut


def test_one_call_that_is_lost_does_not_cost_the_executor():
    """Dask's `KilledWorker` is about one task; the cluster goes on."""
    for how in ("executor", "factory"):
        made = ByHand()
        backend = ExecutorBackend(made, 2) if how == "executor" else ExecutorBackend(factory=iter([made]).__next__, slots=2)
        backend.submit(call(double, 0, number=1))
        backend.submit(call(double, 1, number=2))
        made.futures[0].set_exception(OSError("a worker went away"))
        assert "OSError: a worker went away" in reports(backend, 1)[0].failure.message
        made.run(1)
        assert reports(backend, 1)[1].outputs == (4,)
        assert not made.is_shut
        backend.close()
        assert made.is_shut == (how == "factory"), "what was given is its owner's"


def test_a_future_that_somebody_else_cancels_is_a_lost_call():
    made = ByHand()
    backend = ExecutorBackend(made, 1)
    backend.submit(call(double, number=1))
    made.futures[0].cancel()
    made.futures[0].set_running_or_notify_cancel()
    (report,) = reports(backend, 1).values()
    assert not report.cancelled
    assert "cancelled, and not from here" in report.failure.message
    backend.close()


def test_an_executor_that_was_shut_down_fails_calls_and_not_the_run():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    backend = ExecutorBackend(pool, 1)
    backend.submit(call(double, number=1))
    assert "cannot schedule new futures after shutdown" in reports(backend, 1)[0].failure.message
    backend.close()


def test_a_factory_that_fails_fails_calls_and_is_asked_again():
    tries = iter([ConnectionRefusedError("no scheduler"), None])

    def factory():
        if (error := next(tries)) is not None:
            raise error
        return ThreadPoolExecutor(1)

    backend = ExecutorBackend(factory=factory, slots=1)
    backend.submit(call(double, number=1))
    assert "ConnectionRefusedError: no scheduler" in reports(backend, 1)[0].failure.message
    backend.submit(call(double, number=1))
    assert reports(backend, 1)[0].outputs == (2,)
    backend.close()


def first_time(folder):
    try:
        os.close(os.open(f"{folder}/died", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


@node
def numbers() -> list[int]:
    return list(range(6))


@node(requires={"x": "numbers"}, over="numbers", provides="kept", policy=Policy(max_attempts=2, backoff="none"))
def dies_once(x: int, folder: str = "") -> int:
    if x == 3 and first_time(folder):
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def test_a_run_survives_the_death_of_a_pool(tmp_path):
    backend = ExecutorBackend(factory=lambda: ProcessPoolExecutor(2, FORKSERVER), slots=2)
    result = Pipeline([numbers, dies_once], name="pool").run(
        backend=backend, home=tmp_path / "home", params={"folder": str(tmp_path)}
    )
    assert (result.status, result["kept"]) == ("completed", [0, 1, 2, 3, 4, 5])
    assert result.plan.backend == "executor"


# --- waiting, withdrawing, and being used again -------------------------------------------------------------------------


def test_no_more_calls_are_handed_over_than_there_are_slots():
    made = ByHand()
    backend = ExecutorBackend(made, 2)
    for number in range(5):
        backend.submit(call(double, number, number=number))
    assert len(made.futures) == 2
    made.run(0)
    assert reports(backend, 1)[0].outputs == (0,)
    assert len(made.futures) == 3


def test_a_call_that_waits_in_the_executor_is_withdrawn_and_one_that_runs_goes_on():
    made = ByHand()
    backend = ExecutorBackend(made, 2)
    for number in range(2):
        backend.submit(call(double, number, number=number))
    made.futures[0].set_running_or_notify_cancel()
    backend.cancel((0, 0, 1), kill=True)
    backend.cancel((0, 1, 1))
    assert reports(backend, 1)[1].cancelled
    assert not made.futures[0].cancelled()
    made.run(0)
    assert reports(backend, 1)[0].outputs == (0,)


def test_futures_that_never_say_that_they_run_are_taken_to_run():
    """Those of Dask: cancelling one would give up a call that runs."""
    Silent = type("Silent", (ByHand,), {"__module__": "distributed.cfexecutor"})
    made = Silent()
    backend = ExecutorBackend(made, 1)
    backend.submit(call(double, number=4))
    backend.cancel((0, 0, 1))
    assert not made.futures[0].cancelled()
    made.run(0)
    assert reports(backend, 1)[0].outputs == (8,)


def test_a_backend_is_used_again_and_hears_nothing_of_the_time_before():
    made = ByHand()
    backend = ExecutorBackend(made, 1)
    backend.submit(call(double, number=1))
    made.futures[0].set_running_or_notify_cancel()
    backend.close()
    backend.submit(call(double, number=2))
    made.run(0)  # late, under the same handle
    assert not backend.poll(0.0)
    made.run(1)
    assert reports(backend, 1)[0].outputs == (4,)


def test_no_two_calls_look_the_same_to_an_executor():
    """Dask gives the result of an equal call, which it takes to be pure: a new attempt would be none."""
    made = ByHand()
    for backend in (ExecutorBackend(made, 2), ExecutorBackend(made, 2)):
        for _ in range(2):
            backend.submit(call(double, number=1))
            backend.close()
    assert len({arguments for _, arguments in made.works}) == 4


# --- code and output on the other side ----------------------------------------------------------------------------------


def sent(kind, symbols=None, **inputs):
    """What goes with a call after the setup; with `symbols`, as if this process had those."""
    made = call(kind, **inputs)
    node = NodePacker().pack(made.node)
    if symbols is not None:
        node = pickle.dumps((*pickle.loads(node)[:3], symbols))
    return node, pack_call(made, 0)


def answered(kind, symbols=None, **inputs):
    version, content = answer(__version__, kind.spec.name, packed_setup(), *sent(kind, symbols, **inputs), "1")
    assert version == __version__
    return unpack_report(content, call(kind, **inputs))


def test_another_weftline_is_refused_and_looks_at_nothing():
    assert answer("0.0.0", "x", b"not even pickled", b"the same", b"again", "1") == (__version__, b"")

    class Elsewhere(ThreadPoolExecutor):
        """As if the workers had another weftline than this process."""

        def submit(self, function, version, /, *arguments):
            assert version == __version__
            return super().submit(lambda: ("0.0.0", b""))

    backend = ExecutorBackend(factory=lambda: Elsewhere(1), slots=1)
    backend.submit(call(double, number=1))
    failure = reports(backend, 1)[0].failure
    backend.close()
    assert (failure.kind, failure.transient) == ("OtherVersionsError", False)
    assert f"weftline is 0.0.0 there, {__version__} here" in failure.message


def test_another_version_of_a_library_is_refused():
    symbols = read_symbols(double.spec.body)
    other = Symbols(symbols.digest, symbols.parts, dict.fromkeys(symbols.versions, "9.9"))
    report = answered(double, other, number=1)
    assert report.failure.kind == "OtherVersionsError"
    mine = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"python is {mine} there, 9.9 here" in report.failure.message
    report = answered(double, symbols, number=1)
    assert report.outputs == (2,)


def test_other_code_is_refused_and_names_old_workers():
    symbols = read_symbols(double.spec.body)
    parts = {name: (b"other", text) for name, (_, text) in symbols.parts.items()}
    report = answered(double, Symbols(b"other", parts, symbols.versions), number=1)
    assert report.failure.kind == "OtherCodeError"
    assert "started again" in report.failure.finding.hint


def test_code_that_the_other_side_cannot_import_is_told_with_the_remedy():
    module = types.ModuleType("only_here")
    sys.modules["only_here"] = module
    exec(compile("def f(number: int) -> int:\n    return number\n", "only_here.py", "exec"), module.__dict__)
    try:
        backend = ExecutorBackend(factory=lambda: ProcessPoolExecutor(1, FORKSERVER), slots=1)
        backend.submit(call(node(module.f), number=1))
        backend.submit(call(double, 1, number=1))
        found = reports(backend, 2)
        backend.close()
    finally:
        del sys.modules["only_here"]
    assert found[0].failure.kind == "UnreachableCodeError"
    assert "No module named 'only_here'" in found[0].failure.message
    assert found[1].outputs == (2,)


def test_a_file_that_was_loaded_in_a_worker_is_loaded_again_when_it_has_changed(tmp_path, monkeypatch):
    """As the main program is, in a worker that outlives it."""
    file = tmp_path / "flow.py"
    name = "weftline_target_of_this_test"

    def setup(text):
        file.write_text(text)
        sys.modules[name] = module = types.ModuleType(name)
        module.__file__ = str(file)
        packed = packed_setup()
        monkeypatch.delitem(sys.modules, name)  # no worker has it yet
        return packed

    old, new = setup("K = 1\n"), setup("K = 22\n")
    with ProcessPoolExecutor(1, FORKSERVER) as pool:
        file.write_text("K = 1\n")
        pool.submit(answer, __version__, "double", old, *sent(double, number=1), "1").result()
        assert pool.submit(value_of, name).result() == 1
        file.write_text("K = 22\n")
        pool.submit(answer, __version__, "double", new, *sent(double, number=1), "2").result()
        assert pool.submit(value_of, name).result() == 22


def value_of(module):
    return sys.modules[module].K


def test_what_a_call_prints_in_a_worker_comes_back_with_it(capfd):
    backend = ExecutorBackend(factory=lambda: ProcessPoolExecutor(2, FORKSERVER), slots=2)
    for number, word in enumerate(["one", "two"]):
        backend.submit(call(talks, number, word=word))
    found = reports(backend, 2)
    backend.close()
    assert [found[number].log for number in range(2)] == ["one out\none err\n", "two out\ntwo err\n"]
    assert f"process {os.getpid()} " not in found[0].worker
    assert "on " in found[0].worker


def test_what_a_call_prints_in_a_thread_is_kept_and_shown(capsys):
    before = sys.stdout
    backend = ExecutorBackend(ThreadPoolExecutor(1), 1)
    assert not backend.capabilities.ships
    backend.submit(call(talks, word="one"))
    (report,) = reports(backend, 1).values()
    backend.close()
    assert sys.stdout is before
    assert report.log == "one out\none err\n"
    assert capsys.readouterr().out == "one out\n"
    assert threading.current_thread().name not in report.worker


def test_streams_are_put_back_when_the_last_of_several_calls_ends():
    before = sys.stdout
    with ThreadPoolExecutor(4) as pool:
        backend = ExecutorBackend(pool, 4, ships=True)
        for number in range(20):
            backend.submit(call(talks, number, word=str(number)))
        found = reports(backend, 20)
        backend.close()
    assert sys.stdout is before
    assert all(found[number].log == f"{number} out\n{number} err\n" for number in range(20))


def test_an_error_of_a_call_is_not_one_of_the_executor():
    backend = ExecutorBackend(factory=lambda: ProcessPoolExecutor(1, FORKSERVER), slots=1)
    backend.submit(call(fails, message="no such row"))
    failure = reports(backend, 1)[0].failure
    backend.close()
    assert (failure.kind, failure.transient) == ("LookupError", False)


def test_a_call_with_variables_of_its_own_is_never_run_without_them():
    for ships in (True, False):
        backend = ExecutorBackend(factory=lambda: ThreadPoolExecutor(1), slots=1, ships=ships)
        backend.submit(call(double, number=1)._replace(env={"CUDA_VISIBLE_DEVICES": "0"}))
        assert reports(backend, 1)[0].failure.kind == "SharedEnvironmentError"
        backend.close()


# --- how it is made -----------------------------------------------------------------------------------------------------


class Tells(ByHand):
    num_workers = 3


def test_slots_come_from_executors_that_tell():
    assert ExecutorBackend(Tells()).capabilities.slots == 3
    assert ExecutorBackend(Tells(), 2).capabilities.slots == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "one of the two"),
        ({"executor": Tells(), "factory": Tells}, "one of the two"),
        ({"executor": ByHand()}, "does not tell"),
        ({"factory": Tells}, "no executor to ask"),
        ({"executor": Tells(), "slots": 0}, "no call could run"),
        ({"executor": object(), "slots": 1}, "object is no concurrent.futures.Executor"),
        ({"executor": ThreadPoolExecutor, "slots": 1}, "no concurrent.futures.Executor"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, told):
    with pytest.raises(BadArgumentError) as caught:
        ExecutorBackend(**options)
    assert told in caught.value.message


def test_a_factory_that_makes_something_else_fails_calls():
    backend = ExecutorBackend(factory=object, slots=1)
    backend.submit(call(double, number=1))
    assert "object is no concurrent.futures.Executor" in reports(backend, 1)[0].failure.message
