"""Worker processes and all that they start: what is stopped is gone, whatever it has done to escape; all else goes on."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration import process_calls

from weftline.backends.processes import ProcessBackend
from weftline.model.call import Call

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can find what has escaped")


@contextlib.contextmanager
def opened(workers=1):
    with contextlib.closing(ProcessBackend(workers)) as backend:
        yield backend


def call(node, number=0, **inputs):
    return Call((0, number, 1), node.spec, inputs, {})


def reports(backend, count, within_s=30.0):
    found, until = {}, time.monotonic() + within_s
    while len(found) < count:
        assert time.monotonic() < until, f"{count - len(found)} reports did not come"
        found |= {report.handle[1]: report for report in backend.poll(0.05)}
    return found


def one(backend, what):
    backend.submit(what)
    return reports(backend, 1)[what.handle[1]]


def until_there(backend, path):
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until
        assert not backend.poll(0.01)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


WAYS = ["child", "group", "session", "daemon", "daemon with nothing"]
CAUSES = {
    "is killed": "it was killed by SIGKILL",
    "exits": "it exited with code 7",
    "kills its keeper": "it was killed by SIGKILL",
}


@pytest.mark.parametrize("how", WAYS)
def test_a_time_limit_ends_what_a_call_has_started_before_it_is_told(how, tmp_path):
    with opened() as backend:
        found = one(backend, call(process_calls.starts, folder=str(tmp_path), how=how, then="waits")._replace(timeout_s=1.0))
        assert found.failure.kind == "AttemptTimeoutError"
        assert not is_alive((tmp_path / "mark").read_text()), "an orphan"
        assert one(backend, call(process_calls.pid)).outputs


@pytest.mark.parametrize("how", WAYS)
def test_a_stopped_call_leaves_nothing(how, tmp_path):
    with opened() as backend:
        backend.submit(call(process_calls.starts, folder=str(tmp_path), how=how, then="waits"))
        until_there(backend, tmp_path / "waits")
        backend.cancel((0, 0, 1), kill=True)
        assert reports(backend, 1)[0].cancelled
        assert not is_alive((tmp_path / "mark").read_text()), "an orphan"


#: What has neither parent, session nor environment in common with a worker cannot be told from others without a keeper.
DEATHS = [(how, then) for how in WAYS for then in CAUSES if (how, then) != ("daemon with nothing", "kills its keeper")]


@pytest.mark.parametrize(("how", "then"), DEATHS)
def test_a_worker_that_dies_leaves_nothing_and_touches_nobody(how, then, tmp_path):
    with opened(2) as backend:
        backend.submit(call(process_calls.pid, 1))
        other = reports(backend, 1)[1].outputs[0]
        backend.submit(call(process_calls.starts, 0, folder=str(tmp_path), how=how, then=then))
        backend.submit(call(process_calls.pid, 2))
        found = reports(backend, 2)
        assert found[0].failure.kind == "WorkerDiedError"
        assert CAUSES[then] in found[0].failure.message
        assert found[2].failure is None
        assert not is_alive((tmp_path / "mark").read_text()), "an orphan"
        assert is_alive(other) or found[2].outputs, "the pool goes on"
        assert one(backend, call(process_calls.pid, 3)).outputs


@pytest.mark.parametrize("how", WAYS)
def test_closing_leaves_nothing_of_calls_that_have_long_returned(how, tmp_path):
    with opened() as backend:
        worker = one(backend, call(process_calls.starts, folder=str(tmp_path), how=how, then="returns")).outputs[0]
        assert is_alive((tmp_path / "mark").read_text()), "what a call leaves behind may serve the next"
    assert not is_alive(worker)
    assert not is_alive((tmp_path / "mark").read_text()), "an orphan"


def test_what_grows_new_heads_ends_too(tmp_path):
    with opened() as backend:
        backend.submit(call(process_calls.starts, folder=str(tmp_path), how="hydra", then="waits"))
        until_there(backend, tmp_path / "waits")
        backend.cancel((0, 0, 1), kill=True)
        assert reports(backend, 1)[0].cancelled
        size = (tmp_path / "mark").stat().st_size
        assert size > 1
        time.sleep(0.2)
        assert (tmp_path / "mark").stat().st_size == size, "it lives"


@pytest.mark.parametrize("grace_s", [0.0, 60.0])
def test_signals_for_a_fork_of_the_worker_are_its_own(grace_s):
    with opened() as backend:
        for _ in range(20):
            what = call(process_calls.forks, waits=grace_s > 0)._replace(timeout_s=60.0, grace_s=grace_s)
            assert one(backend, what).outputs == (-signal.SIGTERM,)


def test_a_result_that_comes_in_the_grace_comes_too_late(tmp_path):
    with opened() as backend:
        late = call(process_calls.ends_late, folder=str(tmp_path))._replace(timeout_s=0.2, grace_s=60.0)
        found = one(backend, late)
        assert (tmp_path / "asked").exists()
        assert found.failure.kind == "AttemptTimeoutError"
        assert found.took_s < 30, "nobody waits for the rest of the grace"


def test_somebody_elses_sigterm_is_a_death_with_its_cause(tmp_path):
    with opened() as backend:
        worker = one(backend, call(process_calls.pid)).outputs[0]
        backend.submit(call(process_calls.starts, folder=str(tmp_path), how="child", then="waits"))
        until_there(backend, tmp_path / "waits")
        os.kill(worker, signal.SIGTERM)
        assert "it was killed by SIGTERM" in reports(backend, 1)[0].failure.message


def test_a_worker_that_dies_while_it_rests_costs_nothing():
    with opened() as backend:
        for _ in range(3):
            worker = one(backend, call(process_calls.pid)).outputs[0]
            keeper = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(worker, signal.SIGKILL)
            until = time.monotonic() + 30
            while is_alive(keeper) and time.monotonic() < until:
                time.sleep(0.005)
            assert one(backend, call(process_calls.pid)).outputs[0] != worker


def test_a_worker_that_does_not_read_keeps_nobody_waiting():
    content = bytes(32 << 20)
    with opened(2) as backend:
        backend.submit(call(process_calls.size, 0, content=content))
        worker = int(reports(backend, 1)[0].worker.split()[1])
        os.kill(worker, signal.SIGSTOP)
        backend.submit(call(process_calls.size, 1, content=content)._replace(timeout_s=1.0))
        assert one(backend, call(process_calls.size, 2, content=content)).outputs == (len(content),)
        assert reports(backend, 1)[1].failure.kind == "AttemptTimeoutError"


def test_a_limit_on_memory_is_a_failure_in_words_and_the_worker_goes_on():
    with opened() as backend:
        before = one(backend, call(process_calls.pid)).outputs
        failure = one(backend, call(process_calls.asks_for_memory, limit_bytes=64 << 20)).failure
        assert failure.kind == "MemoryError"
        assert failure.message.startswith("memory ran out; this process may have 0.")
        assert one(backend, call(process_calls.pid)).outputs == before


EATS = """
    import json
    from weftline import Pipeline, node

    @node
    def items() -> list[int]:
        return [0, 1, 2]

    @node(requires={"x": "items"}, over="items", on_item_error="skip")
    def eats(x: int) -> int:
        return x if x != 1 else len(bytearray(b"x" * (2 << 30)))

    if __name__ == "__main__":
        result = Pipeline([items, eats], name="eats").run(backend="processes", workers=1, home=None)
        print(json.dumps([result["eats"], [failure.message for _, failure in result.failures]]))
