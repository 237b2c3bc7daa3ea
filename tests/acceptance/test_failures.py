"""What a user sees when something goes wrong: the frame, the log, the next commands, the exit code."""

from __future__ import annotations

import json

FLOW = """
from weftline import Pipeline, Policy, node

@node(provides="rows")
def load() -> list[int]:
    return [1, 2, 0, 4]

def invert(value: int) -> float:
    return 1 / value

@node(provides="inverted", over="rows", requires={"row": "rows"}, on_item_error="skip", min_success=0.5)
def inverted(row: int) -> float:
    print(f"inverting {row}")
    return invert(row)

@node(provides="total", requires={"values": "inverted"})
def total(values: list[float], fail: bool = False) -> float:
    if fail:
        print("about to fail")
        raise ValueError("asked to fail")
    return sum(values)

pipeline = Pipeline([load, inverted, total])
"""


def test_a_failed_item_is_left_out_and_told(shell) -> None:
    shell.write("flow.py", FLOW)
    done = shell("run", "flow.py")
    assert done.returncode == 1
    assert "inverted[2] failed: ZeroDivisionError" in done.stderr
    assert "at   flow.py:9" in done.stderr
    assert "return 1 / value" in done.stderr
    assert "log  inverting 0" in done.stderr
    assert "partial in" in done.stderr
    run = shell.json("run", "flow.py", code=1)
    assert run["status"] == "partial"
    calls = next(step["calls"] for step in run["steps"] if step["node"] == "inverted")
    assert calls == {"total": 4, "ran": 0, "cached": 3, "failed": 1}


def test_a_failed_node_stops_the_run_and_can_be_resumed(shell) -> None:
    shell.write("flow.py", FLOW.replace("1, 2, 0, 4", "1, 2, 4"))
    done = shell("run", "flow.py", "-p", "fail=true")
    assert done.returncode == 1
    assert "total failed: ValueError: asked to fail" in done.stderr
    assert "log  about to fail" in done.stderr
    run = json.loads(shell("runs", "--json").stdout)["runs"][0]["run"]
    assert f"weftline resume {run}" in done.stderr
    assert f"weftline logs {run} total" in done.stderr
    assert "Traceback" in shell("logs", run, "total").stdout
    shell.edit("flow.py", "if fail:", "if fail and False:")
    resumed = shell.json("resume", run)
    assert resumed["run"] == run
    assert {step["node"]: step["status"] for step in resumed["steps"]} == {
        "load": "cached",
        "inverted": "cached",
        "total": "succeeded",
    }
    again = shell("resume", run)
    assert again.returncode == 3
    assert "[R510]" in again.stderr


def test_events_as_lines_of_json(shell) -> None:
    shell.write("flow.py", FLOW.replace("1, 2, 0, 4", "1, 2, 4"))
    done = shell("run", "flow.py", "--progress", "ndjson")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["event"] for event in events[:2]] == ["RunStarted", "NodeStarted"]
    assert events[-1]["event"] == "RunFinished"
    assert events[-1]["status"] == "completed"
    assert sum(event["event"] == "CallSucceeded" and event["node"] == "inverted" for event in events) == 3


def test_no_stack_trace_without_debug(shell) -> None:
    done = shell("plan", "nowhere.py")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Traceback" in shell("--debug", "plan", "nowhere.py").stderr


def test_plain_when_piped_or_told(shell) -> None:
    shell("init")
    assert "\x1b[" not in shell("plan", "flow.py").stdout
    assert "\x1b[" not in shell("run", "flow.py", "--progress", "live", NO_COLOR="1").stdout
