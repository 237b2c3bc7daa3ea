"""Chooses from many nodes those that a goal needs."""

import pytest

from weftline import Pipeline, Resolver, node
from weftline.errors import UnreachableGoalError


@node(provides="raw")
def load() -> int:
    return 1


@node(provides="clean")
def tidy(raw: int) -> int:
    return raw


@node(provides="conditioning.text")
def text(raw: int) -> int:
    return raw


@node(provides="conditioning.image.small")
def image(raw: int) -> int:
    return raw


@node(provides="conditioning_extra.x")
def extra(raw: int) -> int:
    return raw


@node(provides="model", consumes={"given": "conditioning.*"})
def train(clean: int, given: dict[str, int]) -> int:
    return clean + len(given)


@node(provides="report")
def report(model: int) -> str:
    return str(model)


@node(provides="other")
def other() -> int:
    return 0


NODES = [report, train, text, image, extra, tidy, load, other]


def names(goal, **options):
    return [found.spec.name for found in Resolver(NODES, **options).resolve(goal)]


def test_only_what_the_goal_needs_is_taken_in_an_order_of_execution():
    assert names("model") == ["load", "tidy", "train"]
    assert names("report") == ["load", "tidy", "train", "report"]
    assert names("other") == ["other"]


def test_several_goals_share_what_they_need():
    assert names(["clean", "conditioning.text"]) == ["load", "text", "tidy"]


@pytest.mark.parametrize(
    ("features", "taken"),
    [
        ([], set()),
        (["conditioning"], {"text", "image"}),
        (["conditioning.text"], {"text"}),
        (["conditioning.image"], {"image"}),
        (["conditioning.image.small"], {"image"}),
        (["conditioning_extra"], set()),
        (["cond"], set()),
    ],
)
def test_consumed_keys_are_taken_in_where_they_are_wanted(features, taken):
    assert set(names("model", features=features)) - {"load", "tidy", "train"} == taken


def test_what_is_resolved_is_ready_to_run():
    found = Resolver(NODES, features=["conditioning"]).resolve("model")
    assert Pipeline(found, name="test").run(home=None, backend="inline")["model"] == 3


def test_a_goal_that_nobody_provides_says_what_may_be_meant():
    with pytest.raises(UnreachableGoalError) as caught:
        Resolver(NODES).resolve(["other", "modell"])
    assert caught.value.goal == "modell"
    assert caught.value.hint == "did you mean 'model'?"


def test_a_circle_is_kept_so_that_it_can_be_told():
    @node(provides="x")
    def x(y: int) -> int:
        return y

    @node(provides="y")
    def y(x: int) -> int:
        return x

    found = Resolver([x, y]).resolve("x")
    assert [finding.code for finding in Pipeline(found, name="test").validate()] == ["G204"]


def test_a_resolver_does_not_go_down_deep_chains_by_recursion():
    made = [node(provides="k0")(lambda: 0)]
    made[0].spec  # noqa: B018 - the first has no inputs
    for at in range(1, 3000):

        def step(value: int) -> int:
            return value

        step.__name__ = f"n{at}"
        made.append(node(provides=f"k{at}", requires={"value": f"k{at - 1}"})(step))
    assert len(Resolver(made).resolve("k2999")) == 3000
