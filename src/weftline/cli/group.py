"""`weftline group` and `weftline workflow`: what has a name, what would happen, doing it, and what became of the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from weftline.author.manifest.source import SUFFIXES
from weftline.cli.arguments import (
    BackendOption,
    HomeOption,
    Json,
    NoCache,
    Params,
    ProgressOption,
    Typed,
    Verbose,
    Workers,
    home_of,
    loaded,
)
from weftline.cli.exits import Exit
from weftline.cli.outcome import conclude, note, tell_damage
from weftline.cli.progress import Progress, sink_for
from weftline.cli.text import counted, err, out, out_json, paint_out, seconds
from weftline.errors import BadArgumentError

if TYPE_CHECKING:
    from weftline.app.home import Home, Request
    from weftline.app.pipeline import Pipeline
    from weftline.author.manifest.catalog import Entry
    from weftline.model.grouped import GroupRun

Of = Literal["pipeline", "group"]
_VERBS: dict[Of, str] = {"pipeline": "group", "group": "workflow"}

Named = Annotated[str, typer.Argument(help="Its name, or the file that declares it.", metavar="NAME")]
Run = Annotated[
    str, typer.Argument(help="A run, or a group for its newest run; by default the newest of any group.", metavar="RUN|NAME")
]
FromStep = Annotated[
    list[str] | None, typer.Option("--from", help="Make this step anew, and all that depends on it.", metavar="STEP")
]
Domain = Annotated[str | None, typer.Option("--domain", help="Of this domain alone.")]
Tag = Annotated[str | None, typer.Option("--tag", help="With this tag alone.")]


def register(app: typer.Typer) -> None:
    """Adds both groups of commands."""
    about: dict[Of, str] = {
        "pipeline": "Groups of pipelines: list, plan, run, and what became of their steps.",
        "group": "Workflows, which are groups of groups: list, plan, run, and what became of their steps.",
    }
    for of, text in about.items():
        group = typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)
        app.add_typer(group, name=_VERBS[of])
        _listing(group, of)
        _planning(group, of)
        _running(group, of)
        _telling(group)


def _listing(group: typer.Typer, of: Of) -> None:
    @group.command()
    def ls(domain: Domain = None, tag: Tag = None, json: Json = False) -> int:
        """List what has a name, and where each comes from.

        What modules register, what installed packages offer, and what the files in the folder `groups` declare.
        """
        from weftline.app.topologies import catalog

        known = catalog()
        findings = known.findings()
        entries = known.entries(of=of, domain=domain, tag=tag)
        if json:
            rows = [_entry(entry) for entry in entries]
            out_json({"schema": "weftline.groups/v1", "groups": rows, "findings": [found.as_dict() for found in findings]})
        else:
            _tell_entries(entries, of)
            for finding in findings:
                err(str(finding))
        return Exit.INVALID if findings else Exit.OK


def _planning(group: typer.Typer, of: Of) -> None:
    @group.command()
    def plan(
        name: Named,
        param: Params = None,
        from_step: FromStep = None,
        backend: BackendOption = None,
        workers: Workers = None,
        no_cache: NoCache = False,
        home: HomeOption = None,
        verbose: Verbose = False,
        json: Json = False,
    ) -> int:
        """Show what a run would do, and why.

        Exit codes: 0 nothing to do, 2 work pending, 3 not valid.
        """
        from weftline.app import verbs
        from weftline.plan.render import as_dict, as_text

        opened = home_of(home)
        pipeline, typed, request = _asked(
            name, of, opened, from_step, Typed("", (), param or (), (), backend, workers, no_cache, home=home)
        )
        made = verbs.plan(pipeline, opened, request)
        tell_damage(opened)
        opened.close()
        if json:
            out_json(as_dict(made))
        else:
            words = [word for step in from_step or () for word in ("--from", step)]
            params = [word for each in param or () for word in ("-p", each)]
            command = typed.about(_VERBS[of], "run", name, *params, *words)
            for line in as_text(made, command=command, where=opened.shown, paint=paint_out, verbose=verbose):
                out(line)
        return Exit.USAGE if made.is_work_pending else Exit.OK


def _running(group: typer.Typer, of: Of) -> None:
    @group.command()
    def run(
        name: Named,
        param: Params = None,
        from_step: FromStep = None,
        backend: BackendOption = None,
        workers: Workers = None,
        no_cache: NoCache = False,
        home: HomeOption = None,
        progress: ProgressOption = Progress.AUTO,
        json: Json = False,
    ) -> int:
        """Run what has to be run, and restore the rest; with --from, the steps from there on are made anew.

        Exit codes: as for `run`.
        """
        from weftline.app import verbs

        opened = home_of(home)
        pipeline, typed, request = _asked(
            name, of, opened, from_step, Typed("", (), param or (), (), backend, workers, no_cache, home=home)
        )
        planned = verbs.plan(pipeline, opened, request)
        tell_damage(opened)
        shown = sink_for(progress, planned.graph)
        result = verbs.run(pipeline, opened, request, [shown] if shown is not None else [], planned=planned, waits=note)
        return conclude(result, opened, typed, json=json, quiet=progress in {Progress.NDJSON, Progress.NONE})


def _telling(group: typer.Typer) -> None:
    @group.command()
    def status(run: Run = "", home: HomeOption = None, json: Json = False) -> int:
        """Show what became of the steps of a run.

        From the journal: each step is as its nodes are.
        """
        from weftline.app.groups import run_of

        opened = home_of(home)
        found = run_of(run, opened)
        opened.close()
        if json:
            out_json(as_dict(found))
        else:
            _tell_steps(found)
        return Exit.OK


def _asked(name: str, of: Of, home: Home, steps: list[str] | None, typed: Typed) -> tuple[Pipeline, Typed, Request]:
    """The group of a name or file, and what is asked for.

    Raises:
        BadArgumentError: it is something else.
    """
    from dataclasses import replace

    from weftline.app.groups import remade_from

    is_file = name.partition(":")[0].endswith(SUFFIXES)
    target = name if is_file or name.startswith("group:") else f"group:{name}"
    pipeline = loaded(target)
    kind: Of | None = pipeline.group_of
    if kind != of:
        what = "a pipeline" if kind is None else f"a {_VERBS[kind]}"
        command = f"weftline plan {name}" if kind is None else f"weftline {_VERBS[kind]} plan {name}"
        raise BadArgumentError(argument=name, detail=f"it is {what}", advice=f"try: {command}")
    typed = replace(typed, target=target)
    return pipeline, typed, remade_from(steps or (), pipeline, typed.request(), home)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": _VERBS[entry.of],
        "domain": entry.domain,
        "version": entry.version,
        "tags": list(entry.tags),
        "description": entry.description,
        "steps": entry.steps,
        "origin": entry.origin,
        "place": entry.place or None,
    }


def _tell_entries(entries: list[Entry], of: Of) -> None:
    if not entries:
        out(f"no {_VERBS[of]} has a name here")
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        tags = f"   {' '.join(entry.tags)}" if entry.tags else ""
        origin = entry.place or ("an installed package" if entry.origin == "package" else "")
        told = f"{entry.name.ljust(width)}   v{entry.version}   {counted(entry.steps, 'step'):<9} {entry.domain}"
        out(f"{told}{tags}   {paint_out(origin, 'dim')}".rstrip())


def _tell_steps(found: GroupRun) -> None:
    took = "" if found.ended_at is None else f" in {seconds(found.ended_at - found.started_at)}"
    out(f"run {found.run}   {found.name} v{found.version}   {paint_out(found.status, found.status)}{took}   {found.trigger}")
    if found.batch_id:
        out(f"batch {found.batch_id}")
    out()
    width = max((len(step.step) for step in found.steps), default=0)
    for step in found.steps:
        status = paint_out(f"{step.status:<9}", str(step.status))
        took = "" if step.took_s is None else seconds(step.took_s)
        out(f"  {step.step.ljust(width)}   {status} {took:<8} {step.why}".rstrip())
    out()
    out("  " + (", ".join(f"{count} {status}" for status, count in found.counts.items()) or "no steps"))


def as_dict(found: GroupRun) -> dict[str, Any]:
    """The shape that `weftline group status --json` prints: `weftline.group-run/v1`."""
    from weftline.clock import as_utc
    from weftline.model.grouped import StepStatus

    def when(at: float | None) -> str | None:
        return None if at is None else as_utc(at).isoformat()

    return {
        "schema": "weftline.group-run/v1",
        "run": found.run,
        "name": found.name,
        "kind": _VERBS["group" if found.of == "group" else "pipeline"],
        "domain": found.domain,
        "version": found.version,
        "batch_id": found.batch_id,
        "trigger": found.trigger,
        "status": found.status,
        "started_at": when(found.started_at),
        "ended_at": when(found.ended_at),
        "steps": [
            {
                "step": step.step,
                "runs": step.runs,
                "number": step.number,
                "status": str(step.status),
                "depends_on": list(step.depends_on),
                "nodes": dict(step.nodes),
                "started_at": when(step.started_at),
                "took_s": step.took_s,
                "why": step.why,
            }
            for step in found.steps
        ],
        "summary": {str(status): found.counts.get(str(status), 0) for status in StepStatus},
    }
