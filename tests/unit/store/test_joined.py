"""The cache of a home: small results lie with the journal first, are found there by everybody, and are moved on."""

import contextlib
import sqlite3
import threading

import pytest

from weftline.errors import LedgerUnusableError, StoreUnusableError
from weftline.model.event import Event, Kind
from weftline.store.files import FileCache, rows_of
from weftline.store.joined import _MANY, _MOST, JoinedCache
from weftline.store.sqlite import SqliteLedger
from weftline.testing.caches import entry, stored

ENDED = Event(Kind.NODE_FINISHED, 100.0, "a", body={"state": "succeeded"})


class Home:
    """A ledger and a cache, as one process has them."""

    def __init__(self, place):
        self.place = place
        self.ledger = SqliteLedger(place / "ledger.db")
        self.cache = JoinedCache(place / "cache", self.ledger.staged)

    def keep(self, *entries):
        self.cache.stage(entries)
        self.ledger.append("run", [ENDED])

    def die(self):
        """As a process that is killed: nothing is moved, nothing is ended."""
        self.cache._index.close()
        self.ledger._db.close()

    def close(self):
        self.cache.close()
        self.ledger.close()

    @property
    def lie_there(self):
        """Keys of what lies in the ledger's file."""
        with sqlite3.connect(self.place / "ledger.db") as database:
            return {key for (key,) in database.execute("SELECT key FROM staged")}

    @property
    def indexed(self):
        """Keys of what is in the index."""
        with sqlite3.connect(self.place / "cache" / "index.db") as database:
            return {key for (key,) in database.execute("SELECT key FROM results")}


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.close()


def contents(cache, *entries):
    """What is found, by key; contents loaded."""
    found = cache.find([made.key for made in entries])
    return {key: [bytes(cache.load(output, key)) for output in one.outputs] for key, one in found.items()}


SMALL, TWO, LARGE = entry("small", b"1"), entry("two", b"2" * 5_000, b"3"), entry("large", b"4" * 50_000, b"5")


def test_a_small_result_is_written_with_the_journal_alone(home):
    home.keep(SMALL, TWO)
    assert (home.lie_there, home.indexed) == ({SMALL.key, TWO.key}, set())
    assert contents(home.cache, SMALL, TWO) == {SMALL.key: [b"1"], TWO.key: [b"2" * 5_000, b"3"]}
    assert list(home.ledger.events("run")) == [ENDED]


def test_what_is_large_or_pickled_is_kept_at_once(home):
    pickled = entry("pickled", b"x")._replace(outputs=(stored(b"x", "pickle"),))
    home.cache.stage([SMALL, LARGE, pickled])
    assert home.indexed == {LARGE.key, pickled.key}
    home.ledger.append("run", [ENDED])
    assert home.lie_there == {SMALL.key}
    assert contents(home.cache, SMALL, LARGE) == {SMALL.key: [b"1"], LARGE.key: [b"4" * 50_000, b"5"]}


def test_of_many_that_come_at_once_none_is_written_twice(home):
    made = [entry(f"{number}", b"%d" % number) for number in range(_MANY)]
    home.keep(SMALL)
    home.cache.stage(made)
    assert (home.lie_there, home.indexed) == ({SMALL.key}, {one.key for one in made})
    assert contents(home.cache, *made) == {one.key: [one.outputs[0].content] for one in made}


def test_one_of_many_takes_the_place_of_what_was_staged(home):
    made = [entry(f"{number}", b"%d" % number) for number in range(_MANY)]
    home.keep(entry("0", b"older"))
    home.cache.stage(made)
    home.cache.settle()
    assert contents(home.cache, *made) == {one.key: [one.outputs[0].content] for one in made}


def test_it_is_found_before_it_is_written(home):
    home.cache.stage([SMALL])
    assert contents(home.cache, SMALL) == {SMALL.key: [b"1"]}


def test_settled_results_are_where_they_belong(home):
    home.keep(SMALL, TWO)
    home.cache.settle()
    assert (home.lie_there, home.indexed) == (set(), {SMALL.key, TWO.key})
    assert contents(home.cache, SMALL, TWO) == {SMALL.key: [b"1"], TWO.key: [b"2" * 5_000, b"3"]}


