"""How a run shows itself: live on a terminal, a line for each change when piped, NDJSON on request."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from weftline.cli.text import err, paint_err, printable, seconds
from weftline.model.event import Event, Kind
from weftline.model.graph import Graph
from weftline.model.ids import call_label
from weftline.model.run import RunRecord
from weftline.ports.sink import Sink

if TYPE_CHECKING:
    from rich.table import Table

#: The shortest pause between two pictures of a live display, in seconds.
_FRAME_S = 0.1
#: Failed items of one node that are told one by one when piped.
_TOLD_ITEMS = 5


class Progress(StrEnum):
    """Ways to show a run."""

    AUTO = "auto"
    LIVE = "live"
    LINES = "lines"
    NDJSON = "ndjson"
    NONE = "none"


def sink_for(progress: Progress, graph: Graph) -> Sink | None:
    """The sink that shows a run in that way; `auto` is live on a terminal and lines elsewhere."""
    if progress is Progress.AUTO:
        progress = Progress.LIVE if sys.stderr.isatty() else Progress.LINES
    if progress is Progress.LIVE:
        return LiveProgress(graph)
    if progress is Progress.LINES:
        return LineProgress(graph)
    return NdjsonProgress() if progress is Progress.NDJSON else None


class NdjsonProgress:
    """Every event as one line of JSON, for other programs."""

    def tell(self, run: str, events: Sequence[Event]) -> None:
        """Writes the events."""
        for event in events:
            sys.stderr.write(json.dumps({"run": run, **event.as_dict()}, default=str) + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Nothing is held back."""


#: What is told of what nodes share.
_SHARED: dict[Kind, Callable[[Any], str]] = {
    Kind.BREAKER_OPENED: lambda body: f"breaker {body['breaker']} opened; one call is tried in {seconds(body['reset_s'])}",
    Kind.BREAKER_CLOSED: lambda body: f"breaker {body['breaker']} closed",
    Kind.DEADLINE_PASSED: lambda body: f"the deadline of {seconds(body['deadline_s'])} has passed",
}


class LineProgress:
    """A line when a node starts and one when it ends; failed items besides."""

    def __init__(self, graph: Graph) -> None:
        self._width = max((len(node.name) for node in graph.nodes), default=0)
        self._told: dict[str, int] = {}

    def tell(self, run: str, events: Sequence[Event]) -> None:
        """Writes what changed."""
        for event in events:
            text = self._line(run, event)
            if text is not None:
                err(f"  {event.node.ljust(self._width)}  {text}" if event.node else text)
        sys.stderr.flush()

    def _line(self, run: str, event: Event) -> str | None:
        body: Any = event.body or {}
        if event.kind in {Kind.RUN_STARTED, Kind.RUN_RESUMED}:
            return f"run {run} {'started' if event.kind is Kind.RUN_STARTED else 'resumed'}"
        if event.kind is Kind.NODE_STARTED:
            return f"started{_items(body.get('total', 1))}"
        if event.kind is Kind.NODE_FINISHED:
            return _ending(body)
        if event.kind is Kind.ATTEMPT_FAILED:
            again = f"; again in {seconds(body['retry_in_s'])}"
            label = f"{call_label('', event.item)} attempt {event.attempt}".strip()
            return f"{label} failed: {body['error']}: {printable(body['message'], one_line=True)}{again}"
        if event.kind is Kind.CALL_FAILED:
            told = self._told[event.node] = self._told.get(event.node, 0) + 1
            if told <= _TOLD_ITEMS:
                return f"{call_label('failed', event.item)}: {_cause(body)}"
        if event.kind is Kind.OUTPUT_LOST:
            return "its stored output is damaged; it is made again"
        if event.kind is Kind.ATTEMPT_OVERDUE:
            return f"{call_label('', event.item)} still runs after {seconds(body['soft_timeout_s'])}".strip()
        if event.kind in _SHARED:
            return _SHARED[event.kind](body)
        if event.kind is Kind.CANCEL_REQUESTED:
            return "stopping" if body.get("kill") else "letting running calls finish; interrupt again to stop them"
        return None

    def close(self) -> None:
        """Nothing is held back."""


