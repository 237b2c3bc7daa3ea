"""Processes with homes of their own that share one cache: each item is computed once, and the dead are replaced."""

import os
import signal
import subprocess
import time

import pytest

from weftline.store.sqlite import SqliteLedger

pytestmark = pytest.mark.xdist_group("stores")

FLOW = """
    import json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node

    MARKS = Path(os.environ["MARKS"])

    def leave(name):
        aside = MARKS / f".{name}.{os.getpid()}"
        aside.write_text(str(os.getpid()))
        aside.rename(MARKS / name)

    def computed(name):
        with open(MARKS / "computed", "a") as file:
            file.write(f"{name}\\n")

    def wait_for(name):
        until = time.monotonic() + 60
        while not (MARKS / name).exists() and time.monotonic() < until:
            time.sleep(0.002)

    @node
    def numbers(count: int = 20) -> list[int]:
        return list(range(count))

    @node(requires={"x": "numbers"}, over="numbers")
    def texts(x: int) -> str:
        computed(f"texts {x}")
        time.sleep(0.03)
        return chr(97 + x) * (1 + 5_000 * x)

    @node
    def held() -> str:
        computed("held")
        leave("held")
        wait_for("go-on")
        return "h" * 100_000

    fan = Pipeline([numbers, texts], name="fan")
    holding = Pipeline([held], name="holding")

    def main():
        verb, *words = sys.argv[1:]
        if verb == "fan":
            leave(f"ready-{words[0]}")
            wait_for("all-ready")
            result = fan.run(backend="threads", workers=2)
        else:
            result = holding.run(backend="threads")
        steps = {name: [step.ran, step.restored, step.status] for name, step in result.steps.items()}
        print(json.dumps({"run": result.run, "status": result.status, "steps": steps, "notes": result.notes}))

    if __name__ == "__main__":
        main()
"""


@pytest.fixture(params=["shared", "redis", "s3"])
def cache(request, unique, tmp_path):
    """What the environment of a process says of the cache."""
    if request.param == "shared":
        return {"WEFTLINE_CACHE": f"shared:{tmp_path}/cache?dead_after_s=2"}
    server = request.getfixturevalue(f"{request.param}_server")
    return {**server.environment, "WEFTLINE_CACHE": f"{server.url(unique)}?dead_after_s=2"}


def computed(made):
    return (made.marks / "computed").read_text().split("\n")[:-1]


def until(condition, within_s=30.0):
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


def is_waiting(home):
    if not (home / "ledger.db").exists():
        return False
    ledger = SqliteLedger(home / "ledger.db")
    try:
        return any(event.kind == "AttemptDeferred" for found in ledger.runs() for event in ledger.events(found.run))
    finally:
        ledger.close()


def test_processes_that_share_a_cache_compute_each_item_once(program, cache, tmp_path):
    made = program(FLOW)
    processes = [made.start("fan", str(n), **cache, WEFTLINE_HOME=str(tmp_path / f"home-{n}")) for n in range(2)]
    for number in range(2):
        made.mark(f"ready-{number}")
    (made.marks / "all-ready").touch()
    told = [made.told(process) for process in processes]
    assert [one["status"] for one in told] == ["completed"] * 2
    assert sorted(computed(made)) == sorted(f"texts {x}" for x in range(20))
    assert sum(one["steps"]["texts"][0] for one in told) == 20
    assert all(sum(one["steps"]["texts"][:2]) == 20 for one in told)
    assert all(one["notes"] == [] for one in told)
    again = made.run("fan", "again", **cache, WEFTLINE_HOME=str(tmp_path / "home-again"))
    assert again["steps"]["texts"] == [0, 20, "cached"]


def test_who_is_killed_on_this_machine_is_replaced_at_once(program, cache, tmp_path):
    made = program(FLOW)
    late = {**cache, "WEFTLINE_CACHE": cache["WEFTLINE_CACHE"].replace("dead_after_s=2", "dead_after_s=600")}
    first = made.start("hold", **late, WEFTLINE_HOME=str(tmp_path / "home-1"))
    made.mark("held")
    second = made.start("hold", **late, WEFTLINE_HOME=str(tmp_path / "home-2"))
    until(lambda: is_waiting(tmp_path / "home-2"))
    (made.marks / "held").unlink()
    os.killpg(first.pid, signal.SIGKILL)
    assert made.mark("held") == str(second.pid)
    (made.marks / "go-on").touch()
    assert made.told(second)["steps"]["held"] == [1, 0, "succeeded"]
    assert computed(made) == ["held", "held"]


ELSEWHERE = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', "another-machine")


def test_who_is_killed_on_another_machine_is_replaced_when_it_shows_no_life(program, cache, tmp_path):
    if subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not give a process another host name: unshare --uts")
    made = program(FLOW)
    first = made.start("hold", under=ELSEWHERE, **cache, WEFTLINE_HOME=str(tmp_path / "home-1"))
    made.mark("held")
    second = made.start("hold", **cache, WEFTLINE_HOME=str(tmp_path / "home-2"))
    until(lambda: is_waiting(tmp_path / "home-2"))
    time.sleep(3)  # longer than the dead are waited for: the first lives, and shows it
    assert computed(made) == ["held"]
    (made.marks / "held").unlink()
    killed_at = time.monotonic()
    os.killpg(first.pid, signal.SIGKILL)
    assert made.mark("held") == str(second.pid)
    assert time.monotonic() - killed_at > 1, "nobody could have told by then"
    (made.marks / "go-on").touch()
    assert made.told(second)["steps"]["held"] == [1, 0, "succeeded"]
    assert computed(made) == ["held", "held"]
