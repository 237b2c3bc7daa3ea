"""What the keys of a run hold: values in memory, entries in a store, things that were given."""

import numpy as np
import pytest

from weftline import Pipeline, node
from weftline.digest import of_items
from weftline.errors import UnboundedInputError
from weftline.model.entry import Entry
from weftline.model.ids import WHOLE
from weftline.ports.values import Values
from weftline.run.inputs import Holdings
from weftline.run.stored import OutputLostError
from weftline.store.memory import MemoryCache

VALUES = Values()


@node(provides=("first", "second"))
def pair(seed: int) -> tuple[int, str]:
    return seed, str(seed)


@node(provides="each", requires={"x": "items"}, over="items")
def each(x: int) -> int:
    return x


@node(provides="all")
def gather(each: list[int], first: int) -> list[int]:
    return each


GRAPH = Pipeline([pair, each, gather], name="test").graph.with_given({"seed": 1, "items": [1]})
PAIR, EACH, GATHER = 0, 1, 2


def holdings(cache=None, **given):
    return Holdings(GRAPH, {"seed": 1, "items": [10, 20, 30], **given}, VALUES, cache)


def entry(node_number, item, *values):
    spec = GRAPH.nodes[node_number]
    outputs = tuple(VALUES.encode(value, spec, output) for value, output in zip(values, spec.outputs, strict=True))
    return Entry(b"%d.%d" % (node_number, item), b"recipe", outputs, 0.0, 0.0)


def test_given_values_are_held_from_the_start():
    held = holdings()
    assert held.has("seed")
    assert held.value("items") == [10, 20, 30]
    assert held.item("items", 2) == 30
    assert held.count(GRAPH.nodes[EACH]) == 3


def test_a_key_holds_nothing_before_its_node_has_run():
    held = holdings()
    assert not held.has("first")
    assert not held.has("each")
    assert not held.has("unknown")


def test_outputs_are_told_apart_by_their_place():
    held = holdings()
    held.put(PAIR, WHOLE, (7, "seven"))
    assert (held.value("first"), held.value("second")) == (7, "seven")


def test_a_list_is_put_together_from_its_items_in_order():
    held = holdings()
    for item in (2, 0, 1):
        held.put(EACH, item, (item * 10,))
    assert not held.has("each")  # it is complete when its node has ended
    held.finish(EACH, 3)
    assert held.value("each") == [0, 10, 20]


def test_failed_items_are_left_out_and_places_count_those_that_are_left():
    held = holdings()
    for item in (0, 2, 3):
        held.put(EACH, item, (item,))
    held.finish(EACH, 4, {1: None})
    assert held.value("each") == [0, 2, 3]
    assert held.item("each", 1) == 2
    assert held.item_digests("each") == [VALUES.digest(item) for item in (0, 2, 3)]


def test_values_come_from_the_store_where_they_are_not_in_memory():
    cache = MemoryCache()
    held = holdings(cache)
    cache.store([made := entry(PAIR, WHOLE, 7, "seven")])
    held.put_entry(PAIR, WHOLE, made)
    assert (held.value("first"), held.value("second")) == (7, "seven")


def test_stored_values_are_released_from_memory_and_others_kept():
    held = holdings(MemoryCache())
    held.put(PAIR, WHOLE, (7, "in memory"))
    held.release(PAIR)
    assert held.value("second") == "in memory"  # nothing else has it
    held.put_entry(PAIR, WHOLE, entry(PAIR, WHOLE, 7, "stored"))
    held.release(PAIR)
    assert held.value("second") == "stored"


def test_digests_are_the_same_wherever_the_value_is():
    live, stored = holdings(), holdings(MemoryCache())
    live.put(PAIR, WHOLE, (7, "seven"))
    stored.put_entry(PAIR, WHOLE, entry(PAIR, WHOLE, 7, "seven"))
    for key in ("first", "second"):
        assert live.digest(key) == stored.digest(key)


def test_the_digest_of_a_list_is_made_of_those_of_its_items():
    held = holdings()
    for item in range(3):
        held.put(EACH, item, (item,))
    held.finish(EACH, 3)
    assert held.digest("each") == of_items([VALUES.digest(item) for item in range(3)])


def test_inputs_of_a_call_that_all_calls_share():
    held = holdings()
    held.put(PAIR, WHOLE, (7, "seven"))
    assert held.shared_inputs(GRAPH.nodes[EACH]) == {}
    for item in range(2):
        held.put(EACH, item, (item,))
    held.finish(EACH, 2)
    assert held.shared_inputs(GRAPH.nodes[GATHER]) == {"each": [0, 1], "first": 7}


@pytest.mark.parametrize("value", ["text", b"bytes", {"a": 1}, {1, 2}, frozenset({1}), 5, None, iter([1])])
def test_only_sequences_have_items(value):
    with pytest.raises(UnboundedInputError) as caught:
        holdings(items=value).count(GRAPH.nodes[EACH])
    assert type(value).__name__ in caught.value.message


@pytest.mark.parametrize("value", [[1, 2], (1, 2), range(2)])
def test_every_sequence_has_items(value):
    assert holdings(items=value).count(GRAPH.nodes[EACH]) == 2


def test_given_arrays_cannot_be_written_to():
    held = holdings(seed=np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        held.value("seed")[0] = 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda held: held.value("each"),
        lambda held: held.item("each", 0),
        lambda held: held.item_digests("each"),
        lambda held: held.digest("each"),
        lambda held: held.value("first"),
        lambda held: held.digest("first"),
        lambda held: held.shared_inputs(GRAPH.nodes[GATHER]),
        lambda held: held.input_digests(GRAPH.nodes[GATHER]),
    ],
)
def test_what_is_lost_is_never_taken_for_something_else(ask):
    """Neither for an empty list nor for a key that nothing provides: whoever asks is told who made it."""
    cache = MemoryCache()
    held = holdings(cache)
    held.put_entry(PAIR, WHOLE, entry(PAIR, WHOLE, 7, "seven"))
    for item in range(2):
        held.put_entry(EACH, item, entry(EACH, item, item))
    held.finish(EACH, 2)
    held.forget(EACH)
    held.forget(PAIR)
    with pytest.raises(OutputLostError) as caught:
        ask(held)
    assert caught.value.node in {PAIR, EACH}
