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
GATED = """
from weftline import Pipeline, node

@node(gate="editor", cache=False)
def publish() -> int:
    return 1

pipeline = Pipeline([publish], fields={"note": str})
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
    assert project("schedule", "ls", WEFTLINE_SCHEDULES="nowhere").stdout == f"no schedules in {project.folder / 'nowhere'}\n"


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


def test_a_broken_file_is_told_wherever_a_schedule_of_it_is_asked_for(project):
    """It is not said that there are none: nobody knows what the file declares."""
    project.edit("schedules/all.yaml", "every: 60s}", "evry: 60s}")
    listed = project("schedule", "ls")
    assert (listed.returncode, listed.stdout) == (3, "")
    for verb in ("run", "pause"):
        told = project("schedule", verb, "nightly")
        assert told.returncode == 2
        assert "what schedules/all.yaml declares is not known" in told.stderr
    told = project("run", "schedules/all.yaml")
    assert told.returncode == 3


def test_a_date_is_told_in_its_time_zone(project):
    spec = "spec: {target: ../flow.py, at: 2020-01-01T00:00, timezone: Europe/Berlin}"
    project.write("schedules/once.yaml", f"apiVersion: weftline.dev/v1\nkind: Schedule\nmetadata: {{name: once}}\n{spec}\n")
    (row,) = [row for row in project.json("schedule", "ls")["schedules"] if row["name"] == "once"]
    assert row["timing"] == "at 2020-01-01T00:00:00 Europe/Berlin"


def test_a_file_of_schedules_is_no_pipeline_but_can_be_checked(project):
    told = project("run", "schedules/all.yaml")
    assert told.returncode == 2
    assert "but schedules: weftline schedule run nightly" in told.stderr
    assert "clinical-trials" in told.stderr, "what is shipped is told"
    assert project("check", "schedules/all.yaml").stdout.splitlines() == [
        "nightly: cron 30 2 * * * in America/New_York; runs flow.py; sound",
        "often: every 60 s; runs flow.py; sound",
        "never: never: it is disabled; runs flow.py; sound",
    ]
    project.edit("schedules/all.yaml", "params: {name: world}", "params: {nmae: world}")
    checked = project("check", "schedules/all.yaml")
    assert checked.returncode == 3
    assert "[P301] no node has a parameter 'nmae'" in checked.stdout
    assert "nightly: cron 30 2 * * * in America/New_York; runs flow.py; 1 finding" in checked.stdout
    project.edit("schedules/all.yaml", "../flow.py, params", "../flwo.py, params")
    found = project.json("check", "schedules/all.yaml", code=3)
    assert [finding["code"] for finding in found["findings"]] == ["T901"]


def test_modules_that_are_not_there_are_told_by_the_name_of_the_setting(project):
    told = project("group", "ls", WEFTLINE_MODULES="slaes")
    assert told.returncode == 2
    assert "WEFTLINE_MODULES=slaes" in told.stderr
    told = project("group", "run", "nothing")
    assert f"looked for in {project.folder / 'groups'}" in told.stderr


def test_what_is_done_by_hand_prints_json_too(project):
    (row,) = project.json("schedule", "pause", "often")["schedules"]
    assert (row["name"], row["state"]) == ("often", "paused")
    assert project.json("schedule", "resume", "often")["schedules"][0]["state"] == "on"
    project.write("gated.py", GATED)
    run = project.json("run", "gated.py", code=1)["run"]
    assert project.json("field", "set", run, "note=seen")["fields"]["note"]["value"] == "seen"
    (waits,) = project.json("gate", "approve", run, "editor")["waiting"]
    assert (waits["gate"], waits["open"]) == ("editor", True)
    other = project.json("run", "gated.py", code=1)["run"]
    assert project.json("gate", "reject", other, "editor")["waiting"] == []
    told = project("field", "set", other, "note=late").stdout
    assert told.splitlines() == [f"1 of 1 changed for run {other}", "the run is failed: nothing waits for that any more"]


def test_fires_of_a_name_that_nobody_declares_are_not_just_none(project):
    assert project("schedule", "fires", "often").stdout == "nothing has come\n"
    told = project("schedule", "fires", "oftn")
    assert told.returncode == 2
    assert "did you mean 'often'" in told.stderr
