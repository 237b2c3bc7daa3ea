"""Outputs that are lost while a run goes on: they are made again, and nobody ever reads something else in their place."""

from collections.abc import Sequence

import pytest

from weftline import node
from weftline.errors import DamagedEntryError
from weftline.model.event import Kind
from weftline.run.stored import OutputLostError
from weftline.store.memory import MemoryCache
from weftline.testing import succeed


class Forgetful(MemoryCache):
    """Hands out large contents on demand only, as a store on a disk does, and loses entries when it is told to."""

    def find(self, keys):
        return {key: self._without_contents(entry) for key, entry in super().find(keys).items()}

    def _without_contents(self, entry):
        outputs = tuple(found if found.size <= 1024 else found._replace(content=None) for found in entry.outputs)
        return entry._replace(outputs=outputs)

    def load(self, stored, key):
        entry = self._entries.get(key)
        for found in () if entry is None else entry.outputs:
            if found.object == stored.object:
                return found.content
        raise DamagedEntryError(what_is_damaged=key.hex(), detail="gone")

    def lose(self, *made_by):
        """What these nodes made."""
        for key, entry in list(self._entries.items()):
            if entry.made_by.rpartition("/")[2] in made_by:
                del self._entries[key]


def forgetful_run(stage, nodes, lose, when, **options):
    """A second run, in which some outputs are lost as soon as a node starts."""
    stage.cache = Forgetful()
    assert stage.run(nodes).ok
    stage.scripted(slots=4)
    return stage.run(nodes, sinks=[Loses(stage, when, *lose)], **options)


class Loses:
    """A sink that makes the cache lose what some nodes made, as soon as another one starts."""

    def __init__(self, stage, when, *made_by):
        self.stage, self.when, self.made_by = stage, when, made_by

    def tell(self, run, events):
        if any(event.kind in {Kind.ATTEMPT_STARTED, Kind.RUN_STARTED} and event.node == self.when for event in events):
            self.stage.cache.lose(*self.made_by)

    def close(self):
        pass


@node(provides="texts")
def texts(count: int = 3) -> list[int]:
    return list(range(count))


@node(provides="longs", requires={"x": "texts"}, over="texts")
def longs(x: int) -> str:
    return str(x) * 5_000


@node(provides="big")
def big() -> str:
    return "b" * 5_000


@node(provides="go")
def go(k: int = 0) -> int:
    return k


@node(provides="left")
def left(longs: list[str], go: int) -> int:
    return sum(map(len, longs))


@node(provides="right")
def right(longs: list[str], go: int) -> int:
    return len(longs)


def test_a_lost_list_is_never_read_as_an_empty_one(stage):
    result = forgetful_run(stage, [texts, longs, go, left, right], ["longs"], "go", params={"k": 1})
    assert (result["left"], result["right"]) == (15_000, 3)
    assert stage.run([texts, longs, go, left, right], params={"k": 1})["right"] == 3


def test_a_lost_optional_input_is_never_left_out(stage):
    @node(provides="features.big")
    def feature() -> str:
        return "f" * 5_000

    @node(provides="count", consumes={"found": "features.*"})
    def count(go: int, found: dict[str, str]) -> int:
        return len(found)

    @node(provides="again", consumes={"found": "features.*"})
    def again(go: int, found: dict[str, str]) -> int:
        return len(found)

    result = forgetful_run(stage, [feature, go, count, again], ["feature"], "go", params={"k": 1})
    assert (result["count"], result["again"]) == (1, 1)


def test_a_reader_that_becomes_ready_while_its_input_is_made_again(stage):
    @node(provides="early")
    def early(big: str, go: int) -> int:
        return len(big)

    @node(provides="slow")
    def slow(go: int) -> int:
        return go

    @node(provides="later")
    def later(big: str, slow: int) -> int:
        return len(big)

    nodes = [big, go, early, slow, later]
    stage.cache = Forgetful()
    assert stage.run(nodes).ok

    stage.scripted(slots=4).will("big", succeed(takes_s=50.0)).will("slow", succeed(takes_s=5.0))
    result = stage.run(nodes, sinks=[Loses(stage, "go", "big")], params={"k": 1})
    assert (result["early"], result["later"]) == (5_000, 5_000)


def test_items_that_are_left_after_a_loss_are_told_again(stage):
    """The journal says of the whole node that its output was lost; who goes on with the run must know what is left."""

    class LosesOne(Forgetful):
        def lose(self, *made_by):
            keys = [key for key, entry in self._entries.items() if entry.made_by.endswith("/longs")]
            del self._entries[keys[1]]

    nodes = [texts, longs, go, left]
    stage.cache = LosesOne()
    assert stage.run(nodes).ok

    result = stage.run(nodes, sinks=[Loses(stage, "go")], params={"k": 1})
    assert result["left"] == 15_000
    assert all(call.key for call in stage.record.nodes["longs"].calls.values())


def test_a_stored_value_that_no_longer_fits_its_type_is_made_again(stage):
    """The type of a node's result is no part of its key, but what is restored is checked against it."""

    def made(kind):
        def load():
            return 7

        load.__annotations__ = {"return": kind}
        return node(provides="number")(load)

    @node(provides="text")
    def text(number) -> str:
        return str(number)

    assert stage.run([made(int), text]).ok
    result = stage.run([made(str), text], force=["text"])
    assert result.status == "failed"  # made again, it is still no text
    assert result.failures[0][1].finding.code == "R502"


@node(provides="reader.out")
def reader(big: str) -> int:
    return len(big)


def test_a_lost_output_that_nobody_can_make_again_is_told(stage):
    stage.cache = Forgetful()
    assert stage.run([big, go, reader]).ok

    result = stage.run([big, go, reader], targets=["reader"], force=["reader"], sinks=[Loses(stage, "", "big")])
    assert result.status == "failed"
    assert "big" in result.failures[0][1].message


def test_holdings_raise_for_what_is_lost(stage):
    engine = stage.engine([texts, longs, left, go])
    engine.run()
    engine.holdings.forget(1)
    with pytest.raises(OutputLostError):
        engine.holdings.value("longs")


@pytest.mark.parametrize("kind", [list, tuple])
def test_items_of_a_restored_list_are_read_once_each(stage, kind):
    """Not the whole list for each of its items."""

    class Counting(Forgetful):
        asked = 0

        def find(self, keys):
            self.asked += len(keys)
            return super().find(keys)

        def load(self, stored, key):
            self.asked += 1
            return super().load(stored, key)

    @node(provides="many")
    def many() -> Sequence[int]:
        return kind(range(200))

    @node(provides="next", requires={"x": "many"}, over="many")
    def following(x: int, step: int = 1) -> int:
        return x + step

    stage.cache = Counting()
    stage.run([many, following])
    stage.cache.asked = 0
    assert stage.run([many, following], params={"step": 2})["next"] == list(range(2, 202))
    assert stage.cache.asked < 200 * 10
