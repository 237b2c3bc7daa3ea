"""Care of the cache: what is in it and who used it, what may go, and whether it tells the truth."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from weftline.app.home import Home, Request
from weftline.app.verbs import plan
from weftline.author.pipeline import Pipeline
from weftline.backends.perform import perform
from weftline.errors import AmbiguousEntryError, NoCacheError, UnknownEntryError, WeftlineError
from weftline.model.entry import ITEMS, Entry, is_freed
from weftline.model.ids import call_label
from weftline.model.plan import Decision
from weftline.ports.cache import Cache, TendedCache
from weftline.ports.values import digests_in
from weftline.run.calls import NodeCalls, planned_entries
from weftline.run.inputs import Holdings
from weftline.run.stored import OutputLostError, part_keys

#: Digits of a key that name an entry at least.
_FEWEST_DIGITS = 6


class Item(NamedTuple):
    """One result with all that belongs to it.

    Attributes:
        entry: of the call.
        parts: keys of the entries that hold the items of a list that it made.
        objects: sizes of the contents by digest, those of the parts included.
        used_at: when a run of this home last made it or took it; when it was made, if none is known.
        runs: runs of this home that made it or took it, the newest first.
        pinned: whether it stays.
    """

    entry: Entry
    parts: tuple[bytes, ...]
    objects: dict[bytes, int]
    used_at: float
    runs: tuple[str, ...]
    pinned: bool

    @property
    def node(self) -> str:
        """The node that made it."""
        return self.entry.made_by.partition("/")[2]

    @property
    def size(self) -> int:
        """Bytes of its contents; some may be shared with other results."""
        return sum(self.objects.values())


class Collected(NamedTuple):
    """What a collection removed.

    Attributes:
        removed: the results.
        kept: those that stay.
        freed: bytes; of a trial, those of contents that nothing else names.
    """

    removed: list[Item]
    kept: list[Item]
    freed: int


class Verdict(NamedTuple):
    """A stored result beside what its call makes now.

    Attributes:
        call: `node` or `node[item]`.
        key: of the entry.
        equal: whether the outputs are.
        detail: what is different, or why it could not be made again.
    """

    call: str
    key: bytes
    equal: bool
    detail: str = ""


def inventory(home: Home) -> list[Item]:
    """Every result in the cache of a home, the last used first.

    Raises:
        NoCacheError: there is none.
    """
    cache = _cache_of(home)
    held = {found.entry.key: found for found in cache.held()}
    parts = {key: part_keys(found.entry, cache) for key, found in held.items()}
    inside = {part for found in parts.values() for part in found}
    uses = _uses(home)
    items = []
    for key, found in held.items():
        if key in inside:
            continue
        objects: dict[bytes, int] = {}
        for one in (key, *parts[key]):
            if one in held:
                objects |= {stored.object: stored.size for stored in held[one].entry.outputs}
        used = uses.get(key.hex(), [])
        used_at = max([found.entry.made_at, *(at for _, at in used)])
        runs = tuple(run for run, _ in sorted(used, key=lambda use: use[1], reverse=True))
        items.append(Item(found.entry, parts[key], objects, used_at, runs, found.pinned))
    return sorted(items, key=lambda item: (-item.used_at, item.entry.key))


def chosen(items: Sequence[Item], words: Iterable[str]) -> list[Item]:
    """The results that words name: each a node, or the first digits of a key.

    Raises:
        UnknownEntryError: a word names nothing.
        AmbiguousEntryError: it is the beginning of several keys.
    """
    found: dict[bytes, Item] = {}
    for word in words:
        matches = [item for item in items if item.node == word]
        if not matches and len(word) >= _FEWEST_DIGITS:
            matches = [item for item in items if item.entry.key.hex().startswith(word.lower())]
            if len(matches) > 1:
                raise AmbiguousEntryError(word=word, count=len(matches))
        if not matches:
            raise UnknownEntryError(word=word)
        found |= {item.entry.key: item for item in matches}
    return list(found.values())


def forget(home: Home, items: Sequence[Item]) -> int:
    """Removes results, pinned ones too; gives the bytes that this freed."""
    cache = _cache_of(home)
    cache.remove([key for item in items for key in (item.entry.key, *item.parts)])
    freed = cache.sweep()
    if home.artifacts is not None:
        home.artifacts.sweep(lambda: {stored.object for held in cache.held() for stored in held.entry.outputs})
    return freed


def pin(home: Home, items: Sequence[Item], *, pinned: bool) -> None:
    """Marks results as not to be collected, or takes the mark away."""
    _cache_of(home).pin([item.entry.key for item in items], pinned=pinned)


def collect(
    home: Home, *, unused_s: float | None = None, most_bytes: int | None = None, keep_runs: int = 1, trial: bool = False
) -> Collected:
    """Makes room: removes what was not used for long, then what was used longest ago, until the rest is small enough.

    Pinned results stay, and so does what the newest runs made or took.

    Args:
        home: whose cache.
        unused_s: remove what was last used longer ago than this, in seconds.
        most_bytes: what all contents together may take.
        keep_runs: how many of the newest runs keep what they used.
        trial: change nothing.

    Raises:
        NoCacheError: the home has no cache.
    """
    now = home.clock.now()
    items = inventory(home)
    ledger = home.ledger
    newest = {found.run for found in ledger.runs(keep_runs)} if ledger is not None and keep_runs else set()
    free = [item for item in items if not item.pinned and not newest.intersection(item.runs)]
    removed = [item for item in free if unused_s is not None and item.used_at < now - unused_s]
    if most_bytes is not None:
        gone = {item.entry.key for item in removed}
        rest = [item for item in items if item.entry.key not in gone]
        shares = _Shares(rest)
        for item in reversed(free):
            if shares.total <= most_bytes:
                break
            if item.entry.key not in gone:
                shares.drop(item)
                removed.append(item)
    gone = {item.entry.key for item in removed}
    kept = [item for item in items if item.entry.key not in gone]
    if trial:
        return Collected(removed, kept, _Shares(items).total - _Shares(kept).total)
    return Collected(removed, kept, forget(home, removed))


def verify(pipeline: Pipeline, home: Home, request: Request, sample: int, seed: int) -> Iterator[Verdict]:
    """Makes a sample of the results again that a run would take from the cache, and compares; nothing is stored.

    Results of nodes with effects are left out, since making them again would change something; and those that are made from
    temporary outputs which were freed.

    Args:
        pipeline: whose results.
        home: where they are.
        request: as for a run.
        sample: how many calls at most.
        seed: chooses them.

    Raises:
        InvalidPipelineError: the pipeline cannot be planned.
        NoCacheError: the home has no cache.
    """
    cache = _cache_of(home)
    made = plan(pipeline, home, request)
    holdings = Holdings(made.graph, made.given, home.values, cache)
    calls = []
    for step in made.steps:
        if step.decision is not Decision.CACHED:
            continue
        number = made.graph.index[step.node]
        entries = planned_entries(step)
        for item, entry in entries.items():
            holdings.put_entry(number, item, entry)
            if made.graph.nodes[number].effect is None and not is_freed(entry):
                calls.append((number, item, entry))
        holdings.finish(number, len(entries))
    gone = {number for number in range(len(made.graph.nodes)) if any(map(is_freed, holdings.entries(number).values()))}
    calls = [call for call in calls if not gone.intersection(made.graph.upstream[call[0]])]
    for number, item, entry in random.Random(seed).sample(calls, min(sample, len(calls))):  # noqa: S311 - a choice, no secret
        node = made.graph.nodes[number]
        label = call_label(node.name, item)
        try:
            call = NodeCalls(node, made[node.name]).call((number, item, 1), holdings)
        except OutputLostError:
            yield Verdict(label, entry.key, equal=False, detail="an input of it is not in the cache any more")
            continue
        report = perform(call)
        if report.outputs is None:
            why = "it was interrupted" if report.failure is None else f"{report.failure.kind}: {report.failure.message}"
            yield Verdict(label, entry.key, equal=False, detail=f"it fails now: {why}")
            continue
        yield _compared(home, cache, label, entry, [output.key for output in node.outputs], report.outputs)


def _compared(home: Home, cache: Cache, label: str, entry: Entry, keys: Sequence[str], outputs: Sequence[object]) -> Verdict:
    different = []
    for key, stored, value in zip(keys, entry.outputs, outputs, strict=True):
        try:
            if stored.codec == ITEMS:
                assert isinstance(value, Sequence)
                found = home.values.digests(value, key)
                is_equal = found == digests_in(cache.load(stored, entry.key))
            else:
                is_equal = home.values.digest(value, key) == stored.digest
        except WeftlineError as error:
            return Verdict(label, entry.key, equal=False, detail=str(error))
        if not is_equal:
            different.append(key)
    return Verdict(label, entry.key, not different, ", ".join(f"{key!r} comes out different" for key in different))


class _Shares:
    """What contents take together, where several results may name the same."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.total = 0
        self._users: dict[bytes, int] = {}
        for item in items:
            for content, size in item.objects.items():
                self.total += 0 if content in self._users else size
                self._users[content] = self._users.get(content, 0) + 1

    def drop(self, item: Item) -> None:
        for content, size in item.objects.items():
            self._users[content] -= 1
            self.total -= 0 if self._users[content] else size


def _cache_of(home: Home) -> TendedCache:
    if not home.has_results or home.cache is None:
        raise NoCacheError(home=home.shown or "memory")
    return home.cache


def _uses(home: Home) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {}
    if home.ledger is not None:
        for use in home.ledger.uses():
            found.setdefault(use.key, []).append((use.run, use.at))
    return found
