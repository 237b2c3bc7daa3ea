"""What every cache promises, as a suite to inherit.

```python
class TestMine(CacheContract):
    def cache(self, place: Path) -> TendedCache:
        return MyCache(place)
```

A cache that keeps its entries somewhere also overrides `reopened`, and, where a test can reach the stored bytes, `spoil`.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

from weftline.errors import DamagedEntryError
from weftline.model.entry import Entry, Stored, is_freed
from weftline.ports.cache import TendedCache

#: Sizes around every limit that a store is likely to have: rows, pages, parameters, files.
_SIZES = (0, 1, 1023, 1024, 1025, 4096, (32 << 10) - 1, 32 << 10, (32 << 10) + 1, 1 << 20)


def stored(content: bytes, codec: str = "json") -> Stored:
    """A value as a cache is given it."""
    return Stored(_sha(b"value" + content), codec, _sha(content), len(content), content)


def entry(name: str, *contents: bytes, recipe: str = "recipe") -> Entry:
    """An entry of that name with an output for each content."""
    outputs = tuple(stored(content) for content in contents)
    return Entry(_sha(name.encode()), _sha(recipe.encode()), outputs, 1_800_000_000.25, 1.5, f"run/{name}")


def _sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


class _Suite:
    """How the suite gets a cache and looks at it."""

    def cache(self, place: Path) -> TendedCache:
        """A new, empty cache; the suite closes it.

        Args:
            place: an empty folder, for caches that need one; removed afterwards.
        """
        raise NotImplementedError("say how the cache is made")

    def reopened(self, place: Path) -> TendedCache | None:
        """Another view of what was stored at that place, as another process has it; None if a cache forgets everything."""
        del place
        return None

    def spoil(self, cache: TendedCache, place: Path, entry: Entry) -> bool:
        """Alters the stored bytes of an entry's first output, as a failing disk would; False if no test can."""
        del cache, place, entry
        return False

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[TendedCache, Path]]:
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(self.cache(Path(folder))) as cache:
            yield cache, Path(folder)

    def _content(self, cache: TendedCache, made: Entry) -> bytes:
        return self._loaded(cache, cache.find([made.key])[made.key])

    def _loaded(self, cache: TendedCache, found: Entry) -> bytes:
        return bytes(cache.load(found.outputs[0], found.key))

    def _is_refused(self, cache: TendedCache, made: Entry) -> bool:
        found = cache.find([made.key]).get(made.key)
        if found is None:
            return True
        try:
            self._loaded(cache, found)
        except DamagedEntryError:
            return True
        return False


