"""Single flight: a result that somebody else computes just now is waited for, and not computed twice.

Theory of operation. A call takes the lease on its key before it starts, and gives it back when its result is stored. While a
call waits for somebody else's result it has neither a slot nor a lease, so two runs can never wait for each other. Whoever
gets a lease looks into the cache again, since the result may have been stored meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from weftline.model.call import Handle, Report
from weftline.model.plan import ReasonCode
from weftline.ports.cache import Cache
from weftline.ports.leases import Leases
from weftline.run.calls import CallFinder, CallsByNode
from weftline.run.facts import Elsewhere, Fact, Failed, Found, Freed, Stopped, Submit, Succeeded, Wish
from weftline.run.inputs import Holdings

#: How often is looked after what others compute: at first, and at last, in seconds.
_SHORTEST_S, _LONGEST_S = 0.002, 0.2
_ENDINGS = (Succeeded, Failed, Stopped)


class SingleFlight:
    """The leases of one run.

    Args:
        leases: who computes what, among those that share the cache.
        cache: where results are.
        calls: the calls of a node by its number.
        finder: looks for results.
        holdings: takes what others made.
        now: the time of the run.
    """

    def __init__(
        self,
        leases: Leases,
        cache: Cache,
        calls: CallsByNode,
        finder: CallFinder,
        holdings: Holdings,
        now: Callable[[], float],
    ) -> None:
        self._leases = leases
        self._cache = cache
        self._calls = calls
        self._finder = finder
        self._holdings = holdings
        self._now = now
        self._ours: dict[Handle, bytes] = {}
        self._ended: list[bytes] = []
        self._waiting: dict[Handle, bytes] = {}
        self._pause_s = _SHORTEST_S
        self._looks_at = 0.0

    @property
    def wakes_at(self) -> float | None:
        """When somebody should look after what others compute; None if nothing is waited for."""
        return self._looks_at if self._waiting else None

    def begin(self, wishes: Iterable[Wish]) -> dict[Handle, Fact]:
        """Takes the leases of the calls that are about to start.

        Returns:
            Those that must not start, with what the core is told of them instead.
        """
        wanted = {
            wish.handle: key for wish in wishes if type(wish) is Submit and (key := self._shared_key(wish.handle)) is not None
        }
        taken = self._leases.take(list(wanted.values())) if wanted else set()
        self._finder.version = version = self._cache.version()  # after that: what was stored by who had the lease is seen
        instead: dict[Handle, Fact] = {}
        again: dict[Handle, bytes] = {}
        for handle, key in wanted.items():
            if key not in taken:
                instead[handle] = Elsewhere(self._now(), handle, self._leases.holder(key))
                self._wait_for(handle, key)
                continue
            taken.discard(key)  # of two calls with one key, the second waits for the first
            self._ours[handle] = key
            if self._calls[handle[0]].version != version:
                again[handle] = key
        for handle, fact in self._found(again).items():
            instead[handle] = fact
            self._leases.give_back([self._ours.pop(handle)])
        return instead

    def _shared_key(self, handle: Handle) -> bytes | None:
        """The key that another process may compute; None for a call whose result stands for nobody else's."""
        calls = self._calls[handle[0]]
        if not calls.keys or not calls.node.cache or calls.step.reason.code is ReasonCode.FORCED:
            return None
        return calls.key(handle[1])

    def _wait_for(self, handle: Handle, key: bytes) -> None:
        self._waiting[handle] = key
        self._pause_s = _SHORTEST_S
        self._looks_at = self._now() + self._pause_s

    def _found(self, wanted: dict[Handle, bytes]) -> dict[Handle, Fact]:
        """Of these calls, those whose result is in the cache."""
        found: dict[Handle, Fact] = {}
        by_node: dict[int, list[Handle]] = {}
        for handle in wanted:
            by_node.setdefault(handle[0], []).append(handle)
        for number, handles in by_node.items():
            entries = self._finder.take(self._calls[number], {item: wanted[number, item, n] for _, item, n in handles})
            for handle in handles:
                entry = entries.get(handle[1])
                if entry is not None:
                    self._holdings.put_entry(number, handle[1], entry)
                    found[handle] = Found(self._now(), handle, {"key": entry.key.hex()})
        return found

    # --- while calls run ---

    def news(self) -> list[Fact]:
        """What became of the calls that others compute."""
        if not self._waiting or self._now() < self._looks_at:
            return []
        free = self._leases.free(list(self._waiting.values()))  # before the look: what is free now was stored before
        self._cache.version()
        facts = self._found(self._waiting)
        for handle, key in self._waiting.items():
            if handle not in facts and key in free:
                facts[handle] = Freed(self._now(), handle)
        for handle in facts:
            del self._waiting[handle]
        self._pause_s = _SHORTEST_S if facts else min(2 * self._pause_s, _LONGEST_S)
        self._looks_at = self._now() + self._pause_s
        return list(facts.values())

    def fenced(self, reports: Sequence[Report]) -> tuple[list[Report], list[Fact]]:
        """Leaves out the results whose lease was taken over: others had to believe that this process is dead.

        Returns:
            The reports that count, and what the core is told of the others: they are computed elsewhere.
        """
        keys = [key for report in reports if (key := self._ours.get(report.handle)) is not None]
        held = self._leases.held(keys)
        if len(held) == len(keys):
            return list(reports), []
        kept: list[Report] = []
        facts: list[Fact] = []
        for report in reports:
            key = self._ours.get(report.handle)
            if key is None or key in held or report.outputs is None:
                kept.append(report)
            else:
                del self._ours[report.handle]
                facts.append(Elsewhere(self._now(), report.handle, self._leases.holder(key)))
                self._wait_for(report.handle, key)
        return kept, facts

    def end(self, facts: Iterable[Fact]) -> None:
        """Calls have ended."""
        ours = self._ours
        self._ended += [ours.pop(fact.handle) for fact in facts if isinstance(fact, _ENDINGS) and fact.handle in ours]

    def give_back(self) -> None:
        """Gives back the leases of calls that have ended; to be called when their results are durable."""
        if self._ended:
            self._leases.give_back(self._ended)
            self._ended = []

    def drop(self, handle: Handle) -> None:
        """A call did not start after all."""
        if handle in self._ours:
            self._leases.give_back([self._ours.pop(handle)])

    def close(self) -> None:
        """Gives everything back."""
        self._leases.give_back([*self._ours.values(), *self._ended])
        self._ours.clear()
        self._waiting.clear()
