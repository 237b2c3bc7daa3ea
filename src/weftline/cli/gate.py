"""`weftline gate`: what waits for somebody's approval, and giving or refusing it."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.text import out, out_json

Run = Annotated[str, typer.Argument(help="A run, or the beginning of its id.", metavar="RUN")]
Gate = Annotated[str, typer.Argument(help="The gate's name.", metavar="GATE")]
Why = Annotated[str, typer.Option("--why", help="For those who read the journal.")]


def register(app: typer.Typer) -> None:
    """Adds the group of commands."""
    group = typer.Typer(help="What waits for approval.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name="gate")

    @group.command()
    def ls(home: HomeOption = None, json: Json = False) -> int:
        """List the runs that wait at a gate, the newest first."""
        from weftline.app.gates import waiting
        from weftline.clock import as_utc

        opened = home_of(home)
        found = waiting(opened)
        opened.close()
        if json:
            rows = [{**each._asdict(), "nodes": list(each.nodes), "since": as_utc(each.since).isoformat()} for each in found]
            out_json({"schema": "weftline.gates/v1", "waiting": rows})
            return 0
        for each in found:
            out(f"{each.run}   {each.pipeline:<20} {each.gate:<20} {', '.join(each.nodes)}")
        if not found:
            out("nothing waits at a gate")
        return 0

    @group.command()
    def approve(run: Run, gate: Gate, why: Why = "", home: HomeOption = None) -> int:
        """Open a gate for a run.

        The run goes on with `weftline resume`.
        """
        from weftline.app.gates import decide

        opened = home_of(home)
        record = decide(opened, run, gate, approved=True, why=why)
        opened.close()
        out(f"{gate} is open for run {record.run}")
        out(f"next: weftline resume {record.run}")
        return 0

    @group.command()
    def reject(run: Run, gate: Gate, why: Why = "", home: HomeOption = None) -> int:
        """Turn a run away at a gate: it has failed."""
        from weftline.app.gates import decide

        opened = home_of(home)
        record = decide(opened, run, gate, approved=False, why=why)
        opened.close()
        out(f"run {record.run} has failed at {gate}")
        return 0
