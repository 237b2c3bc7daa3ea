"""Gates: which runs wait at one, and what somebody says of them. What was said is in the journal of the run."""

from __future__ import annotations

import getpass
from collections import Counter
from typing import NamedTuple

from weftline.app.claims import claimed
from weftline.app.home import Home
from weftline.app.verbs import find_run
from weftline.errors import UnknownGateError, did_you_mean, listing
from weftline.model.event import Event, Kind
from weftline.model.run import RunRecord
from weftline.model.transitions import NodeState, RunStatus

#: Runs that are looked through.
_LOOKED_THROUGH = 1000


class Waiting(NamedTuple):
    """A run that waits at a gate.

    Attributes:
        run, pipeline: which.
        gate: its name.
        nodes: what it keeps from running.
        since: when the run came there, in seconds since the epoch.
    """

    run: str
    pipeline: str
    gate: str
    nodes: tuple[str, ...]
    since: float


def waiting(home: Home, run: str = "") -> list[Waiting]:
    """What waits at a gate, the newest run first.

    Args:
        home: where the journals are.
        run: of this run alone; the beginning of its id is enough.

    Raises:
        UnknownRunError: there is no such run.
    """
    ledger = home.ledger if home.has_journals else None
    if run:
        names = [find_run(run, home).run]
    else:
        lines = [] if ledger is None else ledger.runs(_LOOKED_THROUGH)
        names = [line.run for line in lines if line.status is RunStatus.BLOCKED]
    return [found for name in names for found in _of(find_run(name, home))]


def _of(record: RunRecord) -> list[Waiting]:
    if record.status is not RunStatus.BLOCKED:
        return []
    gates: dict[str, list[str]] = {}
    for name, node in record.nodes.items():
        if node.state is NodeState.BLOCKED and node.gate and node.gate not in record.gates:
            gates.setdefault(node.gate, []).append(name)
    pipeline, since = str(record.opening["pipeline"]), record.ended_at or record.started_at
    return [Waiting(record.run, pipeline, gate, tuple(nodes), since) for gate, nodes in gates.items()]


def decide(home: Home, run: str, gate: str, *, approved: bool, why: str = "") -> RunRecord:
    """Opens a gate of a run, or turns what waits there away: the run has failed then.

    Args:
        home: where the journal is.
        run: which; the beginning of its id is enough.
        gate: its name.
        approved: whether it opens.
        why: for those who read the journal.

    Returns:
        The run as it is then.

    Raises:
        UnknownRunError: there is no such run.
        UnknownGateError: the run does not wait at such a gate.
        RunBusyError: a process works on the run.
    """
    ledger = home.ledger
    assert ledger is not None
    found = find_run(run, home).run
    with claimed(found, ledger):
        record = find_run(found, home)  # as it is now that nobody else can change it
        known = [each.gate for each in _of(record)]
        if gate not in known:
            raise UnknownGateError(run=found, gate=gate, known=listing(known), hint=did_you_mean(gate, known))
        body = {"gate": gate, "by": getpass.getuser(), "why": why}
        now = home.clock.now()
        events = [Event(Kind.GATE_APPROVED if approved else Kind.GATE_REJECTED, now, body=body)]
        if not approved:
            events.append(
                Event(
                    Kind.RUN_FINISHED,
                    now,
                    body={
                        "status": str(RunStatus.FAILED),
                        "counts": dict(Counter(str(node.state) for node in record.nodes.values())),
                    },
                )
            )
        ledger.append(found, events)
    return find_run(found, home)
