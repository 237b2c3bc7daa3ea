"""Two real processes and one run: the one that was frozen when the other took over writes nothing more when it wakes."""

import contextlib
import os
import signal

import pytest

from weftline.app.ledgers import open_journals

pytestmark = pytest.mark.xdist_group("postgres")

FLOW = """
    import contextlib, json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node
    from weftline.app import verbs
    from weftline.app.home import Home, Request
    from weftline.errors import WeftlineError
    from weftline.store.holder import this_process

    MARKS = Path(os.environ["MARKS"])

    @node
    def first() -> int:
        return 1

    @node
    def held(first: int) -> int:
        (MARKS / f"held-{sys.argv[1]}").write_text("x")
        until = time.monotonic() + 60
        while not (MARKS / "go-on").exists() and time.monotonic() < until:
            time.sleep(0.002)
        return first + 1

    @node
    def last(held: int) -> int:
        (MARKS / f"last-{sys.argv[1]}").write_text("x")
        return held + 1

    pipeline = Pipeline([first, held, last], name="fenced")

    def main():
        with contextlib.closing(Home(Path(os.environ["WEFTLINE_HOME"]) / sys.argv[1])) as home:
            if sys.argv[1] == "zombie":
                result = verbs.run(pipeline, home, Request(cache=False))
            else:
                (found,) = home.ledger.runs()
                other = home.ledger.holder(found.run)
                assert home.ledger.claim(found.run, this_process(), instead_of=other) is None  # as if it were dead
                result = verbs.resume(found.run, home, pipeline, Request(cache=False))
            return {"status": result.status, "run": result.run}

    if __name__ == "__main__":
        try:
            told = main()
        except WeftlineError as error:
            told = {"code": error.code, "message": error.message}
        print(json.dumps(told))
"""


@pytest.mark.parametrize("moment", ["while the other works", "after the other is through"])
def test_a_process_whose_run_was_taken_over_writes_nothing_more(program, ledger_url, moment):
    made = program(FLOW)
    zombie = made.start("zombie", WEFTLINE_LEDGER=ledger_url)
    made.mark("held-zombie")
    os.killpg(zombie.pid, signal.SIGSTOP)
    heir = made.start("heir", WEFTLINE_LEDGER=ledger_url)
    made.mark("held-heir")
    if moment == "while the other works":  # the zombie's call returns, and its engine wants to record that
        (made.marks / "go-on").touch()
        os.killpg(heir.pid, signal.SIGSTOP)
        os.killpg(zombie.pid, signal.SIGCONT)
        refused = made.told(zombie)
        os.killpg(heir.pid, signal.SIGCONT)
        told = made.told(heir)
    else:
        (made.marks / "go-on").touch()
        told = made.told(heir)
        os.killpg(zombie.pid, signal.SIGCONT)
        refused = made.told(zombie)
    assert told["status"] == "completed"
    assert refused["code"] == "L803"
    assert told["run"] in refused["message"]
    assert not (made.marks / "last-zombie").exists(), "it went on with the run"
    with contextlib.closing(open_journals(ledger_url, made.folder / "unused")) as journals:
        (found,) = journals.runs()
        events = list(journals.events(found.run))
    assert found.status == "completed"
    kinds = [str(event.kind) for event in events if not event.node]
    assert kinds == ["RunStarted", "RunResumed", "RunFinished"]
    resumed = next(at for at, event in enumerate(events) if event.kind == "RunResumed")
    for node in ("held", "last"):
        (at,) = [at for at, event in enumerate(events) if event.node == node and event.kind == "CallSucceeded"]
        assert at > resumed, "the journal has what the frozen process made"
