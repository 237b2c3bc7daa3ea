"""`weftline dlq`: dead letters, the calls that failed for good: listed, shown, made again, dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.cli.arguments import HomeOption, Json, ProgressOption, Typed, home_of, tell_notes
from weftline.cli.exits import Exit
from weftline.cli.outcome import summary
from weftline.cli.progress import Progress, sink_for
from weftline.cli.text import counted, err, out, out_json, paint_out, printable
from weftline.errors import BadArgumentError
from weftline.model.transitions import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weftline.app.home import Home
    from weftline.model.letter import DeadLetter
    from weftline.run.result import RunResult

Ids = Annotated[list[str] | None, typer.Argument(help="Ids, or their first digits.", show_default=False, metavar="ID...")]
RunOption = Annotated[str, typer.Option("--run", help="Those of this run.", metavar="RUN")]
NodeOption = Annotated[str, typer.Option("--node", help="Those of this node.", metavar="NODE")]
AllOption = Annotated[bool, typer.Option("--all", help="All that are open.")]
_SHOWN_DIGITS = 12
_LOG_LINES = 10


def register(app: typer.Typer) -> None:
    """Adds the group of commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Dead letters: calls that failed for good.")
    app.add_typer(group, name="dlq")
    _listing(group)
    _showing(group)
    _replaying(group)
    _dropping(group)


def _listing(group: typer.Typer) -> None:
    @group.command()
    def ls(
        run: RunOption = "",
        node: NodeOption = "",
        settled: Annotated[bool, typer.Option("--settled", help="Also those that are resolved or dropped.")] = False,
        home: HomeOption = None,
        json: Json = False,
    ) -> None:
        """List dead letters: calls that failed, and have no result since.

        A result counts wherever it was made: in this run when it was resumed or replayed, or in another under the same key.
        """
        from weftline.app import letters

        opened = home_of(home)
        found = letters.letters(opened, run=run, node=node, settled=settled)
        opened.close()
        if json:
            _print(found)
            return
        width = max((len(letter.label) for letter in found), default=0)
        for letter in found:
            state = "" if letter.is_open else f"{letter.state}   "
            tries = counted(letter.attempts, "attempt")
            told = printable(f"{_kind(letter)}: {letter.error['message']}", one_line=True)
            out(f"{letter.id}   {letter.run}   {letter.label:<{width}}   {tries:<10}   {state}{told}")
        if not found:
            err("no dead letters")


def _showing(group: typer.Typer) -> None:
    @group.command()
    def show(ids: Ids = None, home: HomeOption = None, json: Json = False) -> None:
        """Show dead letters: the cause, the attempts, the key, what the call was given, and the end of its log."""
        from weftline.app import letters

        opened = home_of(home)
        everything = letters.letters(opened, settled=True)
        found = letters.chosen(everything, ids) if ids else [letter for letter in everything if letter.is_open]
        opened.close()
        if json:
            _print(found)
            return
        for letter in found:
            _show(letter, opened, home)
        if not found:
            err("no dead letters")


def _show(letter: DeadLetter, opened: Home, home: Path | None) -> None:
    from weftline.clock import as_utc

    out(paint_out(f"{letter.id}   {letter.label} of run {letter.run}", "bold"))
    place = f"   ({letter.error['place']})" if letter.error.get("place") else ""
    out(f"  failed   {as_utc(letter.at):%Y-%m-%d %H:%M:%S} UTC, after {counted(letter.attempts, 'attempt')}")
    out(f"  cause    {printable(f'{_kind(letter)}: ' + letter.error['message'], one_line=True)}{place}")
    if letter.key is not None:
        out(f"  key      {letter.key[:_SHOWN_DIGITS]}")
    for name, digest in letter.inputs.items():
        out(f"  input    {name}   {digest[:_SHOWN_DIGITS]}")
    if not letter.is_open:
        out(f"  {letter.state:<8} {as_utc(letter.settled_at or 0.0):%Y-%m-%d %H:%M:%S} UTC   {letter.settled_by}".rstrip())
    logs = list(opened.logs.names(letter.run, letter.node, letter.item)) if opened.logs is not None else []
    for number, line in enumerate(
        logs[-1].path.read_text(encoding="utf-8").rstrip().splitlines()[-_LOG_LINES:] if logs else ()
    ):
        out(("  log      " if number == 0 else "           ") + printable(line))
    if letter.is_open:
        out(f"  next: {Typed('', home=home).about('dlq', 'replay', letter.id)}")


