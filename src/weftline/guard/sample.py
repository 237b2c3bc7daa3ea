"""The processes that a worker has started, whatever became of their parents, and what they take together.

Theory of operation. A process belongs to a tree if its parent does, if it has lost its parent and fallen to the tree's keeper,
if it is in a session that the tree has opened, or if it was started with the tree's mark in its environment. Once it belongs
it stays, by its id and its start, so that an orphan is not lost. CPU time is a counter that never falls: what its members have
used, what they have waited for, and what members had used that ended without being waited for by another. So a child is
counted once, while it lives and after, and one that came and went between two looks is counted with its parent.

Looking at all processes of a machine costs 7 us for each of them. It is done seldom; between, members alone are read.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from math import inf
from typing import NamedTuple

from weftline.guard import proc
from weftline.guard.proc import Identity, Memory, Stat

#: The share of all memory that is not worth dividing.
_LITTLE = 0.02


class Root(NamedTuple):
    """Whom a tree begins with, and how the rest of it is known.

    Attributes:
        pid: of the worker.
        mark: the word that its environment has under `proc.MARK`, if it has one.
        keeper: to whom processes of the tree fall that lose their parent, and nobody else; it does not belong itself. 0 if
            there is none.
    """

    pid: int
    mark: str = ""
    keeper: int = 0


class Sample(NamedTuple):
    """What a tree takes at a moment.

    Attributes:
        cpu_s: CPU seconds since the tree was first looked at, of all that belonged to it.
        memory_bytes: what it holds; see `proc.Memory`.
        source: how that was found.
        processes: how many there are.
    """

    cpu_s: float
    memory_bytes: int
    source: str
    processes: int


class Neighbours:
    """All processes of the machine, looked at seldom, for all trees together."""

    def __init__(self) -> None:
        self.at = -inf
        self.cost_s = 0.0
        self._stats: dict[int, Stat] = {}
        self._children: dict[int, list[Stat]] = {}
        self._sessions: dict[int, list[Stat]] = {}
        self._marked: dict[str, list[Stat]] = {}
        self._words: dict[Identity, frozenset[str]] = {}

    def look(self, since: int, at: float = 0.0) -> None:
        """Reads everything.

        Args:
            since: a start in clock ticks; the marks of older processes are not read.
            at: when this is, for those that look together.
        """
        self.at = at
        began = time.thread_time()
        self._stats = proc.everything()
        self._children, self._sessions, self._marked = {}, {}, {}
        words = {}
        for found in self._stats.values():
            self._children.setdefault(found.parent, []).append(found)
            self._sessions.setdefault(found.session, []).append(found)
            if found.started >= since:
                known = self._words.get(found.identity)
                known = words[found.identity] = proc.marks(found.pid) if known is None else known
                for word in known:
                    self._marked.setdefault(word, []).append(found)
        self._words = words
        self.cost_s = time.thread_time() - began

    def behind(self, members: Iterable[Identity], sessions: Iterable[int], root: Root, since: int) -> dict[Identity, Stat]:
        """The processes that belong to a tree: its members, and what they have started."""
        queue = [found for pid, started in members if (found := self._stats.get(pid)) is not None and found.started == started]
        for session in sessions:
            queue += [found for found in self._sessions.get(session, ()) if found.started >= since]
        if root.mark:
            queue += self._marked.get(root.mark, ())
        if root.keeper:
            queue += self._children.get(root.keeper, ())
        tree: dict[Identity, Stat] = {}
        while queue:
            found = queue.pop()
            if found.identity not in tree and found.pid != root.keeper:
                tree[found.identity] = found
                queue += self._children.get(found.pid, ())
        return tree


class ProcessTree:
    """A process and all that it has started.

    Args:
        root: which.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self._members: dict[Identity, Stat] = {}
        self._sessions: set[int] = set()
        self._departed_s = 0.0
        self._first_s: float | None = None
        first = proc.stat(root.pid)
        self.since = 0 if first is None else first.started
        if first is not None:
            self._adopt({first.identity: first})

    @property
    def members(self) -> list[Stat]:
        """Those that have not ended, as they were at the last look."""
        return [found for found in self._members.values() if not found.is_gone]

    def look(self, neighbours: Neighbours | None = None) -> None:
        """Reads the members again; with all processes of the machine at hand, finds new ones."""
        if neighbours is None:
            read = {identity: proc.stat(identity[0]) for identity in self._members}
            now = {identity: found for identity, found in read.items() if found is not None and found.identity == identity}
        else:
            now = neighbours.behind(self._members, self._sessions, self._root, self.since)
        self._depart(now)
        self._adopt(now)

    def _adopt(self, now: dict[Identity, Stat]) -> None:
        self._members = now
        leaders = {found.session for found in now.values() if found.session == found.pid}
        held = {found.session for found in now.values()}
        self._sessions = (self._sessions | leaders) & held
        if self._first_s is None and now:
            self._first_s = self._counted_s

    def _depart(self, now: Mapping[Identity, Stat]) -> None:
        """Keeps what members had used that nobody who is left has waited for."""
        gone: dict[Identity | None, float] = {}
        by_pid = {found.pid: found for found in self._members.values()}
        for identity, before in self._members.items():
            if identity not in now:
                above = by_pid.get(before.parent)
                while above is not None and above.identity not in now:
                    above = by_pid.get(above.parent)
                heir = None if above is None else above.identity
                gone[heir] = gone.get(heir, 0.0) + before.cpu_s
        for heir, used_s in gone.items():
            taken_s = 0.0 if heir is None else now[heir].reaped_s - self._members[heir].reaped_s
            self._departed_s += max(0.0, used_s - taken_s)

    @property
    def _counted_s(self) -> float:
        return self._departed_s + sum(found.cpu_s for found in self._members.values())

    @property
    def cpu_s(self) -> float:
        """CPU seconds up to the last look, since the first."""
        return self._counted_s - (self._first_s or 0.0)

    @property
    def resident_bytes(self) -> int:
        """Pages in memory at the last look, shared ones in full for each: never less than what is held but for swap."""
        return sum(found.resident_bytes for found in self._members.values())

    def sample(self) -> Sample:
        """What the tree takes, as of the last look."""
        members = self.members
        memory = measured(members)
        return Sample(self.cpu_s, memory.held_bytes, memory.source, len(members))

    def open_files(self) -> int:
        """How many descriptors the members have open, of those that may be looked at."""
        return sum(proc.open_files(found.pid) or 0 for found in self.members)


def measured(members: list[Stat]) -> Memory:
    """What processes hold together.

    What they share is at most what all but the largest have. Where that is little, or there is one only, nothing is divided.
    """
    sizes = sorted(found.resident_bytes for found in members)
    if sum(sizes[:-1]) <= _LITTLE * sum(sizes):
        own = [one for found in members if (one := proc.private_memory(found.pid)) is not None]
        return Memory(sum(one.held_bytes for one in own), sum(one.file_bytes for one in own), "private")
    held = files = 0
    source = "pss"
    for found in members:
        one = proc.shared_out_memory(found.pid)
        if one is None:
            one = proc.private_memory(found.pid)
            if one is None:
                continue  # it has ended since
            source = "private" if one.held_bytes else source
        held += one.held_bytes
        files += one.file_bytes
    return Memory(held, files, source)
