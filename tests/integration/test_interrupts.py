"""Ctrl-C once lets running calls finish, twice stops them; either way the run is recorded as cancelled, and can be resumed."""

import os
import signal

import pytest

from weftline.model.event import Kind
from weftline.store.sqlite import SqliteLedger

FLOW = """
    import json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node

    MARKS = Path(os.environ["MARKS"])
    VERB = sys.argv[2] if len(sys.argv) > 2 else ""

    def leave(name, content="x"):
        aside = MARKS / f".{name}"
        aside.write_text(content)
        aside.rename(MARKS / name)

    @node
    def first() -> int:
        return 1

    @node
    def slow(first: int) -> int:
        leave("slow-began", str(os.getpid()))
        until = time.monotonic() + 60
        while not (MARKS / "go-on").exists() and time.monotonic() < until:
            time.sleep(0.01)
        leave("slow-ended")
        return first + 1

    @node
    def last(slow: int) -> int:
        leave("last-began")
        return slow + 1

    pipeline = Pipeline([first, slow, last], name="interrupted")

    def main():
        do = pipeline.resume if VERB == "resume" else pipeline.run
        try:
            result = do(backend=sys.argv[1], workers=2)
        except KeyboardInterrupt as error:
            print(json.dumps({"interrupted": str(error)}))
        else:
            print(json.dumps({"status": result.status, "last": result["last"]}))

    if __name__ == "__main__":
        main()
"""


def journal(home):
    ledger = SqliteLedger(home / "ledger.db")
    try:
        (summary,) = ledger.runs()
        return summary, list(ledger.events(summary.run))
    finally:
        ledger.close()


def states(events):
    return {event.node: event.body["state"] for event in events if event.kind is Kind.NODE_FINISHED}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("backend", ["inline", "threads", "processes"])
def test_once_lets_running_calls_finish(program, backend, number):
    made = program(FLOW)
    process = made.start(backend)
    made.mark("slow-began")
    os.kill(process.pid, number)
    (made.marks / "go-on").touch()
    told = made.told(process)
    assert "was interrupted" in told["interrupted"]
    summary, events = journal(made.home)
    assert summary.status == "cancelled"
    assert states(events) == {"first": "succeeded", "slow": "succeeded", "last": "cancelled"}
    assert not (made.marks / "last-began").exists()
    assert made.run(backend, "resume") == {"status": "completed", "last": 3}


@pytest.mark.parametrize("backend", ["inline", "threads", "processes"])
def test_twice_stops_and_is_recorded_as_cancelled(program, ends, backend):
    made = program(FLOW)
    process = made.start(backend)
    worker = int(made.mark("slow-began"))
    os.kill(process.pid, signal.SIGINT)
    made_heard(made)
    os.kill(process.pid, signal.SIGINT)
    told = made.told(process, limit_s=30)
    assert "was interrupted" in told["interrupted"]
    assert not (made.marks / "slow-ended").exists()
    assert ends(worker), "the call still runs"
    summary, events = journal(made.home)
    assert summary.status == "cancelled"
    assert events[-1].kind is Kind.RUN_FINISHED
    assert states(events) == {"first": "succeeded", "slow": "cancelled", "last": "cancelled"}
    (made.marks / "go-on").touch()
    assert made.run(backend, "resume") == {"status": "completed", "last": 3}


def made_heard(made):
    """A moment, so that two signals do not become one: there is nothing to be seen of the first in a call that runs inline."""
    import time

    time.sleep(0.5)


def test_the_command_line_tells_of_an_interrupted_run_by_its_exit_code(program):
    import subprocess
    import sys

    made = program(FLOW)
    words = [sys.executable, "-m", "weftline", "run", str(made.file), "--backend", "threads"]
    environment = {**os.environ, "MARKS": str(made.marks), "WEFTLINE_HOME": str(made.home)}
    process = subprocess.Popen(
        words, cwd=made.folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    made._running.append(process)
    made.mark("slow-began")
    os.kill(process.pid, signal.SIGINT)
    (made.marks / "go-on").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "weftline resume" in err
    assert "Traceback" not in err


def test_a_terminal_sends_the_signal_to_all_and_workers_do_not_mind(program):
    """Ctrl-C reaches every process of the terminal's group; workers are in groups of their own."""
    made = program(FLOW)
    process = made.start("processes")
    worker = int(made.mark("slow-began"))
    assert os.getpgid(worker) != os.getpgid(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    (made.marks / "go-on").touch()
    made.told(process)
    _, events = journal(made.home)
    assert states(events)["slow"] == "succeeded"


def test_handlers_are_as_before_when_the_run_is_over(program):
    made = program(
        """
        import json, os, signal
        from weftline import Pipeline, node

        @node
        def one() -> int:
            return 1

        if __name__ == "__main__":
            heard = []
            signal.signal(signal.SIGINT, lambda *_: heard.append("mine"))
            Pipeline([one], name="x").run(home=None, backend="inline")
            os.kill(os.getpid(), signal.SIGINT)
            print(json.dumps(heard))
        """
    )
    assert made.run() == ["mine"]
