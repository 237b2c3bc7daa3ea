"""Digests tell values apart exactly where they differ in type, sign or content; parts and recipes never run together."""

import copy
import datetime as dt
import decimal
import math
import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from weftline.digest import canonical, of, of_items, of_parts
from weftline.errors import UndigestableError
from weftline.model.fingerprint import KeyMaker, Part, Recipe, call_keys

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Left:
    x: Any


@dataclass(frozen=True)
class Right:
    x: Any


#: Few of each, so that equal and nearly equal values come up often.
KEYS = st.one_of(
    st.sampled_from([None, False, True, 0, 1, 2, -1, 0.0, -0.0, 1.0, 0.5, "", "a", "b", "1", b"", b"a", b"1"]),
    st.integers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.floats(allow_nan=False),
)
LEAVES = st.one_of(
    KEYS,
    st.sampled_from(
        [math.nan, math.inf, -math.inf, 1j, ..., bytearray(b"a"), decimal.Decimal("1.0"), dt.date(2026, 1, 1), dt.timedelta(1)]
    ),
    st.datetimes(timezones=st.sampled_from([None, dt.UTC])),
    st.decimals(allow_nan=False),
    st.complex_numbers(allow_nan=False),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
        st.sets(KEYS, max_size=3),
        st.frozensets(KEYS, max_size=3),
        inner.map(Left),
        inner.map(Right),
    ),
    max_leaves=8,
)


def form(value):
    """What a value is, by an independent rule: its type, and its content in an order of its own."""
    kind = type(value).__name__
    if isinstance(value, float):
        return kind, "nan" if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, complex):
        return kind, form(value.real), form(value.imag)
    if isinstance(value, (list, tuple)):
        return kind, tuple(map(form, value))
    if isinstance(value, (set, frozenset)):
        return kind, frozenset(map(form, value))
    if isinstance(value, dict):
        return kind, frozenset((form(key), form(item)) for key, item in value.items())
    if isinstance(value, (Left, Right)):
        return kind, form(value.x)
    if isinstance(value, bytearray):
        return kind, bytes(value)
    return kind, str(value) if isinstance(value, decimal.Decimal) else value


@QUICK
@given(VALUES, VALUES)
@example(0.0, -0.0)
@example([1, 2], (1, 2))
@example({1: 2}, {True: 2})
@example([["a"], "b"], [["a", "b"]])
def test_two_values_share_a_digest_only_if_they_are_the_same(one, two):
    assert (of(one) == of(two)) == (form(one) == form(two))


@QUICK
@given(VALUES, VALUES)
def test_no_encoding_is_the_beginning_of_another(one, two):
    first, second = canonical(one), canonical(two)
    if first != second:
        assert not first.startswith(second)
        assert not second.startswith(first)


@QUICK
@given(st.data(), st.dictionaries(KEYS, LEAVES, max_size=6), st.sets(KEYS, max_size=6))
def test_the_order_of_construction_does_not_count(data, mapping, members):
    items = data.draw(st.permutations(list(mapping.items())))
    order = data.draw(st.permutations(list(members)))
    assert of(dict(items)) == of(mapping)
    assert of(set(order)) == of(members)
    assert of([{"a": dict(items)}]) == of([{"a": mapping}])


@QUICK
@given(VALUES)
def test_a_copy_has_the_same_digest(value):
    assert of(copy.deepcopy(value)) == of(value)


@QUICK
@given(VALUES, st.lists(st.sampled_from(["list", "tuple", "dict", "set", "field"]), max_size=4))
def test_the_error_has_the_path_to_the_part(value, steps):
    bad: Any = object()
    path = ""
    for step in steps:
        if step == "list":
            bad, path = [value, bad], "[1]" + path
        elif step == "tuple":
            bad, path = (bad, value), "[0]" + path
        elif step == "dict":
            bad, path = {"k": bad}, "['k']" + path
        elif step == "field":
            bad, path = Left(bad), ".x" + path
    with pytest.raises(UndigestableError) as caught:
        of(bad, path="root")
    assert caught.value.path == "root" + path


PARTS = st.lists(st.binary(max_size=3) | st.sampled_from([b"1:", b"0:", b"a"]), max_size=4)


@QUICK
@given(PARTS, PARTS)
def test_lists_of_parts_share_a_digest_only_if_they_are_equal(one, two):
    assert (of_parts(*one) == of_parts(*two)) == (one == two)


DIGESTS = st.sampled_from([of(number) for number in range(4)])


@QUICK
@given(st.lists(DIGESTS, max_size=4), st.lists(DIGESTS, max_size=4))
def test_lists_of_items_share_a_digest_only_if_they_are_equal(one, two):
    assert (of_items(one) == of_items(two)) == (one == two)


WORDS = st.sampled_from(["env", "depends", "shape", "a", "b", "=1", ""])
NAMED = st.dictionaries(WORDS, DIGESTS.map(bytes.hex), max_size=2).map(
    lambda found: tuple(Part(*pair) for pair in found.items())
)
RECIPES = st.builds(
    Recipe,
    code=DIGESTS.map(bytes.hex),
    params=NAMED,
    version=st.none() | WORDS,
    env=st.dictionaries(WORDS, st.sampled_from(["1", "2", "?"]), max_size=2),
    depends=NAMED,
    shape=st.lists(WORDS, max_size=2).map(tuple),
)


@QUICK
@given(RECIPES, RECIPES)
def test_two_recipes_share_a_digest_only_if_they_are_equal(one, two):
    assert (one.digest == two.digest) == (one == two)


INPUTS = st.dictionaries(WORDS, st.none() | DIGESTS, max_size=3)


@QUICK
@given(DIGESTS, INPUTS, st.none() | st.lists(st.none() | DIGESTS, max_size=3))
def test_a_key_is_known_exactly_where_everything_it_is_made_of_is(recipe, inputs, items):
    over = next(iter(inputs), None)
    whole = call_keys(recipe, inputs, None, None)
    assert whole is not None
    assert (whole[0] is not None) == all(found is not None for found in inputs.values())
    if over is None:
        return
    keys = call_keys(recipe, inputs, over, items)
    shared = {name: found for name, found in inputs.items() if name != over}
    if items is None:
        assert keys is None
        return
    maker = KeyMaker(recipe, [(name, found) for name, found in shared.items() if found is not None])
    is_known = None not in shared.values()
    assert keys == [maker.item(item) if is_known and item is not None else None for item in items]
