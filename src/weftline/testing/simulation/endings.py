"""Rules for the end of a life: every node, the run and the journal come out as the backend's reports say they must."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from weftline.model.event import Event, Kind
from weftline.model.ids import call_label
from weftline.model.run import RunRecord
from weftline.model.transitions import NodeState, RunStatus
from weftline.run.engine import Engine
from weftline.testing.scripted import ScriptedBackend
from weftline.testing.simulation.account import Account
from weftline.testing.simulation.graph import items_of
from weftline.testing.simulation.ports import SimulatedCache
from weftline.testing.simulation.room import CPU, TINY
from weftline.testing.simulation.rules import rule


@dataclass(frozen=True, slots=True)
class End:
    """How a life ended that no crash has ended.

    Attributes:
        engine: which has run.
        status: what it says of the run.
        backend: where calls ran.
        events: the whole journal.
        left_out: numbers of nodes that were not selected.
    """

    engine: Engine
    status: RunStatus
    backend: ScriptedBackend
    events: Sequence[Event]
    left_out: frozenset[int]

    def state(self, number: int) -> NodeState:
        """What the engine says of a node."""
        return self.engine.core.nodes[number].state


def expected(account: Account, end: End, number: int) -> str:
    """What must have become of a node: `made`, `restored`, `failed`, `left out`, or `open` if its calls have not all ended."""
    node = account.nodes[number]
    if number in end.left_out:
        return "left out"
    if node.is_refused:
        return "failed"
    if not node.has_begun:
        return "restored" if end.state(number) is NodeState.CACHED else "open"  # its values are looked at by another rule
    if node.has_failed:
        return "failed"
    return ("made" if node.tries or node.left else "restored") if node.has_output else "open"


_STATES = {
    "made": {NodeState.SUCCEEDED},
    "restored": {NodeState.CACHED},
    "failed": {NodeState.FAILED},
    "left out": {NodeState.SKIPPED},
    "open": {NodeState.SKIPPED, NodeState.CANCELLED, NodeState.BLOCKED},
}


def behind(account: Account, end: End, failed: Collection[int]) -> set[int]:
    """Nodes that depend on those that have failed."""
    stack, found = list(failed), set[int]()
    while stack:
        source = stack.pop()
        for after in account.graph.downstream[source]:
            if source in account.made_again and expected(account, end, after) != "open":
                continue  # it had read what was lost then
            if after not in found and after not in end.left_out and not only_in_order(account, end, source, after):
                found.add(after)
                stack.append(after)
    return found


def only_in_order(account: Account, end: End, source: int, after: int) -> bool:
    """Whether a node has all its results from the store, and would have come after another one without reading of it."""
    reads = {account.graph.producers[key] for key in account.nodes[after].spec.required}
    return source not in reads and not account.nodes[after].has_begun and end.state(after) is NodeState.CACHED


def blocked(account: Account, end: End) -> set[int]:
    """Nodes that wait at closed gates, or behind those, and depend on no failure; of a run that was not stopped."""
    closed = []
    for name, nodes in account.gating.nodes.items():
        if name not in account.gating.memory.opened:
            closed += [number for number in nodes if expected(account, end, number) == "open"]
    failed = [number for number in range(len(account.nodes)) if expected(account, end, number) == "failed"]
    return {*closed, *behind(account, end, closed)} - behind(account, end, failed)


def is_gone(account: Account, name: str) -> bool:
    """Whether something that a node has made is not in the store any more."""
    store = account.store
    return isinstance(store, SimulatedCache) and any(node == name and not store.find([key]) for key, node in store.lost.items())


@rule("end")
def every_node_ends(account: Account, end: End) -> str | None:
    """When a run has ended, each of its nodes has."""
    open_ = [node.spec.name for number, node in enumerate(account.nodes) if not end.state(number).is_final]
    return f"{open_} have not ended" if open_ else None


@rule("end")
def the_end_is_told_once(account: Account, end: End) -> str | None:
    """The last record of a life, and no other one, tells the end of the run."""
    del account
    bounds = {Kind.RUN_STARTED, Kind.RUN_RESUMED, Kind.RUN_FINISHED}
    last = [event.kind for event in end.events if event.kind in bounds][-2:]
    is_right = last[-1] is Kind.RUN_FINISHED and last[0] is not Kind.RUN_FINISHED and end.events[-1].kind is Kind.RUN_FINISHED
    return None if is_right else f"it ends with {[str(event.kind) for event in end.events[-2:]]}"


@rule("end")
def nodes_end_as_their_calls_did(account: Account, end: End) -> str | None:
    """A node succeeds if its calls did, or enough of them; it fails if they did not; nothing else has a result."""
    for number, node in enumerate(account.nodes):
        wanted = expected(account, end, number)
        if end.state(number) not in _STATES[wanted]:
            return f"{node.spec.name} is {end.state(number)}, although it is {wanted}"
    return None


@rule("end")
def only_what_depends_on_a_failure_is_skipped(account: Account, end: End) -> str | None:
    """Unless the run was stopped, exactly those nodes are skipped that depend on a failure."""
    if account.stopping:
        return None
    failed = [number for number in range(len(account.nodes)) if expected(account, end, number) == "failed"]
    skipped = behind(account, end, failed)
    at_gates = blocked(account, end) if account.gating else set()
    for number, node in enumerate(account.nodes):
        if number in at_gates:
            continue  # that is another rule
        is_open = expected(account, end, number) == "open"
        if is_open != (number in skipped) or (is_open and end.state(number) is not NodeState.SKIPPED):
            return f"{node.spec.name} is {end.state(number)}, and depends on {'a' if number in skipped else 'no'} failure"
    return None


@rule("end")
def the_status_is_right(account: Account, end: End) -> str | None:
    """The run is completed, failed, partial, blocked or cancelled as its nodes, gates and whoever stopped it say."""
    found = [expected(account, end, number) for number in range(len(account.nodes))]
    has_output = bool({"made", "restored"}.intersection(found))
    skipped = behind(account, end, account.failed_before)
    if account.stopping == "cancel" and any(one == "open" and at not in skipped for at, one in enumerate(found)):
        wanted = RunStatus.CANCELLED
    elif "failed" in found or (account.stopping == "deadline" and "open" in found):
        wanted = RunStatus.PARTIAL if account.on_failure == "continue" and has_output else RunStatus.FAILED
    elif account.gating and not account.stopping and blocked(account, end):
        wanted = RunStatus.BLOCKED
    else:
        wanted = RunStatus.PARTIAL if any(node.failed for node in account.nodes) else RunStatus.COMPLETED
    return None if end.status is wanted else f"it is {end.status}, and should be {wanted}"


@rule("end")
def restored_results_were_made(account: Account, end: End) -> str | None:
    """What is taken from the store was made before by a call with the same inputs."""
    for number, node in enumerate(account.nodes):
        if not end.state(number).has_output:
            continue
        for item in items_of(node.spec, account.truth.count(number)):
            if item not in node.failed and account.truth.identity(number, item) not in account.memory.made:
                return f"{call_label(node.spec.name, item)} was never made"
    return None


@rule("end")
def values_are_right(account: Account, end: End) -> str | None:
    """The run gives the values that the nodes compute, in the order of the items."""
    for number, node in enumerate(account.nodes):
        if end.state(number).has_output and not is_gone(account, node.spec.name):
            value = end.engine.holdings.value(node.spec.name)
            if value != account.truth.value(number):
                return f"{node.spec.name} is {value} instead of {account.truth.value(number)}"
    return None


@rule("end")
def the_journal_tells_all(account: Account, end: End) -> str | None:
    """The journal amounts to the states that the engine has come to, and to its status."""
    record = RunRecord.fold("run", end.events)
    if record.status is not end.status:
        return f"the run is {record.status} instead of {end.status}"
    for number, node in enumerate(account.nodes):
        told = record.nodes[node.spec.name].state if node.spec.name in record.nodes else NodeState.WAITING
        is_new = node.spec.name in account.ended
        if told is not end.state(number) and (is_new or not (told.has_output and end.state(number).has_output)):
            return f"{node.spec.name} is {told} instead of {end.state(number)}"
    return None


@rule("end")
def nothing_is_left_in_the_backend(account: Account, end: End) -> str | None:
    """When a run has ended, no call of it waits or runs, but for those that could not be killed in time."""
    left = [*end.backend.waiting, *end.backend.running]
    running = [node.spec.name for node in account.nodes if node.running]
    is_abandoned = "kill" in {account.asked, account.told} and not account.capabilities.can_kill
    left = [] if is_abandoned else [handle for handle in left if handle not in account.abandoned]
    return f"{left or running} is left" if running or left else None


@rule("end")
def slots_are_given_back(account: Account, end: End) -> str | None:
    """When a run has ended, every slot is free again that no call has which could not be killed in time."""
    free, wanted = end.engine.core.slots.free, account.room.there_is(CPU) - account.room.used[CPU]
    return f"{free:g} of {wanted:g} are free" if abs(free - wanted) > TINY else None
