"""Keeps a run from starting while as many go on as its guards let through."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from weftline.app.execute import opening_of
from weftline.app.home import Home, Request
from weftline.app.topologies import keep
from weftline.errors import BadArgumentError, GuardBusyError, GuardSkippedError, listing
from weftline.model.event import Event, Kind
from weftline.model.graph import BATCH, Graph
from weftline.model.guard import Guard, Guarded
from weftline.model.plan import Plan
from weftline.model.transitions import RunStatus

#: How often a run that waits looks whether there is a place, in seconds.
_LOOKS_EACH_S = 0.2


@contextlib.contextmanager
def guarded(
    made: Plan,
    run: str,
    home: Home,
    request: Request,
    waits: Callable[[str], None] | None = None,
    told: Mapping[str, Any] = MappingProxyType({}),
    *,
    is_new: bool = True,
) -> Iterator[bool]:
    """Holds a place behind each guard, as long as the run goes on in this process; gives whether it has waited for one.

    Args:
        made: the plan of the run.
        run: its id; it is claimed.
        home: where its journal is.
        request: what was asked for.
        waits: is told for whom it waits.
        told: further fields of its first event.
        is_new: whether the journal is empty; one that is turned away tells so in it then.

    Raises:
        GuardBusyError: as many as may are running, and the guard says not to wait.
        BadArgumentError: a key asks for a parameter that the run does not have.
    """
    wanted = sorted(_wanted(made.graph, request), key=lambda each: each[:2])  # so that no two wait for each other
    journals = home.journals if wanted else None
    if journals is None:
        yield False
        return
    guards = journals.guards
    has_waited = False
    try:
        for key, name, guard in wanted:
            while others := guards.enter(key, run, guard.at_most, at=home.clock.now()):
                if guard.on_busy != "wait":
                    raise _busy(key, name, guard, run, others)
                if waits is not None and not has_waited:
                    waits(f"waits for {_named(others)} to end, by the guard {key!r}")
                has_waited = True
                while len(guards.inside(key)) >= guard.at_most:
                    time.sleep(_LOOKS_EACH_S)
        yield has_waited
    except GuardBusyError as error:
        if is_new:
            _tell(error, made, home, request, told)
        raise
    finally:
        guards.leave(run)


def _wanted(graph: Graph, request: Request) -> Iterator[tuple[str, str, Guard]]:
    """Keys, what they are about, and their guards."""
    found = list(graph.group.guards) if graph.group is not None else []
    if request.guard is not None:
        found.append(Guarded(graph.name, request.guard, {} if graph.group is None else graph.group.defaults))
    for name, guard, defaults in found:
        try:
            params = {**defaults, **request.params}
            params.pop(BATCH, None)  # which every run has of its own
            yield guard.key_for(name, params), name, guard
        except KeyError as error:
            advice = f"give it: -p {error.args[0]}=..., or give the group a default for it"
            detail = f"it asks for the parameter {error.args[0]!r}, which the run does not have"
            raise BadArgumentError(argument=f"guard {guard.key}", detail=detail, advice=advice) from None


def _busy(key: str, name: str, guard: Guard, run: str, others: Sequence[str]) -> GuardBusyError:
    has = "has" if len(others) == 1 else "have"
    if guard.on_busy == "skip":
        return GuardSkippedError(run=run, name=name, key=key, others=_named(others), has=has, at_most=guard.at_most)
    return GuardBusyError(run=run, name=name, key=key, others=_named(others), has=has, at_most=guard.at_most)


def _named(runs: Sequence[str]) -> str:
    return f"run{'' if len(runs) == 1 else 's'} {listing(runs, 3)}"


def _tell(error: GuardBusyError, made: Plan, home: Home, request: Request, told: Mapping[str, Any]) -> None:
    """The journal of a run that was turned away: it can be resumed."""
    assert home.ledger is not None
    now, status = home.clock.now(), RunStatus.CANCELLED if isinstance(error, GuardSkippedError) else RunStatus.FAILED
    ending = {"status": str(status), "counts": {}, "guard": error.key, "why": error.message}
    events = [
        Event(Kind.RUN_STARTED, now, body=opening_of(made, request) | keep(made.topology, error.run, home) | dict(told)),
        Event(Kind.RUN_FINISHED, now, body=ending),
    ]
    home.ledger.append(error.run, events)