def test_the_index_is_as_if_they_had_been_stored_there(home, tmp_path):
    home.keep(SMALL, TWO)
    home.cache.settle()
    plain = FileCache(tmp_path / "plain")
    plain.store([SMALL, TWO])
    plain.close()

    def rows(file):
        with sqlite3.connect(file) as database:
            kinds = "typeof(codec), typeof(made_by), typeof(content)"
            return database.execute(f"SELECT *, {kinds} FROM results ORDER BY key, position").fetchall()

    assert rows(tmp_path / "cache" / "index.db") == rows(tmp_path / "plain" / "index.db")
    assert home.cache.recipes([SMALL.recipe]) == {SMALL.recipe}


def test_what_has_not_been_written_is_not_settled(home):
    home.keep(SMALL)
    home.cache.stage([TWO])
    home.cache.settle()
    assert home.indexed == {SMALL.key}
    home.ledger.append("run", [])
    assert home.lie_there == {TWO.key}


def test_many_are_settled_on_the_way(home):
    made = [entry(f"{number}", b"%d" % number) for number in range(3 * _MOST)]
    for one in made:
        home.keep(one)
    assert len(home.lie_there) <= _MOST
    assert len(home.lie_there | home.indexed) == len(made)
    assert contents(home.cache, *made) == {one.key: [one.outputs[0].content] for one in made}


def test_the_newest_of_a_key_counts(home):
    newer = entry("small", b"newer")
    home.keep(SMALL)
    home.keep(newer)
    assert contents(home.cache, SMALL) == {SMALL.key: [b"newer"]}
    home.cache.settle()
    assert contents(home.cache, SMALL) == {SMALL.key: [b"newer"]}


def test_what_is_stored_directly_takes_the_place_of_what_was_staged(home):
    newer = entry("small", b"6" * 40_000)
    home.keep(SMALL)
    home.cache.store([newer])
    assert contents(home.cache, SMALL) == {SMALL.key: [b"6" * 40_000]}
    home.cache.settle()
    assert contents(home.cache, SMALL) == {SMALL.key: [b"6" * 40_000]}


@pytest.mark.parametrize("written", [True, False])
def test_what_is_removed_is_gone(home, written):
    home.cache.stage([SMALL, TWO])
    if written:
        home.ledger.append("run", [ENDED])
    home.cache.remove([SMALL.key])
    home.ledger.append("run", [ENDED])
    home.cache.settle()
    assert contents(home.cache, SMALL, TWO) == {TWO.key: [b"2" * 5_000, b"3"]}


def test_what_is_freed_tells_its_digest(home):
    home.keep(SMALL)
    home.cache.free([SMALL.key])
    assert [output.codec for output in home.cache.find([SMALL.key])[SMALL.key].outputs] == ["freed"]


# --- several processes ---


def test_another_process_finds_what_lies_there(home, tmp_path):
    other = Home(tmp_path)
    before = other.cache.version()
    home.keep(SMALL)
    assert other.cache.version() != before
    assert contents(other.cache, SMALL) == {SMALL.key: [b"1"]}
    home.cache.settle()
    other.cache.version()
    assert contents(other.cache, SMALL) == {SMALL.key: [b"1"]}
    home.cache.remove([SMALL.key])
    other.cache.version()
    assert contents(other.cache, SMALL) == {}
    other.close()


def test_who_opens_the_home_moves_what_a_dead_process_has_left(tmp_path):
    dead = Home(tmp_path)
    dead.keep(SMALL, TWO)
    dead.die()
    home = Home(tmp_path)
    assert (home.lie_there, home.indexed) == (set(), {SMALL.key, TWO.key})
    assert contents(home.cache, SMALL, TWO) == {SMALL.key: [b"1"], TWO.key: [b"2" * 5_000, b"3"]}
    home.close()


def test_a_process_that_dies_while_it_moves_them_loses_nothing(home, tmp_path):
    home.keep(SMALL)

    def die(rows):
        home.cache._keep(rows)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        home.ledger.staged.settle(die)
    assert (home.lie_there, home.indexed) == ({SMALL.key}, {SMALL.key})
    other = Home(tmp_path)
    assert (home.lie_there, home.indexed) == (set(), {SMALL.key})
    other.close()


def test_two_that_move_them_at_once(home, tmp_path):
    """One has it all the time: nothing that was put in its place is overwritten by the other."""
    other, is_reading, go_on = Home(tmp_path), threading.Event(), threading.Event()
    home.keep(SMALL)

    def slowly(rows):
        is_reading.set()
        assert go_on.wait(30)
        other.cache._keep(rows)

    mover = threading.Thread(target=other.ledger.staged.settle, args=(slowly,))
    mover.start()
    assert is_reading.wait(30)
    replacer = threading.Thread(target=home.cache.store, args=([entry("small", b"newer")],))
    replacer.start()
    replacer.join(0.1)  # it waits for its turn
    go_on.set()
    mover.join()
    replacer.join()
    assert contents(home.cache, SMALL) == {SMALL.key: [b"newer"]}
    other.close()


