"""Groups on the command line: the examples, names and files, status, and runs that outlive a change of their file."""

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "groups"
SETTINGS = {"WEFTLINE_MODULES": "market", "WEFTLINE_GROUPS_PATH": "."}


@pytest.fixture
def market(shell, monkeypatch):
    for file in EXAMPLES.iterdir():
        if file.is_file():
            shell.write(file.name, file.read_text(encoding="utf-8"))
    plain = shell.__class__.__call__
    monkeypatch.setattr(shell.__class__, "__call__", lambda self, *words, **more: plain(self, *words, **SETTINGS, **more))
    return shell


NODES = {
    "market.weekly": ["ingest", "normalize", "aggregate", "venue_share", "rolling"],
    "market.diamond": ["ingest", "normalize", "aggregate", "share", "report"],
    "market.venues": ["north", "south", "east", "west"],
}


@pytest.mark.parametrize("name", NODES)
def test_an_example_is_loaded_planned_and_run(market, name):
    planned = market.json("group", "plan", name, code=2)
    assert [step["node"] for step in planned["steps"]] == NODES[name]
    assert market.json("group", "run", name)["status"] == "completed"
    told = market.json("group", "status")
    assert (told["name"], told["kind"], told["trigger"], told["status"]) == (name, "group", "cli", "completed")
    assert {step["step"]: step["status"] for step in told["steps"]} == dict.fromkeys(NODES[name], "completed")
    assert told["batch_id"].startswith(f"group_{name}_")


def test_parameters_of_the_examples_come_from_where_they_should(market):
    market("group", "run", "market.weekly", "-p", "monday=2026-02-02")
    planned = market.json("group", "plan", "market.weekly", "-p", "monday=2026-02-02")
    bound = {
        (step["node"], name): (found["value"], found["origin"])
        for step in planned["steps"]
        for name, found in step["params"].items()
    }
    assert bound["ingest", "week"] == ("2026-02-02", "group")
    assert bound["normalize", "unit"] == (10, "step")
    assert bound["rolling", "weeks"] == (6, "step")
    assert bound["ingest", "venues"] == (3, "default")


def test_the_circle_is_refused_with_its_path(market):
    done = market("group", "plan", "market.circle")
    assert done.returncode == 3
    assert "ingest -> normalize -> aggregate -> ingest" in done.stderr
    assert "circle.yaml:7:" in done.stderr


def test_the_workflow_runs_its_groups_one_after_the_other(market):
    assert market.json("workflow", "run", "market.fortnight")["status"] == "completed"
    told = market.json("workflow", "status")
    assert told["kind"] == "workflow"
    own = [step for step in told["steps"] if "/" not in step["step"]]
    assert [(step["step"], step["runs"], step["status"]) for step in own] == [
        ("first", "market.weekly", "completed"),
        ("second", "market.weekly", "completed"),
    ]
    assert {word: count for word, count in told["summary"].items() if count} == {"completed": 2}
    assert len(told["steps"]) == 12


def test_what_has_a_name_is_listed_by_domain_and_tag(market):
    listed = market.json("group", "ls", "--domain", "market")["groups"]
    assert [found["name"] for found in listed] == ["market.circle", "market.diamond", "market.venues", "market.weekly"]
    assert listed[3]["place"] == "weekly.yaml:4:18"
    assert [found["name"] for found in market.json("group", "ls", "--tag", "weekly")["groups"]] == [
        "market.venues",
        "market.weekly",
    ]
    assert [found["name"] for found in market.json("workflow", "ls")["groups"]] == ["market.fortnight"]
    assert "market.weekly" in market("group", "ls").stdout


def test_a_run_from_a_step(market):
    market("group", "run", "market.weekly")
    again = market.json("group", "run", "weekly.yaml", "--from", "aggregate")
    assert {step["node"]: step["decision"] for step in again["steps"]} == {
        "ingest": "CACHED",
        "normalize": "CACHED",
        "aggregate": "RUN",
        "venue_share": "CACHED",
        "rolling": "RUN",
    }
    done = market("group", "plan", "market.weekly", "--from", "rollin")
    assert "did you mean 'rolling'?" in done.stderr


def test_a_name_of_another_kind_says_what_to_type(market):
    assert "weftline workflow plan market.fortnight" in market("group", "plan", "market.fortnight").stderr
    assert "did you mean 'market.weekly'" in market("group", "plan", "market.wekly").stderr


def test_a_broken_file_is_told_and_stops_no_other_group(market):
    market.edit("venues.yaml", "on_failure: continue", "on_failrue: continue")
    assert market("group", "run", "market.weekly").returncode == 0
    done = market("group", "ls")
    assert done.returncode == 3
    assert "venues.yaml:12:" in done.stderr
    assert "did you mean 'on_failure'?" in done.stderr


def test_a_run_keeps_the_topology_that_it_began_with(market):
    market.edit("market.py", "    return total / weeks", "    raise ValueError(total)")
    first = market.json("group", "run", "market.weekly", code=1)
    assert first["status"] == "partial"
    market.edit("weekly.yaml", "    - {name: rolling,", "    - {name: other, pipeline: market.ingest}\n    - {name: rolling,")
    market.edit("market.py", "    raise ValueError(total)", "    return total / weeks")
    done = market("resume")
    assert done.returncode == 0
    assert f"weekly.yaml was changed since run {first['run']} began" in done.stderr
    told = market.json("group", "status")
    assert [step["step"] for step in told["steps"]] == NODES["market.weekly"]
    assert (told["run"], told["status"], told["batch_id"]) == (first["run"], "completed", first["batch_id"])
    assert len(market.json("group", "plan", "market.weekly")["steps"]) == 6


def test_a_run_goes_on_after_its_file_was_removed(market):
    market.edit("market.py", "    return total / weeks", "    raise ValueError(total)")
    market("group", "run", "weekly.yaml")
    (market.folder / "weekly.yaml").unlink()
    market.edit("market.py", "    raise ValueError(total)", "    return total / weeks")
    assert market.json("resume")["status"] == "completed"
