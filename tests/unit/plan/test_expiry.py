"""Results that may be taken for a while only."""

import pytest

from weftline import Node, node
from weftline.author.node import spec_of
from weftline.errors import BadDeclarationError

DAY_S = 86_400


@node(expires_after="1d")
def rates() -> dict[str, float]:
    return {"EUR": 1.0}


@node
def total(rates: dict[str, float]) -> float:
    return sum(rates.values())


FLOW = [rates, total]


def decisions(plan):
    return [str(step.decision) for step in plan.steps]


def test_a_result_is_taken_until_it_expires(stage):
    stage.run(FLOW)
    stage.clock.move(DAY_S - 60)
    assert decisions(stage.plan(FLOW)) == ["CACHED", "CACHED"]
    stage.clock.move(120)
    plan = stage.plan(FLOW)
    assert decisions(plan) == ["RUN", "MAY RUN"]
    assert str(plan["rates"].reason) == "expired: made 1d ago, expires after 1d"
    result = stage.run(FLOW)
    assert [(step.ran, step.restored) for step in result.steps.values()] == [(1, 0), (0, 1)], "equal, so it stops there"
    assert decisions(stage.plan(FLOW)) == ["CACHED", "CACHED"]


def test_what_expires_between_the_plan_and_the_run_is_made_again(stage):
    stage.run(FLOW)
    stage.clock.move(DAY_S - 60)
    engine = stage.engine(FLOW, force=["total"])
    stage.clock.move(120)
    engine.run()
    assert engine.core.nodes[1].succeeded == 1


def test_items_expire_one_by_one(stage):
    @node
    def names(count: int = 2) -> list[str]:
        return list("abcdef"[:count])

    @node(requires={"name": "names"}, over="names", expires_after=100)
    def looked_up(name: str) -> str:
        return name.upper()

    stage.run([names, looked_up])
    stage.clock.move(60)
    stage.run([names, looked_up], params={"count": 3})
    stage.clock.move(60)
    result = stage.run([names, looked_up], params={"count": 3})
    assert (result.steps["looked_up"].ran, result.steps["looked_up"].restored) == (2, 1)


def test_the_limit_is_no_part_of_the_key(stage):
    stage.run(FLOW)
    plain = node(provides="rates", name="rates")(rates.__wrapped__)
    assert decisions(stage.plan([plain, total])) == ["CACHED", "CACHED"]


class Looked(Node):
    provides = {"x": int}  # noqa: RUF012 - as users write it
    expires_after = "90s"

    def run(self, ctx):
        ctx.set("x", 1)


def test_a_class_says_it_by_an_attribute():
    assert spec_of(Looked()).expires_s == 90


@pytest.mark.parametrize("limit", ["soon", "5", 0, -1, "0s", True, [1]], ids=str)
def test_what_is_no_duration_is_refused(limit):
    with pytest.raises(BadDeclarationError, match="a duration such as 12h or 30d"):
        node(expires_after=limit)(rates.__wrapped__)
