"""Several processes that want the same result: one computes it, the others wait for it; whoever dies is replaced."""

import os
import signal
import time
from threading import Thread

import pytest

from weftline import Pipeline, node
from weftline.store.folder import FolderBlobs
from weftline.store.sqlite import SqliteLedger

FLOW = """
    import json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node

    MARKS = Path(os.environ["MARKS"])

    def leave(name, content="x"):
        aside = MARKS / f".{name}.{os.getpid()}"
        aside.write_text(content)
        aside.rename(MARKS / name)

    def computed(name):
        with open(MARKS / "computed", "a") as file:
            file.write(f"{name}\\n")

    def wait_for(name):
        until = time.monotonic() + 60
        while not (MARKS / name).exists() and time.monotonic() < until:
            time.sleep(0.002)

    @node
    def numbers(count: int = 24) -> list[int]:
        return list(range(count))

    @node(requires={"x": "numbers"}, over="numbers")
    def texts(x: int) -> str:
        computed(f"texts {x}")
        time.sleep(0.03)
        return chr(97 + x % 26) * (1 + 3_000 * x)

    @node
    def held() -> int:
        computed("held")
        leave("held", str(os.getpid()))
        wait_for("go-on")
        if (MARKS / "fail").exists():
            (MARKS / "fail").unlink()
            raise ValueError("it fails once")
        return 1

    fan = Pipeline([numbers, texts], name="fan")
    holding = Pipeline([held], name="holding")

    def main():
        verb, *words = sys.argv[1:]
        if verb == "fan":
            leave(f"ready-{words[0]}")
            wait_for("all-ready")
            result = fan.run(backend=words[1], workers=2)
        else:
            result = holding.run(backend="threads")
        steps = {name: [step.ran, step.restored, step.status] for name, step in result.steps.items()}
        print(json.dumps({"run": result.run, "status": result.status, "steps": steps, "notes": result.notes}))

    if __name__ == "__main__":
        main()
"""


def computed(made):
    return (made.marks / "computed").read_text().split("\n")[:-1]


def journal(home, run):
    ledger = SqliteLedger(home / "ledger.db")
    try:
        return list(ledger.events(run))
    finally:
        ledger.close()


def until(condition, within_s=30.0):
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


def is_waiting(home):
    ledger = SqliteLedger(home / "ledger.db")
    try:
        return any(event.kind == "AttemptDeferred" for found in ledger.runs() for event in ledger.events(found.run))
    finally:
        ledger.close()


@pytest.mark.parametrize("backend", ["threads", "processes", "inline"])
def test_processes_that_want_the_same_compute_it_once(program, backend):
    made = program(FLOW)
    processes = [made.start("fan", str(number), backend) for number in range(3)]
    for number in range(3):
        made.mark(f"ready-{number}")
    (made.marks / "all-ready").touch()
    told = [made.told(process) for process in processes]
    assert [one["status"] for one in told] == ["completed"] * 3
    assert sorted(computed(made)) == sorted(f"texts {x}" for x in range(24))
    assert sum(one["steps"]["texts"][0] for one in told) == 24
    assert all(one["steps"]["texts"][0] + one["steps"]["texts"][1] == 24 for one in told)
    assert all(one["notes"] == [] for one in told)


def test_what_somebody_else_computes_is_waited_for_and_told(program):
    made = program(FLOW)
    first = made.start("hold")
    made.mark("held")
    second = made.start("hold")
    until(lambda: is_waiting(made.home))
    (made.marks / "go-on").touch()
    assert made.told(first)["steps"]["held"] == [1, 0, "succeeded"]
    told = made.told(second)
    assert told["steps"]["held"] == [0, 1, "cached"]
    kinds = [str(event.kind) for event in journal(made.home, told["run"])]
    assert kinds == [
        "RunStarted", "NodeStarted", "AttemptStarted", "AttemptDeferred", "CallRestored", "NodeFinished", "RunFinished"
    ]  # fmt: skip
    assert computed(made) == ["held"]


def test_who_waits_for_a_process_that_is_killed_takes_over(program):
    made = program(FLOW)
    first = made.start("hold")
    made.mark("held")
    second = made.start("hold")
    until(lambda: is_waiting(made.home))
    (made.marks / "held").unlink()
    os.killpg(first.pid, signal.SIGKILL)
    assert made.mark("held") == str(second.pid)
    (made.marks / "go-on").touch()
    assert made.told(second)["steps"]["held"] == [1, 0, "succeeded"]
    assert computed(made) == ["held", "held"]


def test_who_waits_for_a_call_that_fails_makes_it(program):
    made = program(FLOW)
    first = made.start("hold")
    made.mark("held")
    second = made.start("hold")
    until(lambda: is_waiting(made.home))
    (made.marks / "fail").touch()
    (made.marks / "go-on").touch()
    assert made.told(first)["status"] == "failed"
    assert made.told(second)["steps"]["held"] == [1, 0, "succeeded"]


def test_who_waits_can_be_interrupted(program):
    made = program(FLOW)
    first = made.start("hold")
    made.mark("held")
    second = made.start("hold")
    until(lambda: is_waiting(made.home))
    second.send_signal(signal.SIGINT)
    assert second.wait(timeout=20) != 0
    (made.marks / "go-on").touch()
    assert made.told(first)["status"] == "completed"


def test_two_nodes_that_do_the_same_in_one_run_do_it_once(tmp_path):
    calls = []

    def work(n: int = 3) -> int:
        calls.append(n)
        time.sleep(0.05)
        return n * n

    pipeline = Pipeline([node(work, name=name, provides=name, depends=[]) for name in ("a", "b", "c")])
    result = pipeline.run(home=tmp_path / "home", backend="threads", workers=3)
    assert [result[name] for name in "abc"] == [9, 9, 9]
    assert len(calls) == 1
    assert sorted(step.status for step in result.steps.values()) == ["cached", "cached", "succeeded"]


def test_a_result_whose_lease_was_taken_over_is_not_stored(tmp_path, monkeypatch):
    """As of a process that was stopped for long: others believed it dead, and compute the same."""
    monkeypatch.setenv("WEFTLINE_CACHE", f"shared:{tmp_path}/team")
    team, ghost = FolderBlobs(tmp_path / "team"), b"somewhere/0-0:1:1:ghost"
    calls = []

    def work(n: int = 3) -> int:
        calls.append(n)
        if len(calls) == 1:
            (lease,) = [blob.name for blob in team.list("leases/")]
            team.write([(lease, ghost)])
            Thread(target=lambda: time.sleep(0.5) or team.remove([lease])).start()
        return n + len(calls)

    result = Pipeline([node(work, name="work", provides="work", depends=[])]).run(home=tmp_path / "home", backend="threads")
    assert result["work"] == 5, "it has the result of the first time, which others may have replaced"
    assert calls == [3, 3]
    kinds = [str(event.kind) for event in journal(tmp_path / "home", result.run)]
    assert kinds.count("AttemptDeferred") == 1
    assert kinds.count("CallSucceeded") == 1