class _Finding(_Suite):
    """Finding and loading."""

    def test_what_was_stored_is_found(self) -> None:
        """An entry comes back with all its fields, and its outputs in order."""
        with self._opened() as (cache, _):
            made = entry("a", b"first", b"second", b"third")
            cache.store([made])
            found = cache.find([made.key])[made.key]
            assert found._replace(outputs=()) == made._replace(outputs=())
            assert [_bare(output) for output in found.outputs] == [_bare(output) for output in made.outputs]

    def test_an_empty_cache_finds_nothing(self) -> None:
        """Unknown keys are missing in the answer, and no keys are no error."""
        with self._opened() as (cache, _):
            assert dict(cache.find([_sha(b"unknown")])) == {}
            assert dict(cache.find([])) == {}
            assert set(cache.recipes([])) == set()
            assert cache.damage() == []

    def test_only_what_was_asked_for_is_found(self) -> None:
        """Others stay out of the answer; a key may be asked for twice."""
        with self._opened() as (cache, _):
            made = [entry(name, name.encode()) for name in "abc"]
            cache.store(made)
            assert set(cache.find([made[0].key, made[2].key, made[0].key, _sha(b"?")])) == {made[0].key, made[2].key}

    def test_contents_of_any_size_are_loaded(self) -> None:
        """From no bytes to many, as they were stored."""
        with self._opened() as (cache, _):
            for size in _SIZES:
                content = bytes(at % 251 for at in range(size))
                made = entry(f"{size}", content)
                cache.store([made])
                assert self._content(cache, made) == content, f"{size} bytes"
            assert cache.damage() == []

    def test_contents_are_loaded_for_whoever_does_not_hold_them(self) -> None:
        """A run keeps what it stored without the contents, and asks for them when they are wanted."""
        with self._opened() as (cache, _):
            made = entry("a", b"small", b"m" * 5_000, b"l" * 100_000)
            cache.store([made])
            assert [cache.load(_bare(output), made.key) for output in made.outputs] == [
                output.content for output in made.outputs
            ]

    def test_an_entry_without_outputs_is_an_entry(self) -> None:
        """A node that makes nothing has run nevertheless."""
        with self._opened() as (cache, _):
            made = entry("a")
            cache.store([made])
            assert cache.find([made.key])[made.key].outputs == ()

    def test_thousands_of_entries_in_one_question(self) -> None:
        """A fan-out stores and asks for all its items at once."""
        with self._opened() as (cache, _):
            made = [entry(f"{number}", b"%d" % number) for number in range(2500)]
            cache.store(made)
            found = cache.find([one.key for one in made])
            assert len(found) == len(made)
            assert all(self._loaded(cache, found[one.key]) == one.outputs[0].content for one in made)

    def test_one_key_in_many_places_of_one_question(self) -> None:
        """Nodes that do the same with the same share their result."""
        with self._opened() as (cache, _):
            made, other = entry("a", b"one", b"two"), entry("b", b"three")
            cache.store([made, other])
            assert set(cache.find([made.key] * 3000 + [other.key] + [made.key] * 3000)) == {made.key, other.key}
            assert cache.damage() == []

    def test_equal_contents_belong_to_every_entry_that_made_them(self) -> None:
        """Contents may be shared; entries may not notice."""
        with self._opened() as (cache, _):
            content = b"x" * 100_000
            one, two = entry("a", content), entry("b", content, content)
            cache.store([one])
            cache.store([two])
            assert self._content(cache, one) == self._content(cache, two) == content

    def test_the_last_entry_of_a_key_stays(self) -> None:
        """A result that was forced, or a newer receipt, takes the place of the old one."""
        with self._opened() as (cache, _):
            for size in (10, 5_000, 100_000):
                first, second = entry(f"{size}", b"1" * size), entry(f"{size}", b"2" * size)
                cache.store([first])
                cache.store([second])
                assert self._content(cache, second) == b"2" * size
            assert cache.damage() == []

    def test_storing_nothing_is_allowed(self) -> None:
        """A tick without results."""
        with self._opened() as (cache, _):
            cache.store([])


class _Keeping(_Suite):
    """What stays, and what is known of it."""

    def test_recipes_of_stored_entries_are_known(self) -> None:
        """The planner asks whether anything was ever made in this way."""
        with self._opened() as (cache, _):
            made = [entry(f"{number}", b"x", recipe=f"recipe {number}") for number in range(1500)]
            recipes = [one.recipe for one in made]
            assert set(cache.recipes(recipes)) == set()
            cache.store([*made[-2:], entry("other", b"x", recipe="recipe of others")])
            assert set(cache.recipes(recipes)) == set(recipes[-2:])
            cache.store(made)
            assert set(cache.recipes([*recipes, _sha(b"recipe unknown")])) == set(recipes)

    def test_what_was_stored_is_there_for_the_next_process(self) -> None:
        """As soon as `store` has returned, even if nobody closes anything."""
        with self._opened() as (cache, place):
            made = [entry(f"{size}", b"x" * size) for size in _SIZES]
            cache.store(made)
            again = self.reopened(place)
            if again is None:
                raise unittest.SkipTest("this cache forgets everything, and says so by not overriding `reopened`")
            with contextlib.closing(again):
                for one in made:
                    assert self._content(again, one) == one.outputs[0].content
                assert set(again.recipes([made[0].recipe])) == {made[0].recipe}


class _Damage(_Suite):
    """What was altered by a failing disk."""

    def test_a_damaged_entry_is_put_aside_and_told(self) -> None:
        """It is never returned: either it is not found, or loading it raises; then it is gone, and can be stored again."""
        for size in (10, 5_000, 100_000):
            with self._opened() as (cache, place):
                made, other = entry("a", b"1" * size), entry("b", b"2" * size)
                cache.store([made, other])
                if not self.spoil(cache, place, made):
                    raise unittest.SkipTest("nobody can reach the bytes that this cache stores")
                assert self._is_refused(cache, made), f"{size} bytes came back altered"
                assert cache.damage(), "nobody was told"
                assert cache.damage() == [], "it was told twice"
                assert made.key not in cache.find([made.key])
                assert self._content(cache, other) == b"2" * size, "a sound entry went with it"
                cache.store([made])
                assert self._content(cache, made) == b"1" * size

    def test_damage_to_one_output_does_not_take_what_others_share(self) -> None:
        """Contents are shared between entries; a sound one stays where another output of the same entry is damaged."""
        with self._opened() as (cache, place):
            shared = b"s" * 100_000
            made, other = entry("a", b"1" * 100_000, shared), entry("b", shared)
            cache.store([made, other])
            if not self.spoil(cache, place, made):
                raise unittest.SkipTest("nobody can reach the bytes that this cache stores")
            assert self._is_refused(cache, made)
            assert other.key in cache.find([other.key]), "a sound entry was put aside with a damaged one"
            assert self._content(cache, other) == shared


