"""`why`: everything that decides a result, beside what it was last time."""

import json
from pathlib import Path

import pytest

from weftline import env, node
from weftline.plan.explain import explain

LIMIT = 3


def helper(x):
    return x + LIMIT


@node
def load(count: int = 2) -> list[int]:
    return list(range(count))


@node(depends=[env("REGION")])
def shape(load: list[int], factor: float = 1.0) -> float:
    return helper(len(load)) * factor


def why(stage, name="shape", **wish):
    plan = stage.plan([load, shape], **wish)
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
