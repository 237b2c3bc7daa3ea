"""`weftline runs`: what ran, and which journals may go."""

from __future__ import annotations

import pytest

FLOW = """
from weftline import Pipeline, node


@node(provides="rows")
def load(count: int = 3) -> list[int]:
    print("loading")
    return list(range(count))


pipeline = Pipeline([load])
"""


@pytest.fixture
def flow(shell):
    shell.write("flow.py", FLOW)
    for count in range(4):
        shell.json("run", "flow.py", "-p", f"count={count}")
    return shell


def runs(flow) -> list[str]:
    return [line["run"] for line in flow.json("runs")["runs"]]


def test_old_journals_go_with_their_logs_and_results_stay(flow) -> None:
    before = runs(flow)
    trial = flow.json("runs", "gc", "--keep-runs", "2", "--dry-run")
    assert [run["run"] for run in trial["removed"]] == before[2:]
    assert runs(flow) == before
    assert flow("runs", "gc", "--keep-runs", "2", "--dry-run").stdout.splitlines()[-1] == "would remove 2 of 4 runs"
    assert flow("runs", "gc", "--keep-runs", "2").stdout == "removed 2 of 4 runs\n"
    assert runs(flow) == before[:2]
    assert sorted(path.name for path in (flow.folder / ".weftline" / "logs").iterdir()) == sorted(before[:2])
    assert flow("status", before[3]).returncode == 2
    assert flow.json("plan", "flow.py", "-p", "count=0")["steps"][0]["decision"] == "CACHED"
    why = flow.json("plan", "flow.py", "-p", "count=9", code=2)["steps"][0]["reason"]
    assert why["code"] == "param", "what was known of the last time is gone"


def test_what_either_option_keeps_stays(flow) -> None:
    assert flow.json("runs", "gc", "--keep-days", "1", "--keep-runs", "1")["removed"] == []
    assert flow.json("runs", "gc", "--keep-days", "0", "--keep-runs", "4")["removed"] == []
    assert flow.json("runs", "gc", "--keep-days", "0") | {"removed": []} == {
        "schema": "weftline.runs-gc/v1",
        "dry_run": False,
        "kept": 1,
        "removed": [],
    }


def test_a_run_that_made_a_pinned_result_stays(flow) -> None:
    oldest = runs(flow)[-1]
    (entry,) = [entry for entry in flow.json("cache", "ls")["entries"] if entry["made_by"].startswith(oldest)]
    flow("cache", "pin", entry["key"])
    assert flow.json("runs", "gc", "--keep-runs", "1")["kept"] == 2
    assert oldest in runs(flow)


def test_without_a_word_of_what_may_go_nothing_goes(flow) -> None:
    done = flow("runs", "gc")
    assert done.returncode == 2
    assert "--keep-days" in done.stderr
    assert len(runs(flow)) == 4


def test_where_nothing_ever_ran_there_is_nothing_to_remove(shell) -> None:
    assert shell("runs", "gc", "--keep-runs", "1").stdout == "removed 0 of 0 runs\n"
    assert not (shell.folder / ".weftline").exists()
