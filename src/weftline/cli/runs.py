"""`weftline runs`: what ran before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weftline.cli import differences
from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.status import origin
from weftline.cli.text import out, out_json, paint_out, seconds

if TYPE_CHECKING:
    from weftline.app.home import Home


def register(app: typer.Typer) -> None:
    """Adds the command, and the group of those about several runs."""
    group = typer.Typer(rich_markup_mode=None)
    app.add_typer(group, name="runs")
    differences.register(group)

    @group.callback(invoke_without_command=True)
    def runs(
        context: typer.Context,
        home: HomeOption = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
        json: Json = False,
    ) -> None:
        """List runs, the newest first.

        With what each goes on with: how often it was resumed or replayed, and whose outputs it reads.
        """
        if context.invoked_subcommand is None:
            _list(home_of(home), limit, json=json)


def _list(home: Home, limit: int, *, json: bool) -> None:
    from weftline.app import verbs
    from weftline.clock import as_utc

    found = home.ledger.runs(limit) if home.exists and home.ledger is not None else []
    states = {line.run: verbs.state_of(line.run, line.status, home) for line in found}
    lives = {line.run: verbs.lives_of(line.run, home) for line in found}
    home.close()
    if json:
        rows = [
            {
                "run": line.run,
                "pipeline": line.pipeline,
                "status": states[line.run],
                "started_at": as_utc(line.started_at).isoformat(),
                "ended_at": None if line.ended_at is None else as_utc(line.ended_at).isoformat(),
                "nodes": dict(line.counts),
                "resumed": lives[line.run].resumed,
                "inputs_from": lives[line.run].opening.get("inputs_from") or None,
            }
            for line in found
        ]
        out_json({"schema": "weftline.runs/v1", "runs": rows})
        return
    for line in found:
        took = "" if line.ended_at is None else seconds(line.ended_at - line.started_at)
        counts = ", ".join(f"{count} {state}" for state, count in line.counts.items())
        status = paint_out(f"{states[line.run]:<10}", states[line.run])
        out(f"{line.run}   {line.pipeline:<20} {status} {took:<10} {counts}{origin(lives[line.run])}".rstrip())
    if not found:
        out(f"no runs in {home.shown}")