def _replaying(group: typer.Typer) -> None:
    @group.command()
    def replay(
        ids: Ids = None,
        run: RunOption = "",
        node: NodeOption = "",
        everything: AllOption = False,
        home: HomeOption = None,
        progress: ProgressOption = Progress.AUTO,
        json: Json = False,
    ) -> int:
        """Make failed calls again, in the runs that they belong to, and then what is behind them.

        Each call is given what it was given then, and runs the code of now. What else its run made stands as it is. A run of
        which nothing is missing any more is completed; another stays what it was.

        Exit codes: 0 all of them succeeded, 1 one failed again, 2 wrong usage, 3 they cannot be made, 4 the machine or a
        service is missing, 130 interrupted.
        """
        from weftline.app import letters

        opened = home_of(home)
        found = _chosen(opened, ids, run=run, node=node, everything=everything)
        results = []
        for own in letters.by_run(found).values():
            results.append(_replay(own, opened, progress))
            if results[-1].status == RunStatus.CANCELLED:
                break
        ids_now = {letter.id: letter for letter in letters.letters(opened, settled=True)}
        after = [ids_now[letter.id] for letter in found]
        opened.close()
        if json:
            runs = [{"run": result.run, "status": result.status} for result in results]
            _print(after, runs)
        elif not found:
            err("no dead letters")
        if any(result.status == RunStatus.CANCELLED for result in results):
            return Exit.INTERRUPTED
        return Exit.FAILED if any(letter.is_open for letter in after) else Exit.OK


def _replay(own: Sequence[DeadLetter], home: Home, progress: Progress) -> RunResult:
    """Makes the letters of one run again, and tells how that went."""
    from weftline.app import letters, verbs
    from weftline.app.execute import request_of
    from weftline.app.topologies import pipeline_of

    record = verbs.lives_of(own[0].run, home)
    opening = record.opening
    verbs.enter(opening)
    pipeline = pipeline_of(record, home)
    tell_notes(pipeline)
    shown = None if pipeline is None else sink_for(progress, pipeline.graph_for(request_of(opening).params))
    result = letters.replay(own, home, pipeline, sinks=[shown] if shown is not None else [])
    if progress not in {Progress.NDJSON, Progress.NONE}:
        tried = {letter.label for letter in own}
        failed = [label for label, _ in result.failures if label in tried]
        missing = "" if result.ok else f"; next: weftline resume {result.run}"
        err(f"{counted(len(own), 'call')} made again: {len(own) - len(failed)} succeeded, {len(failed)} failed{missing}")
        err(summary(result))
    return result


def _dropping(group: typer.Typer) -> None:
    @group.command()
    def drop(
        ids: Ids = None, run: RunOption = "", node: NodeOption = "", everything: AllOption = False, home: HomeOption = None
    ) -> None:
        """Take dead letters off the list.

        The journal keeps what happened, and the runs stay what they are.
        """
        from weftline.app import letters

        opened = home_of(home)
        found = _chosen(opened, ids, run=run, node=node, everything=everything)
        letters.drop(found, opened)
        opened.close()
        err(f"dropped {counted(len(found), 'dead letter')}")


def _chosen(home: Home, ids: Sequence[str] | None, *, run: str, node: str, everything: bool) -> list[DeadLetter]:
    """The open letters that are meant.

    Raises:
        BadArgumentError: nothing says which, or two things do.
    """
    from weftline.app import letters

    if bool(ids) + bool(run or node) + everything != 1:
        advice = "give ids, or --run and --node, or --all"
        raise BadArgumentError(argument="dlq", detail="it is not said which letters are meant", advice=advice)
    found = letters.letters(home, run=run, node=node)
    return letters.chosen(found, ids) if ids else found


def _kind(letter: DeadLetter) -> str:
    return f"[{letter.error['code']}]" if letter.error.get("code") else str(letter.error["error"])


def _print(found: Sequence[DeadLetter], runs: Sequence[Any] = ()) -> None:
    """The shape that the commands print with --json: `weftline.dlq/v1`."""
    from weftline.clock import as_utc

    rows = [
        {
            "id": letter.id,
            "run": letter.run,
            "pipeline": letter.pipeline,
            "node": letter.node,
            "item": None if letter.item < 0 else letter.item,
            "state": str(letter.state),
            "failed_at": as_utc(letter.at).isoformat(),
            "attempts": letter.attempts,
            "error": {name: letter.error.get(name) for name in ("error", "code", "message", "place")},
            "key": letter.key,
            "inputs": dict(letter.inputs),
            "settled_at": None if letter.settled_at is None else as_utc(letter.settled_at).isoformat(),
            "settled_by": letter.settled_by or None,
        }
        for letter in found
    ]
    out_json({"schema": "weftline.dlq/v1", "letters": rows, "runs": list(runs)})
