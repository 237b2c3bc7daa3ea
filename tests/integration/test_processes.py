"""Worker processes that die, hang and leave children behind: a failed attempt with its cause, and the rest goes on."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from weftline import Pipeline
from weftline.errors import InvalidPipelineError

HEAD = """
    import ctypes, json, os, signal, subprocess, sys, time
    from pathlib import Path
    from weftline import Pipeline, Policy, node

    MARKS = os.environ["MARKS"]

    def leave(name, content="x"):
        aside = Path(MARKS, f".{name}.{os.getpid()}")
        aside.write_text(content)
        aside.rename(Path(MARKS, name))

    def is_first(name):
        try:
            os.close(os.open(os.path.join(MARKS, name), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def die(how):
        print("last words", flush=True)
        if how == "sigkill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif how == "exit":
            os._exit(7)
        elif how == "abort":
            os.abort()
        elif how == "segfault":
            ctypes.string_at(0)

    STUBBORN = '''
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    open(sys.argv[1] + ".tmp", "w").write(str(os.getpid()))
    os.rename(sys.argv[1] + ".tmp", sys.argv[1])
    time.sleep(120)
    '''.replace("    ", "")

    def spawn_stubborn(name):
        subprocess.Popen([sys.executable, "-c", STUBBORN, os.path.join(MARKS, name)])
        while not os.path.exists(os.path.join(MARKS, name)):
            time.sleep(0.01)

    def tell(result, *more):
        steps = {
            name: [step.status, step.attempts, step.ran, {str(item): found.message for item, found in step.failures.items()}]
            for name, step in result.steps.items()
        }
        print(json.dumps({"status": result.status, "steps": steps, "more": more}))
"""

DEATHS = (
    HEAD
    + """
    @node
    def items() -> list[int]:
        return list(range(8))

    @node(requires={"x": "items"}, over="items", on_item_error="skip")
    def once(x: int, how: str = "exit") -> int:
        if x == 3:
            die(how)
        return x

    @node(requires={"x": "items"}, over="items", policy=Policy(max_attempts=2, backoff="none"))
    def twice(x: int, how: str = "exit") -> int:
        if x == 3 and is_first("died"):
            die(how)
        return x

    pipeline = Pipeline([items, once, twice], name="deaths")

    if __name__ == "__main__":
        how, target = sys.argv[1:]
        result = pipeline.run(targets=[target], params={f"{target}.how": how}, backend="processes", workers=2)
        failures = [[found.kind, found.transient] for _, found in result.failures]
        logs = [path.read_text() for path in Path(os.environ["WEFTLINE_HOME"], "logs").rglob("*.log")]
        tell(result, result[target], failures, logs)
"""
)

CAUSES = {
    "sigkill": "it was killed by SIGKILL",
    "exit": "it exited with code 7",
    "abort": "it was killed by SIGABRT",
    "segfault": "it was killed by SIGSEGV",
}


@pytest.mark.parametrize("how", list(CAUSES))
def test_a_worker_that_dies_fails_its_own_call_and_says_how(program, how):
    told = program(DEATHS).run(how, "once")
    status, _, ran, failures = told["steps"]["once"]
    values, kinds, logs = told["more"]
    assert (told["status"], status, ran, values) == ("partial", "succeeded", 7, [0, 1, 2, 4, 5, 6, 7])
    assert kinds == [["WorkerDiedError", True]]
    assert CAUSES[how] in failures["3"]
    assert any("last words" in log for log in logs), logs


@pytest.mark.parametrize("how", ["sigkill", "segfault"])
def test_a_worker_that_dies_once_costs_one_attempt(program, how):
    told = program(DEATHS).run(how, "twice")
    assert (told["status"], told["more"][0]) == ("completed", list(range(8)))
    assert told["steps"]["twice"][1] == 2


TIMEOUT = (
    HEAD
    + """
    @node
    def items() -> list[int]:
        return list(range(4))

    @node(requires={"x": "items"}, over="items", on_item_error="skip", policy=Policy(timeout_s=2.0))
    def slow(x: int) -> int:
        if x == 1:
            spawn_stubborn("grandchild")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("still here", flush=True)
            time.sleep(120)
        return x

    if __name__ == "__main__":
        result = Pipeline([items, slow], name="timeouts").run(backend="processes", workers=2)
        tell(result, [[found.kind, found.transient] for _, found in result.failures], result["slow"])
"""
)


def test_a_hard_timeout_stops_the_call_with_all_that_it_started(program, ends):
    made = program(TIMEOUT)
    told = made.run()
    assert (told["status"], told["more"]) == ("partial", [[["AttemptTimeoutError", True]], [0, 2, 3]])
    assert "was stopped after 2.0 s" in told["steps"]["slow"][3]["1"]
    assert ends(int(made.mark("grandchild"))), "what the call had started still runs"


HOLDS_ON = (
    HEAD
    + """
    @node
    def forks() -> int:
        if os.fork() == 0:
            leave("child", str(os.getpid()))
            time.sleep(45)  # it has what its parent had open
            os._exit(0)
        while not Path(MARKS, "child").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
        return 1

    if __name__ == "__main__":
        tell(Pipeline([forks], name="forks").run(backend="processes", workers=1))
"""
)


def test_a_worker_that_dies_while_its_child_lives_on_is_noticed(program, ends):
    """As when memory runs out in a node that uses a pool of processes: the pool still holds the worker's connection."""
    made = program(HOLDS_ON)
    told = made.run(limit_s=25.0)
    assert told["status"] == "failed"
    assert "SIGKILL" in told["steps"]["forks"][3]["-1"]
    assert ends(int(made.mark("child")))


ORPHANS = (
    HEAD
    + """
    @node
    def waits() -> int:
        spawn_stubborn("grandchild")
        leave("worker", str(os.getpid()))
        time.sleep(120)
        return 1

    if __name__ == "__main__":
        tell(Pipeline([waits], name="orphans").run(backend="processes", workers=1))
"""
)


def test_workers_end_with_a_killed_parent_and_so_does_all_that_they_started(program, ends):
    made = program(ORPHANS)
    process = made.start()
    worker, grandchild = int(made.mark("worker")), int(made.mark("grandchild"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert ends(worker), "the worker outlived its parent"
    assert ends(grandchild), "what the worker had started outlived both"


RAISES = """
    import json, os, sys
    from pathlib import Path
    from weftline import Pipeline, Policy, node

    class QuotaError(Exception):
        pass

    class FinalError(ConnectionError):
        pass

    def is_first(name):
        try:
            os.close(os.open(os.path.join(os.environ["MARKS"], name), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    @node(policy=Policy(max_attempts=2, backoff="none", retry_on=(QuotaError,)))
    def retried() -> int:
        if is_first("retried"):
            raise QuotaError("come back later")
        return 1

    @node(policy=Policy(max_attempts=2, backoff="none", never_on=(FinalError,)))
    def never() -> int:
        if is_first("never"):
            raise FinalError("do not come back")
        return 1

    if __name__ == "__main__":
        result = Pipeline([retried, never], name="raises").run(backend=sys.argv[1], workers=1, on_failure="continue")
        print(json.dumps({name: step.status for name, step in result.steps.items()}))
"""


@pytest.mark.parametrize("backend", ["inline", "threads", "processes"])
def test_errors_of_the_main_program_are_known_to_policies(program, backend):
    assert program(RAISES).run(backend) == {"retried": "succeeded", "never": "failed"}


UNGUARDED = (
    HEAD
    + """
    @node
    def one() -> int:
        return 1

    result = Pipeline([one], name="unguarded").run(backend="processes", workers=1)
    leave(f"ran-{os.getpid()}")
    tell(result)
"""
)


def test_a_program_without_a_guard_runs_its_pipeline_once_or_says_what_is_missing(program):
    """Workers import the main program; what it does at its top level must not be done again in each of them."""
    made = program(UNGUARDED)
    process = made.start()
    out, err = process.communicate(timeout=60)
    ran = list(made.marks.glob("ran-*"))
    assert len(ran) <= 1, f"the program was run by {len(ran)} processes\n{out}\n{err}"
    assert '"completed"' in out or "__main__" in out + err


def run_alone(words, folder, **options):
    environment = {**os.environ, "WEFTLINE_HOME": str(folder / "home")}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_a_module_of_a_package_that_is_run_with_its_relative_imports(tmp_path):
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "prices.py").write_text("def double(number):\n    return 2 * number\n")
    (package / "flow.py").write_text(
        "from dataclasses import dataclass\n"
        "from weftline import Pipeline, node\n"
        "from .prices import double\n\n"
        "@dataclass\nclass Price:\n    value: int\n\n"
        "@node\ndef price() -> Price:\n    return Price(double(21))\n\n"
        "if __name__ == '__main__':\n"
        "    print(Pipeline([price], name='shop').run(backend='processes', workers=1)['price'])\n"
    )
    done = run_alone([sys.executable, "-m", "shop.flow"], tmp_path)
    assert done.stdout == "Price(value=42)\n", done.stderr


def test_what_a_shell_defines_is_refused_before_anything_runs(tmp_path):
    text = (
        "from weftline import Pipeline, node\n"
        "@node\ndef one() -> int: return 1\n\n"
        "print(Pipeline([one], name='shell').run(backend='processes', workers=1))\n"
    )
    done = run_alone([sys.executable, "-"], tmp_path, input=text)
    assert done.returncode == 1
    assert "B602" in done.stderr
    assert "shell" in done.stderr


INTERRUPTED = (
    HEAD
    + """
    @node
    def one() -> int:
        raise KeyboardInterrupt

    @node
    def two(one: int) -> int:
        return one

    if __name__ == "__main__":
        tell(Pipeline([one, two], name="interrupted").run(backend=sys.argv[1], workers=1))
"""
)


@pytest.mark.parametrize("backend", ["inline", "threads", "processes"])
def test_a_call_that_raises_keyboard_interrupt_is_a_failed_call(program, backend):
    told = program(INTERRUPTED).run(backend)
    assert (told["status"], told["steps"]["one"][0]) == ("failed", "failed")


STALLS = (
    HEAD
    + """
    @node
    def big() -> bytes:
        return bytes(64 << 20)

    @node
    def size(big: bytes) -> int:
        return len(big)

    @node
    def prints() -> int:
        for _ in range(200_000):
            print("a line of output that fills every pipe")
        return 1

    if __name__ == "__main__":
        result = Pipeline([big, size, prints], name="stalls").run(backend="processes", workers=2)
        logs = [path.stat().st_size for path in Path(os.environ["WEFTLINE_HOME"], "logs").rglob("*.log")]
        tell(result, result["size"], logs)
"""
)


def test_large_values_and_much_output_stall_nobody(program):
    told = program(STALLS).run()
    size, logs = told["more"]
    assert (told["status"], size) == ("completed", 64 << 20)
    assert logs
    assert all(found <= 300 * 1024 for found in logs), "the end of the output is kept, not all of it"


MOVED = """
    import sys
    from weftline import Pipeline, node
    import rates

    @node
    def out() -> int:
        return rates.K

    if __name__ == "__main__":
        rates.K = 5  # as a program does that reads its options
        result = Pipeline([out], name="moved").run(backend=sys.argv[1], workers=1)
        print([result.status, *(failure.message for _, failure in result.failures)])
"""


def test_code_that_is_not_the_same_in_a_worker_is_refused(program):
    """The key was made of what this process has; a result of anything else must not be stored under it."""
    made = program(MOVED)
    (made.folder / "rates.py").write_text("K = 1\n")
    done = run_alone([sys.executable, str(made.file), "processes"], made.folder)
    assert "failed" in done.stdout, done.stderr
    assert "rates.K is 1 there, 5 here" in done.stdout
    done = run_alone([sys.executable, str(made.file), "threads"], made.folder)
    assert done.stdout.strip() == "['completed']", done.stderr


def test_workers_leave_out_asserts_where_the_program_does(tmp_path):
    """Whether they do is a part of keys."""
    (tmp_path / "flow.py").write_text(
        textwrap.dedent(
            """
            from weftline import Pipeline, node

            @node
            def out() -> bool:
                return __debug__

            if __name__ == "__main__":
                result = Pipeline([out]).run(backend="processes", workers=1, home=None)
                print([result.status, result["out"]])
            """
        )
    )
    for options, expected in ((["-O"], "['completed', False]"), ([], "['completed', True]")):
        done = run_alone([sys.executable, *options, "flow.py"], tmp_path)
        assert done.stdout.strip() == expected, done.stderr


GPUS = """
import os
import time
from weftline import Pipeline, Resources, node


@node
def numbers() -> list[int]:
    return list(range(6))


@node(over="numbers", resources=Resources(gpu=1))
def whole(numbers: int) -> tuple[str, float, float]:
    began = time.monotonic()
    time.sleep(0.05)
    return os.environ["CUDA_VISIBLE_DEVICES"], began, time.monotonic()


@node(over="numbers", resources=Resources(gpu=2))
def both(numbers: int) -> str:
    return os.environ["CUDA_VISIBLE_DEVICES"]


@node(over="numbers", resources=Resources(gpu=0.5))
def half(numbers: int) -> str:
    return os.environ["CUDA_VISIBLE_DEVICES"]


pipeline = Pipeline([numbers, whole, both, half])
"""


def test_calls_have_devices_of_their_own(tmp_path, monkeypatch):
    """Names of devices are all that is needed here; nothing asks a driver for them."""
    monkeypatch.chdir(tmp_path)
    Path("gpu_flow.py").write_text(GPUS)
    result = Pipeline.load("gpu_flow.py").run(backend="processes", workers=4, gpus="3,GPU-7", home=None)
    assert result.ok, result.failures
    assert set(result["both"]) == {"3,GPU-7"}
    assert set(result["half"]) <= {"3", "GPU-7"}
    spans = result["whole"]
    assert {device for device, _, _ in spans} == {"3", "GPU-7"}
    for at, (device, began, ended) in enumerate(spans):
        others = [span for number, span in enumerate(spans) if number != at and span[0] == device]
        assert all(until <= began or since >= ended for _, since, until in others), "two calls had one device at a time"


def test_there_is_no_call_without_the_device_that_it_wants(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    Path("gpu_flow.py").write_text(GPUS)
    with pytest.raises(InvalidPipelineError) as caught:
        Pipeline.load("gpu_flow.py").run(backend="processes", gpus="", home=None)
    assert {finding.code for finding in caught.value.findings} == {"B610"}
    with pytest.raises(InvalidPipelineError) as caught:
        Pipeline.load("gpu_flow.py").run(backend="threads", gpus="0,1", home=None)
    assert {finding.code for finding in caught.value.findings} == {"B610"}
    with pytest.raises(InvalidPipelineError) as caught:
        Pipeline.load("gpu_flow.py").run(backend="processes", gpus="0", home=None)
    assert [finding.code for finding in caught.value.findings] == ["B604"], "two of one"
