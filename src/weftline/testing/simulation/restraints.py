"""Rules about what calls share and about time: room, devices, breakers, limiters, budgets, deadlines, order."""

from __future__ import annotations

import math

from weftline.model.call import Call
from weftline.model.event import Event, Kind
from weftline.model.run import LEFT_OUT
from weftline.model.transitions import HAS_OUTPUT
from weftline.testing.simulation.account import BREAKERS, Account
from weftline.testing.simulation.readiness import PATIENCE, ROUNDING_S
from weftline.testing.simulation.room import CPU, GPU
from weftline.testing.simulation.rules import label_of, rule
from weftline.testing.simulation.scenario import label

# --- when a call is submitted ---


@rule("submit")
def what_is_shared_is_not_exceeded(account: Account, call: Call) -> str | None:
    """Calls that are with the backend have no more memory, named resources and locks together than there are."""
    use = account.use(call.handle[0], call.handle[2])
    lacking = account.room.lacks(use) - {CPU, GPU}
    return f"{label_of(call)} starts with too little of {sorted(lacking)}" if lacking else None


@rule("submit")
def devices_are_shared_rightly(account: Account, call: Call) -> str | None:
    """A whole device has one call, others have no more than one together; a call is told of its own, which there are."""
    devices = account.begun.get(call.handle, ())
    told = call.env.get("CUDA_VISIBLE_DEVICES", "")
    if told != ",".join(devices):
        return f"{label_of(call)} is told {told!r}, and the journal {devices}"
    misfit = account.room.misfit(account.use(call.handle[0], call.handle[2]), devices)
    return None if misfit is None else f"{label_of(call)}: {misfit}"


@rule("submit")
def breakers_are_kept(account: Account, call: Call) -> str | None:
    """While a breaker is open nothing of it starts, and then one attempt at a time until one succeeds."""
    breaker = account.sharing.breakers.get(call.handle[0])
    if breaker is None or breaker.opens_at() <= account.now:
        return None
    if breaker.probe is not None:
        return f"{label_of(call)} starts while {breaker.probe} is tried"
    return f"{label_of(call)} starts {breaker.opens_at() - account.now:.3f} s too early"


@rule("submit")
def limiters_are_kept(account: Account, call: Call) -> str | None:
    """In no time do more attempts of a limiter start than its burst and what it earns in that time."""
    limiter = account.sharing.limiters.get(call.handle[0])
    if limiter is None or limiter.opens_at() <= account.now + ROUNDING_S:
        return None
    return f"{label_of(call)} starts {limiter.opens_at() - account.now:.3f} s too early"


@rule("submit")
def budgets_are_kept(account: Account, call: Call) -> str | None:
    """No more attempts are made again than the budgets of the node and of the run allow, in one life."""
    number, item, _ = call.handle
    spent = account.sharing.overspent(number) if account.nodes[number].tries[item] else []
    return f"{label_of(call)} is one too many for {spent}" if spent else None


@rule("submit")
def nothing_starts_after_a_deadline(account: Account, call: Call) -> str | None:
    """Once its deadline has passed nothing of a node starts, and nothing of a run."""
    node = account.nodes[call.handle[0]]
    limits = [limit for limit in (node.deadline_at, account.deadline_at) if limit is not None]
    late_s = account.now - min(limits, default=math.inf)
    return f"{label_of(call)} starts {late_s:.3f} s after it" if late_s >= 0 else None


@rule("submit")
def what_comes_before_has_ended(account: Account, call: Call) -> str | None:
    """A call starts when all nodes have ended well that its node comes after, or are not part of the run."""
    for source in account.before[call.handle[0]]:
        name = account.nodes[source].spec.name
        ended = account.memory.ended.get(name, "nothing")
        if ended not in HAS_OUTPUT and ended != LEFT_OUT and source not in account.lost:
            return f"{label_of(call)} starts, and of {name} is known: {ended}"
    return None


# --- when the engine waits ---


