"""Each edit of the table: what the plan said, what ran, and whether the result is what a run without any cache gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acceptance.cache_truth import page
from tests.acceptance.cache_truth.cases import CASES, Case
from tests.acceptance.cache_truth.changes import Project, undo

HERE = Path(__file__).parent
LIMIT_S = 60
NODES = ["orders", "prices", "report"]
SURROUNDINGS = {"CURRENCY": "EUR", "PYTHONPATH": "{folder}/libraries/1.0/site-packages"}


def written(folder: Path) -> Project:
    """The project as it stands, in a fresh folder."""
    shutil.copytree(HERE / "project", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Project(folder, dict(SURROUNDINGS))


def python(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """A process of its own in the folder of a project."""
    of_tests = ("WEFTLINE_", "PYTHON", "CURRENCY", "RAN")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(of_tests)}
    return subprocess.run(
        [sys.executable, "-W", "error", *words],
        cwd=project.folder,
        env=clean | {"RAN": "ran.txt"} | project.surroundings(),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def weftline(project: Project, command: str, *, code: int | None = 0) -> dict:
    """What a command says about the project in JSON."""
    params = [word for name, value in project.params.items() for word in ("-p", f"{name}={value}")]
    done = python(project, "-m", "weftline", command, "flow.py", *params, *project.options, "--json")
    assert code in {None, done.returncode}, f"{command} exits with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def ran(project: Project) -> list[str]:
    """The nodes that said that they run, since this was asked the last time."""
    said = project.folder / "ran.txt"
    names = said.read_text(encoding="utf-8").split() if said.exists() else []
    said.unlink(missing_ok=True)
    return names


def named(steps: list[dict], *decisions: str) -> list[str]:
    return [step["node"] for step in steps if step["decision"] in decisions]


def run_first(project: Project) -> Project:
    weftline(project, "run")
    assert ran(project) == NODES
    return project


@pytest.fixture(scope="session")
def unedited(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as it stands, and as its first run left it."""
    return run_first(written(tmp_path_factory.mktemp("unedited") / "project"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_edit_runs_what_it_must_and_nothing_else(case: Case, unedited: Project, tmp_path: Path) -> None:
    before = unedited
    if case.needs:
        pytest.importorskip(case.needs)
    if case.start:
        before = written(tmp_path / "before")
        for change in case.start:
            change.apply(before)
        run_first(before)
    project = before.copy(tmp_path / "project")
    for change in case.changes:
        change.apply(project)

    steps = weftline(project, "plan", code=2 if case.runs else 0)["steps"]
    told = weftline(project, "run")["steps"]
    actually = ran(project)
    looked = python(project, str(HERE / "look.py"), json.dumps(project.params))
    assert looked.returncode == 0, looked.stderr
    results = json.loads(looked.stdout)

    assert actually == list(case.runs), "what ran"
    assert named(told, "RUN") == actually, "what the run said that it ran"
    assert named(steps, "RUN")[:1] == actually[:1], "the plan was sure of the first"
    assert set(named(steps, "RUN")) <= set(actually) <= set(named(steps, "RUN", "MAY RUN")), "the plan said what may run"
    is_right = results["restored"] == results["computed"]
    assert is_right is not case.is_unseen, "the result is what a run without any cache gives"
    assert results["ran"] == [], "a third process finds everything in the cache"
    if case.runs:
        undo(before, project)
        again = weftline(project, "plan", code=None)["steps"]
        assert named(again, "CACHED") == NODES, "and back"
        reason = next(step["reason"] for step in steps if step["node"] == case.runs[0])
        said = f"{reason['code']}: {reason['detail']}"
        assert case.explains(said), f"the plan names what was edited: {said}"


def test_nothing_is_said_to_have_changed_where_nothing_was_edited(unedited: Project) -> None:
    for name in NODES:
        done = python(unedited, "-m", "weftline", "why", "flow.py", name, "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert [part["name"] for part in told["parts"] if part["state"] != "same"] == [], name
        assert told["not_followed"] == [], name


def test_the_table_names_each_edit_once() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 50


def test_the_page_shows_the_table() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.in_page(text) == f"\n{page.shown()}", "write it anew: python -m tests.acceptance.cache_truth.page"
    assert f"{len(CASES)} edits" in text
