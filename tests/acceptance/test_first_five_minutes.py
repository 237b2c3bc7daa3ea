"""What a newcomer does: init, plan, run, edit a helper, plan, run."""

from __future__ import annotations

import re


def decisions(plan: dict) -> dict[str, str]:
    return {step["node"]: step["decision"] for step in plan["steps"]}


def test_init_plan_run_edit_plan_run(shell) -> None:
    assert "wrote flow.py" in shell("init").stdout
    again = shell("init")
    assert again.returncode == 2
    assert "[T905]" in again.stderr

    first = shell("plan", "flow.py")
    assert first.returncode == 2
    assert [line.split()[:2] for line in first.stdout.splitlines()[2:6]] == [
        ["load", "RUN"],
        ["features", "RUN"],
        ["train", "RUN"],
        ["evaluate", "RUN"],
    ]
    assert "next: weftline run flow.py" in first.stdout

    ran = shell("run", "flow.py")
    assert ran.returncode == 0
    assert "completed in" in ran.stderr
    assert shell("plan", "flow.py").returncode == 0

    shell.edit("flow.py", "spread = max(column) - min(column)", "spread = (max(column) - min(column)) * 1.0")
    plan = shell.json("plan", "flow.py", code=2)
    assert decisions(plan) == {"load": "CACHED", "features": "RUN", "train": "MAY RUN", "evaluate": "MAY RUN"}
    reason = next(step["reason"] for step in plan["steps"] if step["node"] == "features")
    assert reason["code"] == "code"
    assert re.fullmatch(r"scale\(\) in flow\.py:\d+ changed", reason["detail"])

    run = shell.json("run", "flow.py")
    assert {step["node"]: step["decision"] for step in run["steps"]} == {
        "load": "CACHED",
        "features": "RUN",
        "train": "CACHED",  # the features came out equal: the work stops there
        "evaluate": "CACHED",
    }
    assert run["summary"]["ran"] == 1
    assert run["summary"]["cached"] == 3

    shell.edit("flow.py", "* 1.0", "* 2.0")
    run = shell.json("run", "flow.py")
    assert {step["node"]: step["decision"] for step in run["steps"]} == {
        "load": "CACHED",
        "features": "RUN",
        "train": "RUN",
        "evaluate": "RUN",
    }


def test_why_names_the_symbol(shell) -> None:
    shell("init")
    shell("run", "flow.py")
    shell.edit("flow.py", "0.1 * error * length", "0.2 * error * length")
    told = shell("why", "flow.py", "train").stdout
    line = next(at for at, text in enumerate((shell.folder / "flow.py").read_text().splitlines(), 1) if "def train" in text)
    assert f"code: train() in flow.py:{line - 1} changed" in told, "the line of the decorator"
    assert re.search(r"^ +- +.*0\.1 \* error \* length.*\n +\+ +.*0\.2 \* error \* length", told, re.MULTILINE)
    answer = shell.json("why", "flow.py", "train")
    assert answer["schema"] == "weftline.why/v1"
    assert answer["changes"] == [{"code": "code", "detail": f"train() in flow.py:{line - 1} changed"}]
    assert any("0.2 * error" in text for part in answer["parts"] for text in part["diff"] or ())
    assert {part["name"] for part in answer["parts"]} >= {"train()", "chance()", "features", "dataset", "epochs"}


def test_parameters(shell) -> None:
    shell("init")
    shell("run", "flow.py")
    plan = shell.json("plan", "flow.py", "-p", "epochs=10", code=2)
    train = next(step for step in plan["steps"] if step["node"] == "train")
    assert train["reason"] == {"code": "param", "detail": "epochs 300 -> 10"}
    assert train["params"] == {"epochs": {"value": 10, "origin": "run"}}
    assert shell("run", "flow.py", "-p", "train.epochs=10").returncode == 0
    assert shell("plan", "flow.py", "-p", "epochs=10").returncode == 0
    assert shell("plan", "flow.py").returncode == 0, "the old parameter's result is still there"
    wrong = shell("run", "flow.py", "-p", "epoch=10")
    assert wrong.returncode == 3
    assert "[P301]" in wrong.stderr
    assert "did you mean 'epochs'" in wrong.stderr
    assert "[P303]" in shell("plan", "flow.py", "-p", "epochs=many").stderr


def test_hello_from_a_module_and_by_name(shell) -> None:
    shell.write("package/__init__.py", "")
    shell.write(
        "package/flows.py",
        "from weftline import Pipeline, node\n"
        "@node(provides='one')\ndef one() -> int:\n    return 1\n"
        "@node(provides='two')\ndef two(one: int) -> int:\n    return one + 1\n"
        "small = Pipeline([one], name='small')\nlarge = Pipeline([one, two], name='large')\n",
    )
    assert shell("run", "package.flows:large").returncode == 0
    assert shell.json("plan", "package/flows.py:small")["pipeline"] == "small"
    several = shell("plan", "package.flows")
    assert several.returncode == 2
    assert "[T902]" in several.stderr
    missing = shell("plan", "clinical-trails")
    assert missing.returncode == 2
    assert "did you mean 'clinical-trials'?" in missing.stderr


def test_journal_is_read_by_status_runs_and_logs(shell) -> None:
    shell.write(
        "flow.py",
        "import logging\nfrom weftline import Pipeline, node\n"
        "@node(provides='one')\ndef one() -> int:\n    print('hello from one')\n    logging.warning('careful')\n    return 1\n"
        "pipeline = Pipeline([one])\n",
    )
    shell("run", "flow.py")
    shell("run", "flow.py")
    runs = shell.json("runs")["runs"]
    assert [run["status"] for run in runs] == ["completed", "completed"]
    assert runs[0]["nodes"] == {"cached": 1}
    oldest = runs[1]["run"]
    status = shell.json("status", oldest)
    assert status["nodes"][0]["calls"][0]["outcome"] == "succeeded"
    assert status["nodes"][0]["calls"][0]["attempt"] == 1
    wrote = shell("logs", oldest, "one").stdout
    assert "hello from one" in wrote
    assert "WARNING root: careful" in wrote
    assert shell("status", "nonsense").returncode == 2
