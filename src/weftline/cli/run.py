"""`weftline run` and `weftline resume`: do the work, say how it went."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.cli.arguments import (
    BackendOption,
    Force,
    HomeOption,
    Json,
    NoCache,
    Params,
    Selection,
    Target,
    Workers,
    home_of,
    params_of,
)
from weftline.cli.exits import Exit
from weftline.cli.progress import Progress, sink_for
from weftline.cli.text import err, out_json, paint_err, seconds, source_lines
from weftline.model.transitions import RunStatus

if TYPE_CHECKING:
    from weftline.app import Home
    from weftline.model.call import Failure
    from weftline.run.result import RunResult

#: Failures that are shown in full at the end; the others are counted.
_SHOWN = 3
_LOG_LINES = 10


class OnFailure(StrEnum):
    """What a failure stops."""

    STOP = "stop"
    CONTINUE = "continue"


ProgressOption = Annotated[Progress, typer.Option("--progress", help="How to show the run, on stderr.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""

    @app.command()
    def run(
        target: Target,
        select: Selection = None,
        param: Params = None,
        force: Force = None,
        backend: BackendOption = None,
        workers: Workers = None,
        on_failure: Annotated[OnFailure, typer.Option("--on-failure", help="What a failure stops.")] = OnFailure.STOP,
        no_cache: NoCache = False,
        home: HomeOption = None,
        progress: ProgressOption = Progress.AUTO,
        json: Json = False,
    ) -> int:
        """Run what has to be run, and restore the rest.

        Exit codes: 0 completed, 1 a node failed or the run is partial, 2 wrong usage, 3 not valid, 4 the machine or a
        service is missing, 130 interrupted.
        """
        from weftline import app as core

        pipeline = core.load(target)
        opened = home_of(home)
        request = core.Request(
            params=params_of(param),
            targets=select or (),
            force=force or (),
            backend=backend,
            workers=workers,
            on_failure=on_failure.value,
            cache=not no_cache,
        )
        planned = core.plan(pipeline, opened, request)
        _tell_damage(opened)
        shown = sink_for(progress, planned.graph)
        result = core.run(pipeline, opened, request, [shown] if shown is not None else [], planned=planned)
        return _conclude(result, opened, target, json=json, quiet=progress in {Progress.NDJSON, Progress.NONE})

    @app.command()
    def resume(
        run: Annotated[str, typer.Argument(help="A run, or the beginning of its id; the newest by default.")] = "",
        home: HomeOption = None,
        progress: ProgressOption = Progress.AUTO,
        json: Json = False,
    ) -> int:
        """Go on with a run that was killed, interrupted or failed: what succeeded is kept.

        Exit codes: as for `run`.
        """
        import os

        from weftline import app as core

        opened = home_of(None if home is None else home.resolve())
        if opened.path is not None:
            opened.path = opened.path.resolve()
        record = core.find_run(run, opened)
        cwd = record.opening.get("cwd", ".")
        if Path(cwd).is_dir():
            os.chdir(cwd)  # targets and paths were given from there
        pipeline = core.load(record.opening["target"]) if record.opening.get("target") else None
        shown = None if pipeline is None else sink_for(progress, pipeline.graph)
        result = core.resume(record.run, opened, sinks=[shown] if shown is not None else [])
        target = record.opening.get("target", "")
        return _conclude(result, opened, target, json=json, quiet=progress in {Progress.NDJSON, Progress.NONE})


def _tell_damage(home: Home) -> None:
    cache = home.cache
    for text in cache.damage() if cache is not None else ():
        err(f"note: {text}")


def _conclude(result: RunResult, home: Home, target: str, *, json: bool, quiet: bool) -> int:
    for note in result.notes:
        err(f"note: {note}")
    if json:
        out_json(as_dict(result))
    if not quiet:
        _tell_failures(result, home, target)
        err(summary(result))
    home.close()
    if result.status == RunStatus.CANCELLED:
        if not quiet:
            err(f"  next: weftline resume {result.run}")
        return Exit.INTERRUPTED
    return Exit.OK if result.ok else Exit.FAILED


def summary(result: RunResult) -> str:
    """The last line of a run."""
    counts = _counts(result)
    parts = ", ".join(f"{counts[name]} {name}" for name in ("ran", "cached", "failed", "skipped", "cancelled") if counts[name])
    calls = counts["calls_ran"]
    more = f" ({calls:,} calls)" if calls > counts["ran"] else ""
    took = seconds(result.took_s)
    return f"{paint_err(result.status, result.status)} in {took}: {parts}{more}   run {result.run}"


def _counts(result: RunResult) -> dict[str, int]:
    states = [step.status for step in result.steps.values()]
    return {
        "ran": sum(1 for step in result.steps.values() if step.status == "succeeded"),
        "cached": states.count("cached"),
        "failed": states.count("failed"),
        "skipped": states.count("skipped"),
        "cancelled": states.count("cancelled"),
        "calls_ran": sum(step.ran for step in result.steps.values()),
        "calls_cached": sum(step.restored for step in result.steps.values()),
        "calls_failed": sum(len(step.failures) for step in result.steps.values()),
    }


def as_dict(result: RunResult) -> dict[str, Any]:
    """The shape that `weftline run --json` prints: `weftline.run/v1`."""
    return {
        "schema": "weftline.run/v1",
        "run": result.run,
        "pipeline": result.plan.graph.name,
        "status": result.status,
        "steps": [
            {
                "node": step.node,
                "decision": str(step.decision),
                "attempts": step.attempts,
                "status": step.status,
                "calls": {
                    "total": step.total,
                    "ran": step.ran,
                    "cached": step.restored,
                    "failed": len(step.failures),
                },
                "failures": [
                    {
                        "item": None if item < 0 else item,
                        "error": failure.kind,
                        "code": None if failure.finding is None else failure.finding.code,
                        "message": failure.message,
                        "place": None if failure.place is None else str(failure.place),
                    }
                    for item, failure in sorted(step.failures.items())
                ],
            }
            for step in result.steps.values()
        ],
        "summary": {**_counts(result), "took_s": round(result.took_s, 3)},
    }


def _tell_failures(result: RunResult, home: Home, target: str) -> None:
    failures = result.failures
    for label, failure in failures[:_SHOWN]:
        err()
        _tell_failure(label, failure)
        _tell_log(label, result, home)
    if len(failures) > _SHOWN:
        err(f"\n  ... and {len(failures) - _SHOWN} more failed calls: weftline status {result.run}")
    for error in result.too_few():
        err()
        err(str(error))
    if failures:
        node = failures[0][0].partition("[")[0]
        err()
        err(f"  next: weftline logs {result.run} {node}")
        err(f"        weftline resume {result.run}")
        if target:
            err(f"        weftline why {target} {node}")
        err()


def _tell_failure(label: str, failure: Failure) -> None:
    if failure.finding is not None:
        for number, line in enumerate(failure.finding.lines()):
            err(paint_err(f"{label}: {line}", "error") if number == 0 else line)
    else:
        err(paint_err(f"{label} failed: {failure.kind}: {failure.message}", "error"))
        if failure.place is not None:
            err(f"  at   {failure.place}")
            for line in source_lines(failure.place):
                err(f"       {line}")


def _tell_log(label: str, result: RunResult, home: Home) -> None:
    """The last lines of what the call wrote, without the traceback, whose last frame was shown above."""
    logs = home.logs
    if logs is None:
        return
    node, _, item = label.partition("[")
    names = list(logs.names(result.run, node, int(item[:-1]) if item else None))
    if not names:
        return
    text = names[-1].path.read_text(encoding="utf-8").partition("Traceback (most recent call last):")[0]
    lines = text.rstrip().splitlines()[-_LOG_LINES:]
    for number, line in enumerate(lines):
        err(("  log  " if number == 0 else "       ") + line)
