"""Resuming, replaying and comparing runs, as a user does it: the real program in real folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter

FLOW = """
import os
import time
from pathlib import Path

from weftline import Pipeline, node

def note(name):
    with open("made", "a") as file:
        file.write(name + "\\n")

def scale(value: int) -> int:
    return value * 10

@node(provides="rows")
def load(count: int = 20) -> list[int]:
    note("load")
    return list(range(count))

@node(provides="scaled", requires={"row": "rows"}, over="rows", on_item_error="skip")
def scaled(row: int) -> int:
    note(f"scaled {row}")
    if row in (3, 7, 11) and not Path("mended").exists():
        raise ValueError(f"row {row} is broken")
    return scale(row)

@node(provides="total", requires={"values": "scaled"})
def total(values: list[int]) -> int:
    note("total")
    if Path("slow").exists():
        Path("begun").touch()
        time.sleep(60)
    if Path("away").exists():
        raise ConnectionError("the service is away")
    return sum(values)

pipeline = Pipeline([load, scaled, total])
"""


def made(shell) -> Counter[str]:
    """What has run since this was last asked."""
    file = shell.folder / "made"
    found = Counter(file.read_text().split("\n")[:-1]) if file.exists() else Counter()
    file.write_text("")
    return found


def newest(shell) -> dict:
    return shell.json("runs")["runs"][0]


# --- resume ---


def test_what_is_behind_a_node_is_made_again_and_the_rest_is_kept(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    shell.write("away", "")
    assert shell("run", "flow.py").returncode == 1
    assert made(shell) == Counter(["load", *(f"scaled {row}" for row in range(20)), "total"])
    (shell.folder / "away").unlink()
    done = shell.json("resume", "--from", "scaled")
    assert done["status"] == "completed"
    assert made(shell) == Counter([*(f"scaled {row}" for row in range(20)), "total"])
    told = shell.json("status")
    assert [(each["from"], each["replayed"]) for each in told["resumptions"]] == [(["scaled"], [])]
    assert "resumed 1 x, from scaled" in shell("status").stdout
    assert "resumed 1 x" in shell("runs").stdout
    assert newest(shell)["resumed"] == 1


def test_killed_while_making_again_it_goes_on_and_forgets_nothing(shell) -> None:
    """What was made again counts; what was to be made again, and was not yet, does not count because it was made before."""
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    shell.write("slow", "")
    words = [sys.executable, "-m", "weftline"]
    for verb in (["run", "flow.py"], ["resume", "--from", "scaled"]):
        process = subprocess.Popen([*words, *verb], cwd=shell.folder, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not (shell.folder / "begun").exists():
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        (shell.folder / "begun").unlink()
    counted = made(shell)
    assert counted.pop("load") == 1
    assert set(counted.values()) == {2}, "all of it was made a second time"
    (shell.folder / "slow").unlink()
    done = shell.json("resume")
    assert done["status"] == "completed"
    assert made(shell) == Counter(["total"])
    assert shell.json("resume", code=3)["findings"][0]["code"] == "R510"


def test_a_cached_result_is_no_reason_not_to_make_it_again(shell) -> None:
    """Neither one of this run nor one of another."""
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    assert shell("run", "flow.py").returncode == 0
    shell.write("away", "")
    assert shell("run", "flow.py", "--force", "total").returncode == 1
    (shell.folder / "away").unlink()
    made(shell)
    assert shell("resume", "--from", "load").returncode == 0
    assert made(shell) == Counter(["load", *(f"scaled {row}" for row in range(20)), "total"])


def test_the_newest_run_that_can_be_resumed_is_meant(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    shell.write("away", "")
    assert shell("run", "flow.py").returncode == 1
    failed = newest(shell)["run"]
    (shell.folder / "away").unlink()
    assert shell("run", "flow.py", "-p", "count=3").returncode == 0
    assert shell.json("resume")["run"] == failed
    assert shell.json("resume", code=3)["findings"][0]["code"] == "R510"


def test_what_cannot_be_resumed_is_told(shell) -> None:
    shell.write("flow.py", FLOW)
    assert "[R509]" in shell("resume").stderr
    assert shell("run", "flow.py", "scaled+", "load").returncode == 1
    run = newest(shell)["run"]
    assert "[R509]" in shell("resume", "20200101").stderr
    unknown = shell("resume", "--from", "scald")
    assert unknown.returncode == 3
    assert "did you mean 'scaled'?" in unknown.stderr
    assert newest(shell)["status"] == "partial"
    assert shell("run", "flow.py", "load", "scaled").returncode == 1
    left_out = shell("resume", "--from", "total")
    assert left_out.returncode == 2
    assert "it is not part of run" in left_out.stderr
    shell.write("mended", "")
    assert shell("resume", run, "--from", "scaled").returncode == 0
    complete = shell("resume", run, "--from", "scaled")
    assert complete.returncode == 3
    assert "it is complete" in complete.stderr


def test_a_run_that_a_living_process_works_on_is_left_alone(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("slow", "")
    process = subprocess.Popen(
        [sys.executable, "-m", "weftline", "run", "flow.py"], cwd=shell.folder, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while not (shell.folder / "begun").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        for words in (["resume"], ["resume", newest(shell)["run"], "--from", "load"]):
            done = shell(*words)
            assert done.returncode == 4
            assert "[R513]" in done.stderr
    finally:
        process.kill()
        process.wait()


def test_a_program_makes_a_part_of_its_run_again(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    shell.write("away", "")
    shell.write(
        "program.py",
        """
from pathlib import Path

from flow import pipeline

failed = pipeline.run()
Path("away").unlink()
done = pipeline.resume(again="scaled")
print(failed.run == done.run, failed.status, done.status)
""",
    )
    done = subprocess.run([sys.executable, "program.py"], cwd=shell.folder, capture_output=True, text=True, check=True)
    assert done.stdout == "True failed completed\n"
    assert made(shell)["scaled 1"] == 2
