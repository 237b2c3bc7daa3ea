"""`weftline status`: what became of a run, from its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.cli.arguments import HomeOption, Json, Typed, home_of
from weftline.cli.text import counted, out, out_json, paint_out, seconds

if TYPE_CHECKING:
    from weftline.model.run import NodeRecord, RunRecord


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def status(
        run: Annotated[str, typer.Argument(help="A run, or the beginning of its id; or a node of the newest run.")] = "",
        node: Annotated[str, typer.Argument(help="List the calls of this node.")] = "",
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """Show a run, or the calls of one node.

        From the journal: states, attempts, errors.
        """
        from weftline.app import verbs

        opened = home_of(home)
        record, node = verbs.find_node(run, node, opened)
        state = verbs.state_of(record.run, record.status, opened)
        opened.close()
        if json:
            out_json(as_dict(record, state, node))
            return
        if node:
            _list_calls(record.nodes[node])
        else:
            _list_nodes(record, state)
        if state == "abandoned":
            out(f"\n  its process is gone; next: {Typed('', home=home).about('resume', record.run)}")


def _list_nodes(record: RunRecord, state: str) -> None:
    took = "" if record.ended_at is None else f" in {seconds(record.ended_at - record.started_at)}"
    status = paint_out(state, state)
    out(f"run {record.run}   {record.opening.get('pipeline', '')}   {status}{took}{origin(record)}")
    out()
    width = max(map(len, record.nodes), default=0)
    for name, node in record.nodes.items():
        painted = paint_out(f"{node.state:<10}", str(node.state))
        out(f"  {name.ljust(width)}   {painted} {_counts(node)}".rstrip())
        for item, call in sorted(node.calls.items()):
            if call.outcome == "failed" and call.error is not None:
                where = f"[{item}]" if item >= 0 else ""
                place = f"   ({call.error['place']})" if call.error.get("place") else ""
                code = f"[{call.error['code']}] " if call.error.get("code") else f"{call.error['error']}: "
                out(f"      {name}{where}: {code}{call.error['message']}{place}")


def origin(record: RunRecord) -> str:
    """What a run goes on with, in words: earlier lives of it, and another run whose outputs it reads."""
    replayed = [body for _, body in record.resumptions if body.get("replayed")]
    again = list(dict.fromkeys(node for _, body in record.resumptions for node in body.get("from", ())))
    parts = []
    if record.opening.get("inputs_from"):
        parts.append(f"inputs from {record.opening['inputs_from']}")
    if count := record.resumed - len(replayed):
        parts.append(f"resumed {count} x" + (f", from {', '.join(again)}" if again else ""))
    if replayed:
        calls = sum(len(body["replayed"]) for body in replayed)
        parts.append(f"replayed {counted(calls, 'call')}")
    return "".join(f"   {part}" for part in parts)


def _counts(node: NodeRecord) -> str:
    if node.total is None:
        return node.why
    counts = {
        word: node.count(outcome) for outcome, word in (("succeeded", "ran"), ("restored", "cached"), ("failed", "failed"))
    }
    parts = [f"{count:,} {word}" for word, count in counts.items() if count] if node.total != 1 else []
    attempts = f"{node.attempts} attempts" if node.attempts > 1 else ""
    took = seconds(node.took_s) if node.took_s else ""
    return "   ".join(part for part in (", ".join(parts), attempts, took) if part)


def _list_calls(node: NodeRecord) -> None:
    for item, call in sorted(node.calls.items()):
        label = "-" if item < 0 else str(item)
        took = "" if call.took_s is None else seconds(call.took_s)
        error = "" if call.error is None else f"{call.error['error']}: {call.error['message']}"
        out(f"  {label:>6}   {call.outcome:<10} attempt {call.attempt}   {took:<9} {(call.key or '')[:12]}  {error}".rstrip())


def as_dict(record: RunRecord, state: str, only: str) -> dict[str, Any]:
    """The shape that `weftline status --json` prints: `weftline.status/v1`."""
    from weftline.clock import as_utc

    return {
        "schema": "weftline.status/v1",
        "run": record.run,
        "pipeline": record.opening.get("pipeline"),
        "status": state,
        "started_at": as_utc(record.started_at).isoformat(),
        "ended_at": None if record.ended_at is None else as_utc(record.ended_at).isoformat(),
        "inputs_from": record.opening.get("inputs_from") or None,
        "resumptions": [
            {
                "at": as_utc(at).isoformat(),
                "from": list(body.get("from", ())),
                "replayed": list(body.get("replayed", ())),
            }
            for at, body in record.resumptions
        ],
        "nodes": [
            {
                "node": name,
                "state": str(node.state),
                "took_s": node.took_s,
                "calls": [
                    {
                        "item": None if item < 0 else item,
                        "outcome": call.outcome,
                        "attempt": call.attempt,
                        "key": call.key,
                        "took_s": call.took_s,
                        "error": call.error,
                    }
                    for item, call in sorted(node.calls.items())
                ],
            }
            for name, node in record.nodes.items()
            if not only or name == only
        ],
    }
