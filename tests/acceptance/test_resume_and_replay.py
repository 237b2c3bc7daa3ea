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


# --- dead letters ---


def letters(shell, *words: str) -> list[dict]:
    return shell.json("dlq", "ls", *words)["letters"]


def test_three_of_twenty_that_failed_are_made_again_and_the_run_is_completed(shell) -> None:
    """With mended code: the other seventeen stand, although the code that made them is another one now."""
    shell.write("flow.py", FLOW.replace("return scale(row)", "return scale(row)  # as it was"))
    assert shell("run", "flow.py").returncode == 1
    run = newest(shell)["run"]
    found = letters(shell)
    assert [(letter["node"], letter["item"], letter["state"], letter["attempts"]) for letter in found] == [
        ("scaled", item, "open", 1) for item in (3, 7, 11)
    ]
    assert all(letter["key"] and set(letter["inputs"]) == {"row"} for letter in found)
    shell.edit("flow.py", 'if row in (3, 7, 11) and not Path("mended").exists():', "if row < 0:")
    shell.edit("flow.py", "return value * 10", "return value * 1000")
    made(shell)
    done = shell.json("dlq", "replay", "--run", run)
    assert made(shell) == Counter(["scaled 3", "scaled 7", "scaled 11", "total"])
    assert done["runs"] == [{"run": run, "status": "completed"}]
    assert {(letter["state"], letter["settled_by"]) for letter in done["letters"]} == {("resolved", run)}
    assert letters(shell) == []
    assert len(letters(shell, "--settled")) == 3
    assert (newest(shell)["run"], newest(shell)["status"], newest(shell)["resumed"]) == (run, "completed", 1)
    assert "replayed 3 calls" in shell("status").stdout
    states = {node["node"]: (node["state"], len(node["calls"])) for node in shell.json("status")["nodes"]}
    assert states == {"load": ("succeeded", 1), "scaled": ("succeeded", 20), "total": ("succeeded", 1)}
    assert shell.json("status")["resumptions"][0]["replayed"] == ["scaled[3]", "scaled[7]", "scaled[11]"]
    assert newest_total(shell) == 10 * (sum(range(20)) - 21) + 1000 * 21


