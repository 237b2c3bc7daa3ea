"""`why`: everything that decides a result, beside what it was last time."""

import dataclasses
import json
import linecache
import re
from pathlib import Path

import pytest

from weftline import env, node
from weftline.plan.explain import explain
from weftline.ports.ledger import LastTime

LIMIT = 3


def helper(x):
    return x + LIMIT


@node
def load(count: int = 2) -> list[int]:
    return list(range(count))


@node(depends=[env("REGION")])
def shape(load: list[int], factor: float = 1.0) -> float:
    return helper(len(load)) * factor


def why(stage, name="shape", nodes=None, **wish):
    plan = stage.plan(nodes or [load, shape], **wish)
    return explain(plan, name, stage.ledger.last_times("test", [name]).get(name))


def lines(explanation):
    return {(line.topic, line.name): line for line in explanation.lines}


@pytest.fixture(autouse=True)
def region(monkeypatch):
    monkeypatch.setenv("REGION", "north")


def test_everything_that_decides_is_listed(stage):
    stage.run([load, shape])
    found = lines(why(stage))
    names = {(topic, name.removesuffix("()").rpartition(".")[2]) for topic, name in found}
    assert {("code", "shape"), ("code", "helper"), ("code", "LIMIT"), ("param", "factor"), ("input", "load")} <= names
    assert any(topic == "depends" and "REGION" in name for topic, name in found)
    assert {line.state for line in found.values()} == {"same"}


def test_what_is_different_is_marked_with_what_it_was(stage):
    stage.run([load, shape])
    found = lines(why(stage, params={"factor": 2.0}))
    line = found["param", "factor"]
    assert (line.now, line.state, line.was) == ("2.0", "changed", "1.0")


def test_a_parameter_says_where_its_value_is_from(stage):
    assert lines(why(stage))["param", "factor"].origin == "default"
    explanation = why(stage, params={"factor": 2.0})
    assert lines(explanation)["param", "factor"].origin == "run"
    assert "2.0 (run)" in explanation.text()


SOURCE = """
from weftline import node

WORDS = ["north", "south", "east", "west", "centre", "coast", "islands", "abroad"]
LIMIT = 3

def helper(x):
    return x + LIMIT

def other(x):
    return x

@node
def part(count: int = 2) -> int:
    return helper(count) + len(WORDS)
"""


