"""SIGKILL at random moments: whatever was reported done is kept, nothing is recorded twice, and the values are right.

A failing case is named by its seed. `WEFTLINE_KILLS=50` kills more often.
"""

import os
import random
import signal
import sqlite3
from collections import Counter

import pytest

from weftline.model.event import CALL_OUTCOMES, Kind
from weftline.store.sqlite import SqliteLedger

SEEDS = range(int(os.environ.get("WEFTLINE_KILLS", "3")))

FLOW = """
    import json, os, random, sys, time
    from weftline import Pipeline, Policy, node

    def work():
        time.sleep(0.01)

    @node
    def numbers(many: int = 24) -> list[int]:
        work()
        return list(range(many))

    @node(requires={"x": "numbers"}, over="numbers", policy=Policy(max_attempts=9, backoff="none"))
    def squares(x: int) -> int:
        work()
        if random.random() < 0.1:
            raise ConnectionError("now and then")
        return x * x

    @node(requires={"y": "squares"}, over="squares", on_item_error="skip")
    def halves(y: int) -> str:
        work()
        if y % 3 == 1:
            raise ValueError("left out")
        return "h" * 600 * y  # of every size: in a row, in a file

    @node(cache=False)
    def sizes(halves: list[str]) -> list[int]:
        work()
        return [len(half) for half in halves]

    @node(provides=("total", "count"))
    def add(sizes: list[int], squares: list[int]) -> tuple[int, int]:
        work()
        return sum(sizes) + sum(squares), len(sizes)

    pipeline = Pipeline([numbers, squares, halves, sizes, add], name="killed")

    def main():
        backend, verb, home = sys.argv[1:]
        print("ready", flush=True)
        do = pipeline.resume if verb == "resume" else pipeline.run
        result = do(home=home, backend=backend, workers=3)
        steps = {name: step.status for name, step in result.steps.items()}
        print(json.dumps({"status": result.status, "total": result["total"], "count": result["count"], "steps": steps}))

    if __name__ == "__main__":
        main()
"""


def journal(home):
    ledger = SqliteLedger(home / "ledger.db")
    try:
        return {summary.run: list(ledger.events(summary.run)) for summary in ledger.runs()}
    finally:
        ledger.close()


def kill_after(process, seconds):
    """Lets a process live for a while from the moment at which it is ready; False if it had ended by then."""
    assert process.stdout.readline().strip() == "ready", process.stderr.read()
    try:
        process.wait(timeout=seconds)
    except Exception:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("backend", ["inline", "threads", "processes"])
def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(program, backend, seed):
    made, rng = program(FLOW), random.Random(f"{backend} {seed}")
    expected = made.run(backend, "run", str(made.folder / "undisturbed"))
    kills, verb = 0, "run"
    for _ in range(8):
        process = made.start(backend, verb, str(made.home))
        if not kill_after(process, rng.uniform(0.0, 0.5)):
            break
        kills += 1
        if (made.home / "ledger.db").exists() and journal(made.home):
            verb = "resume"
    runs = journal(made.home) if (made.home / "ledger.db").exists() else {}
    if not runs or any(events[-1].kind is not Kind.RUN_FINISHED for events in runs.values()):
        told = made.run(backend, verb, str(made.home))
        assert {name: told[name] for name in ("status", "total", "count")} == {
            name: expected[name] for name in ("status", "total", "count")
        }, f"{kills} kills"
    check_journal(journal(made.home), f"{kills} kills")
    check_store(made.home)


def check_journal(runs, hint):
    (events,) = runs.values()
    assert sum(1 for event in events if event.kind is Kind.RUN_STARTED) == 1
    assert events[-1].kind is Kind.RUN_FINISHED, hint
    outcomes = Counter((event.node, event.item) for event in events if event.kind is Kind.CALL_SUCCEEDED)
    assert not [call for call, times in outcomes.items() if times > 1], f"done twice, after {hint}: {outcomes}"
    attempts = Counter((event.node, event.item, event.attempt) for event in events if event.kind in CALL_OUTCOMES)
    assert not [attempt for attempt, times in attempts.items() if times > 1], hint
    begun = Counter((event.node, event.item, event.attempt) for event in events if event.kind is Kind.ATTEMPT_STARTED)
    assert not [attempt for attempt, times in begun.items() if times > 1], hint
    ended = {event.node for event in events if event.kind is Kind.NODE_FINISHED}
    assert ended == {"numbers", "squares", "halves", "sizes", "add"}


def check_store(home):
    """Everything that the journal calls succeeded is there, and nothing is left over from a write that was cut off."""
    cache = sqlite3.connect(home / "cache" / "index.db")
    assert cache.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    keys = {row[0].hex() for row in cache.execute("SELECT key FROM results")}
    cache.close()
    for events in journal(home).values():
        for event in events:
            if event.kind is Kind.CALL_SUCCEEDED:
                assert event.body["key"] in keys, f"{event} is not stored"


def test_what_was_reported_done_is_not_done_again(program):
    """A sink hears of a success only when it is safe: after that, no kill may lose it."""
    made = program(REPORTS)
    process = made.start("first")
    reported = set()
    while len(reported) < 5:
        reported.add(int(process.stdout.readline()))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    reported |= {int(line) for line in process.stdout.read().split()}
    told = made.run("second")
    assert told["status"] == "completed"
    assert not reported & set(told["again"]), "a success that was reported has been done again"


REPORTS = """
    import json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node

    MARKS = Path(os.environ["MARKS"])

    @node
    def numbers() -> list[int]:
        return list(range(40))

    @node(requires={"x": "numbers"}, over="numbers")
    def slow(x: int) -> int:
        with open(MARKS / "begun", "a") as file:
            file.write(f"{sys.argv[1]} {x}\\n")
        time.sleep(0.01)
        return x

    class Reports:
        def tell(self, run, events):
            for event in events:
                if event.kind == "CallSucceeded" and event.node == "slow":
                    print(event.item, flush=True)

        def close(self):
            pass

    pipeline = Pipeline([numbers, slow], name="reports")

    if __name__ == "__main__":
        if sys.argv[1] == "first":
            pipeline.run(backend="threads", workers=2, sinks=[Reports()])
        else:
            result = pipeline.resume(backend="threads", workers=2)
            begun = (MARKS / "begun").read_text().splitlines()
            again = [int(line.split()[1]) for line in begun if line.startswith("second ")]
            print(json.dumps({"status": result.status, "again": again}))
"""