def newest_total(shell) -> int:
    """What the newest run has as its total: by the key in its journal, from its cache."""
    program = """
from pathlib import Path
from weftline.app import outputs
from weftline.app.home import Home
home = Home(Path(".weftline"))
found = outputs.newest_output(home, "total", int)
home.close()
print(found[0])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=shell.folder, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_one_of_three_is_made_again_and_the_run_stays_partial(shell) -> None:
    shell.write("flow.py", FLOW)
    assert shell("run", "flow.py").returncode == 1
    found = letters(shell)
    shell.write("mended", "")
    made(shell)
    done = shell("dlq", "replay", found[1]["id"])
    assert done.returncode == 0
    assert made(shell) == Counter(["scaled 7", "total"])
    assert "1 call made again: 1 succeeded, 0 failed" in done.stderr
    assert newest(shell)["status"] == "partial"
    assert [letter["item"] for letter in letters(shell)] == [3, 11]
    assert shell("dlq", "replay", "--all").returncode == 0
    assert made(shell) == Counter(["scaled 3", "scaled 11", "total"])
    assert newest(shell)["status"] == "completed"


def test_what_fails_again_stays_with_one_attempt_more(shell) -> None:
    shell.write("flow.py", FLOW)
    assert shell("run", "flow.py").returncode == 1
    assert shell("dlq", "replay", "--node", "scaled").returncode == 1
    assert [(letter["item"], letter["attempts"]) for letter in letters(shell)] == [(3, 2), (7, 2), (11, 2)]
    assert newest(shell)["status"] == "partial"


def test_where_the_first_failure_ended_the_node_the_calls_that_failed_are_made_and_no_others(shell) -> None:
    """Each of them is tried, whatever becomes of the others; what never began is left to `resume`."""
    shell.write("flow.py", FLOW.replace(', on_item_error="skip"', ""))
    assert shell("run", "flow.py", "--workers", "1", "-p", "count=2000").returncode == 1
    begun = made(shell)
    assert len(begun) < 2000, "some calls never began"
    failed = [f"scaled {letter['item']}" for letter in letters(shell)]
    assert failed[0] == "scaled 3"
    shell.write("mended", "")
    done = shell("dlq", "replay", "--all")
    assert done.returncode == 0
    assert made(shell) == Counter(failed)
    assert (newest(shell)["status"], letters(shell)) == ("failed", [])
    assert "next: weftline resume" in done.stderr
    assert shell("resume").returncode == 0
    assert made(shell) == Counter({*(f"scaled {row}" for row in range(2000)), "total"} - set(begun))


def test_a_replay_that_was_killed_is_made_again(shell) -> None:
    """What it had made is kept; the run is what it was, until nothing is missing."""
    slow = (
        'if row == 11 and Path("slow").exists():\n        Path("begun").touch()\n        time.sleep(60)\n    return scale(row)'
    )
    shell.write("flow.py", FLOW.replace("return scale(row)", slow))
    assert shell("run", "flow.py").returncode == 1
    shell.write("slow", "")
    shell.write("mended", "")
    words = [sys.executable, "-m", "weftline", "dlq", "replay", "--all"]
    process = subprocess.Popen(words, cwd=shell.folder, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (shell.folder / "begun").exists() or len(letters(shell)) > 1:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert shell("dlq", "replay", "--all").returncode == 4, "somebody works on it"
    process.kill()
    process.wait()
    assert newest(shell)["status"] == "abandoned"
    (shell.folder / "slow").unlink()
    made(shell)
    assert shell("dlq", "replay", "--all").returncode == 0
    assert made(shell) == Counter(["scaled 11", "total"])
    assert newest(shell)["status"] == "completed"


def test_a_run_that_was_killed_is_resumed_and_not_replayed(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("slow", "")
    process = subprocess.Popen(
        [sys.executable, "-m", "weftline", "run", "flow.py"], cwd=shell.folder, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while not (shell.folder / "begun").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    process.kill()
    process.wait()
    told = shell("dlq", "replay", "--all")
    assert told.returncode == 3
    assert "[R510]" in told.stderr
    assert "weftline resume" in told.stderr


def test_a_result_that_another_run_made_resolves_a_letter(shell) -> None:
    shell.write("flow.py", FLOW)
    assert shell("run", "flow.py").returncode == 1
    shell.write("mended", "")
    assert shell("run", "flow.py").returncode == 0
    assert letters(shell) == []
    other = newest(shell)["run"]
    assert {letter["settled_by"] for letter in letters(shell, "--settled")} == {other}


def test_a_letter_is_shown_and_dropped(shell) -> None:
    shell.write("flow.py", FLOW)
    assert shell("run", "flow.py").returncode == 1
    first, second, third = letters(shell)
    shown = shell("dlq", "show", first["id"][:6]).stdout
    assert "scaled[3] of run" in shown
    assert "ValueError: row 3 is broken   (flow.py:" in shown
    assert first["inputs"]["row"][:12] in shown
    assert f"weftline dlq replay {first['id']}" in shown
    assert shell("dlq", "drop", first["id"], second["id"]).stderr == "dropped 2 dead letters\n"
    assert letters(shell) == [third]
    assert [letter["state"] for letter in letters(shell, "--settled")] == ["dropped", "dropped", "open"]
    assert newest(shell)["status"] == "partial"
    assert shell.json("dlq", "replay", first["id"], code=2)["findings"][0]["code"] == "R534"
    assert shell("dlq", "replay").returncode == 2
    assert shell("dlq", "drop", "--all", "--node", "scaled").returncode == 2


def test_what_is_gone_from_the_cache_is_told_and_nothing_runs(shell) -> None:
    shell.write("flow.py", FLOW)
    assert shell("run", "flow.py").returncode == 1
    key = shell.json("cache", "ls", "load")["entries"][0]["key"]
    assert shell("cache", "forget", "load").returncode == 0
    made(shell)
    done = shell.json("dlq", "replay", "--all", code=3)
    assert [(found["code"], found["message"].count(key)) for found in done["findings"]] == [("R531", 1)]
    assert "weftline resume" in done["findings"][0]["fix"]
    assert made(shell) == Counter()
    assert newest(shell)["resumed"] == 0


def test_another_input_is_told_and_nothing_runs(shell) -> None:
    """A file that was given to the run has another content now."""
    shell.write(
        "flow.py",
        FLOW.replace('requires={"row": "rows"}', 'requires={"row": "rows", "more": "more"}')
        .replace("def scaled(row: int)", "def scaled(row: int, more: Path)")
        .replace("Pipeline([load, scaled, total])", 'Pipeline([load, scaled, total], inputs={"more": Path})'),
    )
    shell.write("more.txt", "one")
    assert shell("run", "flow.py", "-p", "more=more.txt").returncode == 1
    shell.write("more.txt", "two")
    made(shell)
    done = shell.json("dlq", "replay", "--all", code=3)
    assert [found["code"] for found in done["findings"]] == ["R533"]
    assert made(shell) == Counter()
    shell.write("more.txt", "one")
    shell.write("mended", "")
    assert shell("dlq", "replay", "--all").returncode == 0


# --- one node with the inputs of an old run ---


def test_a_node_alone_with_the_inputs_of_an_old_run_after_the_code_before_it_changed(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    assert shell("run", "flow.py", "-p", "count=5").returncode == 0
    old = newest(shell)["run"]
    shell.edit("flow.py", "return value * 10", "return value * 1000")
    assert shell("run", "flow.py", "-p", "count=6").returncode == 0
    made(shell)
    words = ("flow.py", "--only", "total", "--inputs-from", old)
    planned = shell.json("plan", *words)
    assert {step["node"]: step["decision"] for step in planned["steps"]} == {
        "load": "SKIP",
        "scaled": "SKIP",
        "total": "CACHED",
    }
    reasons = {step["node"]: step["reason"]["detail"] for step in planned["steps"]}
    assert reasons == {"load": "", "scaled": f"its output is that of run {old}", "total": ""}
    shell.edit("flow.py", "return sum(values)", "return sum(values) + 1")
    assert f"not-selected: its output is that of run {old}" in shell("plan", *words).stdout
    done = shell.json("run", *words)
    assert made(shell) == Counter(["total"])
    assert newest_total(shell) == 10 * sum(range(5)) + 1
    assert (newest(shell)["inputs_from"], newest(shell)["status"]) == (old, "completed")
    assert done["run"] != old
    assert f"inputs from {old}" in shell("status").stdout
    assert f"inputs from {old}" in shell("runs").stdout
    forced = shell.json("run", "flow.py", "--only", "total", "--inputs-from", done["run"][:-2], "--force", "total")
    assert made(shell) == Counter(["total"]), "what that run read in its turn"
    assert newest(shell)["run"] == forced["run"]
    assert newest_total(shell) == 10 * sum(range(5)) + 1


def test_without_items_that_failed_then(shell) -> None:
    """The list is as the old run had it: without them."""
    shell.write("flow.py", FLOW)
    assert shell("run", "flow.py").returncode == 1
    old = newest(shell)["run"]
    shell.write("mended", "")
    assert shell("dlq", "replay", "--run", old).returncode == 0
    assert shell("run", "flow.py", "--only", "total", "--inputs-from", old, "--force", "total").returncode == 0
    assert newest_total(shell) == 10 * sum(range(20))
    (shell.folder / "mended").unlink()
    assert shell("run", "flow.py", "--refresh").returncode == 1
    partial = newest(shell)["run"]
    assert shell("run", "flow.py", "--only", "total", "--inputs-from", partial, "--force", "total").returncode == 0
    assert newest_total(shell) == 10 * (sum(range(20)) - 21)


def test_the_parameters_of_the_old_run_hold_unless_others_are_given(shell) -> None:
    shell.write(
        "flow.py",
        FLOW.replace("values: list[int])", "values: list[int], more: int = 0)").replace(
            "return sum(values)", "return sum(values) + more"
        ),
    )
    shell.write("mended", "")
    assert shell("run", "flow.py", "-p", "more=7").returncode == 0
    words = ("run", "flow.py", "--only", "total", "--inputs-from", newest(shell)["run"])
    assert shell(*words).returncode == 0
    assert newest_total(shell) == 10 * sum(range(20)) + 7
    assert shell(*words, "-p", "more=9").returncode == 0
    assert newest_total(shell) == 10 * sum(range(20)) + 9


def test_an_input_that_is_gone_or_was_never_there_is_told(shell) -> None:
    shell.write("flow.py", FLOW)
    assert shell("run", "flow.py", "load").returncode == 0
    none = newest(shell)["run"]
    shell.write("mended", "")
    assert shell("run", "flow.py").returncode == 0
    old = newest(shell)["run"]
    keys = {entry["key"] for entry in shell.json("cache", "ls", "scaled")["entries"]}
    assert shell("cache", "forget", "scaled").returncode == 0
    made(shell)
    done = shell.json("run", "flow.py", "--only", "total", "--inputs-from", old, code=3)
    assert {found["code"] for found in done["findings"]} == {"R531"}
    told = " ".join(found["message"] for found in done["findings"])
    assert all(key in told for key in keys)
    assert "--inputs-from" in done["findings"][0]["fix"]
    done = shell.json("run", "flow.py", "--only", "total", "--inputs-from", none, code=3)
    assert [found["code"] for found in done["findings"]] == ["R532"]
    assert made(shell) == Counter()
    for words in (["--inputs-from", old], ["--only", "total", "--inputs-from", "2020"]):
        assert shell("run", "flow.py", *words).returncode == 2
    assert shell("run", "flow.py", "--only", "totla", "--inputs-from", old).returncode == 3


def test_such_a_run_is_resumed_with_the_same_inputs(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    assert shell("run", "flow.py").returncode == 0
    old = newest(shell)["run"]
    shell.edit("flow.py", "return value * 10", "return value * 1000")
    shell.write("away", "")
    assert shell("run", "flow.py", "--only", "total", "--inputs-from", old, "--force", "total").returncode == 1
    (shell.folder / "away").unlink()
    made(shell)
    assert shell("resume").returncode == 0
    assert made(shell) == Counter(["total"])
    assert newest_total(shell) == 10 * sum(range(20))


def test_a_kept_plan_says_whose_inputs_it_reads(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    assert shell("run", "flow.py").returncode == 0
    old = newest(shell)["run"]
    shell.edit("flow.py", "return sum(values)", "return sum(values) + 1")
    assert shell("plan", "flow.py", "--only", "total", "--inputs-from", old, "-o", "plan.json").returncode == 2
    shell.edit("flow.py", "return value * 10", "return value * 1000")
    made(shell)
    assert shell("run", "--plan", "plan.json").returncode == 0
    assert made(shell) == Counter(["total"])
    assert newest_total(shell) == 10 * sum(range(20)) + 1


# --- two runs beside each other ---


def test_what_is_different_between_two_runs(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    assert shell("run", "flow.py").returncode == 0
    first = newest(shell)["run"]
    assert shell("run", "flow.py").returncode == 0
    same = shell.json("runs", "diff", first)
    assert (same["same"], same["first"]) == (True, None)
    assert [(node["a"]["decision"], node["b"]["decision"]) for node in same["nodes"]] == [("RUN", "CACHED")] * 3
    shell.edit("flow.py", "return value * 10", "return value * 1000")
    (shell.folder / "mended").unlink()
    shell.write("away", "")
    assert shell("run", "flow.py").returncode == 1
    second = newest(shell)["run"]
    found = shell.json("runs", "diff", first, second, code=1)
    assert (found["same"], found["first"]) == (False, "scaled")
    nodes = {node["node"]: node for node in found["nodes"]}
    assert nodes["load"]["same"]
    (part,) = nodes["scaled"]["parts"]
    assert (part["topic"], part["name"], part["state"]) == ("code", "scale()", "changed")
    assert "-    return value * 10" in part["diff"]
    assert "+    return value * 1000" in part["diff"]
    assert nodes["scaled"]["b"]["failed"] == 3
    assert [each["name"] for each in nodes["total"]["inputs"]] == ["values"]
    assert (nodes["total"]["a"]["state"], nodes["total"]["b"]["state"]) == ("succeeded", "failed")
    shown = shell("runs", "diff", first, second)
    assert shown.returncode == 1
    assert "code scale() changed" in shown.stdout
    assert "+    return value * 1000" in shown.stdout
    assert "0 -> 3 failed" in shown.stdout
    assert "ConnectionError: the service is away" in shown.stdout
    assert "the first that is different: scaled" in shown.stdout
    assert shell("runs", "diff", "2020", second).returncode == 2


def test_parameters_and_nodes_that_are_in_one_run_alone(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write("mended", "")
    assert shell("run", "flow.py").returncode == 0
    first = newest(shell)["run"]
    shell.edit("flow.py", "[load, scaled, total]", "[load, scaled]")
    assert shell("run", "flow.py", "-p", "count=5").returncode == 0
    found = shell.json("runs", "diff", first, code=1)
    assert found["first"] == "load"
    nodes = {node["node"]: node for node in found["nodes"]}
    assert [(part["topic"], part["was"], part["now"]) for part in nodes["load"]["parts"]] == [("param", "20", "5")]
    assert nodes["total"]["b"] is None
    assert "only in A" in shell("runs", "diff", first).stdout


# --- in Python ---


def test_a_program_replays_and_compares(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.write(
        "program.py",
        """
from pathlib import Path

from flow import pipeline

first = pipeline.run(given={}, params={"count": 12})
letters = pipeline.dead_letters()
print([letter.label for letter in letters], [letter.error["error"] for letter in letters][0])
Path("mended").touch()
(done,) = pipeline.replay(letters[:2])
print(done.run == first.run, done.status, len(pipeline.dead_letters(run=first.run)))
(done,) = pipeline.replay(pipeline.dead_letters(node="scaled"))
print(done.status, done["total"], pipeline.dead_letters(), len(pipeline.dead_letters(settled=True)))
alone = pipeline.run(targets="only:total", inputs_from=first.run, force=["total"])
print(alone.plan["scaled"].reason.detail == f"its output is that of run {first.run}", alone["total"])
found = pipeline.compare(first.run, alone.run)
print(found.is_same, found.first)
""",
    )
    done = subprocess.run([sys.executable, "program.py"], cwd=shell.folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "['scaled[3]', 'scaled[7]', 'scaled[11]'] ValueError",
        "True partial 1",
        "completed 660 [] 3",
        "True 660",
        "True None",
    ]
