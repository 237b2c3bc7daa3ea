"""Recipes and keys: what is part of them, what is not, and what is said of a change."""

import dataclasses
import json

import pytest

from weftline.digest import of
from weftline.model.fingerprint import CONTENT, Change, KeyMaker, Part, Recipe, call_keys, changes, checkpoint_key, part_key

ONE, TWO, THREE = (of(number) for number in (1, 2, 3))


def digest(word: str) -> str:
    return of(word).hex()


RECIPE = Recipe(
    code=digest("code"),
    symbols=(Part("scale()", digest("scale"), "", "features.py"), Part("LIMIT", digest("limit"), "3")),
    params=(Part("size", digest("size"), "3"), Part("rate", digest("rate"), "0.5")),
    version="2",
    env={"python": "3.11", "numpy": "2.0"},
    depends=(Part("data.csv", digest("data"), "data.csv", CONTENT), Part("$REGION", digest("eu"), "set")),
    shape=("model.metrics", "model.trained"),
    not_followed=("later in node(): not bound yet",),
)

COUNTS = {
    "code": {"code": digest("other")},
    "value of a parameter": {"params": (Part("size", digest("other"), "3"), RECIPE.params[1])},
    "name of a parameter": {"params": (Part("width", digest("size"), "3"), RECIPE.params[1])},
    "parameter added": {"params": (*RECIPE.params, Part("more", digest("more")))},
    "parameters gone": {"params": ()},
    "version": {"version": "3"},
    "version gone": {"version": None},
    "empty version": {"version": ""},
    "version of Python": {"env": {"python": "3.12", "numpy": "2.0"}},
    "version of a library": {"env": {"python": "3.11", "numpy": "2.1"}},
    "library gone": {"env": {"python": "3.11"}},
    "content of a dependency": {"depends": (Part("data.csv", digest("other"), "data.csv", CONTENT), RECIPE.depends[1])},
    "name of a dependency": {"depends": (Part("other.csv", digest("data"), "other.csv", CONTENT), RECIPE.depends[1])},
    "dependencies gone": {"depends": ()},
    "declared keys": {"shape": ("model.trained",)},
    "no declared keys": {"shape": ()},
}
STAYS = {
    "symbols": {"symbols": ()},
    "what was not followed": {"not_followed": ()},
    "words for people": {"params": tuple(part._replace(text="other", place="other") for part in RECIPE.params)},
    "order of libraries": {"env": {"numpy": "2.0", "python": "3.11"}},
}


@pytest.mark.parametrize("edit", COUNTS.values(), ids=COUNTS)
def test_what_decides_a_result_is_in_the_recipe(edit):
    assert dataclasses.replace(RECIPE, **edit).digest != RECIPE.digest


def test_no_two_of_these_recipes_share_a_digest():
    assert len({dataclasses.replace(RECIPE, **edit).digest for edit in COUNTS.values()}) == len(COUNTS)


@pytest.mark.parametrize("edit", STAYS.values(), ids=STAYS)
def test_what_does_not_is_not(edit):
    assert dataclasses.replace(RECIPE, **edit).digest == RECIPE.digest


def test_a_recipe_comes_back_from_the_ledger():
    again = Recipe.from_dict(json.loads(json.dumps(RECIPE.as_dict())))
    assert again == RECIPE
    assert again.digest == RECIPE.digest
    assert changes(RECIPE, again) == []


# --- keys ---------------------------------------------------------------------------------------------------------


def test_a_key_is_made_of_recipe_and_inputs():
    keys = [
        KeyMaker(ONE, []).whole(),
        KeyMaker(TWO, []).whole(),
        KeyMaker(ONE, [("x", ONE)]).whole(),
        KeyMaker(ONE, [("x", TWO)]).whole(),
        KeyMaker(ONE, [("y", ONE)]).whole(),
        KeyMaker(ONE, [("x", ONE), ("y", TWO)]).whole(),
        KeyMaker(ONE, [("x", TWO), ("y", ONE)]).whole(),
        KeyMaker(ONE, [("x", ONE)]).item(TWO),
        KeyMaker(ONE, [("x", ONE)]).item(THREE),
        KeyMaker(ONE, []).item(ONE),
    ]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}


def test_the_key_of_an_item_does_not_depend_on_the_items_before_it():
    maker = KeyMaker(ONE, [("x", TWO)])
    before = maker.item(THREE)
    maker.item(ONE)
    maker.whole()
    assert maker.item(THREE) == before


def test_keys_of_a_single_call():
    assert call_keys(ONE, {}, None, None) == [KeyMaker(ONE, []).whole()]
    assert call_keys(ONE, {"x": TWO}, None, None) == [KeyMaker(ONE, [("x", TWO)]).whole()]
    assert call_keys(ONE, {"x": TWO, "y": None}, None, None) == [None]


