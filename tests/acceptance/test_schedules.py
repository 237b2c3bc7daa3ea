"""`weftline schedule`, and `weftline run` behind a guard, as a user meets them."""

import os
import subprocess
import sys

import pytest

FLOW = """
from weftline import Pipeline, node, register_pipeline

@node
def hello(name: str = "you") -> str:
    return f"hello {name}"

pipeline = Pipeline([hello])
register_pipeline("hello", pipeline)
"""
FILES = """
apiVersion: weftline.dev/v1
kind: Schedule
metadata: {name: nightly, version: 2}
spec: {target: ../flow.py, params: {name: world}, cron: "30 2 * * *", timezone: America/New_York}
---
apiVersion: weftline.dev/v1
kind: Schedule
metadata: {name: often}
spec: {target: ../flow.py, every: 60s}
---
apiVersion: weftline.dev/v1
kind: Schedule
metadata: {name: never}
spec: {target: ../flow.py, every: 60s, enabled: false}
"""


@pytest.fixture
def project(shell):
    shell.write("flow.py", FLOW)
    shell.write("schedules/all.yaml", FILES)
    return shell


def test_schedules_are_listed_in_a_folder_where_nothing_has_run(project):
    rows = {row["name"]: row for row in project.json("schedule", "ls")["schedules"]}
    assert {name: row["state"] for name, row in rows.items()} == {"never": "disabled", "nightly": "on", "often": "on"}
    assert rows["nightly"]["target"] == "flow.py"
    assert rows["never"]["next"] is None
    assert project.json("schedule", "fires") == {"schema": "weftline.schedule-fires/v1", "fires": []}
    assert not (project.folder / ".weftline").exists(), "what only reads does not make a home"


def test_the_next_moments_in_both_times(project):
    moments = project.json("schedule", "next", "-n", "50")["moments"]
    assert [moment["at"] for moment in moments] == sorted(moment["at"] for moment in moments)
    assert {moment["schedule"] for moment in moments} == {"often"}
    (first, second) = project.json("schedule", "next", "nightly", "-n", "2")["moments"]
    assert first["local"][11:16] == second["local"][11:16] == "02:30" or "03:00" in first["local"] + second["local"]
    assert first["at"].endswith("+00:00")
    told = project("schedule", "next", "nightly", "-n", "1")
    assert "UTC" in told.stdout
    assert "America/New_York" in told.stdout


def test_a_schedule_is_run_by_hand(project):
    ran = project.json("schedule", "run", "nightly")
    assert ran["status"] == "completed"
    (fire,) = project.json("schedule", "fires", "nightly")["fires"]
    assert (fire["state"], fire["run"]) == ("COMPLETED", ran["run"])
    assert project.json("plan", "flow.py", "-p", "name=world")["steps"][0]["decision"] == "CACHED", "with its parameters"
    rows = {row["name"]: row for row in project.json("schedule", "ls")["schedules"]}
    assert rows["nightly"]["last"] == fire


def test_a_run_by_hand_that_cannot_be_is_told(project):
    project.edit("schedules/all.yaml", "params: {name: world}", "params: {nmae: world}")
    told = project("schedule", "run", "nightly")
    assert told.returncode == 3
    assert "did you mean 'name'" in told.stderr
    (fire,) = project.json("schedule", "fires")["fires"]
    assert fire["state"] == "FAILED"


def test_a_schedule_is_paused_and_let_go_on(project):
    assert project("schedule", "pause", "often").stdout.startswith("often is paused\n")
    assert project("schedule", "pause", "often").stdout.startswith("often was paused already")
    assert project.json("schedule", "next")["moments"][0]["schedule"] == "nightly"
    assert project.json("schedule", "next", "often")["moments"], "it is named"
    assert "often" in project("schedule", "ls").stdout
    assert project("schedule", "resume", "often").stdout == "often is on\n"
    assert project.json("schedule", "next")["moments"][0]["schedule"] == "often"


def test_a_name_that_is_none_is_told(project):
    for words in (("run", "nigthly"), ("pause", "nigthly"), ("next", "nigthly")):
        told = project("schedule", *words)
        assert told.returncode == 2
        assert "did you mean 'nightly'" in told.stderr


def test_a_file_that_is_wrong_is_told_beside_the_others(project):
    project.write("schedules/more.yaml", FILES.split("---")[1].replace("often", "more").replace("60s", "60 sheep"))
    told = project("schedule", "ls")
    assert told.returncode == 3
    assert "nightly" in told.stdout
    assert "schedules/more.yaml:5:" in told.stderr
    assert project.json("schedule", "ls", code=3)["findings"][0]["place"]["line"] == 5


def test_another_folder(project):
    assert project("schedule", "ls", WEFTLINE_SCHEDULES="nowhere").stdout == "no schedules in nowhere\n"


GUARDED = """
apiVersion: weftline.dev/v1
kind: PipelineGroup
metadata: {name: sales}
spec:
  defaults: {name: eu}
  pipelines: [{name: hello, pipeline: hello}]
  guard: {key: "{group}:{params.name}", on_busy: ON_BUSY}
"""
HOLDS = """
import contextlib, subprocess, sys
from pathlib import Path
from weftline.app.home import Home
from weftline.store.holder import this_process

with contextlib.closing(Home(Path(".weftline"))) as home:
    home.ledger.claim("holds", this_process())
    assert not home.journals.guards.enter("sales:eu", "holds", 1, at=1.0)
    sys.exit(subprocess.run([sys.executable, "-m", "weftline", *sys.argv[1:]]).returncode)
"""


@pytest.mark.parametrize(("on_busy", "code", "status"), [("fail", 4, "failed"), ("skip", 0, "cancelled")])
def test_a_run_that_is_one_too_many(project, on_busy, code, status):
    project.write("sales.yaml", GUARDED.replace("ON_BUSY", on_busy))
    project.write("holds.py", HOLDS)
    words = [sys.executable, "holds.py", "run", "sales.yaml"]
    environment = {"WEFTLINE_MODULES": "flow"}
    done = subprocess.run(
        words,
        cwd=project.folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "run holds has the guard 'sales:eu'" in done.stderr
    (run,) = project.json("runs")["runs"]
    assert run["status"] == status
    assert project("run", "sales.yaml", **environment).returncode == 0
