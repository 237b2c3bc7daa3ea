"""`weftline schedule`: what runs when, stopping it, letting it go on, and running it now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from weftline.cli.arguments import HomeOption, Json, ProgressOption, Typed, home_of
from weftline.cli.exits import Exit
from weftline.cli.outcome import conclude, note
from weftline.cli.progress import Progress, sink_for
from weftline.cli.text import err, out, out_json, printable

if TYPE_CHECKING:
    from weftline.app.declared import Declared, Folder
    from weftline.app.home import Home
    from weftline.model.schedule import Schedule
    from weftline.ports.schedules import Fire, Kept, Schedules

Name = Annotated[str, typer.Argument(help="The schedule's name.", metavar="NAME", show_default=False)]
AnyName = Annotated[str, typer.Argument(help="Of this one alone.", metavar="NAME", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds the group of commands."""
    group = typer.Typer(help="What runs when.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name="schedule")
    _register_views(group)
    _register_fires(group)
    _register_acts(group)


def _register_views(group: typer.Typer) -> None:
    @group.command()
    def ls(home: HomeOption = None, json: Json = False) -> int:
        """List the schedules of the folder `schedules`, with when they fire next and what became of the last time.

        Exit codes: 0, or 3 if a file is not valid.
        """
        opened = home_of(home)
        declared = _folder(opened).current()
        rows = _rows(declared, opened)
        opened.close()
        if json:
            out_json(_listed(declared, rows))
            return Exit.INVALID if declared.findings else Exit.OK
        for row in rows:
            last = "" if row["last"] is None else f"   last {row['last']['due_at'][:19]} {row['last']['state']}"
            when = f"next {row['next'][:19]} UTC" if row["next"] else row["state"] if row["state"] != "on" else "no more"
            out(f"{row['name']:<20} {row['timing']:<40}   {when}{last}")
        if not rows and not declared.findings:
            out(f"no schedules in {declared.folder}")
        return _told(declared)

    @group.command("next")
    def upcoming(
        name: AnyName = "",
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many moments.")] = 10,
        home: HomeOption = None,
        json: Json = False,
    ) -> int:
        """Show when schedules fire next, in their local time and in UTC.

        Those that are paused or disabled are left out, unless they are named.

        Exit codes: 0, or 3 if a file is not valid.
        """
        opened = home_of(home)
        folder = _folder(opened)
        declared = folder.current()
        only = folder.find(name) if name else None
        found = _moments(declared if only is None else declared._replace(schedules={name: only}), opened, limit, bool(name))
        opened.close()
        if json:
            out_json({"schema": "weftline.schedule-next/v1", "moments": found})
            return Exit.INVALID if declared.findings else Exit.OK
        for moment in found:
            local = f"{moment['local'][:19]} {moment['timezone']}"
            out(f"{moment['at'][:19]} UTC   {local:<42} {moment['schedule']}")
        if not found:
            out("nothing is due")
        return _told(declared)


def _register_fires(group: typer.Typer) -> None:
    @group.command()
    def fires(
        name: AnyName = "",
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
        home: HomeOption = None,
        json: Json = False,
    ) -> int:
        """List what became of the moments that have come, and why, the newest first."""
        opened = home_of(home)
        kept = _kept(opened)
        found = [] if kept is None else kept.fires(name, limit=limit)
        if name and not found:
            _folder(opened).find(name)
        opened.close()
        if json:
            out_json({"schema": "weftline.schedule-fires/v1", "fires": [_fire(fire) for fire in found]})
            return 0
        for fire in found:
            told = _fire(fire)
            since = f" (since {told['since'][:19]})" if told["since"] else ""
            moment, run = f"{told['due_at'][:19]} UTC", f"   {fire.run}" if fire.run else ""
            out(f"{moment}   {fire.schedule:<20} {fire.state:<10} {printable(fire.why)}{since}{run}")
        if not found:
            out("nothing has come")
        return 0


def _register_acts(group: typer.Typer) -> None:
    @group.command()
    def pause(name: Name, home: HomeOption = None, json: Json = False) -> int:
        """Stop a schedule until it is let go on; runs that are going on do.

        With --json, it is told as `weftline schedule ls` does.
        """
        return _pause(home, name, is_paused=True, json=json)

    @group.command()
    def resume(name: Name, home: HomeOption = None, json: Json = False) -> int:
        """Let a paused schedule go on; what it has passed meanwhile is not made good.

        With --json, it is told as `weftline schedule ls` does.
        """
        return _pause(home, name, is_paused=False, json=json)

    @group.command()
    def run(name: Name, home: HomeOption = None, progress: ProgressOption = Progress.AUTO, json: Json = False) -> int:
        """Run what a schedule runs, now and here, whether it is paused or not; guards hold.

        Exit codes: as for `weftline run`.
        """
        from weftline.app import schedules

        opened = home_of(home)
        schedule = _folder(opened).find(name)
        result = schedules.run_now(schedule, opened, lambda graph: sink_for(progress, graph), note)
        words = [f"{param}={value}" for param, value in schedule.params.items()]
        typed = Typed(schedule.target, params=words, home=home)
        return conclude(result, opened, typed, json=json, quiet=progress in {Progress.NDJSON, Progress.NONE})


def _folder(home: Home) -> Folder:
    from weftline.app.declared import Folder

    return Folder(home.settings.schedules, home.clock)


def _told(declared: Declared) -> int:
    """Tells what is wrong with the files."""
    for finding in declared.findings:
        for line in finding.lines():
            err(printable(line))
    return Exit.INVALID if declared.findings else Exit.OK


def _kept(home: Home) -> Schedules | None:
    """What is remembered; None where nothing was ever kept."""
    return home.journals.schedules if home.has_journals and home.journals is not None else None


def _states(home: Home) -> dict[str, Kept]:
    kept = _kept(home)
    return {} if kept is None else dict(kept.states())


def _rows(declared: Declared, home: Home) -> list[dict[str, Any]]:
    states, kept = _states(home), _kept(home)
    live = [] if kept is None else kept.fires(is_live=True)
    rows = []
    for name, schedule in sorted(declared.schedules.items()):
        state = "disabled" if not schedule.enabled else "paused" if name in states and states[name].is_paused else "on"
        following = next(schedule.after(home.clock.now()), None) if state == "on" else None
        last = [] if kept is None else kept.fires(name, limit=1)
        rows.append(
            {
                "name": name,
                "target": schedule.target,
                "timing": schedule.shown,
                "timezone": schedule.timezone,
                "state": state,
                "running": sum(fire.schedule == name for fire in live),
                "next": None if following is None else _utc(following),
                "last": _fire(last[0]) if last else None,
            }
        )
    return rows


def _listed(declared: Declared, rows: list[dict[str, Any]]) -> dict[str, Any]:
    findings = [finding.as_dict() for finding in declared.findings]
    return {"schema": "weftline.schedules/v1", "schedules": rows, "findings": findings}


def _moments(declared: Declared, home: Home, limit: int, is_named: bool) -> list[dict[str, Any]]:
    """The next moments of all schedules together."""
    import heapq
    from itertools import islice

    states, now = _states(home), home.clock.now()

    def moments(schedule: Schedule) -> Any:
        return ((moment, schedule.name, schedule.timezone) for moment in schedule.after(now))

    wanted = [
        schedule
        for name, schedule in declared.schedules.items()
        if is_named or (schedule.enabled and not (name in states and states[name].is_paused))
    ]
    return [
        {
            "schedule": name,
            "at": _utc(moment),
            "local": datetime.fromtimestamp(moment, ZoneInfo(zone)).isoformat(),
            "timezone": zone,
        }
        for moment, name, zone in islice(heapq.merge(*map(moments, wanted)), limit)
    ]


def _fire(fire: Fire) -> dict[str, Any]:
    return {
        "schedule": fire.schedule,
        "due_at": _utc(fire.due_at),
        "since": None if fire.since is None else _utc(fire.since),
        "state": fire.state,
        "why": fire.why,
        "run": fire.run or None,
        "ended_at": None if fire.ended_at is None else _utc(fire.ended_at),
    }


def _utc(moment: float) -> str:
    from weftline.clock import as_utc

    return as_utc(moment).isoformat()


def _pause(home: Any, name: str, *, is_paused: bool, json: bool) -> int:
    from weftline.app import schedules

    opened = home_of(home)
    if name not in _states(opened):
        _folder(opened).find(name)
    is_new = schedules.pause(name, opened, is_paused=is_paused)
    declared = _folder(opened).current() if json else None
    if declared is not None:
        out_json(_listed(declared, [row for row in _rows(declared, opened) if row["name"] == name]))
    opened.close()
    if json:
        return 0
    word = "paused" if is_paused else "on"
    out(f"{name} is {word}" if is_new else f"{name} was {word} already")
    if is_paused:
        out(f"next: weftline schedule resume {name}")
    return 0