@rule("wait")
def no_opening_is_overslept(account: Account, wait_s: float) -> str | None:
    """The engine does not wait for longer than until a breaker or a limiter lets a call start for which there is room."""
    if account.stopping or account.perhaps_passed >= PATIENCE:
        return None
    for number in {*account.sharing.breakers, *account.sharing.limiters}:
        opens_at = account.opens_at(number)
        if account.now < opens_at < account.now + wait_s - ROUNDING_S and account.has_calls(number) and account.fits(number):
            return f"{account.nodes[number].spec.name} may start {account.now + wait_s - opens_at:.3f} s before that"
    return None


@rule("wait")
def breakers_are_told(account: Account, wait_s: float) -> str | None:
    """A breaker that opens or closes is in the journal before the engine waits."""
    del wait_s
    return f"{account.sharing.untold} is not" if account.sharing.untold else None


@rule("wait")
def what_is_overdue_is_told(account: Account, wait_s: float) -> str | None:
    """An attempt that runs for longer than its soft timeout is told to be overdue at that time."""
    del wait_s
    for handle in account.running:
        node = account.nodes[handle[0]].spec
        late_s = account.now - account.started.get(handle, math.inf) - (node.policy.soft_timeout_s or 0.0)
        if late_s > ROUNDING_S:
            return f"{label(node.name, *handle[1:])} is not, {late_s:.3f} s after it"
    return None


@rule("wait")
def nodes_end_at_their_deadlines(account: Account, wait_s: float) -> str | None:
    """When its deadline has passed a node has ended, and what still runs of it is killed."""
    del wait_s
    for node in account.nodes:
        if node.left is not None and node.spec.name not in account.ended:
            return f"{node.spec.name} has not"
    kept = [handle for handle in account.abandoned if not account.withdrawn.get(handle)]
    return f"{kept} still run" if kept else None


@rule("wait")
def runs_end_at_their_deadlines(account: Account, wait_s: float) -> str | None:
    """After its deadline a run waits only for calls that it has stopped."""
    if account.deadline_at is None or account.now < account.deadline_at + ROUNDING_S or account.running or wait_s <= 0:
        return None
    return f"it waits {account.now - account.deadline_at:.3f} s after it"


# --- when something is recorded ---


@rule("record")
def breakers_open_and_close_in_time(account: Account, event: Event) -> str | None:
    """A breaker opens after so many failed attempts in a row, or when the one that was tried has failed; else it closes."""
    if event.kind not in BREAKERS or (event.kind, (event.body or {})["breaker"]) in account.sharing.untold:
        return None
    return f"{event.kind}: {event.body}"


@rule("record")
def overdue_attempts_are_told_once(account: Account, event: Event) -> str | None:
    """What is told to be overdue runs, has run for so long, and was not told before."""
    if event.kind is not Kind.ATTEMPT_OVERDUE:
        return None
    number = account.graph.index[event.node]
    soft_timeout_s = account.nodes[number].spec.policy.soft_timeout_s or math.inf
    started = account.started.get((number, event.item, event.attempt), math.inf)
    told = label(event.node, event.item, event.attempt)
    if account.nodes[number].running.get(event.item) != event.attempt or account.now < started + soft_timeout_s - ROUNDING_S:
        return f"{told} is not"
    return None


@rule("record")
def deadlines_are_told_in_time(account: Account, event: Event) -> str | None:
    """A deadline is told once, when it passes, with how many calls have no result."""
    if event.kind is not Kind.DEADLINE_PASSED:
        return None
    node = account.nodes[account.graph.index[event.node]] if event.node else None
    passes_at = account.deadline_at if node is None else node.deadline_at
    if event.node in account.expired or passes_at is None or not 0 <= account.now - passes_at < ROUNDING_S:
        return f"that of {event.node or 'the run'} is told at {account.now}, and passes at {passes_at}"
    told = (event.body or {}).get("left")
    return None if node is None or told == node.left else f"{event.node} has {node.left} left, and not {told}"
