"""`weftline runs diff`: what is different between two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.exits import Exit
from weftline.cli.text import counted, out, out_json, paint_out, printable, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weftline.model.run import NodeRecord, RunRecord
    from weftline.plan.compare import Comparison, NodeDifference
    from weftline.plan.explain import Line

_SHOWN_DIGITS = 12


def register(group: typer.Typer) -> None:
    """Adds the command."""

    @group.command()
    def diff(
        a: Annotated[str, typer.Argument(help="A run, or the beginning of its id.", show_default=False, metavar="A")],
        b: Annotated[str, typer.Argument(help="Another one; the newest by default.", metavar="B")] = "",
        home: HomeOption = None,
        json: Json = False,
    ) -> int:
        """Show what is different between two runs: for each node what decided its result, and what became of it.

        Durations, attempts, and what was taken from the cache are shown, and are no difference.

        Exit codes: 0 the same, 1 different.
        """
        from weftline.app import verbs

        opened = home_of(home)
        found = verbs.compared(a, b, opened)
        states = {run.run: verbs.state_of(run.run, run.status, opened) for run in (found.was, found.now)}
        answer, text = as_dict(found, states), list(_lines(found, states))  # the texts of symbols are read from the ledger
        opened.close()
        if json:
            out_json(answer)
        else:
            for line in text:
                out(line.rstrip())
        return Exit.OK if found.is_same else Exit.FAILED


def _lines(found: Comparison, states: dict[str, str]) -> Iterator[str]:
    for letter, run in (("A", found.was), ("B", found.now)):
        took = "" if run.ended_at is None else f" in {seconds(run.ended_at - run.started_at)}"
        state = states[run.run]
        yield f"  {letter}   {run.run}   {run.opening.get('pipeline', '')}   {paint_out(state, state)}{took}"
    yield ""
    width = max((len(node.node) for node in found.nodes), default=0)
    for node in found.nodes:
        facts = "   ".join(_facts(node))
        told = list(_causes(node))
        if node.is_same and not facts:
            continue
        head = told.pop(0) if told else "the same" if node.is_same and "left out" not in facts else ""
        yield f"  {node.node:<{width}}   {'   '.join(part for part in (head, facts) if part)}"
        yield from (f"  {'':<{width}}   {line}" for line in told)
    same = sum(node.is_same for node in found.nodes)
    yield ""
    if found.first is None:
        yield f"  {counted(same, 'node')}: nothing is different"
    else:
        yield f"  {counted(len(found.nodes), 'node')}: {same} the same; the first that is different: {found.first}"


def _causes(node: NodeDifference) -> Iterator[str]:
    """What is different in what decided a node's result."""
    if node.was is None or node.now is None:
        yield f"only in {'A' if node.now is None else 'B'}"
    for line in node.parts:
        yield _part(line)
        yield from (f"    {text}" for text in line.diff or ())
    for name, (was, now) in node.inputs.items():
        yield f"input {name}: {was[:_SHOWN_DIGITS] or 'none'} -> {now[:_SHOWN_DIGITS] or 'none'}"


def _part(line: Line) -> str:
    if line.state != "changed":
        return f"{line.topic} {line.name}: {line.now if line.state == 'new' else line.was} {line.state}".replace(":  ", ": ")
    if line.was and not line.diff:
        return f"{line.topic} {line.name}: {line.was} -> {line.now}"
    return f"{line.topic} {line.name} changed"


def _facts(node: NodeDifference) -> Iterator[str]:
    """What became of a node, where that is not the same in both runs."""
    if node.was is None or node.now is None:
        return
    from weftline.plan.compare import is_left_out

    for letter, side in (("A", node.was), ("B", node.now)):
        if is_left_out(side):
            yield f"left out in {letter}"
    if is_left_out(node.was) or is_left_out(node.now):
        return
    was, now = _side(node.was), _side(node.now)
    if was["decision"] != now["decision"]:
        yield f"{was['decision']} -> {now['decision']}"
    if node.was.state.has_output != node.now.state.has_output:
        yield f"{was['state']} -> {now['state']}"
    if was["failed"] != now["failed"]:
        yield f"{was['failed']} -> {now['failed']} failed"
    if was["decision"] == now["decision"] == "RUN":
        if was["attempts"] != now["attempts"]:
            yield f"{was['attempts']} -> {now['attempts']} attempts"
        times = [seconds(side["took_s"] or 0.0) for side in (was, now)]
        if times[0] != times[1]:
            yield " -> ".join(times)
    error = next((call.error for call in node.now.calls.values() if call.outcome == "failed"), None)
    if error is not None and was["failed"] != now["failed"]:
        yield printable(f"{error['error']}: {error['message']}", one_line=True)


def _side(node: NodeRecord) -> dict[str, Any]:
    from weftline.plan.compare import decision_of

    return {
        "state": str(node.state),
        "decision": str(decision_of(node)),
        "attempts": node.attempts,
        "failed": node.count("failed"),
        "took_s": node.took_s,
    }


def as_dict(found: Comparison, states: dict[str, str]) -> dict[str, Any]:
    """The shape that `weftline runs diff --json` prints: `weftline.runs-diff/v1`."""
    return {
        "schema": "weftline.runs-diff/v1",
        "a": _run(found.was, states),
        "b": _run(found.now, states),
        "same": found.is_same,
        "first": found.first,
        "nodes": [
            {
                "node": node.node,
                "same": node.is_same,
                "a": None if node.was is None else _side(node.was),
                "b": None if node.now is None else _side(node.now),
                "parts": [
                    {
                        "topic": line.topic,
                        "name": line.name,
                        "state": line.state,
                        "was": line.was or None,
                        "now": line.now or None,
                        "diff": None if line.diff is None else list(line.diff),
                    }
                    for line in node.parts
                ],
                "inputs": [{"name": name, "was": was or None, "now": now or None} for name, (was, now) in node.inputs.items()],
            }
            for node in found.nodes
        ],
    }


def _run(run: RunRecord, states: dict[str, str]) -> dict[str, Any]:
    from weftline.clock import as_utc

    return {
        "run": run.run,
        "pipeline": run.opening.get("pipeline"),
        "status": states[run.run],
        "started_at": as_utc(run.started_at).isoformat(),
        "ended_at": None if run.ended_at is None else as_utc(run.ended_at).isoformat(),
    }
