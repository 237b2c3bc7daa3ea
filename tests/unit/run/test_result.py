"""What a run gives back."""

import pytest

from weftline import node
from weftline.errors import NodeFailedError, NoValueError
from weftline.testing import fail


@node(provides="rows")
def rows(count: int = 4) -> list[int]:
    return list(range(count))


@node(provides="odd", requires={"x": "rows"}, over="rows", on_item_error="skip", min_success=0.6)
def odd(x: int) -> int:
    if x % 2 == 0:
        raise ValueError(f"{x} is even")
    return x


@node(provides="sum")
def add(rows: list[int]) -> int:
    return sum(rows)


@node(provides="after")
def after(odd: list[int]) -> int:
    return len(odd)


def test_values_are_there_by_key(stage):
    result = stage.run([rows, add])
    assert (result["sum"], "sum" in result, "nothing" in result) == (6, True, False)
    assert result.ok
    assert repr(result) == "<run r1: completed>"


def test_given_values_are_there_too(stage):
    assert stage.run([add], given={"rows": [1, 2]})["rows"] == [1, 2]


def test_steps_are_in_order_of_execution(stage):
    result = stage.run([add, rows])
    assert list(result.steps) == ["rows", "add"]
    step = result.steps["rows"]
    assert (step.decision, step.status, step.cached, step.attempts, step.total, step.ran) == (
        "RUN", "succeeded", False, 1, 1, 1,
    )  # fmt: skip
    again = stage.run([add, rows]).steps["rows"]
    assert (again.decision, again.status, again.cached, again.attempts, again.restored) == ("CACHED", "cached", True, 0, 1)


def test_calls_are_counted_by_what_became_of_them(stage):
    result = stage.run([rows, odd, after], params={"count": 10}, on_failure="continue")
    step = result.steps["odd"]
    assert (step.status, step.total, step.ran, len(step.failures)) == ("failed", 10, 5, 5)
    assert result.steps["after"].decision == "SKIP"
    assert result.status == "partial"
    assert not result.ok


def test_failures_are_listed_by_label(stage):
    result = stage.run([rows, odd], params={"count": 4})
    assert [label for label, _ in result.failures] == ["odd[0]", "odd[2]"]
    (finding,) = result.too_few()
    assert finding.message == "node 'odd': 2 of 4 items failed, more than min_success=0.6 allows"


def test_a_key_without_a_value_is_an_error_that_says_why(stage):
    result = stage.run([rows, odd, after], on_failure="continue")
    for key, detail in (("after", "node 'after' is skipped"), ("x", "no node provides it")):
        with pytest.raises(NoValueError) as caught:
            result[key]
        assert detail in caught.value.message
        assert "rows" in caught.value.fix


@pytest.mark.parametrize("on_item_error", ["fail", "skip"])
def test_a_failed_node_over_items_has_no_value(stage, on_item_error):
    """Not the items that happened to succeed, and no tale of a damaged store either."""

    @node(provides="each", requires={"x": "rows"}, over="rows", on_item_error=on_item_error, min_success=0.6)
    def each(x: int) -> int:
        if x % 2 == 0:
            raise ValueError(f"{x} is even")
        return x

    result = stage.run([rows, each])
    assert result.steps["each"].status == "failed"
    assert "each" not in result
    with pytest.raises(NoValueError) as caught:
        result["each"]
    assert "node 'each' is failed" in caught.value.message


def test_a_failed_run_can_be_raised(stage):
    stage.backend.will("add", fail(ValueError("no")))
    result = stage.run([rows, add])
    with pytest.raises(NodeFailedError) as caught:
        result.raise_for_failure()
    assert caught.value.message == "node 'add' failed: ValueError: no"
    assert stage.run([rows, add]).raise_for_failure()["sum"] == 6


def test_the_time_of_the_run_is_of_the_clock(stage):
    stage.backend.will("rows", fail(ValueError("no"), takes_s=12.5))
    assert stage.run([rows]).took_s == 12.5


def test_too_few_items_are_told_by_raise_for_failure_as_well(stage):
    result = stage.run([rows, odd])
    with pytest.raises(NodeFailedError):
        result.raise_for_failure()
