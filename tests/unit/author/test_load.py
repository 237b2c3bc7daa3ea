"""Finds the pipeline that a target means."""

import os
import sys
from pathlib import Path

import pytest

from weftline import Pipeline
from weftline.author.load import load, shipped
from weftline.errors import (
    MissingKeyError,
    SeveralPipelinesError,
    TargetImportError,
    TargetNotFoundError,
    WeftlineError,
)

HEAD = "from weftline import Pipeline, node\n\n@node\ndef one() -> int:\n    return 1\n\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file below a folder of its own; what it brings into the interpreter goes again."""
    modules, path = set(sys.modules), list(sys.path)
    monkeypatch.chdir(tmp_path)

    def written(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return str(file)

    yield written
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:] = path


def test_the_only_pipeline_of_a_file(write):
    found = load(write("churn_flow.py", HEAD + "anything = Pipeline([one])\n"))
    assert isinstance(found, Pipeline)
    assert found.name == "churn_flow"
    assert found.target.endswith("churn_flow.py")
    assert found.graph.name == "churn_flow"


def test_a_name_of_its_own_stays(write):
    assert load(write("flow_a.py", HEAD + "p = Pipeline([one], name='mine')\n")).name == "mine"


def test_a_pipeline_that_was_looked_at_in_its_file_has_its_name_and_target_too(write):
    """Many files end with `assert not pipeline.validate()`."""
    target = write("flow_b.py", HEAD + "pipeline = Pipeline([one])\nassert not pipeline.validate()\n")
    found = load(target)
    assert (found.graph.name, found.graph.target) == ("flow_b", target)


def test_one_of_several_by_its_name(write):
    file = write("flow_c.py", HEAD + "p = Pipeline([one], name='first')\nq = Pipeline([one], name='second')\n")
    assert load(f"{file}:q").name == "second"
    assert load(f"{file}:first").name == "first"
    with pytest.raises(SeveralPipelinesError, match="p, q"):
        load(file)
    with pytest.raises(TargetNotFoundError, match="no pipeline 'r'"):
        load(f"{file}:r")


def test_the_one_called_pipeline_is_meant_if_none_is_named(write):
    file = write("flow_d.py", HEAD + "other = Pipeline([one], name='o')\npipeline = Pipeline([one], name='p')\n")
    assert load(file).name == "p"


def test_one_pipeline_under_two_names_is_one(write):
    assert load(write("flow_e.py", HEAD + "p = Pipeline([one])\nq = p\n")).name == "flow_e"


def test_a_function_may_make_it(write):
    file = write("flow_f.py", HEAD + "def make():\n    return Pipeline([one], name='made')\n\ndef bad():\n    return 3\n")
    assert load(f"{file}:make").name == "made"
    with pytest.raises(TargetNotFoundError, match="makes none"):
        load(f"{file}:bad")


def test_helpers_beside_the_file_can_be_imported(write):
    write("helper_g.py", "VALUE = 5\n")
    file = write("flow_g.py", "from helper_g import VALUE\n" + HEAD + "p = Pipeline([one], name=f'n{VALUE}')\n")
    assert load(file).name == "n5"


def test_a_module_by_its_name(write):
    write("package_h/__init__.py", "")
    write("package_h/flows.py", HEAD + "p = Pipeline([one])\n")
    assert load("package_h.flows").name == "flows"
    assert load("package_h.flows:p").name == "flows"


def test_a_file_called_like_a_module_of_python_does_not_take_its_place(write):
    import json

    assert load(write("json.py", HEAD + "p = Pipeline([one], name='mine')\n")).name == "mine"
    assert sys.modules["json"] is json


def test_shipped_pipelines_are_known_by_name():
    assert "clinical-trials" in shipped()


@pytest.mark.parametrize("target", ["nothing.py", "no_such_module_at_all", "clinical-trails", "folder/nothing.py:x"])
def test_what_is_not_there_is_told_with_what_may_be_meant(write, target):
    with pytest.raises(TargetNotFoundError) as caught:
        load(target)
    assert "clinical-trials" in caught.value.fix
    if target == "clinical-trails":
        assert caught.value.hint == "did you mean 'clinical-trials'?"


def test_a_file_without_a_pipeline_says_what_to_add(write):
    with pytest.raises(TargetNotFoundError, match="add one"):
        load(write("flow_i.py", "x = 1\n"))


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("import weftline\nraise ValueError('no')\n", "ValueError", 2),
        ("x = 1\ndef f(:\n", "SyntaxError", 2),
        ("import not_there_at_all\n", "ModuleNotFoundError", 1),
        ("\n\nundefined\n", "NameError", 3),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(write, text, kind, line):
    file = write("flow_j.py", text)
    with pytest.raises(TargetImportError) as caught:
        load(file)
    assert (caught.value.kind, caught.value.place.file, caught.value.place.line) == (kind, file, line)
    assert "flow_j" not in sys.modules


def test_a_finding_in_the_file_keeps_its_own_words(write):
    file = write("flow_k.py", HEAD + "@node(over='x')\ndef bad(y: int) -> int:\n    return y\n")
    with pytest.raises(WeftlineError, match="runs over 'x'"):
        load(file)


def test_loading_twice_gives_the_same_pipeline(write):
    file = write("flow_l.py", HEAD + "p = Pipeline([one])\n")
    assert load(file) is load(file)


def test_an_invalid_graph_can_be_loaded_and_checked(write):
    file = write("flow_m.py", HEAD + "@node\ndef two(missing: int) -> int:\n    return 1\np = Pipeline([one, two])\n")
    assert [type(found) for found in load(file).validate()] == [MissingKeyError]


def test_of_two_edits_in_one_second_the_second_is_what_runs(write, monkeypatch):
    """Python compares whole seconds and sizes, and would run what it has compiled of the first."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    second = 1_700_000_000 * 10**9

    def loaded(digit):
        flow = Path(
            write(
                "seconds_flow.py",
                f"import seconds_helper\nfrom seconds_part import deep\n{HEAD}VALUE = {digit}\np = Pipeline([one])\n",
            )
        )
        helper = Path(write("seconds_helper.py", f"VALUE = {digit}\n"))
        write("seconds_part/__init__.py", "")
        deep = Path(write("seconds_part/deep.py", f"VALUE = {digit}\n"))
        for file in (flow, helper, deep):
            os.utime(file, ns=(0, second + digit * 10**8))
        for name in [name for name in sys.modules if name.startswith("seconds_")]:
            del sys.modules[name]
        load(str(flow))
        values = [sys.modules[name].VALUE for name in ("seconds_flow", "seconds_helper", "seconds_part.deep")]
        for compiled in flow.parent.rglob("*.pyc"):
            os.utime(compiled, ns=(0, second + digit * 10**8 + 10**7))
        return values

    assert loaded(1) == [1, 1, 1]
    assert loaded(3) == [3, 3, 3]
