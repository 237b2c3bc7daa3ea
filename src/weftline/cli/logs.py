"""`weftline logs`: what the calls of a run wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, Json, home_of
from weftline.cli.text import out, out_json, paint_out


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def logs(
        run: Annotated[str, typer.Argument(help="A run, or the beginning of its id; or a node of the newest run.")] = "",
        node: Annotated[str, typer.Argument(help="Only this node: NODE, or NODE[ITEM].")] = "",
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """Show what calls printed and logged.

        And the tracebacks of those that failed.
        """
        from weftline.app import verbs

        opened = home_of(home)
        run, node = (run, node) if node or "[" not in run else ("", run)
        name, _, rest = node.partition("[")
        item = int(rest.rstrip("]")) if rest.rstrip("]").isdigit() else None
        record, name = verbs.find_node(run, name, opened)
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
            out(f"run {record.run} has no output of {node or name or 'any call'}")