"""


@pytest.fixture
def group():
    """A control group with 300 MB of memory; the words that run a command in it."""
    first = Path("/sys/fs/cgroup/memory")
    root, name = (first, "memory.limit_in_bytes") if first.is_dir() else (Path("/sys/fs/cgroup"), "memory.max")
    made = root / f"weftline-test-{os.getpid()}"
    try:
        made.mkdir()
        (made / name).write_text(str(300 << 20))
    except OSError as error:
        with contextlib.suppress(OSError):
            made.rmdir()
        pytest.skip(f"this process may not make a control group with a limit on memory: {error}")
    yield ["sh", "-c", f'echo $$ > {made}/cgroup.procs && exec "$@"', "sh"]
    until = time.monotonic() + 10
    while (made / "cgroup.procs").read_text() and time.monotonic() < until:
        time.sleep(0.05)
    made.rmdir()


def test_a_worker_that_the_system_kills_for_its_memory_says_so(program, group):
    made = program(EATS)
    values, failures = made.told(made.start(under=group))
    assert values == [0, 2]
    assert len(failures) == 1
    assert "it was killed by SIGKILL, and the system says that memory ran out" in failures[0]


SLOW_TO_LOAD = """
    import json, time
    from weftline import Pipeline, Policy, node

    if __name__ == "__mp_main__":
        time.sleep(1.5)

    @node(policy=Policy(timeout_s=1.0))
    def quick() -> int:
        return 1

    if __name__ == "__main__":
        print(json.dumps(Pipeline([quick], name="loads").run(backend="processes", workers=1, home=None)["quick"]))
