"""Several processes on one home, at the same time."""

import os
import signal
import sqlite3

from weftline.store.sqlite import SqliteLedger

FLOW = """
    import json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node
    from weftline.errors import WeftlineError

    MARKS = Path(os.environ["MARKS"])

    def leave(name, content="x"):
        aside = MARKS / f".{name}.{os.getpid()}"
        aside.write_text(content)
        aside.rename(MARKS / name)

    def wait_for(name):
        until = time.monotonic() + 60
        while not (MARKS / name).exists() and time.monotonic() < until:
            time.sleep(0.002)

    @node
    def numbers(count: int = 30) -> list[int]:
        return list(range(count))

    @node(requires={"x": "numbers"}, over="numbers")
    def texts(x: int) -> str:
        return chr(97 + x % 26) * (1 + 3_000 * x)

    @node
    def total(texts: list[str], salt: int = 0) -> int:
        return sum(map(len, texts)) + salt

    @node
    def held() -> int:
        leave("held")
        wait_for("go-on")
        return 1

    pipeline = Pipeline([numbers, texts, total], name="shared")
    holding = Pipeline([held], name="holding")

    def main():
        verb, *words = sys.argv[1:]
        if verb == "together":
            leave(f"ready-{words[0]}")
            wait_for("all-ready")
            result = pipeline.run(backend=words[1], workers=2, params={"salt": int(words[2])})
            print(json.dumps({"status": result.status, "total": result["total"], "notes": result.notes}))
        elif verb == "hold":
            result = holding.run(backend="threads")
            print(json.dumps(result.status))
        else:
            try:
                print(json.dumps(holding.resume(backend="threads").status))
            except WeftlineError as error:
                print(json.dumps([error.code, error.message, error.transient]))

    if __name__ == "__main__":
        main()
"""

TOTAL = sum(1 + 3_000 * x for x in range(30))


def together(made, count, backend, salt=lambda number: 0):
    """So many processes, which all begin at the same moment."""
    processes = [made.start("together", str(number), backend, str(salt(number))) for number in range(count)]
    for number in range(count):
        made.mark(f"ready-{number}")
    (made.marks / "all-ready").touch()
    return [made.told(process, limit_s=120) for process in processes]


def journals(home):
    ledger = SqliteLedger(home / "ledger.db")
    try:
        return ledger.runs(), [list(ledger.events(found.run)) for found in ledger.runs()]
    finally:
        ledger.close()


def test_processes_that_make_a_home_at_the_same_moment(program):
    made = program(FLOW)
    for told in together(made, 6, "inline"):
        assert told == {"status": "completed", "total": TOTAL, "notes": []}
    runs, events = journals(made.home)
    assert [found.status for found in runs] == ["completed"] * 6
    assert len({found.run for found in runs}) == 6
    assert all(journal[-1].body["status"] == "completed" for journal in events)


def test_processes_that_compute_the_same_and_different_things(program):
    made = program(FLOW)
    for number, told in enumerate(together(made, 4, "threads", salt=lambda number: number // 2)):
        assert told == {"status": "completed", "total": TOTAL + number // 2, "notes": []}
    index = sqlite3.connect(made.home / "cache" / "index.db")
    assert index.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert index.execute("SELECT count(*) FROM (SELECT DISTINCT key FROM results)").fetchone()[0] >= 33
    index.close()
    assert not list((made.home / "cache" / "objects").rglob(".*"))


def test_a_run_that_a_living_process_works_on_cannot_be_resumed(program):
    made = program(FLOW)
    process = made.start("hold")
    made.mark("held")
    code, message, transient = made.run("resume")
    assert (code, transient) == ("R513", True)
    assert str(process.pid) in message
    (made.marks / "go-on").touch()
    assert made.told(process) == "completed"
    assert made.run("resume")[0] == "R510"


def test_the_run_of_a_dead_process_can_be_resumed(program):
    made = program(FLOW)
    process = made.start("hold")
    made.mark("held")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (made.marks / "go-on").touch()
    assert made.run("resume") == "completed"


def test_the_run_of_a_dead_process_that_nobody_has_collected_can_be_resumed(program):
    made = program(FLOW)
    process = made.start("hold")
    made.mark("held")
    os.killpg(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended; its parent has not asked
    (made.marks / "go-on").touch()
    assert made.run("resume") == "completed"


def test_of_several_that_resume_a_dead_run_one_does(program):
    made = program(FLOW)
    process = made.start("hold")
    made.mark("held")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    resuming = [made.start("resume") for _ in range(4)]
    (made.marks / "go-on").touch()
    told = [made.told(one) for one in resuming]
    assert "completed" in told
    assert all(one == "completed" or one[0] in {"R510", "R513"} for one in told), told
    assert told.count("completed") == 1
    _, (events,) = journals(made.home)
    assert sum(1 for event in events if event.kind == "CallSucceeded") == 1
