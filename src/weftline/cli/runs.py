"""`weftline runs`: what ran before, and which journals may go."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.text import counted, out, out_json, paint_out, seconds
from weftline.errors import BadArgumentError


def register(app: typer.Typer) -> None:
    """Adds the command, and those below it."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    app.add_typer(group, name="runs")
    _listing(group)
    _making_room(group)


def _listing(group: typer.Typer) -> None:
    @group.callback()
    def runs(
        context: typer.Context,
        home: HomeOption = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
        json: Json = False,
    ) -> None:
        """List runs, the newest first."""
        if context.invoked_subcommand is not None:
            return
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


def _making_room(group: typer.Typer) -> None:
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
