"""`weftline runs` and `weftline logs`: what ran before, and what it wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.text import out, out_json, paint_out, seconds


def register(app: typer.Typer) -> None:
    """Adds the commands."""

    @app.command()
    def runs(
        home: HomeOption = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
        json: Json = False,
    ) -> None:
        """List runs, the newest first."""
        from weftline.clock import as_utc

        opened = home_of(home)
        ledger = opened.ledger
        found = ledger.runs(limit)
        opened.close()
        if json:
            rows = [
                {
                    "run": line.run,
                    "pipeline": line.pipeline,
                    "status": str(line.status),
                    "started_at": as_utc(line.started_at).isoformat(),
                    "ended_at": None if line.ended_at is None else as_utc(line.ended_at).isoformat(),
                    "nodes": dict(line.counts),
                }
                for line in found
            ]
            out_json({"schema": "weftline.runs/v1", "runs": rows})
            return
        for line in found:
            took = "" if line.ended_at is None else seconds(line.ended_at - line.started_at)
            counts = ", ".join(f"{count} {state}" for state, count in line.counts.items())
            status = paint_out(f"{line.status:<10}", str(line.status))
            out(f"{line.run}   {line.pipeline:<20} {status} {took:<10} {counts}".rstrip())
        if not found:
            out(f"no runs in {opened.path}")

    @app.command()
    def logs(
        run: Annotated[str, typer.Argument(help="A run, or the beginning of its id; the newest by default.")] = "",
        node: Annotated[str, typer.Argument(help="Only this node: NODE, or NODE[ITEM].")] = "",
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """Show what calls printed and logged, and the tracebacks of those that failed."""
        from weftline import app as core

        opened = home_of(home)
        record = core.find_run(run, opened)
        name, _, rest = node.partition("[")
        item = int(rest.rstrip("]")) if rest.rstrip("]").isdigit() else None
        found = list(opened.logs.names(record.run, name, item))
        opened.close()
        if json:
            rows = [
                {
                    "node": log.node,
                    "item": None if log.item < 0 else log.item,
                    "attempt": log.attempt,
                    "text": log.path.read_text(encoding="utf-8"),
                }
                for log in found
            ]
            out_json({"schema": "weftline.logs/v1", "run": record.run, "logs": rows})
            return
        for log in found:
            place = "" if log.item < 0 else f"[{log.item}]"
            out(paint_out(f"--- {log.node}{place}, attempt {log.attempt} ---", "bold"))
            out(log.path.read_text(encoding="utf-8").rstrip())
        if not found:
            out(f"run {record.run} has no output of {node or 'any call'}")
