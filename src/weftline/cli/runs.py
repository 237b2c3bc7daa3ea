"""`weftline runs`: what ran before."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.text import out, out_json, paint_out, seconds


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def runs(
        home: HomeOption = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
        json: Json = False,
    ) -> None:
        """List runs, the newest first."""
        from weftline.app import verbs
        from weftline.clock import as_utc

        opened = home_of(home)
        found = opened.ledger.runs(limit) if opened.has_journals else []
        states = {line.run: verbs.state_of(line.run, line.status, opened) for line in found}
        opened.close()
        if json:
            rows = [
                {
                    "run": line.run,
                    "pipeline": line.pipeline,
                    "status": states[line.run],
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
            status = paint_out(f"{states[line.run]:<10}", states[line.run])
            out(f"{line.run}   {line.pipeline:<20} {status} {took:<10} {counts}".rstrip())
        if not found:
            out(f"no runs in {opened.shown}")
