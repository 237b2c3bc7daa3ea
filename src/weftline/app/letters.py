"""Dead letters of a home: listed, made again in the run that they belong to, and dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from weftline.app import verbs
from weftline.app.claims import claimed
from weftline.app.collector import frozen
from weftline.app.execute import execute
from weftline.app.guards import guarded
from weftline.app.home import Home, Request
from weftline.author.pipeline import Pipeline
from weftline.errors import (
    AmbiguousLetterError,
    GoneResultError,
    InvalidPipelineError,
    NotResumableError,
    UnknownLetterError,
    WeftlineError,
    listing,
)
from weftline.model.entry import Entry, is_freed
from weftline.model.event import Event, Kind
from weftline.model.ids import call_label
from weftline.model.letter import KINDS, DeadLetter, Success, letters_in, resolved_elsewhere
from weftline.model.plan import Decision, Plan
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.ports.cache import Cache
from weftline.ports.sink import Sink
from weftline.run.replay import Part, findings, part_of, replayed
from weftline.run.result import RunResult

#: Runs that are looked through, the newest first.
_LOOKED_THROUGH = 1_000


def letters(home: Home, *, run: str = "", node: str = "", settled: bool = False) -> list[DeadLetter]:
    """The dead letters, those of the newest run first.

    Args:
        home: where the journals are.
        run: of this run alone; the beginning of its id is enough.
        node: of this node alone.
        settled: also those that have a result meanwhile, or were dropped.

    Raises:
        UnknownRunError: there is no such run.
    """
    ledger, history = (home.ledger, home.history) if home.has_journals else (None, None)
    if ledger is None or history is None:
        return []
    wanted = verbs.find_run(run, home).run if run else ""
    found: list[DeadLetter] = []
    for line in ledger.runs(_LOOKED_THROUGH):
        is_over = line.status is RunStatus.COMPLETED  # then nothing is missing
        if line.run == wanted or (not wanted and (settled or not is_over)):
            found += letters_in(line.run, line.pipeline, ledger.events(line.run, KINDS))
    if any(letter.is_open for letter in found):
        found = resolved_elsewhere(found, (Success(*use) for use in history.uses()))
    return [letter for letter in found if (settled or letter.is_open) and node in {"", letter.node}]


def chosen(found: Sequence[DeadLetter], words: Sequence[str]) -> list[DeadLetter]:
    """The letters whose ids begin with these words.

    Raises:
        UnknownLetterError: there is none.
        AmbiguousLetterError: there are several.
    """
    picked: dict[str, DeadLetter] = {}
    for word in words:
        fits = [letter for letter in found if letter.id.startswith(word)]
        if not fits:
            raise UnknownLetterError(word=word)
        if len(fits) > 1:
            raise AmbiguousLetterError(word=word, known=listing([letter.id for letter in fits], 5))
        picked[fits[0].id] = fits[0]
    return list(picked.values())


def by_run(found: Sequence[DeadLetter]) -> Mapping[str, list[DeadLetter]]:
    """The letters of each run, in the order of the list."""
    runs: dict[str, list[DeadLetter]] = defaultdict(list)
    for letter in found:
        runs[letter.run].append(letter)
    return runs


def replay(
    found: Sequence[DeadLetter],
    home: Home,
    pipeline: Pipeline | None = None,
    request: Request | None = None,
    sinks: Sequence[Sink] = (),
    *,
    echo: bool = False,
) -> RunResult:
    """Makes failed calls of one run again, in that run, then what is behind them.

    They are given what they were given then, and run the code of now. What else the run made stands, whatever the code is now.

    Args:
        found: the letters, all of one run.
        home: where the run is.
        pipeline: the pipeline; None to load it by the target that the journal names.
        request: as it was asked for; None to take it from the journal.
        sinks: who is told of events.
        echo: show what calls print, besides keeping it.

    Raises:
        NotResumableError: the run has no end yet, kept no results, or was started by a program that is not this one.
        RunBusyError: another process works on it.
        UnknownNodeError: the pipeline does not have the node any more.
        InvalidPipelineError: it carries all findings, such as results that are gone; nothing has run.
    """
    run = found[0].run
    with frozen(), claimed(run, home.ledger):
        record = verbs.find_run(run, home)  # as it is now that nobody else can change it
        before = _status_before(record)
        is_open = {letter.label for letter in letters(home, run=run)}
        found = [letter for letter in found if letter.label in is_open]
        if not found:
            raise NotResumableError(run=run, detail="another process has made these calls", advice="look: weftline dlq ls")
        pipeline, asked = verbs.asked_again(record, home, pipeline, request)
        asked = replace(asked, on_failure="continue")
        cache = home.cache if asked.cache else None
        if cache is None:
            advice = "start a new one, with the cache"
            raise NotResumableError(run=run, detail="it kept no results", advice=advice)
        plan = verbs.plan(pipeline, home, asked)
        again: dict[str, set[int]] = defaultdict(set)
        for letter in found:
            if letter.node not in plan.graph.index:
                raise verbs.unknown_node(letter.node, plan.graph.index)
            again[letter.node].add(letter.item)
        part = part_of(plan, record, again)
        errors = [*findings(plan, record, part)]
        results = {} if errors else _results(plan, record, again, part, cache, errors)
        if errors:
            raise InvalidPipelineError(pipeline=plan.graph.name, findings=tuple(errors))
        made, past = replayed(plan, record, again, part, results, before)
        told = {"replayed": [letter.label for letter in found]}
        with guarded(made, run, home, asked, is_new=False):
            return execute(made, run, home, asked, sinks, past, told=told, echo=echo)


def drop(found: Sequence[DeadLetter], home: Home) -> None:
    """Takes letters off the list; the journal keeps what happened, and the runs stay what they are.

    Raises:
        RunBusyError: another process works on such a run.
    """
    ledger = home.ledger
    assert ledger is not None
    now = home.clock.now()
    for run, own in by_run(found).items():
        with claimed(run, ledger):
            ledger.append(run, [Event(Kind.LETTER_DROPPED, now, letter.node, letter.item) for letter in own])


def _status_before(record: RunRecord) -> RunStatus:
    """What the run is until nothing is missing any more; one whose replay was interrupted is what it was before that.

    Raises:
        NotResumableError: it never came to an end.
    """
    if record.status is not RunStatus.RUNNING:
        return record.status
    is_replay = bool(record.resumptions) and bool(record.resumptions[-1][1].get("replayed"))
    if record.ended_as is None or not is_replay:
        advice = f"go on with it, which tries these calls again: weftline resume {record.run}"
        raise NotResumableError(run=record.run, detail="it did not come to its end", advice=advice)
    return record.ended_as


def _results(
    plan: Plan, record: RunRecord, again: Mapping[str, set[int]], part: Part, cache: Cache, errors: list[WeftlineError]
) -> dict[str, dict[int, Entry]]:
    """What the cache has of the calls that stand; what is gone is a finding."""
    graph = plan.graph
    unselected = {graph.index[step.node] for step in plan.steps if step.decision is Decision.SKIP}
    names = [graph.nodes[number].name for number in sorted(part.needed - unselected)]
    names += [name for name in again if graph.nodes[graph.index[name]].over is not None]
    keys = {name: record.nodes[name].results for name in names if name in record.nodes}
    entries = cache.find([key for own in keys.values() for key in own.values()])
    advice = f"make it again: weftline resume {record.run}"
    for name, own in keys.items():
        for item, key in own.items():
            if key not in entries or is_freed(entries[key]):
                label = call_label(name, item)
                errors.append(GoneResultError(label=label, run=record.run, key=key.hex(), advice=advice))
    return {name: {item: entries[key] for item, key in own.items() if key in entries} for name, own in keys.items()}


__all__: Sequence[str] = ["by_run", "chosen", "drop", "letters", "replay"]
