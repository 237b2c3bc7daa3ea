"""`weftline cache`: what is in it, what may go, and whether it tells the truth."""

from __future__ import annotations

import pytest

FLOW = """
import os

from weftline import Pipeline, node


@node(provides="rows")
def load(count: int = 3) -> list[int]:
    return list(range(count))


@node(provides="doubled", requires={"row": "rows"}, over="rows")
def double(row: int) -> int:
    return 2 * row


@node(provides="blob")
def blob(doubled: list[int]) -> bytes:
    return bytes(100_000 + sum(doubled))


@node(provides="honest")
def dishonest(blob: bytes) -> str:
    return os.environ.get("WHO", "nobody")


pipeline = Pipeline([load, double, blob, dishonest])
"""


@pytest.fixture
def flow(shell):
    shell.write("flow.py", FLOW)
    shell.json("run", "flow.py")
    return shell


def counts(flow) -> dict[str, int]:
    return {row["node"]: row["entries"] for row in flow.json("cache", "stat")["nodes"]}


def will_run(flow) -> set[str]:
    steps = flow.json("plan", "flow.py", code=2)["steps"]
    return {step["node"] for step in steps if step["decision"] in {"RUN", "MAY RUN"}}


def test_what_is_in_it(flow) -> None:
    assert counts(flow) == {"load": 1, "double": 3, "blob": 1, "dishonest": 1}
    found = flow.json("cache", "ls")["entries"]
    assert len(found) == 6
    (blob,) = flow.json("cache", "ls", "blob")["entries"]
    assert blob["bytes"] == 100_006
    shown = flow("cache", "show", blob["key"][:8]).stdout
    assert blob["key"] in shown
    assert blob["runs"][0] in shown
    text = flow("cache", "ls", "-n", "2")
    assert len(text.stdout.splitlines()) == 2
    assert "4 more" in text.stderr


def test_what_is_forgotten_is_computed_again(flow) -> None:
    done = flow("cache", "forget", "double")
    assert done.stdout.startswith("removed 3 results")
    assert counts(flow) == {"load": 1, "blob": 1, "dishonest": 1}
    assert will_run(flow) == {"double", "blob", "dishonest"}
    run = flow.json("run", "flow.py")
    ran = {step["node"]: step["calls"]["ran"] for step in run["steps"]}
    assert ran == {"load": 0, "double": 3, "blob": 0, "dishonest": 0}


def test_the_newest_runs_keep_what_they_used(flow) -> None:
    flow.json("run", "flow.py", "-p", "count=4")
    assert counts(flow) == {"load": 2, "double": 4, "blob": 2, "dishonest": 2}
    trial = flow.json("cache", "gc", "--older-than", "0s", "--dry-run")
    assert {found["node"] for found in trial["removed"]} == {"load", "blob", "dishonest"}
    assert trial["freed_bytes"] > 100_000
    assert counts(flow) == {"load": 2, "double": 4, "blob": 2, "dishonest": 2}, "a trial changes nothing"
    flow.json("cache", "gc", "--older-than", "0s")
    assert counts(flow) == {"load": 1, "double": 4, "blob": 1, "dishonest": 1}
    assert flow.json("run", "flow.py", "-p", "count=4")["status"] == "completed"
    assert not any(step["calls"]["ran"] for step in flow.json("run", "flow.py", "-p", "count=4")["steps"])


def test_room_is_made_from_what_was_used_longest_ago(flow) -> None:
    flow.json("run", "flow.py", "-p", "count=4")
    flow("cache", "pin", "dishonest")
    done = flow.json("cache", "gc", "--max-size", "110kB", "--keep-runs", "0")
    removed = [found for found in done["removed"] if found["node"] == "blob"]
    assert [found["bytes"] for found in removed] == [100_006], "the older one alone"
    assert counts(flow)["dishonest"] == 2, "pinned"


def test_pinned_results_stay_until_they_are_unpinned(flow) -> None:
    assert flow("cache", "pin", "blob").returncode == 0
    flow.json("cache", "gc", "--older-than", "0s", "--keep-runs", "0")
    assert counts(flow) == {"blob": 1}
    flow("cache", "unpin", "blob")
    flow.json("cache", "gc", "--older-than", "0s", "--keep-runs", "0")
    assert counts(flow) == {}
    assert flow.json("run", "flow.py")["status"] == "completed"


def test_results_are_made_again_and_compared(flow) -> None:
    told = flow.json("cache", "verify", "flow.py", "--sample", "100")
    assert (told["checked"], told["different"]) == (6, 0)
    done = flow("cache", "verify", "flow.py", "--sample", "100", WHO="somebody")
    assert done.returncode == 1
    assert "'honest' comes out different" in done.stdout
    assert "5 equal, 1 different" in done.stdout
    assert not any(step["calls"]["ran"] for step in flow.json("run", "flow.py")["steps"]), "nothing was changed"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("cache", "show", "nothing"), 2, "K408"),
        (("cache", "show", "abc"), 2, "K408"),
        (("cache", "gc", "--max-size", "much"), 2, "a size such as 500MB"),
        (("cache", "gc", "--older-than", "30"), 2, "a duration such as"),
        (("cache", "ls", "--home", "elsewhere"), 2, "K410"),
    ],
    ids=["unknown", "too short", "no size", "no duration", "no home"],
)
def test_bad_words_are_told(flow, words, code, told) -> None:
    done = flow(*words)
    assert done.returncode == code
    assert told in done.stderr
    assert not (flow.folder / "elsewhere").exists()


def test_everything_is_made_anew_on_request(flow) -> None:
    before = {found["node"]: found["made_at"] for found in flow.json("cache", "ls")["entries"]}
    plan = flow.json("plan", "flow.py", "--refresh", code=2)["steps"]
    assert {step["decision"] for step in plan} == {"RUN"}
    assert {step["reason"]["code"] for step in plan} == {"forced"}
    assert "weftline run flow.py --refresh" in flow("plan", "flow.py", "--refresh").stdout
    run = flow.json("run", "flow.py", "--refresh")
    assert [step["calls"]["ran"] for step in run["steps"]] == [1, 3, 1, 1]
    after = {found["node"]: found["made_at"] for found in flow.json("cache", "ls")["entries"]}
    assert all(after[name] > before[name] for name in before)
    assert flow("plan", "flow.py").returncode == 0
    part = flow.json("run", "flow.py", "dishonest", "--refresh")
    assert {step["node"]: step["calls"]["ran"] for step in part["steps"]} == {"load": 0, "double": 0, "blob": 0, "dishonest": 1}
