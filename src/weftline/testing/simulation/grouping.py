"""Records that wait for those of the next turn: draws whether they may, and checks when they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from weftline.model.call import Call
from weftline.model.event import ROUTINE, Event
from weftline.run.group_commit import BRIEF_S, LONGEST_S
from weftline.testing.simulation.account import Account
from weftline.testing.simulation.further import is_rare, of
from weftline.testing.simulation.memory import Memory
from weftline.testing.simulation.rules import label_of, rule
from weftline.testing.simulation.scenario import Incident, Life, Scenario

_BRIEF_S = (0.0, 0.0, 0.0003)
#: Seconds since the epoch have no more digits.
_ROUNDING_S = 1e-6


@of(0.5)
def in_process(rng: Random, scenario: Scenario) -> Scenario:
    """Calls die with the process; many of them are brief, where nothing depends on how long they take."""
    share = 0.0 if is_rare(scenario) else rng.choice([0.0, 0.5, 1.0, 1.0])
    nodes = (replace(node, takes_s=rng.choice(_BRIEF_S)) if rng.random() < share else node for node in scenario.nodes)
    lives = scenario.lives
    if lives and scenario.caches and not is_rare(scenario):
        moment = rng.choice(["after submit", "before poll", "after poll", "before append"])
        lives = (Life((Incident("crash", moment, rng.randrange(2, 9)),)), *lives)
    return replace(scenario, nodes=tuple(nodes), in_process=True, lives=lives)


@rule("submit")
def only_brief_calls_start_early(account: Account, call: Call) -> str | None:
    """While records wait, calls start that may be made again, that die with the process, and that should not take long."""
    if not account.waiting:
        return None
    node = account.graph.nodes[call.handle[0]]
    if not node.cache or account.capabilities.ships:
        return f"{label_of(call)} starts, and {len(account.waiting)} records wait"
    return None if account.last_took_s < BRIEF_S else f"{label_of(call)} starts after one that took {account.last_took_s:g} s"


@rule("wait")
def records_wait_a_moment(account: Account, wait_s: float) -> str | None:
    """Records wait for five milliseconds at most."""
    since_s = account.now - account.waits_since
    if account.waiting and since_s + wait_s > LONGEST_S + _ROUNDING_S:
        return f"{len(account.waiting)} wait since {since_s:g} s, and the engine for {wait_s:g} s more"
    return None


@rule("record")
def what_is_rare_is_recorded_at_once(account: Account, event: Event) -> str | None:
    """Only records wait that a run has for every call that goes well."""
    return f"{event.kind} waits" if account.waiting and event in account.waiting and event.kind not in ROUTINE else None


class Overheard:
    """What the engine puts off, as the account hears of it.

    Args:
        account: its `waiting` is kept here.
        memory: what outlives the process.
    """

    def __init__(self, account: Account, memory: Memory) -> None:
        self._account = account
        self._memory = memory
        self.recorded()

    def fresh(self, waiting: Sequence[Event]) -> Sequence[Event]:
        """What waits since this was last asked."""
        account = self._account
        found = waiting[len(account.waiting) :]
        if found and not account.waiting:
            account.waits_since = account.now
        account.waiting += found
        return found

    def rest(self, events: Sequence[Event]) -> Sequence[Event]:
        """Of what is recorded, that which nobody has heard of before."""
        return events[len(self._account.waiting) :]

    def recorded(self) -> None:
        """Everything is in the journal."""
        memory = self._memory
        self._account.waiting = []
        self._known, self._ended = dict(memory.known), dict(memory.ended)
        self._acknowledged, self._succeeded = set(memory.acknowledged), set(memory.succeeded)

    def die(self) -> None:
        """Nobody knows of what was not recorded; what was lost since stays lost."""
        if not self._account.waiting:
            return
        memory = self._memory
        memory.known, memory.ended = self._known, self._ended
        memory.acknowledged &= self._acknowledged
        memory.succeeded &= self._succeeded
        last = {call: min(number, self._known.get(call, 0)) for call, number in memory.numbers.items()}
        memory.numbers = {call: number for call, number in last.items() if number}