def test_keys_of_calls_over_items():
    maker = KeyMaker(ONE, [("x", TWO)])
    assert call_keys(ONE, {"docs": None, "x": TWO}, "docs", [ONE, None, THREE]) == [maker.item(ONE), None, maker.item(THREE)]
    assert call_keys(ONE, {"docs": THREE, "x": TWO}, "docs", [ONE]) == [maker.item(ONE)], "the list as a whole does not count"
    assert call_keys(ONE, {"docs": None, "x": TWO}, "docs", []) == []
    assert call_keys(ONE, {"docs": None, "x": TWO}, "docs", None) is None
    assert call_keys(ONE, {"docs": None, "x": None}, "docs", [ONE, TWO]) == [None, None]


def test_an_item_that_comes_twice_has_one_key():
    first, second = call_keys(ONE, {"docs": None}, "docs", [TWO, TWO])
    assert first == second


def test_parts_of_results_and_checkpoints_have_keys_of_their_own():
    parts = [(ONE, 0, 0), (ONE, 0, 1), (ONE, 1, 0), (TWO, 0, 0), (ONE, 1, 11), (ONE, 11, 1)]
    checkpoints = [
        ("r", "n", 0, ONE),
        ("r", "n", 1, ONE),
        ("r", "n", 0, TWO),
        ("rn", "", 0, ONE),
        ("", "rn", 0, ONE),
        ("n", "r", 0, ONE),
    ]
    keys = [part_key(*part) for part in parts] + [checkpoint_key(*checkpoint) for checkpoint in checkpoints]
    assert len(set(keys)) == len(parts) + len(checkpoints)


# --- what changed -------------------------------------------------------------------------------------------------


def changed(**edit) -> list[tuple[str, str]]:
    return [tuple(change) for change in changes(RECIPE, dataclasses.replace(RECIPE, **edit))]


def test_a_changed_helper_is_named():
    symbols = (RECIPE.symbols[0]._replace(digest=digest("other")), RECIPE.symbols[1])
    assert changed(code=digest("other"), symbols=symbols) == [("code", "scale() in features.py changed")]


def test_a_changed_constant_shows_both_values():
    symbols = (RECIPE.symbols[0], Part("LIMIT", digest("other"), "4"))
    assert changed(code=digest("other"), symbols=symbols) == [("code", "LIMIT changed: 3 -> 4")]


def test_what_changed_is_told_before_what_came_and_went():
    symbols = (Part("new()", digest("new"), "", "a.py"), Part("LIMIT", digest("other"), "4"))
    assert changed(code=digest("other"), symbols=symbols) == [
        ("code", "LIMIT changed: 3 -> 4"),
        ("code", "new() in a.py is new"),
        ("code", "scale() is no longer used"),
    ]


def test_code_that_refers_to_the_same_things_in_another_way():
    assert changed(code=digest("other")) == [("code", "the code is put together in another way")]


def test_each_kind_of_change_has_its_reason():
    assert changed(params=(Part("size", digest("four"), "4"), RECIPE.params[1])) == [("param", "size 3 -> 4")]
    assert changed(params=RECIPE.params[:1]) == [("param", "rate 0.5 -> absent")]
    assert changed(params=(*RECIPE.params, Part("more", digest("more"), "1"))) == [("param", "more absent -> 1")]
    assert changed(version=None) == [("code", "version 2 -> None")]
    assert changed(env={"python": "3.12", "scipy": "1"}) == [
        ("env", "numpy 2.0 -> absent"), ("env", "python 3.11 -> 3.12"), ("env", "scipy absent -> 1"),
    ]  # fmt: skip
    assert changed(depends=(Part("data.csv", digest("other"), "data.csv", CONTENT), RECIPE.depends[1])) == [
        ("input", "the content of data.csv changed")
    ]
    assert changed(depends=(RECIPE.depends[0], Part("$REGION", digest(""), "unset"))) == [("env", "$REGION set -> unset")]
    assert changed(depends=(RECIPE.depends[0], Part("$REGION", digest("us"), "set"))) == [("env", "$REGION changed")]
    assert changed(params=(Part("size", digest("four"), "3"), RECIPE.params[1])) == [("param", "size changed")]
    path = (Part("path", digest("one"), "a.csv", CONTENT), Part("path", digest("two"), "a.csv", CONTENT))
    before, after = (dataclasses.replace(RECIPE, params=(part,)) for part in path)
    assert changes(before, after) == [Change("input", "the content of a.csv changed")]
    assert changed(shape=()) == [("code", "the declared keys changed")]


def test_several_changes_are_all_told():
    found = changed(version="3", env={}, params=(), shape=())
    assert [code for code, _ in found] == ["param", "param", "code", "env", "env", "code"]


def test_equal_recipes_have_no_changes():
    assert changes(RECIPE, RECIPE) == []
    assert isinstance(changes(RECIPE, dataclasses.replace(RECIPE, version="3"))[0], Change)


@pytest.mark.parametrize("edit", COUNTS.values(), ids=COUNTS)
def test_whenever_the_digest_changes_something_is_told(edit):
    assert changes(RECIPE, dataclasses.replace(RECIPE, **edit))
