"""Rules that a run keeps at every step; each is a function whose docstring is the sentence that it checks.

A rule is given the account as it was before what is about to happen, and that: the call that is submitted, the seconds that the
engine is willing to wait, the record that is appended, or how a life ended. It returns what is wrong, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from weftline.model.call import Call
from weftline.model.entry import Entry
from weftline.model.event import CALL_OUTCOMES, Event, Kind
from weftline.model.fingerprint import part_key
from weftline.model.ids import call_label
from weftline.model.transitions import HAS_OUTPUT
from weftline.testing.simulation.account import Account
from weftline.testing.simulation.gating import REFUSED, TIMED_OUT
from weftline.testing.simulation.policies import pause_range
from weftline.testing.simulation.readiness import PATIENCE, ROUNDING_S
from weftline.testing.simulation.room import CPU, TINY
from weftline.testing.simulation.scenario import label

Moment = Literal["submit", "wait", "store", "record", "set", "end"]
Rule = Callable[[Account, Any], str | None]
RULES: dict[Moment, list[Rule]] = {"submit": [], "wait": [], "store": [], "record": [], "set": [], "end": []}


class RuleBrokenError(AssertionError):
    """A rule was broken.

    Attributes:
        sentence: the rule.
        detail: by what.
    """

    def __init__(self, sentence: str, detail: str) -> None:
        super().__init__(f"{sentence} {detail}")
        self.sentence = sentence
        self.detail = detail


def rule(moment: Moment) -> Callable[[Rule], Rule]:
    """Has a function asked at every moment of a kind."""

    def entered(function: Rule) -> Rule:
        RULES[moment].append(function)
        return function

    return entered


def check(moment: Moment, account: Account, subject: Any) -> None:
    """Asks all rules of a moment.

    Raises:
        RuleBrokenError: one is broken.
    """
    for function in RULES[moment]:
        detail = function(account, subject)
        if detail is not None:
            raise RuleBrokenError(sentence_of(function), detail)


def sentence_of(function: Rule) -> str:
    """What a rule says."""
    return " ".join((function.__doc__ or "").split())


# --- when a call is submitted ---


@rule("submit")
def the_journal_comes_first(account: Account, call: Call) -> str | None:
    """A call is submitted when the journal says that it starts."""
    return None if call.handle in account.begun else f"{label_of(call)} is not in the journal"


@rule("submit")
def slots_are_not_exceeded(account: Account, call: Call) -> str | None:
    """Calls that are with the backend have a slot each, or wait there for one, if none of them is large."""
    use = account.use(call.handle[0], call.handle[2])
    there_is = account.room.there_is(CPU)
    if not account.room.large and use.cpu <= 1 and use.is_plain:
        there_is += account.capabilities.queue
    used = account.room.used[CPU] + use.cpu
    return f"{label_of(call)} makes it {used:g} of {there_is:g}" if used > there_is + TINY else None


@rule("submit")
def attempts_follow_each_other(account: Account, call: Call) -> str | None:
    """No two attempts of one call are with the backend at the same time."""
    number, item, _ = call.handle
    running = account.nodes[number].running.get(item)
    return f"{label_of(call)} begins while #{running} runs" if running is not None else None


@rule("submit")
def attempt_numbers_increase(account: Account, call: Call) -> str | None:
    """The number of an attempt is larger than all before it, in earlier lives too."""
    last = account.memory.numbers.get((call.node.name, call.handle[1]), 0)
    return f"{label_of(call)} comes after #{last}" if call.handle[2] <= last else None


@rule("submit")
def attempts_are_limited(account: Account, call: Call) -> str | None:
    """A call is tried at most as often as its policy says."""
    tries = account.nodes[call.handle[0]].tries[call.handle[1]] + 1
    most = call.node.policy.max_attempts
    return f"{label_of(call)} is try {tries} of {most}" if tries > most else None


@rule("submit")
def only_what_is_left_is_tried(account: Account, call: Call) -> str | None:
    """A call starts if its node has begun and it is not done, or its last failure is to be tried again."""
    number, item, _ = call.handle
    node = account.nodes[number]
    if account.stopping or item in node.todo or item in node.waiting:
        return None  # nothing starts once the run stops: that is another rule
    state = "done" if item in node.done else "failed" if item in node.failed else "not known to the journal"
    return f"{label_of(call)} is {state}"


@rule("submit")
def nothing_starts_after_a_stop(account: Account, call: Call) -> str | None:
    """Nothing starts after a failure has stopped the run, or somebody has cancelled it."""
    if not account.stopping or call.handle in account.decided:
        return None
    return f"{label_of(call)} starts after the {account.stopping}"


@rule("submit")
def pauses_are_kept(account: Account, call: Call) -> str | None:
    """No attempt starts before the pause is over that its policy wants."""
    waiting = account.nodes[call.handle[0]].waiting.get(call.handle[1])
    if waiting is None or waiting[0] <= account.now:
        return None
    return f"{label_of(call)} starts {waiting[0] - account.now:.3f} s too early"


@rule("submit")
def inputs_are_right(account: Account, call: Call) -> str | None:
    """A call starts when all that it reads is made, and is given just that."""
    for source in account.graph.upstream[call.handle[0]]:
        node = account.nodes[source]
        if node.has_begun and not node.has_output and source not in account.lost:
            return f"{label_of(call)} starts before {node.spec.name} has an output"
    wanted = account.truth.inputs(*call.handle[:2])
    return f"{label_of(call)} is given {call.inputs} instead of {wanted}" if call.inputs != wanted else None


@rule("submit")
def what_is_done_is_done(account: Account, call: Call) -> str | None:
    """What a journal has called done is not computed again, whatever has died since."""
    is_done = account.truth.identity(*call.handle[:2]) in account.memory.acknowledged
    return f"{label_of(call)} was done" if is_done else None


@rule("submit")
def higher_ranks_go_first(account: Account, call: Call) -> str | None:
    """Of the calls that fit, the one starts whose node has the highest priority, or comes first in the plan."""
    number, _, attempt = call.handle
    use, ready = account.use(number, attempt), account.ready(call.handle)
    for other in ready:
        if account.rank[other] >= account.rank[number]:
            break
        if account.is_kept_for_another(other, ready[0]):
            continue
        wanted = account.next_uses(other)[-1]
        if account.room.fits(wanted) or (wanted.is_plain and use.is_plain and wanted.cpu <= use.cpu):
            return f"{label_of(call)} starts before {account.nodes[other].spec.name}"
    return None


@rule("submit")
def large_calls_are_not_passed_for_ever(account: Account, call: Call) -> str | None:
    """A call that does not fit is passed by a limited number of others that take what it waits for."""
    ready = account.ready(call.handle)
    if not ready or ready[0] == call.handle[0] or account.passed < PATIENCE:
        return None
    if not account.room.competes(account.use(call.handle[0], call.handle[2]), account.next_uses(ready[0])[0]):
        return None
    return f"{account.nodes[ready[0]].spec.name} is passed by {label_of(call)}, after {account.passed} others"


# --- when the engine waits ---


@rule("wait")
def no_slot_is_idle(account: Account, wait_s: float) -> str | None:
    """The engine does not wait while a call fits and nothing forbids it to start; a pause delays its own call alone."""
    if account.stopping or wait_s <= 0:
        return None
    ready = account.ready()
    for number in ready:
        if account.fits(number) and not account.is_kept_for_another(number, ready[0]):
            return f"{account.nodes[number].spec.name} waits, {account.room.used[CPU]:g} CPUs are in use"
    return None


@rule("wait")
def no_pause_is_overslept(account: Account, wait_s: float) -> str | None:
    """The engine does not wait for longer than the next pause lasts."""
    until = account.now + wait_s
    for node in account.nodes:
        for item, (_, last) in node.waiting.items():
            if account.now + 2 * ROUNDING_S < last < until - ROUNDING_S:
                return f"{call_label(node.spec.name, item)} is due {until - last:.3f} s before that"
    return None


@rule("wait")
def what_has_not_begun_is_withdrawn(account: Account, wait_s: float) -> str | None:
    """Once a run stops, the backend is asked not to begin what it has, and to kill it if somebody wants that."""
    del wait_s
    for handle in account.running if account.stopping else ():
        if handle not in account.withdrawn or (account.told == "kill" and not account.withdrawn[handle]):
            return f"{label(account.nodes[handle[0]].spec.name, *handle[1:])} is not"
    return None


# --- when something is stored ---


class Storing(NamedTuple):
    """Results on their way to the store.

    Attributes:
        entries: all of them.
        keys: of the calls that have just succeeded.
    """

    entries: Sequence[Entry]
    keys: Collection[bytes]


@rule("store")
def only_what_counts_is_stored(account: Account, storing: Storing) -> str | None:
    """What is stored was made by a call whose report counts: what comes too late is refused."""
    del account
    parts = {part_key(key, 0, at) for key in storing.keys for at in range(len(storing.entries))}
    surplus = [entry.made_by for entry in storing.entries if entry.key not in storing.keys and entry.key not in parts]
    return f"{surplus} is stored" if surplus else None


# --- when something is recorded ---


@rule("record")
def outcomes_are_told_once(account: Account, event: Event) -> str | None:
    """The journal has at most one outcome for each call, and no result twice."""
    if event.kind not in CALL_OUTCOMES or account.graph.index[event.node] in account.lost:
        return None  # the journal tells of the loss first, and then nothing counts that it has told before
    if (event.node, event.item) in account.outcomes:
        return f"a second one of {_record(event)} in one life"
    key = (event.body or {}).get("key")
    if key is not None and event.kind is not Kind.CALL_FAILED and (event.node, event.item, key) in account.memory.succeeded:
        return f"{_record(event)} has the result already"
    return None


@rule("record")
def losses_are_told_first(account: Account, event: Event) -> str | None:
    """A node that has ended with an output begins again only when the journal says that it is lost."""
    if event.kind is not Kind.NODE_STARTED or account.ended.get(event.node) not in HAS_OUTPUT:
        return None
    return None if event.node in account.told_lost else f"{event.node} begins again"


@rule("record")
def results_are_kept_first(account: Account, event: Event) -> str | None:
    """A result is in the store before the journal speaks of it."""
    key = (event.body or {}).get("key")
    if event.kind is not Kind.CALL_SUCCEEDED or account.store is None:
        return None
    return None if key and account.store.find([bytes.fromhex(key)]) else f"{_record(event)} is not stored"


@rule("record")
def outcomes_are_true(account: Account, event: Event) -> str | None:
    """The journal says of a call what the backend has said of it."""
    node = account.nodes[account.graph.index[event.node]] if event.node else None
    if node is None or (event.body or {}).get("error") in {REFUSED, TIMED_OUT}:
        return None  # what fails at a gate, no backend has been told of: that is another rule
    item = event.item
    is_true = {
        Kind.CALL_SUCCEEDED: item in node.done,
        Kind.CALL_FAILED: item in node.failed,
        Kind.ATTEMPT_FAILED: (item, node.failures[item]) in node.retried,
        Kind.ATTEMPT_STOPPED: item in node.stopped,
    }.get(event.kind, True)
    return None if is_true else f"{_record(event)} did not happen"


@rule("record")
def pauses_are_as_the_policy_says(account: Account, event: Event) -> str | None:
    """The pause before the next attempt is within what the policy allows."""
    if event.kind is not Kind.ATTEMPT_FAILED:
        return None
    node = account.nodes[account.graph.index[event.node]]
    least, most = pause_range(node.spec.policy, node.failures[event.item])
    pause = (event.body or {})["retry_in_s"]
    if least - ROUNDING_S <= pause <= most + ROUNDING_S:
        return None
    return f"{_record(event)}: {pause} s are not between {least:g} and {most:g} s"


def label_of(call: Call) -> str:
    """A call as people write it."""
    return label(call.node.name, *call.handle[1:])


def _record(event: Event) -> str:
    return f"{event.kind} of {label(event.node, event.item, event.attempt)}"


def sentences() -> Iterable[str]:
    """All rules, as sentences."""
    return [sentence_of(function) for functions in RULES.values() for function in functions]
