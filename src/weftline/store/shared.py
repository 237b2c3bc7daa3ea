"""A cache in a place that several machines reach: entries and large contents are blobs of it.

Theory of operation. An entry is one blob, named by its key, sealed, and written after the contents that it names; so it is
there completely or not at all, and nothing else has to be kept in step with it. Contents are named by their digests. Marks
(`recipes/`, `pins/`) are blobs without content. Whatever was altered shows when it is read, is moved to `quarantine/`, and from
then on is as if it had never been computed. No order of events between machines makes a wrong value; the worst is that
something is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from weftline.codec import whole
from weftline.errors import DamagedEntryError, UntrustedPickleError
from weftline.model.entry import Entry, Held, Stored, freed
from weftline.ports.blobs import Blobs
from weftline.store import leases
from weftline.store.manifest import INLINE_BYTES, packed, unpacked

#: Contents up to this size are kept in memory with a found entry.
_CARRIED_BYTES = 1 << 10
#: A content younger than this may belong to an entry that is being written, in seconds.
_NEW_S = 3600.0
_OBJECT = re.compile(r"objects/[0-9a-f]{2}/[0-9a-f]{62}")
#: What `aside.name_aside` calls files, at the top and in the folders of the cache.
_ASIDE = re.compile(r"([a-z]+/([0-9a-f]{2}/)?)?\.[^/]{1,16}\.[^/]+\.[0-9]+\.[0-9a-f]{8}")
#: Blobs that are asked for in one go.
_BATCH = 1000


class SharedCache:
    """Fits `weftline.ports.cache.Cache`.

    Args:
        blobs: the place.
        is_trusted: whether pickles in it may be read, since nobody writes there who is not trusted.
    """

    def __init__(self, blobs: Blobs, is_trusted: Callable[[], bool] = bool) -> None:
        self._blobs = blobs
        self._is_trusted = is_trusted
        self._damage: list[str] = []
        self._marked: set[str] = set()  # marks that survive a failure of power, for all that this process knows
        self._versions = itertools.count()

    # --- results ---

    def find(self, keys: Sequence[bytes]) -> Mapping[bytes, Entry]:
        """The entries of those keys that are there and sound; large contents are compared when they are loaded."""
        found: dict[bytes, Entry] = {}
        for batch in _batches(dict.fromkeys(keys)):
            names = {_entry_name(key): key for key in batch}
            for name, content in self._blobs.read(list(names)).items():
                entry = self._read(names[name], content)
                if entry is not None:
                    found[entry.key] = entry
        large = {stored.object for entry in found.values() for stored in entry.outputs if stored.size > INLINE_BYTES}
        sizes = self._blobs.sizes([_object_name(digest) for digest in large]) if large else {}
        for entry in list(found.values()):
            fault = _fault(entry, sizes)
            if fault is not None:
                del found[entry.key]
                found.update(self._judged(entry, fault))
        return {key: _light(entry) for key, entry in found.items()}

    def _read(self, key: bytes, content: bytes | memoryview) -> Entry | None:
        try:
            entry = unpacked(content)
        except (ValueError, KeyError, TypeError) as error:
            self._put_aside(key, {_entry_name(key): content}, f"its record was altered ({error})")
            return None
        if entry.key != key:
            self._put_aside(key, {_entry_name(key): content}, "it is the entry of another key")
            return None
        return entry

    def _judged(self, entry: Entry, fault: str) -> Mapping[bytes, Entry]:
        """An entry whose contents are not there: put aside, unless it was removed with them, or replaced, since it was read."""
        name = _entry_name(entry.key)
        content = self._blobs.read([name]).get(name)
        if content is None:
            return {}
        if self._read(entry.key, content) not in {None, entry}:
            return self.find([entry.key])
        self._put_aside(entry.key, {name: content}, fault)
        return {}

    def load(self, stored: Stored, key: bytes) -> bytes | memoryview:
        """The content of a stored value, compared with its digest."""
        if stored.codec == "pickle" and not self._is_trusted():
            raise UntrustedPickleError(path=self._blobs.place)
        if stored.content is not None:
            return whole(stored.content)
        if stored.size <= INLINE_BYTES:
            return self._small(stored, key)
        name, place = _object_name(stored.object), _entry_name(key)
        content = self._blobs.read([name]).get(name)
        if content is None or hashlib.sha256(content).digest() != stored.object:
            damaged = {} if content is None else {name: content}
            entry = self._blobs.read([place]).get(place)
            if entry is not None and _names(entry, stored.object):  # else it was removed or replaced meanwhile
                damaged[place] = entry
            detail = "its content is gone or altered"
            self._put_aside(key, damaged, detail)
            raise DamagedEntryError(what_is_damaged=key.hex()[:12], detail=detail)
        return content

    def _small(self, stored: Stored, key: bytes) -> bytes | memoryview:
        name = _entry_name(key)
        content = self._blobs.read([name]).get(name)
        entry = None if content is None else self._read(key, content)
        if entry is None:
            if content is None:
                self._damage.append(f"entry {key.hex()[:12]}: it is gone; it will be computed again")
            raise DamagedEntryError(what_is_damaged=key.hex()[:12], detail="its content is gone or altered")
        for output in entry.outputs:
            if output.object == stored.object and output.content is not None:
                return whole(output.content)
        raise DamagedEntryError(what_is_damaged=key.hex()[:12], detail="it was replaced meanwhile")

    def store(self, entries: Sequence[Entry]) -> None:
        """Keeps entries: contents first, then marks, then the entries.

        Both are looked at again afterwards. Whoever removed the last other entry of a recipe has taken its mark away, and a
        sweep that found a content old and without an entry may have taken it, although it had just become new.
        """
        large = {
            _object_name(stored.object): stored.content
            for entry in entries
            for stored in entry.outputs
            if stored.content is not None and stored.size > INLINE_BYTES
        }
        self._blobs.keep(list(large.items()))
        marks = list({_recipe_name(entry.recipe) for entry in entries})
        self._mark(marks)
        last = {_entry_name(entry.key): packed(entry) for entry in entries}
        self._blobs.write(list(last.items()))
        self._mark(marks)
        there = self._blobs.sizes(list(large))
        self._blobs.keep([(name, content) for name, content in large.items() if name not in there])

    def _mark(self, names: Sequence[str]) -> None:
        there = self._blobs.sizes(names)
        self._blobs.keep([(name, b"") for name in names if name not in there or name not in self._marked])
        self._marked.update(names)

    def recipes(self, recipes: Collection[bytes]) -> set[bytes]:
        """Which recipes have made an entry."""
        found: set[bytes] = set()
        for batch in _batches(recipes):
            names = {_recipe_name(recipe): recipe for recipe in batch}
            found.update(names[name] for name in self._blobs.sizes(list(names)))
        return found

    def located(self, digest: bytes) -> Path | None:
        """Nothing that is sure to stay while somebody reads it."""
        del digest
        return None

    def version(self) -> int:
        """Another number each time: nobody tells what others store."""
        return next(self._versions)

    def damage(self) -> list[str]:
        """What was put aside since the last time."""
        told = list(self._damage)
        self._damage.clear()
        return told

    def close(self) -> None:
        """Frees the place."""
        self._blobs.close()

    # --- care ---

    def held(self) -> Iterator[Held]:
        """Every entry that is sound."""
        pinned = set(self._digests("pins/"))
        keys = list(self._digests("entries/"))
        for batch in _batches(keys):
            for key, entry in self.find(batch).items():
                bare = tuple(stored._replace(content=None) for stored in entry.outputs)
                yield Held(entry._replace(outputs=bare), key in pinned)

    def remove(self, keys: Collection[bytes]) -> None:
        """Forgets entries, and the marks of recipes that no entry names any more."""
        gone: set[bytes] = set()
        for batch in _batches(keys):
            gone.update(entry.recipe for entry in self.find(batch).values())
        self._blobs.remove([name for key in keys for name in (_entry_name(key), _pin_name(key))])
        if gone:
            self._blobs.remove([_recipe_name(recipe) for recipe in gone])
            left = {held.entry.recipe for held in self.held()}  # after the removal, so that no new entry is overlooked
            self._mark([_recipe_name(recipe) for recipe in gone & left])

    def free(self, keys: Collection[bytes]) -> None:
        """Writes entries without contents; large ones go with the next sweep, since others may be about to name them."""
        self.store([freed(entry) for entry in self.find(list(keys)).values()])

    def pin(self, keys: Collection[bytes], *, pinned: bool) -> None:
        """Marks entries that are there, or takes the mark away."""
        if not pinned:
            self._blobs.remove([_pin_name(key) for key in keys])
            return
        there = self._blobs.sizes([_entry_name(key) for key in keys])
        self._blobs.write([(_pin_name(key), b"") for key in keys if _entry_name(key) in there])

    def sweep(self) -> int:
        """Removes contents that are not new and that no entry names, and what dead processes have left behind.

        The place may hold other things, which it leaves.
        """
        found = [blob for blob in self._blobs.list("") if blob.age_s > _NEW_S]
        remains = {blob.name: blob.size for blob in found if _ASIDE.fullmatch(blob.name)}
        old = {blob.name: blob.size for blob in found if _OBJECT.fullmatch(blob.name)}
        named: set[str] = set()
        recipes: set[bytes] = set()
        for held in self.held():
            named.update(_object_name(stored.object) for stored in held.entry.outputs)
            recipes.add(held.entry.recipe)
        for batch in _batches(recipes):  # that a process has lost which ended while it removed entries
            self._mark([_recipe_name(recipe) for recipe in batch])
        gone = remains | {name: size for name, size in old.items() if name not in named}
        freed = 0
        for folder in sorted({name[: name.rfind("/") + 1] for name in gone}):
            still = [blob.name for blob in self._blobs.list(folder) if blob.age_s > _NEW_S and blob.name in gone]
            self._blobs.remove(still)  # at once: what somebody is about to name has become new
            freed += sum(gone.pop(name) for name in still)
        leases.sweep(self._blobs, _NEW_S)
        return freed

    def _digests(self, kind: str) -> Iterator[bytes]:
        for blob in self._blobs.list(kind):
            with contextlib.suppress(ValueError):  # no name of ours
                yield bytes.fromhex("".join(blob.name.split("/")[1:]))

    # --- soundness ---

    def _put_aside(self, key: bytes, damaged: Mapping[str, bytes | memoryview], detail: str) -> None:
        """Moves blobs out of the way if they still are what was judged: somebody else may have made them anew."""
        mark = os.urandom(4).hex()
        judged = {name: bytes(content) for name, content in damaged.items()}
        self._blobs.write([(f"quarantine/{name.replace('/', '-')}.{mark}", content) for name, content in judged.items()])
        taken = self._blobs.swap([(name, content, None) for name, content in judged.items()])
        left = self._blobs.sizes(list(taken))
        self._blobs.remove([name for name, size in left.items() if not size])  # some places leave an empty one
        self._damage.append(f"entry {key.hex()[:12]}: {detail}; it will be computed again")


def _entry_name(key: bytes) -> str:
    return _name("entries", key)


def _object_name(digest: bytes) -> str:
    return _name("objects", digest)


def _recipe_name(recipe: bytes) -> str:
    return _name("recipes", recipe)


def _pin_name(key: bytes) -> str:
    return _name("pins", key)


def _name(kind: str, digest: bytes) -> str:
    text = digest.hex()
    return f"{kind}/{text[:2]}/{text[2:]}"


def _names(content: bytes | memoryview, thing: bytes) -> bool:
    """Whether an entry names a content."""
    try:
        return any(stored.object == thing for stored in unpacked(content).outputs)
    except (ValueError, KeyError, TypeError):
        return False  # which shows when it is looked up


def _light(entry: Entry) -> Entry:
    """An entry as it is found: only what is small, and no pickle, which is asked for, and judged, by `load`."""
    outputs = tuple(
        stored if stored.size <= _CARRIED_BYTES and stored.codec != "pickle" else stored._replace(content=None)
        for stored in entry.outputs
    )
    return entry._replace(outputs=outputs)


def _fault(entry: Entry, sizes: Mapping[str, int]) -> str | None:
    for stored in entry.outputs:
        if stored.size > INLINE_BYTES:
            found = sizes.get(_object_name(stored.object))
            if found is None:
                return "one of its contents is missing"
            if found != stored.size:
                return f"one of its contents has {found} bytes instead of {stored.size}"
    return None


def _batches(things: Iterable[bytes]) -> Iterator[list[bytes]]:
    left = iter(things)
    while batch := list(itertools.islice(left, _BATCH)):
        yield batch
