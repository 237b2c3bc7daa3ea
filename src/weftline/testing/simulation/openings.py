"""Rules about gates and fields: nothing goes through a closed gate, nothing waits at an open one, and what is said is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from weftline.model.event import Event, Kind
from weftline.model.gate import Scalar
from weftline.model.transitions import HAS_OUTPUT, NodeState
from weftline.testing.simulation.account import Account
from weftline.testing.simulation.endings import End, blocked
from weftline.testing.simulation.gating import REFUSED, TIMED_OUT
from weftline.testing.simulation.readiness import ROUNDING_S
from weftline.testing.simulation.rules import rule

#: After so long, an engine that works notices what others have set.
_NOTICED_S = 0.25
_BEGINNINGS = (Kind.NODE_STARTED, Kind.ATTEMPT_STARTED)


class Setting(NamedTuple):
    """Fields that the run is about to set.

    Attributes:
        values: by field.
        by: the node that has said so.
    """

    values: Mapping[str, Scalar]
    by: str


# --- when something is recorded ---


@rule("record")
def nothing_begins_at_a_closed_gate(account: Account, event: Event) -> str | None:
    """No node begins whose gate has not opened, in this life of the run or an earlier one."""
    if not account.gating or event.kind not in _BEGINNINGS:
        return None
    gate = account.gating.of(account.graph.index[event.node])
    return f"{event.node} begins, and {gate} has not" if gate else None


@rule("record")
def gates_are_reached_once(account: Account, event: Event) -> str | None:
    """A run comes to a gate once, which is closed then; the journal tells what its fields held."""
    if event.kind is not Kind.GATE_REACHED:
        return None
    gating, body = account.gating, event.body or {}
    name = body["gate"]["name"]
    if name in gating.memory.reached or name in gating.memory.opened:
        return f"{name} is reached a second time, or has opened"
    if not gating.could_be(name, "closed"):
        return f"{name} is open"
    asked = {clause.field for clause in gating.by_name[name].clauses}
    held = [{field: state[field].value if field in state else None for field in asked} for state in gating.states()]
    return None if body["held"] in held else f"{name}: {body['held']} is none of {held}"


@rule("record")
def gates_open_once(account: Account, event: Event) -> str | None:
    """A gate opens at most once in all lives, only when it is open, and not for a run that was stopped."""
    if event.kind is not Kind.GATE_OPENED:
        return None
    name = (event.body or {})["gate"]
    if account.stopping not in {"", "deadline"}:  # that one is known here too early
        return f"{name} opens after the {account.stopping}"
    if name in account.gating.memory.opened:
        return f"{name} opens a second time"
    return None if account.gating.could_be(name, "open") else f"{name} is closed"


@rule("record")
def closed_for_good_means_that(account: Account, event: Event) -> str | None:
    """What waits at a gate fails there only if that has not opened, and was rejected, or its time is over."""
    kind = (event.body or {}).get("error")
    if event.kind is not Kind.CALL_FAILED or kind not in {REFUSED, TIMED_OUT}:
        return None
    name = account.gating.of(account.graph.index[event.node])
    if not name:
        return f"{event.node} fails, and waits at no gate"
    if kind == REFUSED:
        return None if account.gating.could_be(name, "rejected") else f"{name} was not rejected"
    if not account.gating.is_over(name, account.now):
        return f"the time of {name} is not over at {account.now}, but at {account.gating.until(name)}"
    return None if account.gating.could_be(name, "closed") else f"{name} is open"


@rule("record")
def a_run_is_blocked_when_all_else_is_done(account: Account, event: Event) -> str | None:
    """A run ends at a gate only when nothing of it runs or is to be tried again."""
    if event.kind is not Kind.NODE_FINISHED or "gate" not in (event.body or {}):
        return None
    for number, node in enumerate(account.nodes):
        is_stuck = account.lost.intersection(account.graph.upstream[number])
        if node.running or (node.waiting and not is_stuck):
            return f"{event.node} waits, and {node.spec.name} goes on"
    return None


@rule("record")
def a_run_is_not_blocked_by_an_open_gate(account: Account, event: Event) -> str | None:
    """A run does not end at a gate that was open, rejected or timed out when it had done all else, or when it last looked."""
    name = (event.body or {}).get("gate")
    if event.kind is not Kind.NODE_FINISHED or name is None:
        return None
    gating = account.gating
    if name in gating.memory.opened or name not in gating.memory.reached:
        return f"{event.node} waits at {name}, which has opened, or was never reached"
    if gating.is_over(name, account.now):
        return f"the time of {name} is over since {gating.until(name)}"
    gate, since = gating.by_name[name], gating.since_done
    if gating.judge(gate, gating.last_seen) != "closed":
        return f"{event.node} waits at {name}, which is {gating.judge(gate, gating.last_seen)}"
    is_missed = all(gating.judge(gate, state) != "closed" for state in since)
    return f"{event.node} waits at {name}, at which nobody has looked since it is open" if is_missed else None


# --- when fields are set ---


@rule("set")
def nodes_speak_once(account: Account, setting: Setting) -> str | None:
    """A field is set to what a node has made, when its end is in the journal, and never over what others have said since."""
    number = account.graph.index[setting.by]
    if account.memory.ended.get(setting.by) not in HAS_OUTPUT:
        return f"of {setting.by} is known: {account.memory.ended.get(setting.by)}"
    wanted = dict.fromkeys(account.gating.sources.get(number, ()), account.truth.value(number))
    memory = account.gating.memory
    for name, value in setting.values.items():
        if name not in wanted or value != wanted[name]:
            return f"{setting.by} says {name} = {value!r}, and not {wanted}"
        is_again = setting.by in account.ended_before or setting.by in account.gating.spoken
        if is_again and account.gating.last_by.get(name, setting.by) != setting.by:
            return f"{setting.by} says {name} again, which holds {memory.held[name].value!r}"
    return None


# --- when the engine waits ---


@rule("wait")
def open_gates_are_noticed(account: Account, wait_s: float) -> str | None:
    """What waits at a gate goes on soon after others have opened it, as long as the engine works."""
    if not account.gating or wait_s <= 0 or account.stopping:
        return None
    for name, since in account.gating.waited.items():
        opened_at = account.gating.open_since.get(name)
        if opened_at is not None and account.now - max(opened_at, since) > _NOTICED_S:
            return f"{name} is open since {opened_at}, and it is {account.now}"
    return None


@rule("wait")
def gates_time_out(account: Account, wait_s: float) -> str | None:
    """What waits at a gate fails when the time of the gate is over, counted from when the run came there in whichever life."""
    if not account.gating or wait_s <= 0 or account.stopping:
        return None
    for name in account.gating.waited:
        until = account.gating.until(name)
        if until is not None and until < account.now + wait_s - ROUNDING_S:
            return f"that of {name} is over at {until}, and the engine waits {wait_s} s at {account.now}"
    return None


# --- at the end ---


@rule("end")
def what_waits_is_blocked(account: Account, end: End) -> str | None:
    """Unless the run was stopped, exactly those nodes are blocked that wait at closed gates, or behind what waits there."""
    if not account.gating:
        return None
    wanted = set() if account.stopping else blocked(account, end)
    found = {number for number in range(len(account.nodes)) if end.state(number) is NodeState.BLOCKED}
    wrong = found - wanted if account.made_again else wanted ^ found  # who waits for what was lost has begun, and is skipped
    names = [account.nodes[number].spec.name for number in wrong]
    return f"{names} should be, and are not, or the other way round" if names else None


@rule("end")
def what_nodes_say_is_told(account: Account, end: End) -> str | None:
    """When a run ends or waits, others know what its nodes have said of fields."""
    for number, names in account.gating.sources.items():
        if end.state(number).has_output and not account.gating.memory.by.keys() >= set(names):
            return f"{account.nodes[number].spec.name} has made {names}"
    return None
