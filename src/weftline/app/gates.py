"""Gates: which runs wait at one, what keeps it closed, and what somebody says of it."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import NamedTuple

from weftline.app.asking import user
from weftline.app.claims import claimed
from weftline.app.fields import held
from weftline.app.home import Home
from weftline.app.verbs import find_run
from weftline.clock import as_utc
from weftline.errors import RunBusyError, UnknownGateError, did_you_mean, listing
from weftline.model.event import Event, Kind
from weftline.model.gate import Gate, Verdict
from weftline.model.run import RunRecord
from weftline.model.transitions import NodeState, RunStatus


class Waiting(NamedTuple):
    """A run that waits at a gate.

    Attributes:
        run, pipeline: which.
        gate: its name.
        nodes: what it keeps from running.
        since: when the run came there, in seconds since the epoch.
        until: when it is closed for good; None for never.
        verdict: whether it is open by now, and what opens it or keeps it closed.
    """

    run: str
    pipeline: str
    gate: str
    nodes: tuple[str, ...]
    since: float
    until: float | None
    verdict: Verdict


def waiting(home: Home, run: str = "") -> list[Waiting]:
    """What waits at a gate, those first that came first.

    Args:
        home: where the journals are.
        run: of this run alone; the beginning of its id is enough.

    Raises:
        UnknownRunError: there is no such run.
    """
    only = find_run(run, home).run if run else ""
    fields = home.fields if home.has_journals else None
    names = dict.fromkeys(wait.run for wait in (() if fields is None else fields.waits()) if only in {"", wait.run})
    found = [each for name in names for each in at_gates(find_run(name, home), home)]
    return sorted(found, key=lambda each: each.since)


def at_gates(record: RunRecord, home: Home) -> list[Waiting]:
    """The gates at which a run waits, as they are now."""
    values = held(record, home)
    found = []
    for name, (since, body) in record.reached.items():
        if name not in record.gates:
            gate = Gate.of_fields(body["gate"])
            nodes = tuple(node for node, told in record.nodes.items() if told.gate == name)
            until = None if gate.timeout_s is None else since + gate.timeout_s
            verdict = gate.look(values, body["held"])
            if not verdict.is_open and until is not None and until <= home.clock.now():
                verdict = Verdict(False, f"its time is over: {verdict.why}", is_final=True)
            found.append(Waiting(record.run, str(record.opening["pipeline"]), name, nodes, since, until, verdict))
    return found


def can_go_on(record: RunRecord, home: Home) -> bool:
    """Whether a run that nobody works on would not just wait again: it did not end, or a gate is open, or closed for good."""
    if record.status is not RunStatus.BLOCKED:
        return record.status is RunStatus.RUNNING
    return any(each.verdict.is_open or each.verdict.is_final for each in at_gates(record, home))


def decide(home: Home, run: str, gate: str, *, approved: bool, why: str = "") -> RunRecord:
    """Opens a gate of a run, or turns what waits there away: the run has failed then.

    Args:
        home: where the journal is.
        run: which; the beginning of its id is enough.
        gate: its name.
        approved: whether it opens.
        why: for those who look at it later.

    Returns:
        The run as it is then. If a process works on it, that one acts on what was said.

    Raises:
        UnknownRunError: there is no such run.
        UnknownGateError: the run does not wait at such a gate, or it has waited there for too long to be let through.
    """
    record = find_run(run, home)
    _check_waits(record, gate, home, approved=approved)
    fields = home.fields
    assert fields is not None
    said = {Gate(gate).approval: "approved" if approved else "rejected"}
    fields.set_fields(record.run, said, at=home.clock.now(), by=user(), why=why)
    if not approved:
        with contextlib.suppress(RunBusyError):  # who works on it sees it
            turn_away(home, record.run, gate)
    return find_run(record.run, home)


def _check_waits(record: RunRecord, gate: str, home: Home, *, approved: bool) -> None:
    """Raises an error that says what there is to do instead, if a run does not wait at a gate."""
    known = {each.gate: each for each in at_gates(record, home)}
    if record.status in {RunStatus.BLOCKED, RunStatus.RUNNING}:
        if gate in known:
            until = known[gate].until
            if not approved or until is None or home.clock.now() < until:
                return
            state = f" any more: its time was over at {as_utc(until):%Y-%m-%d %H:%M:%S} UTC"
            advice = f"record that it has failed: weftline resume {record.run}; then start another run"
            raise UnknownGateError(run=record.run, gate=gate, state=state, advice=advice)
        advice, hint = f"name one at which it waits: {listing(known)}", did_you_mean(gate, known)
        state = ": that is open already" if gate in record.gates else ""
        raise UnknownGateError(run=record.run, gate=gate, state=state, advice=advice, hint=hint)
    state = f", nor at any: it is {record.status}"
    raise UnknownGateError(run=record.run, gate=gate, state=state, advice="list the runs that wait at one: weftline gate ls")


def turn_away(home: Home, run: str, gate: str) -> None:
    """A run that waits at a gate that was rejected, or whose time is over, has failed.

    Raises:
        RunBusyError: a process works on it.
    """
    ledger = home.ledger
    assert ledger is not None
    with claimed(run, ledger):
        record = find_run(run, home)  # as it is now that nobody else can change it
        if record.status is RunStatus.BLOCKED:
            now = home.clock.now()
            counts = dict(Counter(str(NodeState(node.state)) for node in record.nodes.values()))
            events = [
                Event(Kind.GATE_REJECTED, now, body={"gate": gate}),
                Event(Kind.RUN_FINISHED, now, body={"status": str(RunStatus.FAILED), "counts": counts}),
            ]
            ledger.append(run, events)