class LiveProgress:
    """A table that keeps itself up to date, with a bar for every node over items."""

    def __init__(self, graph: Graph) -> None:
        from rich.console import Console
        from rich.live import Live

        self._graph = graph
        self._record = RunRecord("")
        self._counts: dict[str, list[int]] = {}
        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=False)
        self._drawn = 0.0
        self._live.start()

    def tell(self, run: str, events: Sequence[Event]) -> None:
        """Takes the events in, and draws if the last picture is old enough."""
        self._record.run = run
        is_end = False
        for event in events:
            is_end |= event.kind is Kind.RUN_FINISHED
            self._count(event)
        if is_end or time.monotonic() - self._drawn > _FRAME_S:
            self._live.update(self._table(), refresh=True)
            self._drawn = time.monotonic()

    def _count(self, event: Event) -> None:
        """Keeps four counts for a node: ran, restored, failed, running. Single calls are not kept."""
        counts = self._counts.setdefault(event.node, [0, 0, 0, 0])
        if event.kind is Kind.CALL_SUCCEEDED:
            counts[0] += 1
            counts[3] -= 1
        elif event.kind is Kind.CALL_RESTORED:
            counts[1] += 1
        elif event.kind is Kind.CALLS_RESTORED:
            counts[1] += (event.body or {})["count"]
        elif event.kind is Kind.CALL_FAILED:
            counts[2] += 1
            counts[3] -= 1
        elif event.kind is Kind.ATTEMPT_STARTED:
            counts[3] += 1
        elif event.kind in {Kind.ATTEMPT_FAILED, Kind.ATTEMPT_STOPPED, Kind.ATTEMPT_DEFERRED}:
            counts[3] -= 1
        else:
            self._record.take(event)

    def _table(self) -> Table:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for number in self._graph.order:
            node = self._graph.nodes[number]
            record = self._record.nodes.get(node.name)
            ran, restored, failed, _ = self._counts.get(node.name, [0, 0, 0, 0])
            state = "waiting" if record is None else str(record.state)
            total = None if record is None else record.total
            style = {"succeeded": "green", "cached": "green", "running": "cyan", "failed": "red"}.get(state, "dim")
            bar: Any = ""
            if node.over is not None and total:
                bar = ProgressBar(total=total, completed=ran + restored + failed, width=24)
            parts = [
                f"{ran:,} ran" if ran else "",
                f"{restored:,} cached" if restored else "",
                f"{failed:,} failed" if failed else "",
            ]
            counts = f"{ran + restored + failed:,}/{total:,}  " if node.over is not None and total else ""
            took = seconds(record.took_s) if record is not None and record.took_s and state != "cached" else ""
            detail = counts + ", ".join(part for part in parts if part) if node.over is not None else ""
            table.add_row(Text("  " + node.name), Text(state, style=style), bar, Text(detail), Text(took, style="dim"))
        return table

    def close(self) -> None:
        """Leaves the last picture standing."""
        self._live.update(self._table(), refresh=True)
        self._live.stop()


def _items(total: int) -> str:
    return f"   {total:,} calls" if total > 1 else ""


def _ending(body: dict[str, Any]) -> str:
    state = body["state"]
    if "total" not in body:
        return f"{paint_err(state, state)}   {body.get('why', '')}".rstrip()
    many = body["total"] > 1
    counts = [
        f"{body[name]:,} {word}"
        for name, word in (("ran", "ran"), ("restored", "cached"), ("failed", "failed"))
        if many and body[name]
    ]
    took = "" if state == "cached" else seconds(body["took_s"])
    return "   ".join(part for part in (paint_err(state, state), ", ".join(counts), took) if part)


def _cause(body: dict[str, Any]) -> str:
    place = f"   ({body['place']})" if body.get("place") else ""
    code = f"[{body['code']}] " if body.get("code") else f"{body['error']}: "
    return f"{code}{printable(body['message'], one_line=True)}{place}"