"""


def test_a_time_limit_is_for_the_call_and_not_for_what_has_to_be_imported(program):
    assert program(SLOW_TO_LOAD).run() == 1


def test_a_worker_has_a_calls_variables_from_its_start_and_serves_others_that_want_the_same(tmp_path):
    name = "WEFTLINE_TEST_DEVICE"
    with opened(2) as backend:
        seen = [
            one(backend, call(process_calls.sees, name=name)._replace(env=env)).outputs[0]
            for env in ({name: "0"}, {}, {name: "1"}, {name: "0"}, {}, {name: "1"})
        ]
        assert [found[1:] for found in seen] == [("0", True), (None, False), ("1", True)] * 2
        assert len({found[0] for found in seen[:3]}) == 3
        assert seen[3][0] == seen[0][0], "what a worker has loaded for a device should not be loaded again"
    assert not any(is_alive(found[0]) for found in seen)


def test_workers_that_nobody_wants_make_room_for_others():
    with opened(1) as backend:
        seen = [one(backend, call(process_calls.pid)._replace(env={"N": str(number)})).outputs[0] for number in range(5)]
        until = time.monotonic() + 10
        while sum(map(is_alive, seen)) > 2 and time.monotonic() < until:
            backend.poll(0.01)
        assert sum(map(is_alive, seen)) == 2, "one that works, one that rests"


@pytest.mark.parametrize("env", [{"A=B": "x"}, {"A": "\0"}])
def test_variables_that_are_none_fail_their_own_call(env):
    with opened() as backend:
        assert "it could not be started" in one(backend, call(process_calls.pid)._replace(env=env)).failure.message
        assert one(backend, call(process_calls.pid)).outputs


def test_each_time_limit_is_its_own_calls(tmp_path):
    """Calls that end, and calls that do not, through the same few workers."""
    never = {3, 50, 51, 52, 120, 199}
    with opened(3) as backend:
        for number in range(200):
            then = "waits" if number in never else "returns"
            folder = tmp_path / str(number)
            folder.mkdir()
            what = call(process_calls.starts, number, folder=str(folder), how="nothing", then=then)
            backend.submit(what._replace(timeout_s=0.4 if number in never else 30.0))
        found = reports(backend, 200)
        assert {number for number in found if found[number].failure is not None} == never
        assert {found[number].failure.kind for number in never} == {"AttemptTimeoutError"}


def test_no_process_is_left_behind_by_an_engine_that_is_killed(program, ends, tmp_path):
    made = program(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        from tests.integration import process_calls
        from weftline.backends.processes import ProcessBackend
        from weftline.model.call import Call

        if __name__ == "__main__":
            backend = ProcessBackend(3)
            for number, how in enumerate(["session", "daemon", "daemon with nothing"]):
                folder = f"{sys.argv[2]}/{number}"
                backend.submit(Call((0, number, 1), process_calls.starts.spec, dict(folder=folder, how=how, then="waits"), {}))
            backend.poll(60)
        """
    )
    folders = [made.marks / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    process = made.start(str(Path(__file__).parents[2]), str(made.marks))
    pids = [int(made.mark(f"{number}/mark")) for number in range(3)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert ends(*pids, within_s=3.0), "the keepers are told of the death of their parent"
    left = subprocess.run(["pgrep", "-f", str(made.marks)], capture_output=True, text=True, check=False).stdout
    assert not left
