"""Daemons that go on with runs at gates: exactly those whose gates open, once, whoever is killed meanwhile."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.served import PATIENCE_S, Place

from weftline import Gate, Pipeline, node
from weftline.app.gates import decide, waiting
from weftline.model.event import Kind


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEFTLINE_HOME", raising=False)
    found = Place(tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize("kills", ["nobody", "one of them", "its whole group"])
def test_of_many_that_wait_exactly_those_go_on_whose_gates_open(place, kills):
    runs = place.runs(40)
    first, _ = place.serve(), place.serve()
    ready = runs[7:17]
    for number, run in enumerate(ready):
        place.set(run, read=True)
        if number == 4 and kills == "one of them":
            first.kill()
        if number == 4 and kills == "its whole group":
            os.killpg(first.pid, signal.SIGKILL)
    place.until(lambda: all(place.statuses()[run] == "completed" for run in ready), "ten are completed")
    time.sleep(0.5)  # for those that must not go on
    assert {run for run, status in place.statuses().items() if status == "completed"} == set(ready)
    assert set(place.resumed()) == set(ready)
    if kills == "nobody":
        assert set(place.resumed().values()) == {1}
        assert place.cuts() == {f"document {runs.index(run)}": 1 for run in ready}
    assert {each.run for each in waiting(place.home)} == set(runs) - set(ready)


def test_after_a_restart_of_everything_the_rest_still_wait(place):
    runs = place.runs(5)
    daemon = place.serve()
    os.killpg(daemon.pid, signal.SIGKILL)
    place.set(runs[1], read=True)  # while nobody serves
    place.serve()
    place.until(lambda: place.statuses()[runs[1]] == "completed", "what opened while nobody served goes on")
    assert {each.run for each in waiting(place.home)} == {*runs[:1], *runs[2:]}
    assert place.resumed() == {runs[1]: 1}


def test_runs_go_on_when_their_daemon_is_killed(place):
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="1.5")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    daemon.kill()
    place.serve()
    place.until(lambda: place.statuses()[run] == "completed", "it ends")
    assert place.resumed() == {run: 1}
    assert place.cuts() == {"document 0": 1}


def test_a_run_that_dies_behind_its_gate_is_gone_on_with(place):
    """Its process and all daemons are killed at once, as when the machine loses power."""
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="30")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    os.killpg(daemon.pid, signal.SIGKILL)
    holder = place.home.ledger.holder(run)
    os.kill(int(holder.rsplit(":", 2)[1]), signal.SIGKILL)
    assert place.statuses()[run] == "running"
    place.serve()
    place.until(lambda: place.statuses()[run] == "completed", "it ends")
    assert place.cuts() == {"document 0": 2}, "what had not succeeded is made again"


def test_a_daemon_ends_when_its_runs_have_ended(place):
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="1.0")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0
    assert place.statuses()[run] == "completed"


@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_to_the_whole_group_of_a_daemon_is_one_to_the_daemon(place, signals):
    """As Ctrl-C in a terminal, and what a supervisor of services sends."""
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="1.0")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    for number in [signal.SIGTERM, signal.SIGINT][:signals]:
        for each in [daemon.pid, *children(daemon.pid)]:
            os.kill(each, number)
        time.sleep(0.2)
    assert daemon.wait(PATIENCE_S) == 0, (place.folder / "daemon0.log").read_text()
    assert place.statuses()[run] in {"completed", "cancelled"}


def children(pid):
    """The processes that a process has started itself."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_ctrl_c_while_it_loads_ends_a_daemon(place):
    for wait_s in (0.0, 0.1, 0.2):
        command = [sys.executable, "-m", "weftline", "serve"]
        daemon = subprocess.Popen(command, cwd=place.folder, stderr=subprocess.PIPE, start_new_session=True)
        place.daemons.append(daemon)
        while not any(os.getsid(child) == child for child in children(daemon.pid)):
            time.sleep(0.001)
        time.sleep(wait_s)
        os.killpg(daemon.pid, signal.SIGINT)
        _, said = daemon.communicate(timeout=PATIENCE_S)
        assert (daemon.returncode, b"Traceback" in said, b"R542" in said) == (0, False, False), said.decode()


def test_it_says_why_a_run_cannot_be_gone_on_with_once(place):
    """A pipeline that a program has made itself: no file says what it is."""

    @node(gate="editor", cache=False)
    def publish() -> int:
        return 1

    pipeline = Pipeline([publish])
    run = pipeline.run(home=place.home.path).run
    place.serve()
    decide(place.home, run, "editor", approved=True)
    said = place.folder / "daemon0.log"
    place.until(lambda: "only the program" in said.read_text(), "it says why")
    time.sleep(1.0)  # for what it must not say again and again
    lines = [line for line in said.read_text().splitlines() if run in line]
    assert len(lines) == 1
    assert "editor is open" in lines[0]
    assert "Pipeline.load" in lines[0]


def test_a_run_of_a_program_fails_as_well_when_its_time_is_over(place):
    @node(gate=Gate("editor", timeout_s=0.5), cache=False)
    def publish() -> int:
        return 1

    run = Pipeline([publish]).run(home=place.home.path).run
    place.serve()
    place.until(lambda: place.statuses()[run] == "failed", "its time is over")
    assert waiting(place.home) == []


def test_a_home_that_cannot_be_is_told(place):
    (place.folder / "file").write_text("")
    for home in ("file", "/proc/nothing"):
        command = [sys.executable, "-m", "weftline", "serve", "--home", home]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        assert (told.returncode, told.stderr[:6]) == (4, "[L801]")


