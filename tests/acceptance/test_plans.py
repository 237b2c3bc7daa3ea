"""Plans on the command line: exit codes, and plans that are kept in a file and run later."""

from __future__ import annotations

import json

FLOW = """
from weftline import Pipeline, node

def scale(value: int) -> int:
    return value * 10

@node(provides="rows", tags=["data"])
def load(count: int = 3) -> list[int]:
    return list(range(count))

@node(provides="total", requires={"values": "rows"})
def total(values: list[int]) -> int:
    return sum(map(scale, values))

pipeline = Pipeline([load, total])
"""


def test_a_plan_exits_with_0_2_or_3(shell) -> None:
    """0 nothing to do, 2 work pending, 3 not valid; a wrong command line is 2 as well, and says so."""
    shell.write("flow.py", FLOW)
    assert shell("plan", "flow.py").returncode == 2
    assert shell("plan", "flow.py", "load").returncode == 2
    shell("run", "flow.py")
    assert shell("plan", "flow.py").returncode == 0
    assert shell("plan", "flow.py", "load").returncode == 0
    assert shell("plan", "flow.py", "--force", "load").returncode == 2
    assert shell("plan", "flow.py", "--refresh").returncode == 2
    assert shell("plan", "flow.py", "--no-cache").returncode == 2
    assert shell("plan", "flow.py", "-p", "count=4").returncode == 2
    for words in (["nothing"], ["-p", "count=x"], ["-p", "nothing=1"], ["--force", "nothing"]):
        done = shell("plan", "flow.py", *words)
        assert (done.returncode, done.stdout) == (3, ""), words
        assert done.stderr.startswith("[G200]")
    assert shell("plan", "nothing.py").returncode == 2
    assert shell("plan", "flow.py", "-p", "count").returncode == 2
    shell.edit("flow.py", '{"values": "rows"}', '{"values": "gone"}')
    assert shell("plan", "flow.py").returncode == 3


def test_exit_codes_are_the_same_with_json_and_with_a_file(shell) -> None:
    shell.write("flow.py", FLOW)
    shell.json("plan", "flow.py", code=2)
    assert shell("plan", "flow.py", "-o", "plan.json").returncode == 2
    shell("run", "flow.py")
    shell.json("plan", "flow.py", code=0)
    assert shell("plan", "flow.py", "-o", "plan.json").returncode == 0
    before = (shell.folder / "plan.json").read_text()
    assert shell("plan", "flow.py", "nothing", "-o", "plan.json").returncode == 3
    assert (shell.folder / "plan.json").read_text() == before, "what is not valid is not kept"
    assert shell.json("plan", "flow.py", "nothing", code=3)["findings"][0]["code"] == "P305"


def test_a_kept_plan_runs_and_ends_as_a_run_does(shell) -> None:
    shell.write("flow.py", FLOW)
    shell("plan", "flow.py", "+load", "-p", "count=5", "-b", "inline", "-w", "1", "-o", "plan.json")
    run = shell.json("run", "--plan", "plan.json")
    assert [(step["node"], step["status"]) for step in run["steps"]] == [("load", "succeeded"), ("total", "skipped")]
    again = shell("run", "--plan", "plan.json", "--json")
    assert again.returncode == 3
    (finding,) = json.loads(again.stdout)["findings"]
    assert finding["code"] == "P309"
    assert "load: RUN then, CACHED now" in finding["message"]


def test_a_kept_plan_takes_the_place_of_all_that_decides(shell) -> None:
    shell.write("flow.py", FLOW)
    shell("plan", "flow.py", "-o", "plan.json")
    for words in (
        ["load"],
        ["-p", "count=3"],
        ["--force", "load"],
        ["-b", "inline"],
        ["-w", "2"],
        ["--exclude", "load"],
        ["--no-cache"],
        ["--refresh"],
    ):
        target = ["flow.py"] if words == ["load"] else []
        done = shell("run", *target, *words, "--plan", "plan.json")
        assert done.returncode == 2, words
        assert words[0] in done.stderr
    (shell.folder / "flow.py").rename(shell.folder / "moved.py")
    assert shell("run", "--plan", "plan.json").returncode == 2
    moved = shell("run", "moved.py", "--plan", "plan.json")
    assert moved.returncode == 3, "a pipeline without a name is called like its file"
    assert "pipeline flow then, moved now" in moved.stderr


def test_what_is_left_out_is_left_out_of_a_run_a_kept_plan_and_a_resumption(shell) -> None:
    shell.write("flow.py", FLOW.replace("return list", "open('there').close()\n    return list"))
    told = shell("plan", "flow.py", "--exclude", "total", "--exclude", "tag:nothing", "-o", "plan.json")
    assert (told.returncode, "not:tag:nothing" in told.stderr) == (3, True)
    assert shell("plan", "flow.py", "--exclude", "total", "-o", "plan.json").returncode == 2
    assert shell("run", "flow.py", "--exclude", "total").returncode == 1
    shell.write("there", "")
    assert shell.json("resume")["summary"]["skipped"] == 1
    shell("cache", "forget", "load")
    shell("plan", "flow.py", "--exclude", "total", "-o", "plan.json")
    summary = shell.json("run", "--plan", "plan.json")["summary"]
    assert (summary["ran"], summary["skipped"]) == (1, 1)


def test_a_failure_of_a_kept_plan_names_what_to_type(shell) -> None:
    shell.write("flow.py", FLOW.replace("return sum", "raise ValueError('no')\n    return sum"))
    shell("plan", "flow.py", "-p", "count=2", "-o", "plan.json")
    done = shell("run", "--plan", "plan.json")
    assert done.returncode == 1
    assert "weftline why flow.py total -p count=2" in done.stderr


def test_run_without_a_target_or_a_plan_is_a_wrong_command_line(shell) -> None:
    done = shell("run")
    assert done.returncode == 2
    assert "TARGET" in done.stderr
