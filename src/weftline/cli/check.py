"""`weftline check`: everything that is wrong, at once, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.cli.arguments import BackendOption, HomeOption, Json, Params, Target, home_of, loaded, params_of
from weftline.cli.exits import Exit
from weftline.cli.text import out, out_json, paint_out
from weftline.errors import WeftlineError

if TYPE_CHECKING:
    from weftline.app.home import Home
    from weftline.model.schedule import Schedule


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def check(
        target: Target,
        param: Params = None,
        backend: BackendOption = None,
        home: HomeOption = None,
        json: Json = False,
        notes: Annotated[bool, typer.Option("--notes", help="Also list edges without types and empty wildcards.")] = False,
    ) -> int:
        """Report everything that is wrong, at once.

        Missing keys, types that do not fit, circles, two producers, unknown parameters. Of a file of schedules, each is checked
        with what it runs. Nothing runs.

        Exit codes: 0 sound, 3 not valid.
        """
        from weftline.app import verbs
        from weftline.app.declared import only_schedules
        from weftline.app.home import Request

        opened = home_of(home)
        if schedules := only_schedules(target, opened.clock):
            return _check_schedules(target, schedules, opened, json=json)
        pipeline = loaded(target)
        request = Request(params=params_of(param), backend=backend)
        found = verbs.check(pipeline, opened, request)
        findings, told = found.errors, found.notes
        if json:
            out_json(
                {
                    "schema": "weftline.check/v1",
                    "pipeline": pipeline.name,
                    "findings": [finding.as_dict() for finding in findings],
                    "notes": [note.as_dict() for note in told],
                }
            )
            return Exit.INVALID if findings else Exit.OK
        _show([*findings, *(told if notes else ())])
        nodes = len(found.graph.nodes)
        more = f"; {len(told)} note{'' if len(told) == 1 else 's'} (--notes)" if told and not notes else ""
        out(f"{pipeline.name}: {nodes} node{'' if nodes == 1 else 's'}, {_verdict(findings)}{more}")
        return Exit.INVALID if findings else Exit.OK


def _check_schedules(target: str, schedules: Mapping[str, Schedule], home: Home, *, json: bool) -> int:
    """Of a file of schedules, what each of them runs is checked."""
    from weftline.app.schedules import check

    found = {name: check(schedule, home) for name, schedule in schedules.items()}
    findings = [finding for each in found.values() for finding in each]
    if json:
        told = [finding.as_dict() for finding in findings]
        out_json({"schema": "weftline.check/v1", "pipeline": target, "findings": told, "notes": []})
        return Exit.INVALID if findings else Exit.OK
    for name, schedule in schedules.items():
        _show(found[name])
        out(f"{name}: {schedule.shown}; runs {schedule.target}; {_verdict(found[name])}")
    return Exit.INVALID if findings else Exit.OK


def _show(findings: Iterable[WeftlineError]) -> None:
    for finding in findings:
        for number, line in enumerate(finding.lines()):
            out(paint_out(line, "bold") if number == 0 else line)


def _verdict(findings: Sequence[WeftlineError]) -> str:
    return "sound" if not findings else f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