def test_told_twice_it_cancels_its_runs(place):
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="5.0")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    for _ in range(2):
        daemon.send_signal(signal.SIGINT)
        time.sleep(0.3)
    assert daemon.wait(PATIENCE_S) == 0
    assert place.statuses()[run] in {"cancelled", "completed"}


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL", "SIGKILL of all"])
def test_nothing_is_left_of_a_daemon(place, how):
    """Not of the processes that wait for runs, either."""
    daemon = place.serve()

    def there():
        found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        return sum(f"serve.template {place.home.path}" in line for line in found.splitlines())

    place.until(lambda: there() > 3, "some wait")
    if how == "SIGTERM":
        daemon.terminate()
        daemon.wait(PATIENCE_S)
    elif how == "SIGKILL":
        daemon.kill()
    else:
        os.killpg(daemon.pid, signal.SIGKILL)
    place.until(lambda: there() == 0, "all are gone")


def test_a_gate_that_nobody_opens_in_time_fails_its_run(place, monkeypatch):
    monkeypatch.setenv("LIMIT_S", "1.0")
    (run,) = place.runs(1)
    place.serve()
    place.until(lambda: place.statuses()[run] == "failed", "its time is over")
    assert waiting(place.home) == []
    assert place.cuts() == {}


def test_an_approval_opens_a_gate_as_well(place):
    first, second = place.runs(2)
    place.serve()
    decide(place.home, first, "ready", approved=True, why="I have read it")
    assert decide(place.home, second, "ready", approved=False).status == "failed"
    place.until(lambda: place.statuses()[first] == "completed", "the approved one goes on")
    assert place.statuses()[second] == "failed"


def test_a_run_that_cannot_be_gone_on_with_is_told_once(place):
    """Its file is gone: it fails to load, again only when something changes."""
    (run,) = place.runs(1)
    place.serve()
    (place.folder / "flow.py").unlink()
    place.set(run, read=True)
    log = place.home.path / "logs" / "serve" / f"{run}.log"
    place.until(log.exists, "it was tried")
    time.sleep(1.0)
    assert log.read_text().count("[T9") <= 5
    assert place.statuses()[run] == "blocked"


def test_one_that_is_told_to_stop_begins_nothing_new(place):
    """What has waited for room is left to the next one."""
    runs = place.runs(3)
    daemon = place.serve("--runs", "1", TAKES_S="1")
    for run in runs:
        place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0
    assert sorted(place.statuses().values()) == ["blocked", "blocked", "completed"]
    place.serve()
    place.until(lambda: set(place.statuses().values()) == {"completed"}, "the next one goes on with them")
    assert set(place.cuts().values()) == {1}


def test_a_signal_to_all_its_processes_is_one_to_the_daemon(place):
    """As a supervisor of services sends it: what runs are forked from stays until they have ended."""
    (run,) = place.runs(1)
    daemon = place.serve(TAKES_S="1")
    place.set(run, read=True)
    place.until(place.cuts, "it cuts")
    os.killpg(daemon.pid, signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0
    assert place.statuses()[run] == "completed"


# --- files that change while daemons serve ---

STEPS = """
from weftline import node, register_pipeline


@register_pipeline("say")
@node(cache=False)
def say(greeting: str = "") -> str:
    with open("said", "a") as said:
        said.write(greeting + "\\n")
    return greeting
"""
GROUP = """
apiVersion: weftline.dev/v1
kind: PipelineGroup
metadata: {name: greetings}
spec:
  pipelines:
    - {name: say, pipeline: say, params: {greeting: GREETING}}
"""
SCHEDULE = """
apiVersion: weftline.dev/v1
kind: Schedule
metadata: {name: often}
spec: {target: ../greetings.yaml, every: 1s}
"""


def test_a_changed_file_is_used_by_the_next_run_and_one_that_is_broken_is_not(place, monkeypatch):
    """Also by a daemon that began when it was broken already."""
    folder, said = place.folder, place.folder / "said"
    (folder / "steps.py").write_text(STEPS)
    (folder / "schedules").mkdir()
    file = folder / "greetings.yaml"
    file.write_text(GROUP.replace("GREETING", "hello"))
    (folder / "schedules" / "often.yaml").write_text(SCHEDULE)
    first = place.serve(WEFTLINE_MODULES="steps")

    def latest(greeting):
        return said.exists() and said.read_text().splitlines()[-1:] == [greeting]

    place.until(lambda: latest("hello"), "it says hello")
    file.write_text(GROUP.replace("GREETING", "bye"))
    place.until(lambda: latest("bye"), "it says bye")
    file.write_text(GROUP.replace("pipelines:", "pipelins:"))

    def goes_on(daemon):
        before = said.read_text().count("bye")
        place.until(lambda: said.read_text().count("bye") > before + 1, "it goes on with what it said")
        assert daemon.poll() is None

    goes_on(first)
    file.write_text(GROUP.replace("GREETING}", "bye}, depends_on: nobody"))
    goes_on(first)
    file.write_text(GROUP.replace("pipelines:", "pipelins:"))
    os.killpg(first.pid, signal.SIGKILL)
    goes_on(place.serve(WEFTLINE_MODULES="steps"))
    newest = place.home.ledger.runs(1)[0].run
    (opening,) = [event.body for event in place.home.ledger.events(newest, [Kind.RUN_STARTED])]
    assert "[M117]" in opening["notes"][0]
    assert "M104" in opening["notes"][0]
    file.write_text(GROUP.replace("GREETING", "well"))
    place.until(lambda: latest("well"), "it is mended")
