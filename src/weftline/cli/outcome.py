"""How a run went: as text with the failures in full, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weftline.cli.exits import Exit
from weftline.cli.text import err, out_json, paint_err, printable, seconds, source_lines
from weftline.model.transitions import RunStatus

if TYPE_CHECKING:
    from weftline.app.home import Home
    from weftline.cli.arguments import Typed
    from weftline.errors import Place
    from weftline.model.call import Failure
    from weftline.run.result import RunResult


#: Failures that are shown in full at the end; the others are counted.
_SHOWN = 3
_LOG_LINES = 10


def note(text: str) -> None:
    """Tells something beside the result."""
    err(f"note: {text}")


def tell_damage(home: Home) -> None:
    """Tells what the cache has put aside."""
    cache = home.cache if home.has_results else None
    for text in cache.damage() if cache is not None else ():
        err(f"note: {text}")


def conclude(result: RunResult, home: Home, typed: Typed, *, json: bool, quiet: bool) -> int:
    """Tells how a run went, closes the home, and gives the exit code."""
    for note in result.notes:
        err(f"note: {note}")
    if json:
        out_json(as_dict(result))
    if not quiet:
        _tell_failures(result, home, typed)
        for text in result.suggestions():
            err(f"note: {text}")
        err(summary(result))
    home.close()
    if result.status == RunStatus.CANCELLED:
        if not quiet:
            err(f"  next: {typed.about('resume', result.run)}")
        return Exit.INTERRUPTED
    return Exit.OK if result.ok else Exit.FAILED


def summary(result: RunResult) -> str:
    """The last line of a run."""
    counts = _counts(result)
    parts = ", ".join(
        f"{counts[name]} {name}" for name in ("ran", "cached", "failed", "skipped", "blocked", "cancelled") if counts[name]
    )
    calls = counts["calls_ran"]
    told = [f"{calls:,} calls"] if calls > counts["ran"] else []
    if counts["calls_failed"] > counts["failed"]:
        told.append(f"{counts['calls_failed']:,} of their items failed")
    more = f" ({', '.join(told)})" if told else ""
    took = seconds(result.took_s)
    batch = f"   batch {result.plan.batch_id}" if result.plan.batch_id else ""
    return f"{paint_err(result.status, result.status)} in {took}: {parts}{more}   run {result.run}{batch}"


def _counts(result: RunResult) -> dict[str, int]:
    states = [step.status for step in result.steps.values()]
    return {
        "ran": sum(1 for step in result.steps.values() if step.status == "succeeded"),
        "cached": states.count("cached"),
        "failed": states.count("failed"),
        "skipped": states.count("skipped"),
        "blocked": states.count("blocked"),
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
        "batch_id": result.plan.batch_id or None,
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
                "usage": None if step.usage is None else step.usage.as_dict(),
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
        "suggestions": result.suggestions(),
        "summary": {**_counts(result), "took_s": round(result.took_s, 3)},
    }


def _tell_failures(result: RunResult, home: Home, typed: Typed) -> None:
    failures = result.failures
    shown: set[Place] = set()
    for label, failure in failures[:_SHOWN]:
        err()
        _tell_failure(label, failure, is_new=failure.place not in shown)
        _tell_log(label, result, home)
        if failure.place is not None:
            shown.add(failure.place)
    if len(failures) > _SHOWN:
        err(f"\n  ... and {len(failures) - _SHOWN} more failed calls: {typed.about('status', result.run)}")
    for error in result.too_few():
        err()
        err(str(error))
    if failures:
        node = failures[0][0].partition("[")[0]
        err()
        err(f"  next: {typed.about('logs', result.run, node)}")
        err(f"        {typed.about('resume', result.run)}")
        if typed.target:
            err(f"        {typed.why(node)}")
        err()


def _tell_failure(label: str, failure: Failure, *, is_new: bool) -> None:
    if failure.finding is not None:
        for number, line in enumerate(failure.finding.lines()):
            shown = printable(line)
            err(paint_err(f"{label}: {shown}", "error") if number == 0 else shown)
    else:
        err(paint_err(f"{label} failed: {failure.kind}: {printable(failure.message)}", "error"))
        if failure.place is not None:
            err(f"  at   {failure.place}")
            for line in source_lines(failure.place) if is_new else ():
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
