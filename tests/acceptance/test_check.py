"""`weftline check`: everything that is wrong, at once, each with code, place and fix, before anything runs."""

from __future__ import annotations

BROKEN = """
from weftline import Pipeline, node

@node(provides="dataset.rows")
def load() -> list[dict]:
    raise SystemExit("must not run")

@node(provides="features", requires={"rows": "dataset.rows"})
def features(rows: list[int], scale: float = 1.0) -> list[float]:
    return []

@node(provides="report")
def report(rows: list[dict]) -> str:
    return ""

@node(provides="report")
def other() -> str:
    return ""

@node(provides="a", requires={"x": "c"})
def first(x: int) -> int:
    return x

@node(provides="b", requires={"x": "a"})
def second(x: int) -> int:
    return x

@node(provides="c", requires={"x": "b"})
def third(x: int) -> int:
    return x

pipeline = Pipeline([load, features, report, other, first, second, third], name="broken")
"""


def test_all_findings_at_once(shell) -> None:
    shell.write("flow.py", BROKEN)
    done = shell("check", "flow.py", "-p", "sclae=2")
    assert done.returncode == 3
    found = shell.json("check", "flow.py", "-p", "sclae=2", code=3)["findings"]
    by_code = {finding["code"]: finding for finding in found}
    assert sorted(finding["code"] for finding in found) == ["G201", "G202", "G203", "G204", "P301"]
    assert all(finding["fix"] for finding in found)
    for code, line in {"G201": 12, "G202": 16, "G203": 8, "G204": 20}.items():
        assert by_code[code]["place"]["file"].endswith("flow.py"), code
        assert by_code[code]["place"]["line"] == line, code
        assert f"flow.py:{line}" in done.stdout
    assert "did you mean 'dataset.rows' (from node 'load')?" in by_code["G201"]["hint"]
    assert "'load' provides list[dict], but node 'features' wants list[int]" in by_code["G203"]["message"]
    assert "first -> second -> third -> first" in by_code["G204"]["message"]
    assert by_code["P301"]["hint"] == "did you mean 'scale'?"
    assert "5 findings" in done.stdout


def test_a_run_refuses_what_check_refuses(shell) -> None:
    shell.write("flow.py", BROKEN)
    run = shell("run", "flow.py")
    assert run.returncode == 3
    assert "must not run" not in run.stderr
    assert run.stderr.count("\n  fix  ") == 4
    assert not (shell.folder / ".weftline" / "logs").exists()


def test_a_sound_pipeline(shell) -> None:
    shell("init")
    done = shell("check", "flow.py")
    assert done.returncode == 0
    assert "flow: 4 nodes, sound" in done.stdout


def test_what_cannot_be_stored_is_told_before(shell) -> None:
    shell.write(
        "flow.py",
        "from weftline import Pipeline, node\nclass Model: pass\n"
        "@node(provides='model')\ndef train() -> Model:\n    return Model()\npipeline = Pipeline([train])\n",
    )
    found = shell.json("check", "flow.py", code=3)["findings"]
    assert [finding["code"] for finding in found] == ["G210"]


def test_a_file_that_does_not_import(shell) -> None:
    shell.write("flow.py", "import weftline\n\nnothing = missing\n")
    done = shell("plan", "flow.py")
    assert done.returncode == 3
    assert "[T903]" in done.stderr
    assert "flow.py:3" in done.stderr
    shell.write("flow.py", "def broken(:\n")
    done = shell("plan", "flow.py")
    assert done.returncode == 3
    assert "flow.py:1:12" in done.stderr


def test_deep_graphs(shell) -> None:
    shell.write(
        "flow.py",
        """
from weftline import Pipeline, node

def step(x: int) -> int:
    return x + 1

def start() -> int:
    return 0

def chain(count, closed=False):
    first = node(provides="k0", name="n0", requires={"x": f"k{count - 1}"})(step)
    nodes = [first if closed else node(provides="k0", name="n0")(start)]
    nodes += [node(provides=f"k{n}", name=f"n{n}", requires={"x": f"k{n - 1}"})(step) for n in range(1, count)]
    return Pipeline(nodes)

def long(): return chain(100_000)
def closed(): return chain(100_000, closed=True)
""",
    )
    done = shell("check", "flow.py:long")
    assert (done.returncode, done.stderr) == (0, "")
    assert "100000 nodes, sound" in done.stdout
    found = shell.json("check", "flow.py:closed", code=3)["findings"]
    assert [finding["code"] for finding in found] == ["G204"]
    assert "n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> ... 99989 more ... ->" in found[0]["message"]
    assert found[0]["message"].endswith("n99999 -> n0")
