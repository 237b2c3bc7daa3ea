"""Awkward programs and command lines: told plainly, with the exit code that fits."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAD = "from weftline import Pipeline, node\n\n"
ONE = HEAD + "@node\ndef one() -> int:\n    return 1\n\npipeline = Pipeline([one])\n"


@pytest.mark.parametrize("ending", ["sys.exit(0)", "sys.exit(5)", "raise SystemExit('bye')", "quit()"])
@pytest.mark.parametrize("verb", ["plan", "run", "check"])
def test_a_program_that_ends_itself_while_it_is_imported(shell, verb, ending) -> None:
    shell.write("flow.py", "import sys\n" + ONE + ending + "\n")
    done = shell(verb, "flow.py")
    assert done.returncode == 3, done.stderr
    assert "ends itself while it is imported" in done.stderr
    assert "flow.py:9" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("run", "flow.py", "-w", "0"),
        ("run", "flow.py", "--on-failure", "maybe"),
        ("plan",),
        ("plan", "flow.py", "--nothing"),
        ("x",),
    ],
    ids=["too small", "no choice", "no target", "no option", "no command"],
)
def test_a_command_line_that_is_wrong_is_told_as_json_too(shell, words) -> None:
    shell.write("flow.py", ONE)
    done = shell(*words, "--json")
    assert done.returncode == 2
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["code"] == "T904"


def test_whoever_reads_may_stop_reading(shell) -> None:
    shell.write("flow.py", ONE)
    shell("run", "flow.py")
    command = f"{sys.executable} -m weftline runs | head -0; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=shell.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_errors_say_leaves_the_terminal_as_it_is(shell) -> None:
    text = 'raise ValueError("\\x1b[31mred\\x07\\n\\u202esecond line" + "x" * 100_000)'
    shell.write("flow.py", ONE.replace("return 1", text))
    done = shell("run", "flow.py")
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
    assert "\\x1b[31mred\\x07 / \\u202esecond line" in done.stderr
    assert "more characters)" in done.stderr
    assert len(done.stderr) < 20_000


def test_an_output_that_is_too_long_says_so(shell) -> None:
    shell.write("flow.py", ONE.replace("return 1", 'print("y" * 1_000_000)\n    return 1'))
    for backend in ("threads", "processes"):
        shell("run", "flow.py", "--backend", backend, "--no-cache")
        log = shell("logs").stdout
        assert "characters before this are left out]" in log
        assert len(log) < 400_000


def test_items_of_a_list_that_is_not_known_yet(shell) -> None:
    text = HEAD + (
        "@node\ndef items(n: int = 0) -> list[int]:\n    return list(range(n))\n\n"
        "@node(requires={'x': 'items'}, over='items')\ndef squares(x: int) -> int:\n    return x * x\n\n"
        "pipeline = Pipeline([items, squares])\n"
    )
    shell.write("flow.py", text)
    shell("run", "flow.py")
    steps = {step["node"]: step for step in shell.json("plan", "flow.py", "-p", "n=1", code=2)["steps"]}
    assert steps["squares"]["reason"]["code"] == "input"
    assert "items is not known before it is made" in steps["squares"]["reason"]["detail"]


def test_failed_items_are_counted_in_the_last_line(shell) -> None:
    text = HEAD + (
        "@node\ndef items() -> list[int]:\n    return [0, 1, 2]\n\n"
        "@node(requires={'x': 'items'}, over='items', on_item_error='skip')\ndef parts(x: int) -> int:\n    return 6 // x\n\n"
        "pipeline = Pipeline([items, parts])\n"
    )
    shell.write("flow.py", text)
    assert "1 of their items failed" in shell("run", "flow.py").stderr


def test_a_complete_run_is_not_resumed_and_the_advice_names_the_home(shell) -> None:
    shell.write("flow.py", ONE)
    shell("run", "flow.py", "--home", "my home")
    assert "weftline run flow.py --home 'my home'" in shell("resume", "--home", "my home").stderr


def test_keys_that_a_node_may_have_can_be_given_on_the_command_line(shell) -> None:
    text = HEAD.replace("node\n", "Node, node\n") + (
        "class Count(Node):\n    consumes = ['maybe.x']\n    provides = {'found': int}\n"
        "    def run(self, ctx):\n        ctx.set('found', 1 if 'maybe.x' in ctx else 0)\n\n"
        "pipeline = Pipeline([Count()])\n"
    )
    shell.write("flow.py", text)
    assert shell("run", "flow.py", "-p", "maybe.x=3").returncode == 0


def test_typed_dictionaries_are_stored(shell) -> None:
    text = HEAD.replace("from", "from typing import TypedDict\nfrom", 1) + (
        "class Row(TypedDict):\n    name: str\n    count: int\n\n"
        "@node\ndef rows() -> list[Row]:\n    return [{'name': 'a', 'count': 1}]\n\n"
        "@node\ndef total(rows: list[Row]) -> int:\n    return sum(row['count'] for row in rows)\n\n"
        "pipeline = Pipeline([rows, total])\n"
    )
    shell.write("flow.py", text)
    assert shell("run", "flow.py").returncode == 0
    assert shell("plan", "flow.py").returncode == 0


@pytest.mark.parametrize(("text", "told"), [("yield 1", "it is a generator"), ("return 1", "it is an `async def`")])
def test_functions_that_are_no_nodes(shell, text, told) -> None:
    changed = ONE.replace("return 1", text).replace("def one", "async def one" if "async" in told else "def one")
    shell.write("flow.py", changed)
    done = shell("check", "flow.py")
    assert done.returncode == 3
    assert told in done.stderr