# --- what goes wrong ---


def test_a_result_whose_transaction_failed_is_written_with_the_next(home):
    home.keep(entry("first", b"0"))
    home.cache.stage([SMALL])
    with pytest.raises(LedgerUnusableError):
        home.ledger.append("run", [ENDED._replace(item=object())])
    home.ledger.append("run", [ENDED])
    assert SMALL.key in home.lie_there


def test_the_first_transaction_may_fail(home):
    home.cache.stage([SMALL])
    with pytest.raises(LedgerUnusableError):
        home.ledger.append("run", [ENDED._replace(item=object())])
    home.ledger.append("run", [ENDED])
    assert home.lie_there == {SMALL.key}


def test_what_was_altered_is_put_aside(home, tmp_path):
    home.keep(SMALL, TWO)
    home.die()
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("UPDATE staged SET content = x'00', codec = x'ff' WHERE key = ?", (SMALL.key,))
    other = Home(tmp_path)
    assert contents(other.cache, SMALL, TWO) == {TWO.key: [b"2" * 5_000, b"3"]}
    assert len(other.cache.damage()) == 1
    other.close()


def test_a_pickle_that_somebody_else_has_put_there_is_never_read(tmp_path):
    """Others may be able to write to the ledger's file where they are not able to write to the cache."""
    dead = Home(tmp_path)
    dead.ledger.staged.put(list(_rows_of_a_pickle()))
    dead.ledger.append("run", [])
    reader = Home.__new__(Home)
    reader.place = tmp_path
    assert len(reader.lie_there) == 1
    home = Home(tmp_path)
    assert home.indexed == reader.lie_there == set()
    home.close()
    dead.die()


def _rows_of_a_pickle():
    return rows_of(entry("evil", b"x")._replace(outputs=(stored(b"x", "pickle"),)))


def test_a_cache_that_cannot_be_written_loses_nothing(home, tmp_path, monkeypatch):
    home.keep(SMALL)

    def full(*_):
        raise StoreUnusableError(path="x", detail="disk full")

    with monkeypatch.context() as patched:
        patched.setattr(home.cache._index, "write", full)
        with pytest.raises(StoreUnusableError):
            home.cache.settle()
        assert contents(home.cache, SMALL) == {SMALL.key: [b"1"]}
    assert home.lie_there == {SMALL.key}
    home.cache.settle()
    assert home.indexed == {SMALL.key}


def test_a_ledger_that_an_older_program_made_is_taken_as_it_is(tmp_path):
    home = Home(tmp_path)
    home.ledger.append("run", [ENDED])
    home.close()
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        assert not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'staged'").fetchall()
    home = Home(tmp_path)
    home.keep(SMALL)
    assert home.lie_there == {SMALL.key}
    home.close()


def test_a_claim_takes_nothing_along(home):
    """It is not flushed: what it took along would count as safe before it is."""
    home.keep(TWO)
    home.cache.stage([SMALL])
    home.ledger.claim("r1", "one")
    home.ledger.release("r1", "one")
    assert home.lie_there == {TWO.key}
    home.ledger.append("run", [ENDED])
    assert home.lie_there == {TWO.key, SMALL.key}


def test_what_is_appended_after_a_claim_is_flushed(home):
    levels = []
    claim, append = home.ledger._claims.check, home.ledger.append

    def looked_at(run):
        levels.append(home.ledger._db.query("PRAGMA synchronous")[0][0])
        claim(run)

    home.ledger._claims.check = looked_at
    home.ledger.claim("r1", "one")
    append("r1", [ENDED])
    assert levels == [3], "EXTRA, https://sqlite.org/pragma.html#pragma_synchronous"


def test_recipes_of_results_that_lie_there_are_told_without_waiting_for_who_writes(home, tmp_path):
    """A plan asks for them, and reads only: while ten runs write, it would wait for each of them."""
    other = Home(tmp_path)
    first, second = entry("first", b"1", recipe="one"), entry("second", b"2", recipe="two")
    home.keep(first)
    home.cache.settle()
    assert home.cache.recipes([first.recipe, second.recipe]) == {first.recipe}
    other.keep(second)
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert home.cache.recipes([first.recipe, second.recipe, b"3" * 32]) == {first.recipe, second.recipe}
    assert other.lie_there == {second.key}
    other.close()