def edited(text, file="<part>"):
    """The node of a text, as of a file that was edited."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope = {"__name__": __name__}
    exec(compile(text, file, "exec"), scope)
    return scope["part"]


def why_edited(stage, text):
    plan = stage.plan([edited(text)])
    return explain(plan, "part", stage.ledger.last_times("test", ["part"]).get("part"))


def test_a_helper_that_changed_shows_its_lines(stage):
    stage.run([edited(SOURCE)])
    explanation = why_edited(stage, SOURCE.replace("x + LIMIT", "x * LIMIT").replace("LIMIT = 3", "LIMIT = 3\n\n# more"))
    line = lines(explanation)["code", "helper()"]
    assert (line.now, line.state) == ("<part>:9", "changed")
    assert line.diff == ("@@ -7,2 +9,2 @@", " def helper(x):", "-    return x + LIMIT", "+    return x * LIMIT")
    assert "              +    return x * LIMIT\n" in explanation.text(everything=False)
    assert {line.diff for line in explanation.lines if line.name != "helper()"} == {None}
    assert next(part for part in explanation.as_dict()["parts"] if part["name"] == "helper()")["diff"] == list(line.diff)


def test_a_long_constant_shows_its_lines_and_a_short_one_its_values(stage):
    stage.run([edited(SOURCE)])
    explanation = why_edited(stage, SOURCE.replace('"coast", ', "").replace("LIMIT = 3", "LIMIT = 4"))
    found = lines(explanation)
    assert found["code", "WORDS"].diff[3:6] == (" 'centre',", "-'coast',", " 'islands',")
    assert (found["code", "LIMIT"].was, found["code", "LIMIT"].now, found["code", "LIMIT"].diff) == ("3", "4", None)
    assert "LIMIT     4  changed (was 3)" in explanation.text()
    assert "WORDS     changed\n" in explanation.text()


def test_without_a_text_of_last_time_there_is_no_difference_to_show(stage):
    stage.run([edited(SOURCE)])
    stage.ledger._db.query("DELETE FROM sources")
    assert lines(why_edited(stage, SOURCE.replace("x + LIMIT", "x * LIMIT")))["code", "helper()"].diff is None


def test_what_is_gone_is_told(stage):
    stage.run([edited(SOURCE)])
    explanation = why_edited(stage, SOURCE.replace("helper(count)", "count"))
    found = lines(explanation)
    assert (found["code", "helper()"].state, found["code", "helper()"].was) == ("gone", "<part>:7")
    assert (found["code", "LIMIT"].state, found["code", "LIMIT"].was) == ("gone", "3")
    assert "gone (was 3)" in explanation.text()


def test_libraries_tell_both_versions(stage):
    plan = stage.plan([load, shape])
    step = plan["shape"]
    before = dataclasses.replace(step.recipe, env={"python": "2.7", "numpy": "1.0"})
    found = lines(explain(plan, "shape", LastTime(before, {}, None)))
    assert (found["library", "python"].state, found["library", "python"].was) == ("changed", "2.7")
    assert (found["library", "numpy"].state, found["library", "numpy"].was, found["library", "numpy"].now) == (
        "gone",
        "1.0",
        "",
    )


@pytest.mark.parametrize(
    ("value", "state", "was"), [("south", "changed", ""), (None, "changed", "set"), ("north", "same", "set")]
)
def test_environment_variables_tell_that_they_changed_and_never_their_values(stage, monkeypatch, value, state, was):
    stage.run([load, shape])
    if value is None:
        monkeypatch.delenv("REGION")
    else:
        monkeypatch.setenv("REGION", value)
    explanation = why(stage)
    line = lines(explanation)["depends", "$REGION"]
    assert (line.now, line.state, line.was) == ("unset" if value is None else "set", state, was)
    assert not {"north", "south"} & set(re.findall(r"\w+", explanation.text() + json.dumps(explanation.as_dict())))


@node(over="load")
def each(load: int) -> int:
    return load


def test_new_items_of_a_list_are_numbered(stage):
    stage.run([load, each])
    stage.run([load], params={"count": 12})
    explanation = why(stage, "each", nodes=[load, each], params={"count": 12})
    line = lines(explanation)["input", "load"]
    assert (line.state, line.items) == ("changed", (12, list(range(2, 12))))
    assert "10 of 12 items without a result: 2, 3, 4, 5, 6, 7, 8, 9 ..." in explanation.text()
    (part,) = (part for part in explanation.as_dict()["parts"] if part["topic"] == "input")
    assert part["items"] == {"total": 12, "new": list(range(2, 12))}
    assert lines(why(stage, "each", nodes=[load, each], force=["each"]))["input", "load"].items is None


def test_items_are_not_numbered_where_a_file_changed_for_all_of_them(stage, tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(b"1")

    @node(over="load", depends=[str(file)])
    def each(load: int) -> int:
        return load

    stage.run([load, each])
    file.write_bytes(b"2")
    explanation = why(stage, "each", nodes=[load, each])
    assert explanation.step.reason.code == "input"
    assert lines(explanation)["input", "load"].items is None


def test_an_input_that_is_not_known_yet_says_so(stage):
    stage.run([load, shape])
    found = lines(why(stage, params={"count": 5}))
    assert found["input", "load"].state == "?"


def test_the_first_time_has_nothing_to_compare_with(stage):
    explanation = why(stage)
    assert " new" not in explanation.text().partition("\n")[2]
    assert not explanation.seen_before
    assert {line.state for line in explanation.lines} <= {"new", "?"}
    assert "changed" not in explanation.text()


def test_as_text_it_is_a_table(stage):
    stage.run([load, shape])
    explanation = why(stage, params={"factor": 2.0})
    text = explanation.text()
    assert text.splitlines()[0] == "shape   RUN   param: factor 1.0 -> 2.0"
    assert "factor" in text
    assert "(was 1.0)" in text
    short = explanation.text(everything=False)
    assert "the same as last time" in short
    assert "helper" not in short
    assert str(explanation) == text


def test_as_json_it_has_a_schema(stage):
    stage.run([load, shape])
    found = why(stage).as_dict()
    assert json.loads(json.dumps(found)) == found
    assert (found["schema"], found["node"], found["decision"]) == ("weftline.why/v1", "shape", "CACHED")
    assert {part["topic"] for part in found["parts"]} >= {"code", "param", "input", "depends"}


def test_a_node_that_is_never_cached_lists_its_code_too(stage):
    @node(cache=False)
    def now() -> int:
        return 0

    @node(cache=False)
    def hidden() -> int:
        return len(HANDLE.name)

    assert {line.topic for line in explain(stage.plan([now]), "now", None).lines} == {"code", "library"}
    assert explain(stage.plan([hidden]), "hidden", None).lines == (), "it has no key, and needs none"


with Path(__file__).open(encoding="utf-8") as HANDLE:  # an object without a digest
    pass


def test_an_unknown_node_is_an_error(stage):
    with pytest.raises(KeyError):
        explain(stage.plan([load]), "nothing", None)