class _Care(_Suite):
    """What is there, and what may go."""

    def test_everything_that_is_there_is_listed_without_contents(self) -> None:
        """Also more entries than fit into one question."""
        with self._opened() as (cache, _):
            made = [entry("a", b"one", b"2" * 100_000), entry("b"), *(entry(f"{number}", b"x") for number in range(1500))]
            cache.store(made)
            found = {held.entry.key: held.entry for held in cache.held()}
            assert found == {one.key: one._replace(outputs=tuple(map(_bare, one.outputs))) for one in made}

    def test_what_was_removed_is_not_there(self) -> None:
        """Nor its recipe, if no other entry has that; unknown keys may be removed too."""
        with self._opened() as (cache, _):
            gone, other = entry("a", b"one", recipe="first"), entry("b", b"one", recipe="second")
            cache.store([gone, other])
            cache.remove([gone.key, _sha(b"unknown")])
            assert set(cache.find([gone.key, other.key])) == {other.key}
            assert cache.recipes([gone.recipe, other.recipe]) == {other.recipe}
            assert [held.entry.key for held in cache.held()] == [other.key]
            assert cache.damage() == []
            cache.store([gone])
            assert self._content(cache, gone) == b"one"

    def test_marks_are_kept_until_they_are_taken_away(self) -> None:
        """Only entries that are there are marked; a removed one loses its mark."""
        with self._opened() as (cache, _):
            one, other = entry("a", b"one"), entry("b", b"two")
            cache.store([one, other])
            cache.pin([one.key, _sha(b"unknown")], pinned=True)
            assert self._pinned(cache) == {one.key}
            cache.store([one])
            assert self._pinned(cache) == {one.key}, "made anew, and not marked any more"
            cache.pin([one.key], pinned=False)
            assert self._pinned(cache) == set()
            cache.pin([other.key], pinned=True)
            cache.remove([other.key])
            cache.store([other])
            assert self._pinned(cache) == set()

    def test_what_was_freed_tells_its_digests_alone(self) -> None:
        """Contents that others name stay; it can be stored again, and unknown keys may be freed too."""
        for size in (10, 100_000):
            with self._opened() as (cache, _):
                gone, other = entry("a", b"1" * size, b"s" * size), entry("b", b"s" * size)
                cache.store([gone, other])
                cache.free([gone.key, _sha(b"unknown")])
                found = cache.find([gone.key])[gone.key]
                assert is_freed(found)
                assert [output.digest for output in found.outputs] == [output.digest for output in gone.outputs]
                assert found._replace(outputs=()) == gone._replace(outputs=())
                assert cache.recipes([gone.recipe]) == {gone.recipe}
                assert self._content(cache, other) == b"s" * size
                assert cache.damage() == []
                cache.store([gone])
                assert self._content(cache, gone) == b"1" * size

    def test_a_sweep_takes_nothing_that_is_named_or_new(self) -> None:
        """Neither what entries name, nor what a process is about to name."""
        with self._opened() as (cache, _):
            shared = b"s" * 100_000
            gone, kept = entry("a", shared, b"1" * 100_000), entry("b", shared)
            cache.store([gone, kept])
            cache.remove([gone.key])
            cache.sweep()
            assert self._content(cache, kept) == shared
            cache.store([gone])
            assert self._content(cache, gone) == shared

    def _pinned(self, cache: TendedCache) -> set[bytes]:
        return {held.entry.key for held in cache.held() if held.pinned}


class CacheContract(_Finding, _Keeping, _Damage, _Care):
    """What every cache promises."""


def _bare(output: Stored) -> Stored:
    return output._replace(content=None)
