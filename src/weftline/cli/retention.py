"""`weftline runs gc`: which journals may go."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.text import counted, out, out_json
from weftline.errors import BadArgumentError


def register(group: typer.Typer) -> None:
    """Adds the command."""

    @group.command()
    def gc(
        keep_days: Annotated[
            float | None, typer.Option("--keep-days", min=0, help="Keep runs that ended in so many days.")
        ] = None,
        keep_runs: Annotated[int | None, typer.Option("--keep-runs", min=0, help="Keep so many of the newest.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, and change nothing.")] = False,
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """Remove the journals and logs of old runs; results stay.

        What either option keeps stays, and so do runs without an end, the newest of each pipeline, and those that made pinned
        results. Safe beside running processes.
        """
        from weftline.app import retention
        from weftline.clock import as_utc

        if keep_days is None and keep_runs is None:
            advice = "say what stays: --keep-days 30, --keep-runs 100, or both"
            raise BadArgumentError(argument="runs gc", detail="it says nothing of what may go", advice=advice)
        opened = home_of(home)
        done = retention.remove_runs(opened, older_s=(keep_days or 0.0) * 86_400, keep_runs=keep_runs or 0, trial=dry_run)
        opened.close()
        if json:
            rows = [
                {
                    "run": run.run,
                    "pipeline": run.pipeline,
                    "status": str(run.status),
                    "ended_at": as_utc(run.ended_at or 0.0).isoformat(),
                }
                for run in done.removed
            ]
            out_json({"schema": "weftline.runs-gc/v1", "dry_run": dry_run, "removed": rows, "kept": done.kept})
            return
        if dry_run:
            for run in done.removed:
                out(f"{run.run}   {run.pipeline:<20} {run.status}")
        verb = "would remove" if dry_run else "removed"
        out(f"{verb} {len(done.removed):,} of {counted(len(done.removed) + done.kept, 'run')}")
