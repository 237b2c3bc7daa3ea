"""SIGKILL in chains of brief calls, whose records share a flush: what was told is there, and nothing is recorded twice.

Between brief calls are some that may not be made again without a record: they mark each attempt in a file. `WEFTLINE_KILLS=50`
kills more often.
"""

import json
import os
import random
import signal
import subprocess
from collections import Counter

import pytest

from weftline.model.event import CALL_OUTCOMES, Kind
from weftline.store.sqlite import SqliteLedger

SEEDS = range(int(os.environ.get("WEFTLINE_KILLS", "3")))
STEPS, EACH = 1_500, 100

FLOW = """
    import json, os, random, sys
    from weftline import Pipeline, Policy, node

    STEPS, EACH = 1_500, 100
    AGAIN = Policy(max_attempts=9, backoff="none")

    def first() -> int:
        return 0

    def step(x: int) -> int:
        if random.random() < 0.005:
            raise ConnectionError("now and then")
        return x + 1

    def mark(x: int) -> int:
        with open(sys.argv[3], "a") as file:
            file.write(f"{x}\\n")
        return x + 1

    nodes = [node(provides="k0", name="n0")(first)]
    for at in range(1, STEPS):
        options = {"provides": f"k{at}", "requires": {"x": f"k{at - 1}"}, "name": f"n{at}", "policy": AGAIN}
        nodes.append(node(**options)(step) if at % EACH else node(**options, cache=False)(mark))
    pipeline = Pipeline(nodes, name="brief")

    class Acknowledged:
        def __init__(self, path):
            self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(self.file, b"\\n")  # a kill may have cut off the last line

        def tell(self, run, events):
            os.write(self.file, "".join(json.dumps([run, *event[:5]]) + "\\n" for event in events).encode())
            if events[0].kind in {"RunStarted", "RunResumed"}:
                print("running", flush=True)

        def close(self):
            os.close(self.file)

    def main():
        backend, verb, _, told, home = sys.argv[1:]
        do = pipeline.resume if verb == "resume" else pipeline.run
        result = do(home=home, backend=backend, workers=2, sinks=[Acknowledged(told)])
        print(json.dumps({"status": result.status, "last": result[f"k{STEPS - 1}"]}))

    if __name__ == "__main__":
        main()
"""


def events_of(home):
    ledger = SqliteLedger(home / "ledger.db")
    try:
        (summary,) = ledger.runs()
        return summary.run, list(ledger.events(summary.run))
    finally:
        ledger.close()


def look(home, told, marks):
    run, events = events_of(home)
    left = iter([[run, *map(str, event[:1]), *event[1:5]] for event in events])
    lost = next((one for one in told if one not in left), None)
    assert lost is None, f"{lost} was acknowledged, and is lost"
    for kinds in (CALL_OUTCOMES, {Kind.ATTEMPT_STARTED}):
        counted = Counter((event.node, event.item, event.attempt) for event in events if event.kind in kinds)
        assert max(counted.values(), default=0) <= 1, "recorded twice"
    done = Counter(event.node for event in events if event.kind is Kind.CALL_SUCCEEDED)
    assert max(done.values(), default=0) <= 1, "done twice"
    started = Counter(event.node for event in events if event.kind is Kind.ATTEMPT_STARTED)
    for number, times in Counter(marks).items():
        assert times <= started[f"n{number + 1}"], f"n{number + 1} was called without a record of it"
    return events


def acknowledged(file):
    """What was told; a line that a kill has cut off was not."""
    lines = file.read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("]")]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_a_chain_of_brief_calls_that_is_killed_again_and_again(program, backend, seed):
    made, rng = program(FLOW), random.Random(f"{backend} {seed}")
    files = made.folder / "marked", made.folder / "told"
    verb, told, kills, events = "run", None, 0, []
    while not events or events[-1].kind is not Kind.RUN_FINISHED:
        process = made.start(backend, verb, *map(str, files), str(made.home))
        assert process.stdout.readline().strip() == "running", process.stderr.read()
        verb = "resume"
        try:
            process.wait(timeout=rng.uniform(0.0, 0.1) if kills < 8 else 60)
            told = json.loads(process.stdout.read())
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        for pipe in (process.stdout, process.stderr):
            pipe.close()
        marks = [int(line) for line in files[0].read_text().split()] if files[0].exists() else []
        events = look(made.home, acknowledged(files[1]), marks)
    assert told in (None, {"status": "completed", "last": STEPS - 1})  # it may be killed when all is recorded
    assert events[-1].body["status"] == "completed"
    assert sum(event.kind is Kind.CALL_SUCCEEDED for event in events) == STEPS
    assert kills, "nobody was killed"
