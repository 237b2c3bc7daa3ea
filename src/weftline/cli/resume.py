"""`weftline resume`: go on with a run that ended early."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.cli.arguments import HomeOption, Json, ProgressOption, Typed, home_of, tell_notes
from weftline.cli.outcome import conclude, note
from weftline.cli.progress import Progress, sink_for


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def resume(
        run: Annotated[
            str, typer.Argument(help="A run, or the beginning of its id; by default the newest that can be resumed.")
        ] = "",
        again: Annotated[
            list[str] | None,
            typer.Option("--from", metavar="NODE", help="Make this node again, and everything behind it."),
        ] = None,
        home: HomeOption = None,
        progress: ProgressOption = Progress.AUTO,
        json: Json = False,
    ) -> int:
        """Go on with a run that ended early.

        One that was killed, interrupted or failed: what succeeded is kept, except from the nodes of --from on.

        Exit codes: as for `run`.
        """
        from weftline.app import verbs
        from weftline.app.execute import request_of
        from weftline.app.topologies import pipeline_of

        opened = home_of(home)
        record = verbs.find_run(run or verbs.newest_resumable(opened, None), opened)
        verbs.enter(record.opening)
        pipeline = pipeline_of(record, opened)
        tell_notes(pipeline)
        shown = None if pipeline is None else sink_for(progress, pipeline.graph_for(request_of(record.opening).params))
        sinks = [] if shown is None else [shown]
        result = verbs.resume(record.run, opened, pipeline, sinks=sinks, again=again or (), waits=note)
        params = [f"{name}={value}" for name, value in record.opening.get("params", {}).items()]
        typed = Typed(record.opening.get("target") or "", params=params, home=home)
        return conclude(result, opened, typed, json=json, quiet=progress in {Progress.NDJSON, Progress.NONE})
