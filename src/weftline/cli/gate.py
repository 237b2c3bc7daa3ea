"""`weftline gate` and `weftline field`: what waits, opening and refusing it, and the fields that gates ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.cli.arguments import HomeOption, Json, home_of, params_of
from weftline.cli.text import out, out_json

if TYPE_CHECKING:
    from weftline.model.gate import FieldValue

Run = Annotated[str, typer.Argument(help="A run, or the beginning of its id.", metavar="RUN")]
Gate = Annotated[str, typer.Argument(help="The gate's name.", metavar="GATE")]
Why = Annotated[str, typer.Option("--why", help="For those who look at it later.")]


def register(app: typer.Typer) -> None:
    """Adds both groups of commands."""
    gates = typer.Typer(help="What waits at gates.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(gates, name="gate")
    _register_gates(gates)
    fields = typer.Typer(help="Fields of runs, which gates ask for.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(fields, name="field")
    _register_fields(fields)


def _register_gates(group: typer.Typer) -> None:
    @group.command()
    def ls(
        run: Annotated[str, typer.Argument(help="Of this run alone.", metavar="RUN")] = "",
        home: HomeOption = None,
        json: Json = False,
    ) -> int:
        """List the runs that wait at a gate, and why it is closed."""
        from weftline.app.gates import waiting

        opened = home_of(home)
        found = waiting(opened, run)
        opened.close()
        if json:
            out_json({"schema": "weftline.gates/v1", "waiting": [_as_dict(each) for each in found]})
            return 0
        for each in found:
            state = "open" if each.verdict.is_open else "closed"
            out(f"{each.run}   {each.pipeline:<20} {each.gate:<20} {', '.join(each.nodes):<20} {state}: {each.verdict.why}")
        if not found:
            out("nothing waits at a gate")
        return 0

    @group.command()
    def approve(run: Run, gate: Gate, why: Why = "", home: HomeOption = None, json: Json = False) -> int:
        """Open a gate for a run, whatever the fields hold.

        The run goes on with `weftline resume`, or by itself where `weftline serve` runs. With --json, the gates at which it
        waits are told as `weftline gate ls` does.
        """
        from weftline.app.gates import decide, waiting

        opened = home_of(home)
        record = decide(opened, run, gate, approved=True, why=why)
        found = waiting(opened, record.run) if json else []
        opened.close()
        if json:
            out_json({"schema": "weftline.gates/v1", "waiting": [_as_dict(each) for each in found]})
            return 0
        out(f"{gate} is open for run {record.run}")
        out(f"next: weftline resume {record.run}")
        return 0

    @group.command()
    def reject(run: Run, gate: Gate, why: Why = "", home: HomeOption = None, json: Json = False) -> int:
        """Turn a run away at a gate: it has failed.

        With --json, the gates at which it waits are told as `weftline gate ls` does.
        """
        from weftline.app.gates import decide, waiting

        opened = home_of(home)
        record = decide(opened, run, gate, approved=False, why=why)
        found = waiting(opened, record.run) if json else []
        opened.close()
        if json:
            out_json({"schema": "weftline.gates/v1", "waiting": [_as_dict(each) for each in found]})
            return 0
        out(f"run {record.run} has failed at {gate}" if record.ended_at is not None else f"run {record.run} fails at {gate}")
        return 0


def _register_fields(group: typer.Typer) -> None:
    @group.command()
    def ls(run: Run, home: HomeOption = None, json: Json = False) -> int:
        """List what the fields of a run hold, and what it tells of itself."""
        from weftline.app.fields import derived, held
        from weftline.app.verbs import find_run
        from weftline.clock import as_utc

        opened = home_of(home)
        record = find_run(run, opened)
        found, told = held(record, opened), derived(record)
        opened.close()
        if json:
            out_json(_fields(record.run, found, told))
            return 0
        width = max(map(len, (*found, *told)), default=0)
        for name, each in found.items():
            by = f"   ({each.by}, {as_utc(each.at):%Y-%m-%d %H:%M:%S} UTC)" if each.number else ""
            out(f"{name.ljust(width)}   {_plain(each.value)}{by}")
        for name, value in told.items():
            out(f"{name.ljust(width)}   {_plain(value)}   (from the journal)")
        return 0

    @group.command("set")
    def set_(
        run: Run,
        values: Annotated[list[str], typer.Argument(help="name=value; `null` for no value.", metavar="NAME=VALUE...")],
        why: Why = "",
        home: HomeOption = None,
        json: Json = False,
    ) -> int:
        """Set fields of a run, whoever works on it.

        What waits at gates for them goes on with `weftline resume`, or by itself where `weftline serve` runs. With --json, the
        fields are told as `weftline field ls` does.
        """
        from weftline.app.fields import derived, held, set_fields
        from weftline.app.gates import at_gates
        from weftline.model.transitions import RunStatus

        opened = home_of(home)
        record, count = set_fields(opened, run, params_of(values, ""), why=why)
        gates = at_gates(record, opened)
        found = held(record, opened) if json else {}
        opened.close()
        if json:
            out_json(_fields(record.run, found, derived(record)))
            return 0
        out(f"{count} of {len(values)} changed for run {record.run}")
        if record.status not in {RunStatus.BLOCKED, RunStatus.RUNNING}:
            out(f"the run is {record.status}: nothing waits for that any more")
            return 0
        for each in gates:
            out(f"{each.gate} is {'open' if each.verdict.is_open else 'closed'}: {each.verdict.why}")
        return 0


def _plain(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def _fields(run: str, found: Mapping[str, FieldValue], told: Mapping[str, Any]) -> dict[str, Any]:
    from weftline.clock import as_utc

    rows = {
        name: {**each._asdict(), "at": as_utc(each.at).isoformat() if each.number else None} for name, each in found.items()
    }
    return {"schema": "weftline.fields/v1", "run": run, "fields": rows, "derived": told}


def _as_dict(each: Any) -> dict[str, Any]:
    from weftline.clock import as_utc

    return {
        "run": each.run,
        "pipeline": each.pipeline,
        "gate": each.gate,
        "nodes": list(each.nodes),
        "since": as_utc(each.since).isoformat(),
        "until": None if each.until is None else as_utc(each.until).isoformat(),
        "open": each.verdict.is_open,
        "why": each.verdict.why,
    }
